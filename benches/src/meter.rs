//! What a workload shows its work to: nobody, a clock, or callgrind, which counts between the entry to [`counted`]
//! and its end.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Pattern of the function whose instructions callgrind shall collect.
pub const COUNTED: &str = "sidetone_benches::meter::counted*";

/// Who looks at the work.
pub enum Meter {
    /// Nobody: warming up.
    Idle,
    /// A clock, and the time so far.
    Clock(Duration),
    /// Callgrind.
    Counter,
}

impl Meter {
    /// Does the work that is to be measured.
    pub fn measure<R>(&mut self, work: impl FnOnce() -> R) -> R {
        match self {
            Self::Idle => work(),
            Self::Clock(elapsed) => {
                let start = Instant::now();
                let result = black_box(work());
                *elapsed += start.elapsed();
                result
            }
            Self::Counter => counted(work),
        }
    }

    /// The time so far; zero without a clock.
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::Clock(elapsed) => *elapsed,
            Self::Idle | Self::Counter => Duration::ZERO,
        }
    }
}

/// A call of its own for callgrind to see.
#[inline(never)]
fn counted<R>(work: impl FnOnce() -> R) -> R {
    black_box(work())
}
