//! When pictures are due: at a steady beat, or as they change but not too often. Pure: the time is an argument.

use std::fmt;
use std::time::{Duration, Instant};

/// Pictures in a second, as a fraction: 30000/1001 is what television calls 29.97.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameRate {
    numerator: u32,
    denominator: u32,
}

impl FrameRate {
    /// The slowest and the fastest there are here: one picture in a hundred seconds, a thousand in one.
    pub const LIMITS: (Self, Self) = (Self::of(1, 100), Self::of(1000, 1));

    const fn of(numerator: u32, denominator: u32) -> Self {
        Self {
            numerator,
            denominator,
        }
    }

    /// `numerator / denominator` pictures in a second, if that is within [`FrameRate::LIMITS`].
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        let (pictures, seconds) = (u64::from(numerator), u64::from(denominator));
        let sane = seconds > 0 && pictures * 100 >= seconds && pictures <= 1000 * seconds;
        sane.then_some(Self::of(numerator, denominator))
    }

    /// Whole pictures in a second; one where `hz` is 0, a thousand at most.
    pub fn hz(hz: u32) -> Self {
        Self::of(hz.clamp(1, 1000), 1)
    }

    /// Pictures in a second.
    pub fn as_f64(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// So many pictures in so many seconds.
    pub fn as_fraction(self) -> (u32, u32) {
        (self.numerator, self.denominator)
    }

    /// Time from one picture to the next.
    pub fn interval(self) -> Duration {
        self.after(1)
    }

    /// Time from the first picture to the one `pictures` later, rounded down to a nanosecond.
    pub fn after(self, pictures: u64) -> Duration {
        let nanos =
            u128::from(pictures) * u128::from(self.denominator) * 1_000_000_000 / u128::from(self.numerator);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Whole pictures that are due within `time` after the first.
    pub(crate) fn within(self, time: Duration) -> u64 {
        // The largest number whose time, rounded down, is not above `time`.
        let due = ((time.as_nanos() + 1) * u128::from(self.numerator) - 1)
            / (u128::from(self.denominator) * 1_000_000_000);
        u64::try_from(due).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            _ => write!(f, "{:.2}", self.as_f64()),
        }
    }
}

/// A steady beat, as a camera has it. Deadlines are absolute, so lateness never adds up; what was slept through is
/// skipped, as a camera skips what nobody fetches.
#[derive(Clone, Copy, Debug)]
pub struct Metronome {
    start: Instant,
    rate: FrameRate,
    next: u64,
}

impl Metronome {
    /// Beat 0 is at `start`.
    pub fn new(rate: FrameRate, start: Instant) -> Self {
        Self { start, rate, next: 0 }
    }

    /// When the next beat is due.
    pub fn deadline(&self) -> Instant {
        self.start + self.rate.after(self.next)
    }

    /// The number of the beat that is due at `now`: the newest one, where several are. `None` before its time.
    pub fn beat(&mut self, now: Instant) -> Option<u64> {
        if now < self.deadline() {
            return None;
        }
        let beat = self.rate.within(now.duration_since(self.start)).max(self.next);
        self.next = beat + 1;
        Some(beat)
    }
}

/// How often changes are passed on: at once after a rest, otherwise no oftener than the rate on average.
#[derive(Clone, Copy, Debug)]
pub struct Throttle {
    interval: Duration,
    next: Option<Instant>,
}

impl Throttle {
    /// Nothing was passed on yet.
    pub fn new(rate: FrameRate) -> Self {
        Self {
            interval: rate.interval(),
            next: None,
        }
    }

    /// Changes the rate from the next picture on.
    pub fn set_rate(&mut self, rate: FrameRate) {
        self.interval = rate.interval();
    }

    /// How long a change seen at `now` has to wait.
    pub fn wait(&self, now: Instant) -> Duration {
        self.next
            .map_or(Duration::ZERO, |next| next.saturating_duration_since(now))
    }

    /// A picture was taken at `now`.
    pub fn took(&mut self, now: Instant) {
        // A wake-up that came late does not make the next picture late, but a rest saves nothing up.
        let next = match self.next {
            Some(next) if now.saturating_duration_since(next) < self.interval => next + self.interval,
            _ => now + self.interval,
        };
        self.next = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_are_fractions_within_limits() {
        assert_eq!(
            FrameRate::new(30_000, 1001).unwrap().after(30_000),
            Duration::from_secs(1001)
        );
        assert_eq!(FrameRate::new(25, 0), None);
        assert_eq!(FrameRate::new(0, 1), None);
        assert_eq!(FrameRate::new(1001, 1), None);
        assert_eq!(FrameRate::new(1, 101), None);
        assert_eq!(FrameRate::hz(0), FrameRate::hz(1));
        assert_eq!(FrameRate::hz(30).to_string(), "30");
        assert_eq!(FrameRate::new(30_000, 1001).unwrap().to_string(), "29.97");
    }

    proptest! {
        #[test]
        fn beats_are_numbered_by_the_clock(
            numerator in 1u32..2000, denominator in 1u32..40, naps in prop::collection::vec(0u64..200_000, 1..200)
        ) {
            let Some(rate) = FrameRate::new(numerator, denominator) else { return Ok(()) };
            let start = Instant::now();
            let mut metronome = Metronome::new(rate, start);
            let (mut now, mut last) = (start, None);
            for nap in naps {
                now += Duration::from_micros(nap);
                if let Some(beat) = metronome.beat(now) {
                    prop_assert!(last.is_none_or(|last| beat > last), "{beat} after {last:?}");
                    // The newest that is due, and no other.
                    prop_assert!(start + rate.after(beat) <= now);
                    prop_assert!(start + rate.after(beat + 1) > now);
                    last = Some(beat);
                }
                prop_assert!(metronome.deadline() > now);
            }
        }

        #[test]
        fn a_throttle_keeps_to_the_rate_and_a_rest_saves_nothing_up(
            hz in 1u32..120, changes in prop::collection::vec(0u64..100_000, 1..300)
        ) {
            let rate = FrameRate::hz(hz);
            let mut throttle = Throttle::new(rate);
            let start = Instant::now();
            let (mut now, mut taken) = (start, Vec::new());
            for change in changes {
                now += Duration::from_micros(change);
                now += throttle.wait(now);
                throttle.took(now);
                taken.push(now);
            }
            for (first, &from) in taken.iter().enumerate() {
                for (count, &to) in taken[first..].iter().enumerate() {
                    // Never more in any span than the rate allows, and one.
                    prop_assert!(to.duration_since(from) + rate.interval() >= rate.interval() * count as u32);
                }
            }
        }
    }

    #[test]
    fn what_is_drawn_faster_than_the_rate_is_taken_at_the_rate() {
        let rate = FrameRate::hz(30);
        let mut throttle = Throttle::new(rate);
        let start = Instant::now();
        let mut taken = 0;
        // Looked at every millisecond, always with something new: late by half a millisecond on average.
        for millis in 0..10_000 {
            let now = start + Duration::from_millis(millis);
            if throttle.wait(now).is_zero() {
                throttle.took(now);
                taken += 1;
            }
        }
        assert!((299..=301).contains(&taken), "{taken} pictures in ten seconds");
    }
}
