//! Which moment a sample belongs to.
//!
//! Plain arithmetic between sample numbers and [`Instant`]s, and the bridge to `CLOCK_MONOTONIC` nanoseconds
//! that two processes on one machine share. It refuses to know devices.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Times of the samples of one stream: sample `n` belongs to `epoch + n / rate`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timeline {
    epoch: Instant,
    rate: f64,
}

impl Timeline {
    /// A timeline that starts at `epoch` with a clock `skew_ppm` millionths faster than `nominal_rate` Hz.
    pub fn new(epoch: Instant, nominal_rate: u32, skew_ppm: f64) -> Self {
        let skew = if skew_ppm.is_finite() {
            skew_ppm.clamp(-100_000.0, 100_000.0)
        } else {
            0.0
        };
        Self {
            epoch,
            rate: f64::from(nominal_rate.max(1)) * (1.0 + skew * 1e-6),
        }
    }

    /// The moment of sample 0.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }

    /// The true rate in Hz, skew included.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The moment of sample `n`, which may lie before the epoch.
    pub fn at(&self, n: i64) -> Instant {
        let offset = Duration::from_secs_f64(n.unsigned_abs() as f64 / self.rate);
        let moment = if n < 0 {
            self.epoch.checked_sub(offset)
        } else {
            self.epoch.checked_add(offset)
        };
        // Only a sample further away than the clock reaches has no moment; nothing waits for it.
        moment.unwrap_or(self.epoch)
    }

    /// The (fractional) sample number of a moment; negative before the epoch.
    pub fn sample_at(&self, at: Instant) -> f64 {
        let after = at.saturating_duration_since(self.epoch).as_secs_f64();
        let before = self.epoch.saturating_duration_since(at).as_secs_f64();
        (after - before) * self.rate
    }
}

/// A timeline that becomes known when its device is opened, shared with whoever measures.
#[derive(Clone, Debug, Default)]
pub struct TimelineHandle {
    timeline: Arc<Mutex<Option<Timeline>>>,
}

impl TimelineHandle {
    /// The timeline of the latest opening, if there was one.
    pub fn get(&self) -> Option<Timeline> {
        *self.timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, timeline: Timeline) {
        *self.timeline.lock().unwrap_or_else(PoisonError::into_inner) = Some(timeline);
    }
}

/// `CLOCK_MONOTONIC` in nanoseconds at `at`: the same number in every process of this machine. Good to a
/// microsecond or so; `None` where the platform has no such clock.
pub fn monotonic_nanos(at: Instant) -> Option<i64> {
    let (now, nanos) = both_clocks()?;
    let ahead = i64::try_from(at.saturating_duration_since(now).as_nanos()).ok()?;
    let behind = i64::try_from(now.saturating_duration_since(at).as_nanos()).ok()?;
    Some(nanos + ahead - behind)
}

/// The moment another process named by [`monotonic_nanos`].
pub fn instant_of_monotonic_nanos(nanos: i64) -> Option<Instant> {
    let (now, now_nanos) = both_clocks()?;
    let distance = nanos.checked_sub(now_nanos)?;
    let offset = Duration::from_nanos(distance.unsigned_abs());
    if distance < 0 {
        now.checked_sub(offset)
    } else {
        now.checked_add(offset)
    }
}

/// `Instant` and `CLOCK_MONOTONIC` read at (nearly) the same moment: the tightest of a few tries.
#[cfg(target_os = "linux")]
fn both_clocks() -> Option<(Instant, i64)> {
    use rustix::time::{ClockId, clock_gettime};
    let tries = (0..5).map(|_| {
        let before = Instant::now();
        let clock = clock_gettime(ClockId::Monotonic);
        let gap = before.elapsed();
        (
            gap,
            before + gap / 2,
            clock.tv_sec * 1_000_000_000 + clock.tv_nsec,
        )
    });
    tries
        .min_by_key(|(gap, ..)| *gap)
        .map(|(_, instant, nanos)| (instant, nanos))
}

#[cfg(not(target_os = "linux"))]
fn both_clocks() -> Option<(Instant, i64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_moments_are_inverse() {
        let line = Timeline::new(Instant::now() + Duration::from_secs(10), 48_000, 250.0);
        for n in [-48_000, -1, 0, 1, 480, 123_456_789] {
            assert!((line.sample_at(line.at(n)) - n as f64).abs() < 1e-3, "sample {n}");
        }
        let hour = line.at(48_000 * 3600).duration_since(line.epoch()).as_secs_f64();
        assert!(
            (hour - 3600.0 / 1.000_25).abs() < 1e-6,
            "a fast clock finishes its hour early: {hour}"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn monotonic_nanoseconds_name_the_same_moment() {
        let moment = Instant::now() + Duration::from_secs(3);
        let back = instant_of_monotonic_nanos(monotonic_nanos(moment).unwrap()).unwrap();
        let error = back.max(moment).duration_since(back.min(moment));
        // Two conversions, each good to the gap between two clock reads; a millisecond allows for preemption.
        assert!(error < Duration::from_millis(1), "{error:?}");
    }
}
