//! How fast a client may ask: a token bucket.

use std::time::Instant;

/// Four seconds' worth of requests may come at once.
const BURST_SECONDS: f64 = 4.0;

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Carry it out.
    Pass,
    /// Refuse it.
    Refuse,
    /// Refuse it and the client: it does not listen to refusals.
    Expel,
}

/// A token bucket; debt counts refusals.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: f64,
    level: f64,
    updated: Instant,
}

impl RateLimit {
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self {
            per_second,
            level: per_second * BURST_SECONDS,
            updated: now,
        }
    }

    pub(crate) fn take(&mut self, now: Instant) -> Verdict {
        let burst = self.per_second * BURST_SECONDS;
        let elapsed = now.saturating_duration_since(self.updated).as_secs_f64();
        self.updated = self.updated.max(now);
        self.level = (self.level + elapsed * self.per_second).min(burst) - 1.0;
        if self.level >= 0.0 {
            Verdict::Pass
        } else if self.level >= -burst {
            Verdict::Refuse
        } else {
            Verdict::Expel
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_a_flood_does_not() {
        let start = Instant::now();
        let mut rate = RateLimit::new(10, start);
        let verdicts: Vec<_> = (0..81).map(|_| rate.take(start)).collect();
        assert!(verdicts[..40].iter().all(|v| *v == Verdict::Pass));
        assert!(verdicts[40..80].iter().all(|v| *v == Verdict::Refuse));
        assert_eq!(verdicts[80], Verdict::Expel);
        assert_eq!(rate.take(start + Duration::from_secs(60)), Verdict::Pass);
    }
}
