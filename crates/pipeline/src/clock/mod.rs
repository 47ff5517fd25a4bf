//! The clock of an audio device: how many frames it has moved, and when. The callback ticks it, any thread reads
//! it, and from the ticks alone the reader learns how fast the device really runs.
//!
//! Time comes in as an argument everywhere; nothing here reads a clock, and nothing here waits.

mod drift;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

pub use drift::{Drift, DriftEstimator};

use crate::latch::{LatchReader, LatchWriter, latch};

/// A device that has not called for this long has stopped; its drift is no longer told.
const STOPPED_AFTER: Duration = Duration::from_secs(2);

/// The callback's end.
pub struct ClockWriter {
    latch: LatchWriter,
    origin: Arc<OnceLock<Instant>>,
    frames: u64,
}

/// Everybody else's end. Each clone makes its own estimate from the ticks it sees.
#[derive(Clone)]
pub struct ClockReader {
    latch: LatchReader,
    origin: Arc<OnceLock<Instant>>,
    nominal_rate: u32,
    seen: u64,
    estimator: DriftEstimator,
}

/// Makes the clock of a device that says it runs at `nominal_rate` frames a second.
pub fn device_clock(nominal_rate: u32) -> (ClockWriter, ClockReader) {
    let (writer, reader) = latch();
    let origin = Arc::new(OnceLock::new());
    (
        ClockWriter {
            latch: writer,
            origin: Arc::clone(&origin),
            frames: 0,
        },
        ClockReader {
            latch: reader,
            origin,
            nominal_rate,
            seen: 0,
            estimator: DriftEstimator::new(nominal_rate),
        },
    )
}

impl ClockWriter {
    /// The device moved `frames` more, in a callback that began at `at`. Wait-free.
    pub fn tick(&mut self, frames: u32, at: Instant) {
        self.frames = self.frames.wrapping_add(u64::from(frames));
        // One writer only: whoever initialises, initialises with this very value and nobody waits.
        let origin = *self.origin.get_or_init(|| at);
        // An `u64` of nanoseconds lasts 584 years.
        let since = at.saturating_duration_since(origin).as_nanos() as u64;
        self.latch.publish([self.frames, since]);
    }
}

impl ClockReader {
    /// Rate the device claims, in Hz.
    pub fn nominal_rate(&self) -> u32 {
        self.nominal_rate
    }

    /// Frames moved so far.
    pub fn frames(&self) -> u64 {
        self.latch.read().map_or(0, |(_, [frames, _])| frames)
    }

    /// The latest callback: frames moved including its own, and when it began. Both belong together.
    pub fn last_tick(&self) -> Option<(u64, Instant)> {
        self.last().map(|(_, frames, at)| (frames, at))
    }

    /// How fast the device really runs, as of its latest callback. Call it about once a callback, from the same
    /// thread: it learns from what it sees. `None` in the first seconds, and while the device has stopped.
    pub fn estimate(&mut self, now: Instant) -> Option<Drift> {
        let (version, frames, at) = self.last()?;
        if version != self.seen {
            self.seen = version;
            self.estimator.push(frames, at);
        }
        if now.saturating_duration_since(at) > STOPPED_AFTER {
            None
        } else {
            self.estimator.drift()
        }
    }

    fn last(&self) -> Option<(u64, u64, Instant)> {
        let (version, [frames, since]) = self.latch.read()?;
        // Set before the first publication.
        let origin = self.origin.get()?;
        Some((version, frames, *origin + Duration::from_nanos(since)))
    }
}
