//! When each packet of a picture leaves. A key frame sent at once fills the narrowest queue of the path, and a voice behind
//! it waits; sent at the rate that the path carries, it fills nothing.
//!
//! Sound never waits here: it is sent, and counted. Then come retransmissions, key frames, the screen, the camera. The
//! order of packets of one stream is kept, so their sequence numbers are given when they leave. It refuses to know what the
//! path carries (`bandwidth`), and what a packet is.

mod probe;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sidetone_opus::Bitrate;

pub use probe::Prober;

/// What is sent more than the path is believed to carry, for what a picture is larger than the average. More builds a
/// queue in the path, less one here.
const FACTOR: f64 = 1.1;

/// What may leave at once after a rest. Less wakes the sender for every packet.
const BURST: Duration = Duration::from_millis(5);

/// Furthest that sound may get ahead of the rate: then pictures go on.
const DEBT: Duration = Duration::from_millis(40);

/// Slowest rate, in bit/s.
const LEAST: f64 = 10_000.0;

/// What waits longer than this when a picture is to be made says that none should be.
const SKIP: Duration = Duration::from_millis(50);

/// What takes longer than this is of no use when it comes.
const FLUSH: Duration = Duration::from_millis(800);

/// What a packet is; what comes first leaves first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Sent again.
    Retransmission,
    /// A key frame of a screen.
    ScreenKey,
    /// A key frame of a camera.
    CameraKey,
    /// A screen.
    Screen,
    /// A camera.
    Camera,
}

const CLASSES: usize = Class::Camera as usize + 1;

/// What the queue says to those who fill it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressure {
    /// Go on.
    None,
    /// Leave out a picture: those before it have not left.
    Skip,
    /// All that waits is too old, and the path far slower than believed: begin anew, with less.
    Flush,
}

#[derive(Debug)]
struct Queued<T> {
    stream: usize,
    bytes: usize,
    since: Instant,
    item: T,
}

/// Packets that wait, of all streams of a connection.
#[derive(Debug)]
pub struct Pacer<T> {
    queues: [VecDeque<Queued<T>>; CLASSES],
    bytes: usize,
    /// Bytes a second.
    rate: f64,
    /// Bytes that may leave now. Below zero, others have left before their time.
    budget: f64,
    filled: Instant,
}

impl<T> Pacer<T> {
    /// For a path that carries `rate`.
    pub fn new(rate: Bitrate, now: Instant) -> Self {
        let mut pacer = Self {
            queues: std::array::from_fn(|_| VecDeque::new()),
            bytes: 0,
            rate: LEAST / 8.0,
            budget: 0.0,
            filled: now,
        };
        pacer.set_rate(rate, now);
        pacer
    }

    /// The path carries `rate` from now on.
    pub fn set_rate(&mut self, rate: Bitrate, now: Instant) {
        self.fill(now);
        self.rate = (f64::from(rate.bits_per_second()) * FACTOR).max(LEAST) / 8.0;
    }

    /// Takes a packet of `bytes` on the wire.
    pub fn push(&mut self, class: Class, stream: usize, bytes: usize, item: T, now: Instant) {
        self.bytes += bytes;
        self.queues[class as usize].push_back(Queued {
            stream,
            bytes,
            since: now,
            item,
        });
    }

    /// Something that does not wait has left: sound, or a probe.
    pub fn spend(&mut self, bytes: usize, now: Instant) {
        self.fill(now);
        self.budget = (self.budget - bytes as f64).max(-self.rate * DEBT.as_secs_f64());
    }

    /// The next packet that may leave by now.
    pub fn poll(&mut self, now: Instant) -> Option<T> {
        self.fill(now);
        if self.budget <= 0.0 {
            return None;
        }
        let queued = self.queues.iter_mut().find_map(VecDeque::pop_front)?;
        self.bytes -= queued.bytes;
        self.budget -= queued.bytes as f64;
        Some(queued.item)
    }

    /// When the next packet may leave. `None` while nothing waits.
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.bytes == 0 {
            return None;
        }
        // A byte more than none.
        let wait = (1.0 - self.budget).max(0.0) / self.rate;
        Some(self.filled + Duration::from_secs_f64(wait))
    }

    /// Drops what waits of a stream, which a key frame makes useless. Gives how many packets.
    pub fn discard(&mut self, stream: usize) -> usize {
        let mut dropped = 0;
        for queue in &mut self.queues {
            queue.retain(|queued| {
                let keep = queued.stream != stream;
                if !keep {
                    self.bytes -= queued.bytes;
                    dropped += 1;
                }
                keep
            });
        }
        dropped
    }

    /// Whether a key frame of a stream waits.
    pub fn holds_key(&self, stream: usize) -> bool {
        let keys = [Class::ScreenKey, Class::CameraKey];
        let mut waiting = keys.into_iter().flat_map(|class| &self.queues[class as usize]);
        waiting.any(|queued| queued.stream == stream)
    }

    /// How long what waits now takes to leave.
    pub fn delay(&self) -> Duration {
        Duration::from_secs_f64(self.bytes as f64 / self.rate)
    }

    /// How long the oldest packet has waited.
    pub fn age(&self, now: Instant) -> Duration {
        let oldest = self.queues.iter().filter_map(VecDeque::front);
        let ages = oldest.map(|queued| now.saturating_duration_since(queued.since));
        ages.max().unwrap_or_default()
    }

    /// What those who make pictures should do.
    pub fn pressure(&self, now: Instant) -> Pressure {
        match self.delay() {
            delay if delay > FLUSH || self.age(now) > FLUSH => Pressure::Flush,
            delay if delay > SKIP => Pressure::Skip,
            _ => Pressure::None,
        }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = self.filled.max(now);
        self.budget = (self.budget + passed * self.rate).min(self.rate * BURST.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lets everything leave; gives what left and when, in seconds.
    fn drain<T>(pacer: &mut Pacer<T>, start: Instant) -> Vec<(f64, T)> {
        let mut left = Vec::new();
        while let Some(at) = pacer.next_timeout() {
            while let Some(item) = pacer.poll(at) {
                left.push(((at - start).as_secs_f64(), item));
            }
        }
        left
    }

    #[test]
    fn the_order_is_that_of_what_it_is() {
        let now = Instant::now();
        let mut pacer = Pacer::new(Bitrate::kbps(1_000), now);
        let order = [
            Class::Camera,
            Class::Screen,
            Class::CameraKey,
            Class::ScreenKey,
            Class::Retransmission,
        ];
        for class in order {
            pacer.push(class, 0, 1_000, (class, 1), now);
            pacer.push(class, 0, 1_000, (class, 2), now);
        }
        let left: Vec<_> = drain(&mut pacer, now).into_iter().map(|(_, item)| item).collect();
        let expected: Vec<_> = order
            .into_iter()
            .rev()
            .flat_map(|class| [(class, 1), (class, 2)])
            .collect();
        assert_eq!(left, expected);
    }

    #[test]
    fn a_key_frame_leaves_at_the_rate_and_more_is_not_made_meanwhile() {
        let now = Instant::now();
        let mut pacer = Pacer::new(Bitrate::kbps(2_000), now);
        for n in 0..40 {
            pacer.push(Class::CameraKey, 0, 1_000, n, now);
        }
        assert_eq!(pacer.pressure(now), Pressure::Skip);
        let left = drain(&mut pacer, now);
        // 320 kbit at 2.2 Mbit/s.
        assert!((left[39].0 - 0.1418).abs() < 0.005, "{}", left[39].0);
        assert_eq!(pacer.pressure(now), Pressure::None);
        pacer.set_rate(Bitrate::kbps(100), now + Duration::from_secs(1));
        for n in 0..40 {
            pacer.push(Class::CameraKey, 0, 1_000, n, now);
        }
        assert_eq!(pacer.pressure(now), Pressure::Flush);
        assert_eq!((pacer.discard(1), pacer.discard(0)), (0, 40));
        assert_eq!((pacer.next_timeout(), pacer.delay()), (None, Duration::ZERO));
    }

    #[test]
    fn sound_takes_its_share_and_no_more() {
        let now = Instant::now();
        let mut pacer = Pacer::new(Bitrate::kbps(100), now);
        pacer.push(Class::Camera, 0, 100, (), now);
        // A second of sound at once: pictures wait for 40 ms of it.
        pacer.spend(12_500, now);
        assert_eq!(pacer.poll(now), None);
        let at = pacer.next_timeout().unwrap();
        assert!(at > now + DEBT && at < now + DEBT + Duration::from_millis(1));
        assert_eq!(pacer.poll(at), Some(()));
    }

    proptest! {
        /// Whatever comes: no more leaves than the rate allows in any time, and nothing stays.
        #[test]
        fn the_rate_is_kept(
            kbps in 20u32..5_000,
            packets in prop::collection::vec((0u64..50, 1usize..1_300, 0u8..3), 1..80),
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut pacer = Pacer::new(Bitrate::kbps(kbps), now);
            let mut left: Vec<(Instant, usize)> = Vec::new();
            let mut count = 0;
            for (wait, bytes, class) in packets {
                let next = now + Duration::from_millis(wait);
                while let Some(at) = pacer.next_timeout().filter(|at| *at <= next) {
                    while let Some(bytes) = pacer.poll(at.max(now)) {
                        left.push((at.max(now), bytes));
                    }
                }
                now = next;
                let class = [Class::Retransmission, Class::ScreenKey, Class::Camera][usize::from(class)];
                pacer.push(class, 0, bytes, bytes, now);
                count += 1;
            }
            for (at, bytes) in drain(&mut pacer, start) {
                left.push((start + Duration::from_secs_f64(at), bytes));
            }
            prop_assert_eq!(left.len(), count);
            let rate = f64::from(kbps) * 1_000.0 * FACTOR / 8.0;
            for from in 0..left.len() {
                let mut sum = 0;
                for (at, bytes) in &left[from..] {
                    let most = rate * ((*at - left[from].0) + BURST).as_secs_f64();
                    // The last one may go beyond.
                    prop_assert!(sum as f64 <= most + 2.0, "{sum} of {most}");
                    sum += bytes;
                }
            }
        }
    }
}
