//! When a picture is shown: at its media time, plus the delay of the path, plus what pictures are late by now and then.
//!
//! The delay of a picture is modelled as in draft-ietf-rmcat-gcc-02 section 5 and its kin: what the path takes at least,
//! what the size of the picture adds on the narrowest link, and noise. Pictures that had to wait for a retransmission say
//! nothing of that, only how often it happens. A sender may bound the delay ([`PlayoutDelay`]): a screen with text is shown
//! as soon as it is there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{CLOCK_RATE, PlayoutDelay};

/// Seconds for which the shortest transit is believed. A path that has become longer is noise for so long.
const BELIEF: usize = 10;

/// Standard deviations of noise that are waited for: one picture in a hundred is late.
const DEVIATIONS: f64 = 2.33;

/// Share of what is known that one more picture changes: of noise, and of what a byte takes.
const LEARN: f64 = 0.03;

/// How fast the largest picture is forgotten, a picture. Key frames are rare, and all others would wait for their size.
const SHRINK: f64 = 0.98;

/// Most that a byte can take, in seconds: 100 kbit/s.
const SLOWEST: f64 = 8.0 / 100_000.0;

/// A transit that changes by more, in seconds, is another clock.
const JUMP: f64 = 5.0;

/// The delay moves towards what is wanted by so much of the time that passes. Faster is seen.
const PACE: f64 = 0.1;

/// Share of pictures with retransmissions from which on all wait for one.
const OFTEN: f64 = 0.03;

/// Until the packet that shows that one is missing comes, beside a round trip.
const DETECTION: Duration = Duration::from_millis(15);

/// Longest wait for a retransmission: beyond, a picture that comes late is less of a nuisance than all that come later.
const LONGEST_WAIT: Duration = Duration::from_millis(120);

/// Longest delay beyond that of the path.
const MOST: Duration = Duration::from_secs(1);

/// Learns the delays of one stream.
#[derive(Debug)]
pub struct Playout {
    epoch: Instant,
    /// Shortest transit of each of the last seconds, without what the size takes.
    shortest: VecDeque<f64>,
    second: i64,
    /// Seconds a byte.
    slope: f64,
    /// What `slope` comes from: products of changes of size and transit, and squares of the former.
    covariance: f64,
    variance: f64,
    last: Option<(f64, f64)>,
    largest: f64,
    /// Mean and mean square of what is left, in seconds.
    noise: f64,
    noise_square: f64,
    resent: f64,
    round_trip: Duration,
    minimum: Duration,
    bounds: PlayoutDelay,
    /// In force, in seconds.
    delay: f64,
    moved: Option<Instant>,
}

impl Playout {
    /// That knows nothing.
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            shortest: VecDeque::with_capacity(BELIEF),
            second: i64::MIN,
            slope: 0.0,
            covariance: 0.0,
            variance: 0.0,
            last: None,
            largest: 0.0,
            noise: 0.0,
            noise_square: 0.0,
            resent: 0.0,
            round_trip: Duration::ZERO,
            minimum: Duration::ZERO,
            bounds: PlayoutDelay::ANY,
            delay: 0.0,
            moved: None,
        }
    }

    /// Least delay beyond that of the path, as lip sync wants it.
    pub fn set_minimum(&mut self, minimum: Duration) {
        self.minimum = minimum.min(MOST);
    }

    /// Bounds of that delay, as the sender wants them. Lip sync goes beyond.
    pub fn set_bounds(&mut self, bounds: PlayoutDelay) {
        self.bounds = bounds;
    }

    /// Whether pictures are shown as soon as they are there, and none can be late.
    pub fn is_at_once(&self) -> bool {
        self.bounds.max.is_zero() && self.minimum.is_zero()
    }

    /// What a round trip takes, as far as is known.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// A picture with that media timestamp (unwrapped), of so many bytes, was whole at `whole`. `resent` says that a
    /// packet of it had to be sent again.
    pub fn arrived(&mut self, timestamp: i64, bytes: usize, resent: bool, whole: Instant) {
        let media = timestamp as f64 / f64::from(CLOCK_RATE);
        let at = whole.saturating_duration_since(self.epoch).as_secs_f64();
        let (transit, size) = (at - media, bytes as f64);
        if self
            .base()
            .is_some_and(|base| (transit - self.slope * size - base).abs() > JUMP)
        {
            *self = Self {
                round_trip: self.round_trip,
                minimum: self.minimum,
                bounds: self.bounds,
                ..Self::new(self.epoch)
            };
        }
        self.resent += LEARN * (f64::from(u8::from(resent)) - self.resent);
        if !resent {
            self.learn(transit, size);
            self.believe(transit - self.slope * size, at);
        } else if self.shortest.is_empty() {
            self.believe(transit, at);
        }
        self.adjust(whole);
    }

    fn learn(&mut self, transit: f64, size: f64) {
        self.largest = (self.largest * SHRINK).max(size);
        if let Some((before, of)) = self.last.replace((transit, size)) {
            let (longer, larger) = (transit - before, size - of);
            self.covariance += LEARN * (longer * larger - self.covariance);
            self.variance += LEARN * (larger * larger - self.variance);
            // Pictures of about the same size say nothing of it.
            if self.variance > 100.0 * 100.0 {
                self.slope = (self.covariance / self.variance).clamp(0.0, SLOWEST);
            }
        }
        if let Some(base) = self.base() {
            let noise = transit - self.slope * size - base;
            self.noise += LEARN * (noise - self.noise);
            self.noise_square += LEARN * (noise * noise - self.noise_square);
        }
    }

    fn believe(&mut self, transit: f64, at: f64) {
        let second = at.floor() as i64;
        match self.shortest.back_mut() {
            Some(shortest) if second <= self.second => *shortest = shortest.min(transit),
            _ => {
                self.second = second;
                if self.shortest.len() == BELIEF {
                    self.shortest.pop_front();
                }
                self.shortest.push_back(transit);
            }
        }
    }

    fn base(&self) -> Option<f64> {
        self.shortest.iter().copied().reduce(f64::min)
    }

    fn adjust(&mut self, now: Instant) {
        let wanted = self.target().as_secs_f64();
        let passed = self
            .moved
            .replace(now)
            .map_or(0.0, |moved| now.saturating_duration_since(moved).as_secs_f64());
        let most = passed.min(1.0) * PACE;
        self.delay += (wanted - self.delay).clamp(-most, most);
    }

    /// Delay beyond that of the path that is aimed at: `jitterBufferTargetDelay` of webrtc-stats.
    pub fn target(&self) -> Duration {
        let deviation = (self.noise_square - self.noise * self.noise).max(0.0).sqrt();
        let jitter = self.slope * self.largest + self.noise + DEVIATIONS * deviation;
        let wait = if self.resent > OFTEN {
            (self.round_trip + DETECTION).min(LONGEST_WAIT)
        } else {
            Duration::ZERO
        };
        let jitter = Duration::try_from_secs_f64(jitter).unwrap_or(Duration::ZERO);
        let PlayoutDelay { min, max } = self.bounds;
        (jitter + wait).max(min).min(max).max(self.minimum).min(MOST)
    }

    /// The delay in force.
    pub fn delay(&self) -> Duration {
        Duration::try_from_secs_f64(self.delay).unwrap_or(Duration::ZERO)
    }

    /// When the picture with that media timestamp (unwrapped) is to be shown. `None` before any has come.
    pub fn due(&self, timestamp: i64) -> Option<Instant> {
        let media = timestamp as f64 / f64::from(CLOCK_RATE);
        let at = self.base()? + media + self.delay;
        Some(self.epoch + Duration::try_from_secs_f64(at).unwrap_or(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures every 33.3 ms; gives the delays between the media time and when each is due, less that of the first.
    fn run(transit: impl Fn(i64) -> (usize, f64), resent: impl Fn(i64) -> bool) -> (Playout, Vec<f64>) {
        let start = Instant::now();
        let mut playout = Playout::new(start);
        playout.set_round_trip(Duration::from_millis(50));
        let mut late = Vec::new();
        for n in 0..600 {
            let (bytes, transit) = transit(n);
            let timestamp = 1_000_000 + n * 3_000;
            let whole = start + Duration::from_secs_f64(n as f64 / 30.0 + transit);
            playout.arrived(timestamp, bytes, resent(n), whole);
            let due = playout.due(timestamp).unwrap();
            late.push((whole - due.min(whole)).as_secs_f64());
        }
        (playout, late)
    }

    #[test]
    fn a_steady_path_needs_no_delay() {
        let (playout, late) = run(|_| (4_000, 0.1), |_| false);
        assert!(
            playout.delay() < Duration::from_millis(1),
            "{:?}",
            playout.delay()
        );
        assert!(late.iter().all(|late| *late < 0.001));
    }

    #[test]
    fn noise_is_waited_for() {
        let noise = |n: i64| (n * 7_919 % 41) as f64 / 1_000.0;
        let (playout, late) = run(|n| (4_000, 0.1 + noise(n)), |_| false);
        assert!(playout.delay() > Duration::from_millis(35) && playout.delay() < Duration::from_millis(60));
        let hits = late[300..].iter().filter(|late| **late > 0.001).count();
        assert!(hits < 10, "{hits} of 300 late");
    }

    #[test]
    fn large_pictures_take_longer_and_that_is_no_noise() {
        // 2 Mbit/s: 4 microseconds a byte.
        let size = |n: i64| if n % 10 == 0 { 12_000 } else { 3_000 };
        let (playout, late) = run(|n| (size(n), 0.1 + size(n) as f64 * 4e-6), |_| false);
        assert!((playout.slope - 4e-6).abs() < 4e-7, "{}", playout.slope);
        assert!(
            playout.delay() < Duration::from_millis(60),
            "{:?}",
            playout.delay()
        );
        let hits = late[300..].iter().filter(|late| **late > 0.005).count();
        assert!(hits < 10, "{hits} of 300 late");
    }

    #[test]
    fn retransmissions_are_waited_for_where_they_are_frequent() {
        let lost = |n: i64| n % 9 == 0;
        let transit = |n: i64| (4_000, if lost(n) { 0.17 } else { 0.1 });
        let (playout, _) = run(transit, lost);
        assert!(playout.delay() >= Duration::from_millis(65) && playout.delay() < Duration::from_millis(70));
    }

    #[test]
    fn the_minimum_is_kept_and_comes_slowly() {
        let start = Instant::now();
        let mut playout = Playout::new(start);
        playout.set_minimum(Duration::from_millis(200));
        for n in 0..120i64 {
            playout.arrived(
                n * 3_000,
                4_000,
                false,
                start + Duration::from_secs_f64(n as f64 / 30.0),
            );
            let most = Duration::from_secs_f64(n as f64 / 300.0 + 0.001);
            assert!(playout.delay() <= most);
        }
        assert_eq!(playout.delay().as_millis(), 200);
    }

    #[test]
    fn the_sender_may_bound_it() {
        let start = Instant::now();
        let delay = |bounds: PlayoutDelay, minimum: u64| {
            let mut playout = Playout::new(start);
            playout.set_bounds(bounds);
            playout.set_minimum(Duration::from_millis(minimum));
            assert_eq!(
                playout.is_at_once(),
                bounds == PlayoutDelay::AT_ONCE && minimum == 0
            );
            for n in 0..300i64 {
                let transit = (n * 7_919 % 41) as f64 / 1_000.0;
                let whole = start + Duration::from_secs_f64(n as f64 / 30.0 + transit);
                playout.arrived(n * 3_000, 4_000, false, whole);
            }
            playout.delay().as_millis()
        };
        let bounds = |min, max| PlayoutDelay {
            min: Duration::from_millis(min),
            max: Duration::from_millis(max),
        };
        assert!(delay(PlayoutDelay::ANY, 0) > 35);
        assert_eq!(delay(PlayoutDelay::AT_ONCE, 0), 0);
        assert_eq!(delay(bounds(0, 20), 0), 20);
        assert_eq!(delay(bounds(200, 300), 0), 200);
        assert_eq!(delay(PlayoutDelay::AT_ONCE, 80), 80, "lips go beyond");
    }

    #[test]
    fn another_clock_begins_anew() {
        let start = Instant::now();
        let mut playout = Playout::new(start);
        let mut due = Vec::new();
        for n in 0..60i64 {
            let timestamp = if n < 30 {
                n * 3_000
            } else {
                n * 3_000 + 900_000_000
            };
            let whole = start + Duration::from_secs_f64(n as f64 / 30.0);
            playout.arrived(timestamp, 4_000, false, whole);
            due.push(playout.due(timestamp).unwrap().max(whole) - whole);
        }
        assert!(due.iter().all(|due| *due < Duration::from_millis(1)), "{due:?}");
    }
}
