//! What a receiver's path carries. A receiver that is sent little estimates little (REMB), about one and a half times what
//! comes, so its figure is no limit; but where it falls, or packets get lost, the path is full. Until then there is none,
//! and afterwards it grows until it is full again.

use std::time::{Duration, Instant};

/// The rate is taken over this long at least, and a limit grows so often.
const WINDOW: Duration = Duration::from_secs(1);

/// An estimate that falls below this share of the last one says that packets queue, in hundredths.
const FALL: u64 = 97;

/// And it is about as much as is sent, in hundredths; else it falls for another reason.
const NEAR: u64 = 120;

/// Loss from which on the path is full, in 256ths: below, it is that of the air.
const LOSS: u8 = 26;

/// Growth of the limit, in hundredths. More finds room sooner, and overshoots further.
const GROWTH: u64 = 108;

/// A limit that nobody reaches, in bit/s.
const PLENTY: u64 = 100_000_000;

/// The path to one receiver.
#[derive(Debug)]
pub(super) struct Path {
    limit: Option<u64>,
    /// The receiver's last.
    estimate: u64,
    bytes: u64,
    since: Instant,
    /// Bits in a second, of the last whole window.
    rate: u64,
    lowered: Instant,
}

impl Path {
    pub const fn new(now: Instant) -> Self {
        Self {
            limit: None,
            estimate: 0,
            bytes: 0,
            since: now,
            rate: 0,
            lowered: now,
        }
    }

    /// Takes the receiver's estimate in bit/s.
    pub fn estimate(&mut self, now: Instant, estimate: u64) {
        let fell = estimate < self.estimate / 100 * FALL;
        self.estimate = estimate;
        if fell && estimate < self.rate / 100 * NEAR {
            self.limit = Some(estimate);
            self.lowered = now;
        }
    }

    /// Takes the share of the last packets that were lost, in 256ths.
    pub fn loss(&mut self, now: Instant, fraction: u8) {
        if fraction >= LOSS && now.saturating_duration_since(self.lowered) >= WINDOW {
            self.limit = Some(self.rate / 512 * (512 - u64::from(fraction)));
            self.lowered = now;
        }
    }

    /// The bytes sent so far; to be told every now and then. Gives the limit to keep to, once the path has ever been
    /// full.
    pub fn limit(&mut self, now: Instant, bytes: u64) -> Option<u64> {
        let passed = now.saturating_duration_since(self.since);
        if passed >= WINDOW {
            let bits = (bytes - self.bytes) * 8;
            self.rate = (bits as f64 / passed.as_secs_f64()) as u64;
            (self.bytes, self.since) = (bytes, now);
            if now.saturating_duration_since(self.lowered) >= WINDOW {
                self.limit = self.limit.map(|limit| (limit / 100 * GROWTH).min(PLENTY));
            }
        }
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Run {
        path: Path,
        now: Instant,
        bytes: u64,
    }

    impl Run {
        /// A second in which so much is sent, and so much estimated at its end.
        fn second(&mut self, rate: u64, estimate: u64, loss: u8) -> Option<u64> {
            self.now += Duration::from_secs(1);
            self.bytes += rate / 8;
            let limit = self.path.limit(self.now, self.bytes);
            self.path.estimate(self.now, estimate);
            self.path.loss(self.now, loss);
            self.path.limit(self.now, self.bytes).or(limit)
        }
    }

    #[test]
    fn only_a_path_that_is_full_has_a_limit_and_it_grows_again() {
        let now = Instant::now();
        let (path, bytes) = (Path::new(now), 0);
        let mut run = Run { path, now, bytes };
        // Little is sent, so little is estimated, and what is estimated lags: nothing follows from it.
        assert_eq!(run.second(100_000, 50_000, 0), None);
        assert_eq!(run.second(300_000, 90_000, 5), None);
        // Nor from an estimate that falls because less is sent.
        assert_eq!(run.second(1_000_000, 1_500_000, 0), None);
        assert_eq!(run.second(100_000, 900_000, 0), None);
        // It falls below what is sent.
        assert_eq!(run.second(1_000_000, 850_000, 0), Some(850_000));
        assert_eq!(run.second(850_000, 850_000, 0), Some(918_000));
        // A quarter is lost.
        assert_eq!(run.second(900_000, 850_000, 64), Some(900_000 / 512 * 448));
        for _ in 0..100 {
            run.second(800_000, 850_000, 0);
        }
        assert_eq!(run.second(800_000, 850_000, 0), Some(PLENTY));
    }
}
