//! When the next picture of a stream may be coded, so that a source faster than the plan is thinned out evenly.
//! Pure.

use std::time::Duration;

/// Counts in the time of the caller.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    next: Duration,
}

impl Pace {
    /// Whether a picture may be coded at `now`; a quarter of an interval early is on time, since cameras jitter.
    pub(super) fn ready(&self, now: Duration, interval: Duration) -> bool {
        now + interval / 4 >= self.next
    }

    /// How long to wait for that.
    pub(super) fn wait(&self, now: Duration, interval: Duration) -> Duration {
        self.next.saturating_sub(now + interval / 4)
    }

    /// One was coded at `now`.
    pub(super) fn coded(&mut self, now: Duration, interval: Duration) {
        // Keeps the beat, but never catches up what was missed.
        self.next = (self.next + interval)
            .max(now + interval - interval / 4)
            .min(now + interval + interval / 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(source: f64, plan: f64, jitter: bool) -> usize {
        let interval = Duration::from_secs_f64(1.0 / plan);
        let mut pace = Pace::default();
        (0..(source * 10.0) as u32)
            .filter(|number| {
                let late = if jitter {
                    f64::from(number % 3) * 0.003
                } else {
                    0.0
                };
                let now = Duration::from_secs_f64(1.0 + f64::from(*number) / source + late);
                let ready = pace.ready(now, interval);
                if ready {
                    pace.coded(now, interval);
                }
                ready
            })
            .count()
    }

    #[test]
    fn a_source_is_thinned_out_to_the_plan() {
        for jitter in [false, true] {
            assert_eq!(count(30.0, 30.0, jitter), 300);
            assert_eq!(count(15.0, 30.0, jitter), 150);
            assert!(
                count(30.0, 15.0, jitter).abs_diff(150) <= 2,
                "{}",
                count(30.0, 15.0, jitter)
            );
            assert!(
                count(60.0, 10.0, jitter).abs_diff(100) <= 10,
                "{}",
                count(60.0, 10.0, jitter)
            );
            assert!(count(30.0, 1.0, jitter).abs_diff(10) <= 2);
        }
    }
}
