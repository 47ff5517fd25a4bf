//! How much somebody may do: so much at once, and then no faster than it comes back (the generic cell rate algorithm,
//! ITU-T I.371).

use std::time::{Duration, Instant};

/// What somebody has used up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    /// When all of it has come back.
    whole: Option<Instant>,
}

impl Allowance {
    /// Uses what takes `cost` to come back, of what takes `burst` to come back when nothing is left. False: there is not so
    /// much.
    pub(super) fn take(&mut self, cost: Duration, burst: Duration, now: Instant) -> bool {
        let whole = self.whole.unwrap_or(now).max(now) + cost;
        let fits = whole.saturating_duration_since(now) <= burst;
        if fits {
            self.whole = Some(whole);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn in_any_time_no_more_passes_than_the_burst_and_what_came_back(
            steps in proptest::collection::vec((0_u64..400, 1_u64..300), 1..200),
        ) {
            let burst = Duration::from_millis(1000);
            let begin = Instant::now();
            let (mut allowance, mut now, mut passed) = (Allowance::default(), begin, Duration::ZERO);
            for (wait, cost) in steps {
                now += Duration::from_millis(wait);
                let cost = Duration::from_millis(cost);
                if allowance.take(cost, burst, now) {
                    passed += cost;
                }
                prop_assert!(passed <= burst + (now - begin));
            }
        }

        #[test]
        fn whoever_is_slow_is_never_refused(costs in proptest::collection::vec(1_u64..1000, 1..50)) {
            let mut now = Instant::now();
            let mut allowance = Allowance::default();
            for cost in costs {
                let cost = Duration::from_millis(cost);
                prop_assert!(allowance.take(cost, Duration::from_millis(1000), now));
                now += cost;
            }
        }
    }
}
