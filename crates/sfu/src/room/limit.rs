//! A rate limit in one number (the generic cell rate algorithm, ITU-T I.371 annex A).

/// Lets `cost` after `cost` pass as long as they do not run ahead of time by more than `burst`, all in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limit {
    until: u64,
}

impl Limit {
    pub(crate) fn allow(&mut self, now: u64, cost: u64, burst: u64) -> bool {
        let until = self.until.max(now);
        if until - now > burst {
            return false;
        }
        self.until = until + cost;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut limit = Limit::default();
        let burst = (0..100).filter(|_| limit.allow(0, 1000, 9_999)).count();
        assert_eq!(burst, 10);
        let later = (0..100_000u64)
            .step_by(100)
            .filter(|now| limit.allow(*now, 1000, 9_999));
        assert_eq!(later.count(), 100);
    }
}
