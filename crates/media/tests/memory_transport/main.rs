//! The transport in memory keeps the contract of the real one, in virtual time and repeatably.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod pictures;

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_media::packet::{RtpTimestamp, SequenceNumber, VoicePacket};
use sidetone_media::transport::memory::{MemoryConfig, MemoryNetwork, MemoryTransport};
use sidetone_media::transport::{
    ConnectionState, Transport, TransportCommand, TransportConfig, TransportError, TransportEvent, VoicePort,
};
use sidetone_netsim::{Config, Jitter, Loss};
use sidetone_pipeline::Pool;

const TICK: Duration = Duration::from_millis(5);

struct Peer {
    transport: MemoryTransport,
    voice: VoicePort,
    pool: Pool<VoicePacket>,
    events: Vec<(Duration, TransportEvent)>,
}

struct World {
    net: MemoryNetwork,
    start: Instant,
    now: Instant,
}

impl World {
    fn new(conditions: Config, seed: u64) -> Self {
        let start = Instant::now();
        let net = MemoryNetwork::new(
            MemoryConfig {
                conditions,
                seed,
                ..MemoryConfig::default()
            },
            start,
        );
        Self {
            net,
            start,
            now: start,
        }
    }

    fn peer(&self, hold_candidates: bool) -> Peer {
        self.peer_with(&TransportConfig {
            hold_candidates,
            ..TransportConfig::default()
        })
    }

    fn peer_with(&self, config: &TransportConfig) -> Peer {
        let pool = Pool::new(300, || VoicePacket::empty(self.start));
        let mut transport = self.net.transport(config, pool.clone(), None);
        let voice = transport.take_voice().unwrap();
        Peer {
            transport,
            voice,
            pool,
            events: Vec::new(),
        }
    }

    fn pair(&self) -> [Peer; 2] {
        [self.peer(false), self.peer(false)]
    }

    fn tick(&mut self, peers: &mut [Peer; 2]) {
        self.now += TICK;
        self.net.advance(self.now);
        for from in 0..2 {
            while let Poll::Ready(event) = peers[from]
                .transport
                .poll_event(&mut Context::from_waker(Waker::noop()))
            {
                peers[from].events.push((self.now - self.start, event.clone()));
                let command = match event {
                    TransportEvent::LocalDescription(description) => TransportCommand::Remote(description),
                    TransportEvent::LocalCandidate(candidate) => TransportCommand::RemoteCandidate(candidate),
                    _ => continue,
                };
                peers[1 - from].transport.command(command, self.now);
            }
        }
    }

    fn run(&mut self, peers: &mut [Peer; 2], time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.tick(peers);
        }
    }

    fn command(&self, peer: &mut Peer, command: TransportCommand) {
        peer.transport.command(command, self.now);
    }

    fn connect(&mut self, peers: &mut [Peer; 2]) {
        self.command(&mut peers[0], TransportCommand::Offer { restart: false });
        for _ in 0..6000 {
            self.tick(peers);
            if peers.iter().all(Peer::is_connected) {
                return;
            }
        }
        panic!("not connected: {:?} {:?}", peers[0].events, peers[1].events);
    }
}

impl Peer {
    fn states(&self) -> Vec<ConnectionState> {
        let states = self.events.iter().filter_map(|(_, event)| match event {
            TransportEvent::State(state) => Some(*state),
            _ => None,
        });
        states.collect()
    }

    fn is_connected(&self) -> bool {
        self.states().last() == Some(&ConnectionState::Connected)
    }

    fn send(&self, sequence: u16, now: Instant) {
        let mut packet = self.pool.take().unwrap();
        packet.sequence = SequenceNumber(sequence);
        packet.timestamp = RtpTimestamp(u32::from(sequence) * 960);
        packet.at = now;
        assert!(packet.set_payload(&sequence.to_be_bytes()));
        self.voice.outgoing.push(packet);
    }
}

#[test]
fn a_connection_takes_its_round_trips() {
    let mut world = World::new(Config::IDEAL.delay(Duration::from_millis(50)), 1);
    let mut peers = world.pair();
    world.connect(&mut peers);
    let [a, b] = peers.each_ref().map(|peer| peer.events.last().unwrap().0);
    // Descriptions and candidates travel in one tick each here; four round trips of 100 ms are left.
    assert!((400..=420).contains(&a.as_millis()), "{a:?}");
    assert!((450..=470).contains(&b.as_millis()), "{b:?}");
    world.run(&mut peers, Duration::from_secs(3));
    assert_eq!(
        peers[0].transport.stats().round_trip_time,
        Some(Duration::from_millis(100))
    );
}

#[test]
fn nothing_happens_before_both_release() {
    let mut world = World::new(Config::IDEAL, 1);
    let mut peers = [world.peer(true), world.peer(true)];
    world.command(&mut peers[0], TransportCommand::Offer { restart: false });
    world.run(&mut peers, Duration::from_secs(90));
    for peer in &peers {
        assert_eq!(peer.states(), [ConnectionState::Connecting]);
        assert!(
            !peer
                .events
                .iter()
                .any(|(_, event)| matches!(event, TransportEvent::LocalCandidate(_)))
        );
    }
    world.command(&mut peers[0], TransportCommand::ReleaseCandidates);
    world.run(&mut peers, Duration::from_secs(1));
    assert!(!peers[1].is_connected());
    world.command(&mut peers[1], TransportCommand::ReleaseCandidates);
    world.run(&mut peers, Duration::from_secs(1));
    assert!(peers.iter().all(Peer::is_connected));
}

#[test]
fn voice_arrives_late_as_the_path_says_and_the_rest_is_counted() {
    let mut world = World::new(
        Config::IDEAL
            .delay(Duration::from_millis(42))
            .loss(Loss::uniform(0.1)),
        5,
    );
    let mut peers = world.pair();
    world.connect(&mut peers);
    let mut received = 0;
    for sequence in 0..1000 {
        peers[0].send(sequence, world.now);
        world.net.advance(world.now);
        for _ in 0..4 {
            world.tick(&mut peers);
        }
        while let Some(packet) = peers[1].voice.incoming.pop() {
            received += 1;
            let sent = u16::from_be_bytes(packet.payload().try_into().unwrap());
            assert_eq!(packet.sequence.0, sent);
            assert_ne!(packet.ssrc, 0);
        }
    }
    world.run(&mut peers, Duration::from_millis(100));
    received += std::iter::from_fn(|| peers[1].voice.incoming.pop()).count() as u64;
    let stats = peers[1].transport.stats();
    assert_eq!(stats.packets_received, received);
    assert!((850..950).contains(&received), "{received}");
    assert!(
        (stats.packets_lost - (1000 - received as i64)).abs() <= 2,
        "{stats:?}"
    );
    assert!((peers[0].transport.stats().remote_fraction_lost - 0.1).abs() < 0.05);
    assert_eq!(peers[0].pool.available(), peers[0].pool.capacity());
}

#[test]
fn an_end_with_slots_takes_what_its_sender_labelled() {
    let mut world = World::new(Config::IDEAL, 5);
    let mut peers = world.pair();
    let config = TransportConfig {
        slots: 2,
        ..TransportConfig::default()
    };
    let pool = peers[0].pool.clone();
    peers[0].transport = world.net.transport(&config, pool, None);
    peers[0].voice = peers[0].transport.take_voice().unwrap();
    assert_eq!((peers[0].voice.slots, peers[1].voice.slots), (2, 0));
    world.connect(&mut peers);
    for sequence in 0..30_u16 {
        let mut packet = peers[1].pool.take().unwrap();
        packet.sequence = SequenceNumber(sequence);
        packet.slot = (sequence % 3) as u8;
        packet.source = Some(u32::from(sequence));
        assert!(packet.set_payload(b"voice"));
        peers[1].voice.outgoing.push(packet);
    }
    world.run(&mut peers, Duration::from_millis(20));
    let mut ssrcs = [None; 2];
    let mut came = 0;
    while let Some(packet) = peers[0].voice.incoming.pop() {
        came += 1;
        assert_eq!(packet.source, Some(u32::from(packet.sequence.0)));
        assert_eq!(u16::from(packet.slot), packet.sequence.0 % 3);
        let ssrc = ssrcs[usize::from(packet.slot)].get_or_insert(packet.ssrc);
        assert_eq!(*ssrc, packet.ssrc, "every slot has its own source");
    }
    assert_ne!(ssrcs[0], ssrcs[1]);
    let stats = peers[0].transport.stats();
    assert_eq!(
        (came, stats.packets_discarded),
        (20, 10),
        "there is no third slot"
    );

    // The other way nothing is labelled, whatever the box carried before.
    peers[0].send(7, world.now);
    world.run(&mut peers, Duration::from_millis(20));
    assert_eq!(peers[1].voice.incoming.pop().unwrap().sequence.0, 7);
}

#[test]
fn a_killed_end_is_noticed_and_a_silent_network_is_survived() {
    let mut world = World::new(Config::IDEAL.delay(Duration::from_millis(20)), 1);
    let mut peers = world.pair();
    world.connect(&mut peers);
    world.net.set_blackout(true);
    world.run(&mut peers, Duration::from_secs(8));
    world.net.set_blackout(false);
    world.run(&mut peers, Duration::from_secs(3));
    use ConnectionState::*;
    for peer in &peers {
        assert_eq!(peer.states(), [Connecting, Connected, Disconnected, Connected]);
    }
    peers[1].transport.kill();
    world.run(&mut peers, Duration::from_secs(40));
    assert_eq!(peers[0].states()[3..], [Connected, Disconnected, Failed]);
    assert_eq!(world.net.len(), 1);
    drop(peers);
    assert!(world.net.is_empty());
    assert_eq!(world.net.paths(), 0);
}

#[test]
fn a_restart_brings_a_failed_connection_back() {
    let mut world = World::new(Config::IDEAL.delay(Duration::from_millis(20)), 1);
    let mut peers = world.pair();
    world.connect(&mut peers);
    world.net.set_blackout(true);
    world.run(&mut peers, Duration::from_secs(40));
    assert!(
        peers
            .iter()
            .all(|peer| peer.states().last() == Some(&ConnectionState::Failed))
    );
    world.net.set_blackout(false);
    world.command(&mut peers[1], TransportCommand::Offer { restart: true });
    world.run(&mut peers, Duration::from_secs(1));
    assert!(peers.iter().all(Peer::is_connected), "{:?}", peers[0].states());
    peers[0].send(1, world.now);
    world.run(&mut peers, Duration::from_millis(50));
    assert!(peers[1].voice.incoming.pop().is_some());
}

#[test]
fn when_both_offer_the_later_gives_way() {
    let mut world = World::new(Config::IDEAL, 1);
    let mut peers = world.pair();
    // Both at once: each hears the other's offer, answers it, and finds an answer it no longer waits for.
    world.command(&mut peers[0], TransportCommand::Offer { restart: false });
    world.command(&mut peers[1], TransportCommand::Offer { restart: false });
    let offer = |peer: &mut Peer| match peer.transport.poll_event(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(TransportEvent::LocalDescription(description)) => description,
        other => panic!("{other:?}"),
    };
    let first = offer(&mut peers[0]);
    offer(&mut peers[1]);
    world.command(&mut peers[1], TransportCommand::Remote(first));
    world.run(&mut peers, Duration::from_secs(1));
    assert!(peers.iter().all(Peer::is_connected));
}

#[test]
fn nonsense_is_refused_by_name() {
    let mut world = World::new(Config::IDEAL, 1);
    let mut peers = world.pair();
    use sidetone_media::transport::{Candidate, Description, DescriptionKind};
    let description = |kind, sdp: &str| {
        TransportCommand::Remote(Description {
            kind,
            sdp: sdp.into(),
        })
    };
    for command in [
        description(DescriptionKind::Offer, ""),
        description(DescriptionKind::Offer, "offer 1 0"),
        description(DescriptionKind::Offer, "offer 99999999999 0"),
        description(DescriptionKind::Answer, "answer 2 0"),
        TransportCommand::RemoteCandidate(Some(Candidate {
            candidate: "candidate x".into(),
            mid: String::new(),
            username_fragment: String::new(),
        })),
    ] {
        world.command(&mut peers[0], command.clone());
        let event = peers[0]
            .transport
            .poll_event(&mut Context::from_waker(Waker::noop()));
        assert!(
            matches!(
                event,
                Poll::Ready(TransportEvent::Error(
                    TransportError::BadDescription(_) | TransportError::BadCandidate(_)
                ))
            ),
            "{command:?}: {event:?}"
        );
    }
    world.connect(&mut peers);
}

/// What both ends said, and what was heard, and when.
type Story = (Vec<(Duration, TransportEvent)>, Vec<(u16, Duration)>);

/// A whole call under bad conditions.
fn story(seed: u64) -> Story {
    let conditions = Config::IDEAL
        .delay(Duration::from_millis(40))
        .jitter(Jitter::normal(Duration::from_millis(15)))
        .loss(Loss::uniform(0.3));
    let mut world = World::new(conditions, seed);
    let mut peers = world.pair();
    world.connect(&mut peers);
    let mut heard = Vec::new();
    for sequence in 0..100 {
        peers[0].send(sequence, world.now);
        for _ in 0..4 {
            world.tick(&mut peers);
            while let Some(packet) = peers[1].voice.incoming.pop() {
                heard.push((packet.sequence.0, packet.at - world.start));
            }
        }
    }
    let [a, b] = peers.each_mut().map(|peer| std::mem::take(&mut peer.events));
    (a.into_iter().chain(b).collect(), heard)
}

#[test]
fn the_same_seed_tells_the_same_story() {
    assert_eq!(story(7), story(7));
    assert_ne!(story(7).1, story(8).1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_call_connects_sooner_or_later_and_leaves_nothing(
        seed: u64, loss in 0.0f64..0.5, delay in 0u64..300, jitter in 0u64..80,
    ) {
        let conditions = Config::IDEAL
            .delay(Duration::from_millis(delay))
            .jitter(Jitter::normal(Duration::from_millis(jitter)))
            .loss(Loss::uniform(loss));
        let mut world = World::new(conditions, seed);
        let mut peers = world.pair();
        world.connect(&mut peers);
        for peer in &mut peers {
            world.command(peer, TransportCommand::Close);
        }
        world.run(&mut peers, Duration::from_millis(20));
        for peer in &peers {
            prop_assert_eq!(peer.states().last().copied(), Some(ConnectionState::Closed));
        }
        drop(peers);
        prop_assert!(world.net.is_empty() && world.net.paths() == 0);
    }
}
