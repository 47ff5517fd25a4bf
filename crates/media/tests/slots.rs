//! Several talkers over one link, and a call that moves from one link to another: the real engine on its real threads,
//! with real speech, under the guard.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::task::{Context, Poll, Waker};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sidetone_media::device::headless::{AfterEnd, Recording, Silence, file_input, memory_output};
use sidetone_media::device::{InputDevice, convert};
use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::memory::{MemoryConfig, MemoryNetwork, MemoryTransport};
use sidetone_media::transport::{
    ConnectionState, MAX_SLOTS, Transport, TransportCommand, TransportConfig, TransportEvent, VoicePort,
};
use sidetone_media::voice::{
    BLOCK, LinkId, Processing, Profile, RATE, Speaking, Uplink, VOICE_FORMAT, VoiceConfig, VoiceEngine,
};
use sidetone_netsim::{Config, Jitter};
use sidetone_pipeline::{Pool, QueueReceiver, QueueSender, guard, queue};

const PATIENCE: Duration = Duration::from_secs(60);
const SECONDS: usize = 60;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../cli/speech")
        .join(name)
}

fn speech(name: &str) -> Vec<f32> {
    let mut reader = claxon::FlacReader::open(path(name)).unwrap();
    let rate = reader.streaminfo().sample_rate;
    let samples: Vec<f32> = reader.samples().map(|s| s.unwrap() as f32 / 32_768.0).collect();
    convert::resample_all(&samples, rate, RATE).unwrap()
}

fn pool(n: usize) -> Pool<VoicePacket> {
    let now = Instant::now();
    Pool::new(n, || VoicePacket::empty(now))
}

fn engine(pool: &Pool<VoicePacket>, input: Box<dyn InputDevice>) -> (VoiceEngine, Recording) {
    let (speaker, recording) = memory_output(VOICE_FORMAT, SECONDS * RATE as usize).unwrap();
    let config = VoiceConfig {
        processing: Processing::OFF,
        ..VoiceConfig::default()
    };
    let engine = VoiceEngine::start(config, pool.clone(), input, Box::new(speaker), || {}).unwrap();
    (engine, recording)
}

/// A port, and the network's ends of it.
fn port(slots: usize) -> (VoicePort, QueueSender<sidetone_pipeline::Pooled<VoicePacket>>) {
    let (outgoing, _) = queue(64);
    let (network, incoming) = queue(256);
    let port = VoicePort {
        outgoing,
        incoming,
        slots,
        lips: None,
    };
    (port, network)
}

/// Somebody who speaks into a slot.
struct Talker {
    speech: Vec<f32>,
    uplink: Uplink,
    slot: u8,
    number: u32,
    said: usize,
}

impl Talker {
    fn new(name: &str, slot: u8, number: u32, pool: &Pool<VoicePacket>) -> Self {
        Self {
            speech: speech(name),
            uplink: Uplink::new(&Profile::BALANCED, Processing::OFF, pool.clone(), 7).unwrap(),
            slot,
            number,
            said: 0,
        }
    }

    /// Ten milliseconds.
    fn speak(&mut self, network: &QueueSender<sidetone_pipeline::Pooled<VoicePacket>>) {
        let mut block = [0.0; BLOCK];
        let from = self.said % (self.speech.len() - BLOCK);
        block.copy_from_slice(&self.speech[from..from + BLOCK]);
        self.said += BLOCK;
        let now = Instant::now();
        if let Some(mut packet) = self.uplink.push(&block, now) {
            packet.ssrc = 100 + u32::from(self.slot);
            packet.slot = self.slot;
            packet.source = Some(self.number);
            packet.at = now;
            network.push(packet);
        }
    }
}

#[test]
fn whoever_has_a_slot_is_heard_and_named_and_an_empty_slot_costs_nothing() {
    let pool = pool(512);
    let (engine, mut recording) = engine(&pool, Box::new(Silence::input()));
    let (port, network) = port(MAX_SLOTS);
    engine.connect(LinkId(1), port).unwrap();
    sleep(Duration::from_millis(300));
    assert!(engine.stats().inbound.is_empty(), "no packet, no decoder");
    // Slots are used in whatever order; two begin at the same moment, so one of them waits for its decoder.
    let mut talkers = [
        Talker::new("woman-en.flac", 6, 4_000_000_000, &pool),
        Talker::new("man-it.flac", 2, 12, &pool),
    ];
    let start = Instant::now();
    let mut seen: Vec<Speaking> = Vec::new();
    let mut total = 0.0_f64;
    let mut ticks = 0;
    while ticks < 500 {
        if start.elapsed() >= Duration::from_millis(10) * ticks {
            ticks += 1;
            talkers.iter_mut().for_each(|talker| talker.speak(&network));
            let heard = engine.heard();
            seen.extend(heard.speaking);
            total = total.max(heard.audio_level);
        } else {
            sleep(Duration::from_millis(1));
        }
    }
    for talker in &talkers {
        let mine: Vec<_> = seen.iter().filter(|one| one.slot == talker.slot).collect();
        assert!(mine.len() > 100, "{} of 500 looks", mine.len());
        assert!(
            mine.iter()
                .all(|one| one.source == Some(talker.number) && one.link == LinkId(1))
        );
        assert!(mine.iter().any(|one| one.audio_level > 0.02), "{mine:?}");
    }
    assert!(total > 0.02, "{total}");
    let stats = engine.stats();
    let slots: Vec<_> = stats.inbound.iter().map(|one| (one.slot, one.source)).collect();
    assert_eq!(slots, [(2, Some(12)), (6, Some(4_000_000_000))]);
    for one in &stats.inbound {
        assert_eq!((one.jitter.packets_lost, one.jitter.resets), (0, 0), "{one:?}");
    }

    // The slot goes to somebody else, and then nobody speaks.
    talkers[1].number = 13;
    for _ in 0..100 {
        talkers[1].speak(&network);
        sleep(Duration::from_millis(10));
    }
    let speaking = engine.heard().speaking;
    assert!(speaking.iter().all(|one| one.slot != 6), "{speaking:?}");
    assert_eq!(engine.stats().inbound[0].source, Some(13));
    let until = Instant::now() + PATIENCE;
    while !engine.heard().speaking.is_empty() {
        assert!(Instant::now() < until, "speaks for ever");
        sleep(Duration::from_millis(20));
    }
    assert!(recording.take().iter().any(|sample| sample.abs() > 0.05));
    engine.disconnect(LinkId(1));
    drop(engine);
    assert_eq!(
        pool.available(),
        pool.capacity(),
        "every slot of the pool came home"
    );
    guard::assert_clean("playout worker");
    guard::assert_clean("capture worker");
}

/// An end of a connection in memory, connected by itself.
struct End {
    transport: MemoryTransport,
    connected: bool,
}

impl End {
    fn new(network: &MemoryNetwork, slots: usize, pool: &Pool<VoicePacket>) -> Self {
        let config = TransportConfig {
            slots,
            ..TransportConfig::default()
        };
        Self {
            transport: network.transport(&config, pool.clone(), None),
            connected: false,
        }
    }
}

/// Two ends and what they tell each other.
struct Pair(End, End);

impl Pair {
    fn new(network: &MemoryNetwork, slots: usize, pool: &Pool<VoicePacket>) -> Self {
        let mut first = End::new(network, slots, pool);
        let offer = TransportCommand::Offer { restart: false };
        first.transport.command(offer, Instant::now());
        Self(first, End::new(network, 0, pool))
    }

    fn turn(&mut self, now: Instant) {
        let Self(a, b) = self;
        carry(a, b, now);
        carry(b, a, now);
    }

    fn connected(&self) -> bool {
        self.0.connected && self.1.connected
    }
}

fn carry(from: &mut End, to: &mut End, now: Instant) {
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(event) = from.transport.poll_event(&mut cx) {
        let command = match event {
            TransportEvent::LocalDescription(description) => TransportCommand::Remote(description),
            TransportEvent::LocalCandidate(candidate) => TransportCommand::RemoteCandidate(candidate),
            TransportEvent::State(state) => {
                from.connected = state == ConnectionState::Connected;
                continue;
            }
            _ => continue,
        };
        to.transport.command(command, now);
    }
}

/// Passes on what one participant sends, as a server does: its own numbers, and the participant's label.
fn forward(
    from: &QueueReceiver<sidetone_pipeline::Pooled<VoicePacket>>,
    to: &QueueSender<sidetone_pipeline::Pooled<VoicePacket>>,
    number: u32,
) {
    while let Some(mut packet) = from.pop() {
        packet.source = Some(number);
        packet.slot = 1;
        packet.sequence.0 = packet.sequence.0.wrapping_add(12_345);
        packet.timestamp.0 = packet.timestamp.0.wrapping_add(7_654_321);
        to.push(packet);
    }
}

/// Longest silence in `sound`, in samples, that is not in what was said: neither as late as before nor as late as after.
fn longest_gap(sound: &[f32], said: &[f32], late: [usize; 2]) -> usize {
    const PIECE: usize = 240;
    let power = |piece: &[f32]| piece.iter().map(|s| s * s).sum::<f32>() / piece.len() as f32;
    let (mut run, mut longest) = (0, 0);
    for (n, heard) in sound
        .chunks_exact(PIECE)
        .enumerate()
        .skip(late[0].max(late[1]).div_ceil(PIECE))
    {
        let at = |late: usize| power(&said[n * PIECE - late..][..PIECE]);
        let expected = at(late[0]).min(at(late[1]));
        let is_missing = expected > 1e-4 && power(heard) < expected / 10.0;
        run = if is_missing { run + PIECE } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Samples that `sound` comes after a part of the reference, and how alike they are there.
fn delay(sound: &[f32], part: &[f32]) -> (usize, f32) {
    let norm = |s: &[f32]| s.iter().map(|s| s * s).sum::<f32>().sqrt().max(1e-9);
    let likeness = |by: usize| {
        let there = &sound[by..by + part.len()];
        part.iter().zip(there).map(|(a, b)| a * b).sum::<f32>() / norm(part) / norm(there)
    };
    let coarse = (0..19_200).step_by(4).map(|by| (by, likeness(by)));
    coarse.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
}

#[test]
fn a_call_that_moves_to_a_server_is_heard_all_the_while() {
    let now = Instant::now();
    let network = |delay: u64, seed| {
        let conditions = Config::IDEAL
            .delay(Duration::from_millis(delay))
            .jitter(Jitter::normal(Duration::from_millis(4)));
        let config = MemoryConfig {
            conditions,
            seed,
            ..MemoryConfig::default()
        };
        MemoryNetwork::new(config, now)
    };
    // Straight there; and by way of a server, which takes longer.
    let (direct, detour) = (network(20, 1), network(22, 2));
    let pool = pool(1024);
    let microphone = file_input(&path("woman-en.flac"), VOICE_FORMAT, AfterEnd::Repeat).unwrap();
    let spoken = microphone.timeline();
    let (alice, _) = engine(&pool, Box::new(microphone));
    let (bob, mut recording) = engine(&pool, Box::new(Silence::input()));
    let heard = recording.timeline();

    let mut call = Pair::new(&direct, 0, &pool);
    let (mut alice_there, mut bob_there): (Option<Pair>, Option<Pair>) = (None, None);
    let mut server: Option<(VoicePort, VoicePort)> = None;
    let (mut joined, mut over) = ([false; 3], false);
    let mut told: Vec<Speaking> = Vec::new();
    let start = Instant::now();
    let at = |ms: u64| start + Duration::from_millis(ms);
    while Instant::now() < at(9_000) {
        let now = Instant::now();
        direct.advance(now);
        detour.advance(now);
        call.turn(now);
        if call.connected() && !joined[0] {
            joined[0] = true;
            alice
                .connect(LinkId(1), call.0.transport.take_voice().unwrap())
                .unwrap();
            bob.connect(LinkId(1), call.1.transport.take_voice().unwrap())
                .unwrap();
        }
        if now > at(4_000) && server.is_none() {
            let (mut a, mut b) = (Pair::new(&detour, 3, &pool), Pair::new(&detour, 3, &pool));
            server = Some((
                a.1.transport.take_voice().unwrap(),
                b.1.transport.take_voice().unwrap(),
            ));
            (alice_there, bob_there) = (Some(a), Some(b));
        }
        if let (Some(a), Some(b), Some((from_alice, from_bob))) = (&mut alice_there, &mut bob_there, &server)
        {
            a.turn(now);
            // Bob is slower.
            if now > at(4_700) {
                b.turn(now);
            }
            if a.connected() && !joined[1] {
                joined[1] = true;
                let port = a.0.transport.take_voice().unwrap();
                alice.hand_over(LinkId(1), LinkId(2), port, Some(22)).unwrap();
            }
            if b.connected() && !joined[2] {
                joined[2] = true;
                let port = b.0.transport.take_voice().unwrap();
                bob.hand_over(LinkId(1), LinkId(2), port, Some(11)).unwrap();
            }
            forward(&from_alice.incoming, &from_bob.outgoing, 11);
            forward(&from_bob.incoming, &from_alice.outgoing, 22);
        }
        if now > at(6_500) && !over {
            over = true;
            alice.disconnect(LinkId(1));
            bob.disconnect(LinkId(1));
            call.0.transport.kill();
            call.1.transport.kill();
        }
        told.extend(bob.heard().speaking);
        sleep(Duration::from_millis(2));
    }
    assert!(joined.iter().all(|joined| *joined) && over);
    let links: Vec<_> = told.iter().map(|one| (one.link, one.source)).collect();
    assert!(
        links.contains(&(LinkId(1), None)) && links.contains(&(LinkId(2), Some(11))),
        "{links:?}"
    );

    // Sample n of what Bob heard, against what was said when that was played.
    let sound = recording.take();
    let said = speech("woman-en.flac");
    let first = spoken.get().unwrap().sample_at(heard.get().unwrap().epoch()) as i64;
    let said: Vec<f32> = (0..sound.len() as i64)
        .map(|n| said[(first + n).rem_euclid(said.len() as i64) as usize])
        .collect();
    let rate = RATE as usize;
    let second = |from: f64| {
        let from = (from * rate as f64) as usize;
        delay(&sound[from..], &said[from..from + rate / 2])
    };
    let ((before, likeness_before), (after, likeness_after)) = (second(2.5), second(7.2));
    let ms = |samples: usize| samples as f64 / rate as f64 * 1e3;
    let (from, to) = (3 * rate, 8 * rate);
    let gap = ms(longest_gap(&sound[from..to], &said[from..to], [before, after]));
    let power = |sound: &[f32]| sound.iter().map(|s| f64::from(s * s)).sum::<f64>();
    let doubled = power(&sound[from + before..to + before]) / power(&said[from..to]);
    println!(
        "mouth to ear {:.0} ms then {:.0} ms ({likeness_before:.2}, {likeness_after:.2} alike), longest gap {gap:.0} ms, \
         power {doubled:.2} of what was said",
        ms(before),
        ms(after),
    );
    assert!(
        likeness_before > 0.5 && likeness_after > 0.5,
        "the delays are guesses"
    );
    assert!(gap < 100.0, "{gap} ms of nothing");
    assert!(doubled < 1.3, "heard twice: {doubled}");
    drop((alice, bob));
    guard::assert_clean("playout worker");
    guard::assert_clean("capture worker");
}
