//! What a receiver's path carries. A receiver that is sent little estimates little (REMB), about one and a half times what
//! comes, so its figure is no limit; but where it falls, or packets get lost, the path is full. Until then there is none,
//! and afterwards it grows until it is full again.

use std::time::{Duration, Instant};

use crate::rtp::ReportBlock;

/// The rate is taken over this long at least, and a limit grows so often.
const WINDOW: Duration = Duration::from_secs(1);

/// An estimate that falls below this share of the last one says that packets queue, in hundredths.
const FALL: u64 = 97;

/// And it is about as much as is sent, in hundredths; else it falls for another reason.
const NEAR: u64 = 120;

/// Loss from which on the path is full, in hundredths: below, it is that of the air.
const LOSS: u64 = 10;

/// Packets over which loss is taken. Fewer tell sooner, and more often the wrong thing.
const SAMPLE: u64 = 100;

/// Growth of the limit, in hundredths. More finds room sooner, and overshoots further.
const GROWTH: u64 = 108;

/// Limits that nobody goes below or above, in bit/s.
const LEAST: u64 = 100_000;
const PLENTY: u64 = 100_000_000;

/// What the limit grows by beside, in bit/s.
const STEP: u64 = 20_000;

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
    /// The last one of each picture.
    reports: Vec<ReportBlock>,
    expected: u64,
    lost: u64,
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
            reports: Vec::new(),
            expected: 0,
            lost: 0,
        }
    }

    /// Takes the receiver's estimate in bit/s.
    pub fn estimate(&mut self, now: Instant, estimate: u64) {
        let fell = estimate < self.estimate / 100 * FALL;
        self.estimate = estimate;
        if fell && estimate < self.rate / 100 * NEAR {
            self.limit = Some(estimate.max(LEAST));
            self.lowered = now;
        }
    }

    /// Takes a report on a picture.
    pub fn report(&mut self, now: Instant, block: &ReportBlock) {
        let Some(last) = self.reports.iter_mut().find(|last| last.ssrc == block.ssrc) else {
            self.reports.push(*block);
            return;
        };
        let expected = block.highest.wrapping_sub(last.highest);
        // More than could have been sent between two reports is a source that begins anew, or a lie.
        if expected < 1 << 15 {
            self.expected += u64::from(expected);
            self.lost += u64::try_from(block.lost - last.lost).unwrap_or(0);
        }
        *last = *block;
        if self.expected < SAMPLE {
            return;
        }
        let share = (self.lost * 100 / self.expected).min(100);
        (self.expected, self.lost) = (0, 0);
        if share >= LOSS {
            self.limit = Some((self.rate / 200 * (200 - share)).max(LEAST));
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
                self.limit = self.limit.map(|limit| (limit / 100 * GROWTH + STEP).min(PLENTY));
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
        block: ReportBlock,
    }

    impl Run {
        /// A second in which so much is sent, and at its end so much estimated, and so many packets of 100 lost.
        fn second(&mut self, rate: u64, estimate: u64, lost: i32) -> Option<u64> {
            self.now += Duration::from_secs(1);
            self.bytes += rate / 8;
            self.block.highest += 100;
            self.block.lost += lost;
            self.path.limit(self.now, self.bytes);
            self.path.estimate(self.now, estimate);
            self.path.report(self.now, &self.block);
            self.path.limit
        }
    }

    #[test]
    fn only_a_path_that_is_full_has_a_limit_and_it_grows_again() {
        let now = Instant::now();
        let (path, bytes, block) = (Path::new(now), 0, ReportBlock::default());
        let mut run = Run {
            path,
            now,
            bytes,
            block,
        };
        // Little is sent, so little is estimated, and what is estimated lags: nothing follows from it.
        assert_eq!(run.second(100_000, 50_000, 0), None);
        assert_eq!(run.second(300_000, 90_000, 5), None);
        // Nor from an estimate that falls because less is sent.
        assert_eq!(run.second(1_000_000, 1_500_000, 0), None);
        assert_eq!(run.second(100_000, 900_000, 0), None);
        // It falls below what is sent.
        assert_eq!(run.second(1_000_000, 850_000, 0), Some(850_000));
        assert_eq!(run.second(850_000, 850_000, 0), Some(938_000));
        // A fifth is lost.
        assert_eq!(run.second(900_000, 850_000, 20), Some(810_000));
        for _ in 0..100 {
            run.second(800_000, 850_000, 0);
        }
        assert_eq!(run.second(800_000, 850_000, 0), Some(PLENTY));
        // However bad it is, something is tried.
        assert_eq!(run.second(10_000, 850_000, 100), Some(LEAST));
    }
}
