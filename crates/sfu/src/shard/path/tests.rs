//! A path in virtual time.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_netsim::{Config, Jitter, Link, Loss, Queue, Rate};

use super::*;
use crate::room::layers::{Layer, Picture, allocate};
use crate::rtp::{Control, Controls, TransportFeedback, Writer};

struct Run {
    path: Path,
    now: Instant,
    bytes: u64,
    block: ReportBlock,
}

impl Run {
    /// A second in which so much is sent, and at its end so much estimated, and so many packets of 100 lost.
    fn second(&mut self, rate: u64, estimate: u64, lost: i32) -> Option<u64> {
        self.now += Duration::from_secs(1);
        self.bytes += rate / 8;
        self.block.highest += 100;
        self.block.lost += lost;
        self.path.limit(self.now, self.bytes);
        self.path.estimate(self.now, estimate);
        self.path.report(self.now, &self.block);
        self.path.limit
    }
}

#[test]
fn only_a_path_that_is_full_has_a_limit_and_it_grows_again() {
    let now = Instant::now();
    let (path, bytes, block) = (Path::new(now), 0, ReportBlock::default());
    let mut run = Run {
        path,
        now,
        bytes,
        block,
    };
    // Little is sent, so little is estimated, and what is estimated lags: nothing follows from it.
    assert_eq!(run.second(100_000, 50_000, 0), None);
    assert_eq!(run.second(300_000, 90_000, 5), None);
    // Nor from an estimate that falls because less is sent.
    assert_eq!(run.second(1_000_000, 1_500_000, 0), None);
    assert_eq!(run.second(100_000, 900_000, 0), None);
    // It falls below what is sent.
    assert_eq!(run.second(1_000_000, 850_000, 0), Some(850_000));
    assert_eq!(run.second(850_000, 850_000, 0), Some(938_000));
    // A fifth is lost.
    assert_eq!(run.second(900_000, 850_000, 20), Some(810_000));
    for _ in 0..100 {
        run.second(800_000, 850_000, 0);
    }
    assert_eq!(run.second(800_000, 850_000, 0), Some(PLENTY));
    // However bad it is, something is tried.
    assert_eq!(run.second(10_000, 850_000, 100), Some(LEAST));
}

/// Layers of a camera, in bit/s.
const LAYERS: [u64; 3] = [150_000, 500_000, 1_500_000];

/// Between a change of layer and the keyframe that it waits for: a round trip, and a frame.
const KEYFRAME: Duration = Duration::from_millis(100);

/// A camera in three layers, watched over a path.
struct Watch {
    start: Instant,
    now: Instant,
    path: Path,
    down: Link<(u16, Instant)>,
    up: Link<Vec<u8>>,
    receiver: TransportFeedback,
    bytes: u64,
    layer: Option<u8>,
    next: Option<(Instant, Option<u8>)>,
    /// Longest wait in the queue since it was looked at.
    queue: Duration,
}

fn link(rate: u64) -> Config {
    Config::IDEAL
        .delay(Duration::from_millis(20))
        .keep_order()
        .rate(Rate {
            bits_per_second: NonZeroU64::new(rate).unwrap(),
            queue: Queue::Time {
                wait: Duration::from_secs(2),
            },
        })
}

impl Watch {
    fn new(config: Config) -> Self {
        let now = Instant::now();
        Self {
            start: now,
            now,
            path: Path::new(now),
            down: Link::new(config, 1),
            up: Link::new(Config::IDEAL.delay(Duration::from_millis(20)), 2),
            receiver: TransportFeedback::new(now),
            bytes: 0,
            layer: Some(2),
            next: None,
            queue: Duration::ZERO,
        }
    }

    fn send(&mut self, number: u16, bytes: usize) {
        self.bytes += bytes as u64;
        self.down.send((number, self.now), bytes, self.now);
    }

    /// What the path may carry has been told: which layer, and whether more is held back.
    fn choose(&mut self, limit: Option<u64>) -> bool {
        let layer = |n: usize| Layer {
            bitrate: LAYERS[n],
            height: 180 << n,
        };
        let picture = Picture {
            share: false,
            height: 720,
            layers: [Some(layer(0)), Some(layer(1)), Some(layer(2))],
            current: self.layer,
        };
        let mut given = [None];
        allocate(limit.unwrap_or(u64::MAX), &[picture], &mut given);
        let aimed = self.next.map_or(self.layer, |(_, next)| next);
        if given[0].is_none() {
            (self.layer, self.next) = (None, None);
        } else if given[0] != aimed {
            self.next = Some((self.now + KEYFRAME, given[0]));
        }
        given[0] != Some(2)
    }

    fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now += Duration::from_millis(1);
            let passed = self.now.duration_since(self.start).as_millis() as u64;
            if let Some((_, layer)) = self.next.take_if(|(at, _)| *at <= self.now) {
                self.layer = layer;
            }
            if let (0, Some(layer)) = (passed % 33, self.layer) {
                let mut frame = LAYERS[usize::from(layer)] as usize / 8 * 33 / 1_000;
                while frame > 0 {
                    let bytes = frame.min(1_200);
                    frame -= bytes;
                    let number = self.path.sent(self.now, bytes);
                    self.send(number, bytes);
                }
            }
            if passed.is_multiple_of(1_000) {
                let limit = self.path.limit(self.now, self.bytes);
                self.choose(limit);
            }
            while let Some((number, sent)) = self.down.poll(self.now) {
                let waited = self
                    .now
                    .duration_since(sent)
                    .saturating_sub(Duration::from_millis(20));
                self.queue = self.queue.max(waited);
                self.receiver.packet(self.now, number);
            }
            if self.receiver.due().is_some_and(|due| due <= self.now) {
                let mut buffer = [0; 1_200];
                let mut writer = Writer::new(&mut buffer);
                self.receiver.write(&mut writer, 1, 2);
                let length = writer.len();
                self.up.send(buffer[..length].to_vec(), length, self.now);
            }
            while let Some(packet) = self.up.poll(self.now) {
                for control in Controls::new(&packet) {
                    let Control::TransportFeedback(body) = control else {
                        continue;
                    };
                    self.path.feedback(self.now, body);
                    let limit = self.path.limit;
                    if self.choose(limit) {
                        for _ in 0..self.path.probe(self.now) {
                            let number = self.path.probed(self.now, PROBE);
                            self.send(number, PROBE);
                        }
                    }
                }
            }
        }
    }

    /// Runs until the layer is sent, for that long at most. Gives how long it took.
    fn until(&mut self, layer: u8, most: u64) -> u64 {
        let mut passed = 0;
        while self.layer != Some(layer) && passed < most {
            self.run(10);
            passed += 10;
        }
        passed
    }
}

#[test]
fn a_path_that_shrinks_gets_less_and_all_again_when_it_is_wide() {
    let mut watch = Watch::new(link(2_000_000));
    watch.run(10_000);
    assert_eq!((watch.path.limit, watch.layer), (None, Some(2)), "all fits");
    assert!(watch.queue < Duration::from_millis(50), "{:?}", watch.queue);
    for _ in 0..5 {
        watch.down.set_config(link(300_000));
        watch.queue = Duration::ZERO;
        // A frame and a feedback until it is seen: by then five times as much has been sent as went through.
        watch.until(0, 5_000);
        assert!(watch.queue < Duration::from_millis(1_000), "{:?}", watch.queue);
        watch.run(500);
        watch.queue = Duration::ZERO;
        watch.run(15_000);
        assert!(watch.queue < Duration::from_millis(100), "{:?}", watch.queue);
        assert_eq!(watch.layer, Some(0));
        watch.down.set_config(link(2_000_000));
        watch.queue = Duration::ZERO;
        let took = watch.until(2, 10_000);
        assert!(took <= 3_000, "{took} ms");
        watch.run(10_000);
        assert_eq!(watch.layer, Some(2));
        assert!(watch.queue < Duration::from_millis(100), "{:?}", watch.queue);
    }
}

#[test]
fn a_path_that_is_only_restless_keeps_everything() {
    let restless = link(20_000_000)
        .jitter(Jitter::Normal {
            sd: Duration::from_millis(8),
        })
        .loss(Loss::Uniform { probability: 0.02 });
    let mut watch = Watch::new(restless);
    let mut all = 0;
    for _ in 0..600 {
        watch.run(100);
        all += u32::from(watch.layer == Some(2));
    }
    assert!(all > 570, "{all} of 600, limit {:?}", watch.path.limit);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a receiver tells, nothing is counted twice, and what it may be sent stays within bounds.
    #[test]
    fn feedback_that_lies_harms_nobody(
        packets in prop::collection::vec((0u64..100, 0usize..1_500), 0..200),
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..50),
        told in prop::collection::vec((any::<u16>(), 1u16..300, any::<u32>(), 1u16..4), 0..50),
    ) {
        let mut now = Instant::now();
        let mut path = Path::new(now);
        let (mut bytes, mut came) = (0, 0);
        for (n, (gap, length)) in packets.iter().enumerate() {
            now += Duration::from_millis(*gap);
            path.sent(now, *length);
            bytes += *length as u64;
            let run = told.get(n % told.len().max(1)).map(|(base, count, reference, symbol)| {
                let mut body = vec![0; 8];
                body.extend((base % 256).to_be_bytes());
                body.extend(count.to_be_bytes());
                body.extend(reference.to_be_bytes());
                // A run of what all came, as late as anybody likes.
                body.extend((symbol << 13 | count).to_be_bytes());
                body.extend(std::iter::repeat_n(*reference as u8, 2 * usize::from(*count)));
                body
            });
            for body in run.iter().chain(bodies.get(n)) {
                path.feedback(now, body);
                path.history.feedback(now, body, |_| came += 1);
                for _ in 0..path.probe(now) {
                    path.probed(now, PROBE);
                }
                if let Some(limit) = path.limit(now, bytes) {
                    prop_assert!((LEAST..=PLENTY).contains(&limit), "{}", limit);
                }
            }
        }
        prop_assert_eq!(came, 0, "told of before");
    }
}
