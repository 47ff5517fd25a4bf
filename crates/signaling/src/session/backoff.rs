//! Delays between attempts to connect: at once, then doubling, with jitter so that clients do not come in step.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// The next delay.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
    rng: ChaCha8Rng,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        Self {
            first,
            longest,
            attempts: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// A connection worked: the next loss starts anew, with an immediate attempt.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The service asked to be left alone: no immediate attempt.
    pub(super) fn skip_immediate(&mut self) {
        self.attempts = self.attempts.max(1);
    }

    pub(super) fn next(&mut self) -> Duration {
        let attempt = self.attempts;
        self.attempts = self.attempts.saturating_add(1);
        if attempt == 0 {
            return Duration::ZERO;
        }
        let full = self
            .first
            .saturating_mul(1 << (attempt - 1).min(16))
            .min(self.longest);
        // Between half and all of it.
        let share = 0.5 + 0.5 * f64::from(self.rng.next_u32()) / f64::from(u32::MAX);
        full.mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_at_once_then_doubling_up_to_the_longest() {
        let (first, longest) = (Duration::from_millis(250), Duration::from_secs(8));
        let mut backoff = Backoff::new(first, longest, 1);
        assert_eq!(backoff.next(), Duration::ZERO);
        for attempt in 0..40 {
            let full = first.saturating_mul(1 << attempt.min(16)).min(longest);
            let delay = backoff.next();
            assert!(delay >= full / 2 && delay <= full, "{delay:?} of {full:?}");
        }
        backoff.reset();
        backoff.skip_immediate();
        assert!(backoff.next() > Duration::ZERO);
    }
}
