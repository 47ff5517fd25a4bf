//! Token buckets, one for each of many keys: so many at once, so many in a period. Pure: the time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sidetone_store::WallTime;

/// Keys that are remembered. Past that, those who were idle longest enough to be full again are forgotten, which
/// changes nothing for them.
const REMEMBERED: usize = 10_000;

/// Lets through `allowance` at once, and `allowance` in every period, for each key.
pub(crate) struct Limiter<K> {
    allowance: u32,
    period: Duration,
    buckets: Mutex<HashMap<K, Bucket>>,
}

/// What is left, in milliseconds of the period: full at `period`.
struct Bucket {
    level: f64,
    at: WallTime,
}

impl<K: Eq + Hash> Limiter<K> {
    /// `allowance` for each `period`; at least one.
    pub(crate) fn new(allowance: u32, period: Duration) -> Self {
        Self {
            allowance: allowance.max(1),
            period: period.max(Duration::from_millis(1)),
            buckets: Mutex::default(),
        }
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long to wait, when there is none left.
    pub(crate) fn take(&self, key: K, now: WallTime) -> Result<(), Duration> {
        self.take_many(key, 1, now)
    }

    /// Takes `count` or nothing. More than the allowance is let through when the bucket is full, and emptied.
    ///
    /// # Errors
    /// How long to wait, when there are not enough left.
    pub(crate) fn take_many(&self, key: K, count: u32, now: WallTime) -> Result<(), Duration> {
        let full = self.period.as_secs_f64() * 1e3;
        let cost = full / f64::from(self.allowance) * f64::from(count.min(self.allowance));
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= REMEMBERED && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| bucket.filled(now, full) < full);
            // Everybody is busy: the newcomer is told to come back rather than memory grow.
            if buckets.len() >= REMEMBERED {
                return Err(self.period);
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { level: full, at: now });
        bucket.level = bucket.filled(now, full);
        // A clock that was set back must not fill the bucket twice.
        bucket.at = bucket.at.max(now);
        // A hair of tolerance: what was divided does not quite add up again.
        if bucket.level + 1e-6 < cost {
            return Err(Duration::from_secs_f64((cost - bucket.level) / 1e3));
        }
        bucket.level -= cost;
        Ok(())
    }
}

impl Bucket {
    fn filled(&self, now: WallTime, full: f64) -> f64 {
        let passed = now.as_millis().saturating_sub(self.at.as_millis());
        (self.level + passed as f64).min(full)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> WallTime {
        WallTime::from_millis(1_000_000 + ms)
    }

    #[test]
    fn an_allowance_can_be_used_at_once_and_comes_back_evenly() {
        let limiter = Limiter::new(10, Duration::from_secs(1));
        for _ in 0..10 {
            limiter.take("a", at(0)).unwrap();
        }
        assert_eq!(limiter.take("a", at(0)).unwrap_err(), Duration::from_millis(100));
        limiter.take("b", at(0)).unwrap();
        assert!(limiter.take("a", at(99)).is_err());
        limiter.take("a", at(100)).unwrap();
        assert!(limiter.take("a", at(100)).is_err());
    }

    #[test]
    fn a_clock_set_back_gives_nothing_away() {
        let limiter = Limiter::new(1, Duration::from_secs(1));
        limiter.take((), at(5_000)).unwrap();
        assert!(limiter.take((), at(0)).is_err());
        assert!(limiter.take((), at(5_500)).is_err());
        limiter.take((), at(6_000)).unwrap();
    }

    proptest! {
        #[test]
        fn never_more_than_the_allowance_and_what_time_brought(
            allowance in 1u32..20,
            steps in prop::collection::vec((0u64..400, 1u32..4), 1..100),
        ) {
            let limiter = Limiter::new(allowance, Duration::from_secs(1));
            let (mut now, mut taken) = (0, 0);
            for (passed, count) in steps {
                now += passed;
                let count = count.min(allowance);
                match limiter.take_many((), count, at(now)) {
                    Ok(()) => taken += u64::from(count),
                    Err(wait) => {
                        // Whoever waits as told is let in.
                        now += u64::try_from(wait.as_micros().div_ceil(1000)).unwrap() + 1;
                        prop_assert!(limiter.take_many((), count, at(now)).is_ok());
                        taken += u64::from(count);
                    }
                }
                let allowed = u64::from(allowance) * (1000 + now);
                prop_assert!(taken * 1000 <= allowed + 1000, "{taken} by {now}");
            }
        }
    }
}
