//! Pictures in memory and virtual time: minutes of a call in a blink, the same each time.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sidetone_media::packet::SequenceNumber;
use sidetone_media::transport::video::{CodedFrame, VideoConfig, VideoPort, VideoReport};
use sidetone_media::transport::{Transport, TransportConfig};
use sidetone_media::video::{Codec, Demand, Wanted};
use sidetone_media::voice::Bitrate;
use sidetone_netsim::{Config, Loss, Queue, Rate};

use super::{Peer, TICK, World};

/// Ticks from picture to picture.
const EVERY: u32 = 8;

struct Call {
    world: World,
    peers: [Peer; 2],
    ports: [VideoPort; 2],
    sent: HashSet<Bytes>,
    seen: u32,
    foreign: u32,
    ticks: u32,
    /// When each packet of sound left, and how long those that came took.
    spoken: Vec<Instant>,
    took: Vec<Duration>,
}

impl Call {
    fn new(conditions: Config, seed: u64) -> Self {
        let mut world = World::new(conditions, seed);
        let config = TransportConfig {
            video: Some(VideoConfig {
                codecs: vec![Codec::Vp9, Codec::Vp8],
                ..VideoConfig::default()
            }),
            ..TransportConfig::default()
        };
        let mut peers = [world.peer_with(&config), world.peer_with(&config)];
        let ports = peers.each_mut().map(|peer| peer.transport.take_video().unwrap());
        world.connect(&mut peers);
        Self {
            world,
            peers,
            ports,
            sent: HashSet::new(),
            seen: 0,
            foreign: 0,
            ticks: 0,
            spoken: Vec::new(),
            took: Vec::new(),
        }
    }

    /// The first shows its camera, the other looks.
    fn run(&mut self, time: Duration) {
        let until = self.world.now + time;
        while self.world.now < until {
            self.ticks += 1;
            let (camera, now) = (&self.ports[0].camera[0], self.world.now);
            if self.ticks.is_multiple_of(EVERY) {
                let wanted = camera.wanted();
                let key = wanted == Wanted::KeyFrame;
                if wanted != Wanted::Nothing {
                    let pictures = 1.0 / (TICK * EVERY).as_secs_f64();
                    let share = f64::from(camera.bitrate().0) / 8.0 / pictures * if key { 3.0 } else { 1.0 };
                    let mut data = self.ticks.to_be_bytes().to_vec();
                    data.resize((share as usize).clamp(20, 60_000), self.ticks as u8);
                    let data = Bytes::from(data);
                    self.sent.insert(data.clone());
                    camera.push(CodedFrame {
                        data,
                        key,
                        temporal: None,
                        discardable: false,
                        captured: now,
                        playout: None,
                    });
                }
            }
            if self.ticks.is_multiple_of(4) {
                let mut packet = self.peers[0].pool.take().unwrap();
                packet.sequence = SequenceNumber(self.spoken.len() as u16);
                assert!(packet.set_payload(&[9; 60]));
                self.spoken.push(now);
                self.peers[0].voice.outgoing.push(packet);
            }
            self.world.tick(&mut self.peers);
            while let Some(packet) = self.peers[1].voice.incoming.pop() {
                self.took
                    .push(packet.at - self.spoken[usize::from(packet.sequence.0)]);
            }
            let seen = &self.ports[1].remote[0];
            while let Some(frame) = seen.pop() {
                seen.decoded(frame.key);
                seen.shown(frame.timestamp, self.world.now);
                self.seen += 1;
                self.foreign += u32::from(!self.sent.contains(&frame.data));
            }
        }
    }

    fn stats(&self) -> [VideoReport; 2] {
        self.peers.each_ref().map(|peer| peer.transport.video_stats())
    }
}

fn demand(most: u32) -> Option<Demand> {
    Some(Demand {
        least: Bitrate::kbps(50),
        most: Bitrate::kbps(most),
    })
}

#[test]
fn a_minute_of_pictures_through_loss_is_the_same_each_time() {
    let conditions = Config::IDEAL
        .delay(Duration::from_millis(40))
        .loss(Loss::uniform(0.03));
    let minute = || {
        let mut call = Call::new(conditions, 5);
        call.ports[0].camera[0].set_demand(demand(800));
        call.run(Duration::from_secs(60));
        assert_eq!(call.foreign, 0, "every byte as it was");
        let [sender, receiver] = call.stats();
        let (sent, got) = (&sender.outbound[0].counters, &receiver.inbound[0].counters);
        assert_eq!(receiver.inbound[0].codec, Some(Codec::Vp9));
        assert!(
            f64::from(call.seen) > 0.97 * call.sent.len() as f64,
            "{sent:?} {got:?}"
        );
        assert!(sent.retransmitted_packets_sent > 50, "{sent:?}");
        assert!(sent.key_frames_sent <= 3, "{sent:?}");
        assert!(got.freeze_duration_per_minute < 1.0, "{got:?}");
        (*sent, got.clone(), call.seen)
    };
    assert_eq!(minute(), minute());
}

#[test]
fn a_thin_path_is_shared_and_sound_goes_first() {
    let thin = Config::IDEAL.delay(Duration::from_millis(30)).rate(Rate {
        bits_per_second: 400_000.try_into().unwrap(),
        queue: Queue::Time {
            wait: Duration::from_secs(1),
        },
    });
    let mut call = Call::new(thin, 6);
    call.ports[0].camera[0].set_demand(demand(2_000));
    call.run(Duration::from_secs(30));
    let before = call.stats()[0].outbound[0].counters.bytes_sent;
    call.took.clear();
    call.run(Duration::from_secs(30));
    call.took.sort();
    let [half, most] = [5, 9].map(|tenths| call.took[call.took.len() * tenths / 10]);
    assert!(call.took.len() > 1_450, "{} packets of sound", call.took.len());
    assert!(
        half < Duration::from_millis(80) && most < Duration::from_millis(200),
        "sound took {half:?}, and {most:?} one time in ten"
    );
    let [sender, receiver] = call.stats();
    let sent = sender.outbound[0].counters.bytes_sent - before;
    let rate = sent as f64 * 8.0 / 30.0;
    assert!((120_000.0..400_000.0).contains(&rate), "{rate} {sender:?}");
    assert!(
        receiver.inbound[0].counters.freeze_duration_per_minute < 6.0,
        "{receiver:?}"
    );
    // It ends, and nothing of it goes on.
    call.ports[0].camera[0].set_demand(None);
    call.run(Duration::from_secs(2));
    let seen = call.seen;
    call.run(Duration::from_secs(2));
    assert_eq!(call.seen, seen);
}
