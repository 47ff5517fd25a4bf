//! The two real-time bodies that every device runs, real or headless.
//!
//! A body moves interleaved samples between the platform's buffer and a lock-free ring, ticks the device clock
//! and wakes the worker. It refuses everything else: no allocation, no lock, no log, no wait. Both run inside a
//! [`guard`] section, so the guard's test and the benchmark see exactly what a call runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sidetone_pipeline::{
    ClockReader, ClockWriter, Notifier, SampleReader, SampleWriter, device_clock, guard, samples,
};

use super::StreamFormat;

/// Name of the guard section that [`CaptureCallback`] runs in.
pub const CAPTURE_SECTION: &str = "capture callback";
/// Name of the guard section that [`PlayoutCallback`] runs in.
pub const PLAYOUT_SECTION: &str = "playout callback";

/// Samples converted at a time, on the stack. A multiple of every channel count fits in below it.
const CHUNK: usize = 512;

/// Most channels a stream may have: a whole frame must fit in a chunk with room to spare.
pub const MAX_CHANNELS: u16 = 64;

/// A latency that the callback measures and any thread reads.
#[derive(Clone, Debug, Default)]
pub struct LatencyGauge {
    /// Nanoseconds plus one; zero when unknown.
    value: Arc<AtomicU64>,
}

impl LatencyGauge {
    /// Stores a measurement. Safe in a real-time callback.
    pub fn set(&self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX - 1);
        self.value.store(nanos.saturating_add(1), Ordering::Relaxed);
    }

    /// The latest measurement, if the platform gave one.
    pub fn get(&self) -> Option<Duration> {
        self.value
            .load(Ordering::Relaxed)
            .checked_sub(1)
            .map(Duration::from_nanos)
    }
}

/// Frames of ring for a stream: a quarter of a second, or eight callbacks where those are larger.
///
/// More only delays the moment a stalled worker's loss is counted; it adds no latency, since the worker keeps
/// the ring near empty.
fn ring_frames(format: StreamFormat, period: u32) -> usize {
    (format.sample_rate as usize / 4).max(period as usize * 8).max(1)
}

/// The body of a microphone's callback.
pub struct CaptureCallback {
    channels: usize,
    samples: SampleWriter,
    clock: ClockWriter,
    wake: Notifier,
}

impl CaptureCallback {
    /// A body and the worker's ends of its ring and clock. `period` is the expected callback size in frames;
    /// any other size works as well. `wake` is notified by each callback that leaves the ring at its watermark.
    pub fn new(format: StreamFormat, period: u32, wake: Notifier) -> (Self, SampleReader, ClockReader) {
        let channels = usize::from(format.channels.clamp(1, MAX_CHANNELS));
        let (writer, reader) = samples(ring_frames(format, period) * channels);
        let (ticks, clock) = device_clock(format.sample_rate);
        (
            Self {
                channels,
                samples: writer,
                clock: ticks,
                wake,
            },
            reader,
            clock,
        )
    }

    /// Takes one buffer of interleaved samples that the platform delivered at `at`, each through `to_f32`.
    /// What finds the ring full is dropped and counted as an overrun.
    pub fn run<T: Copy>(&mut self, data: &[T], at: Instant, to_f32: impl Fn(T) -> f32) {
        let _section = guard::enter(CAPTURE_SECTION);
        let whole = data.len() - data.len() % self.channels;
        let mut chunk = [0.0; CHUNK];
        for part in data[..whole].chunks(CHUNK / self.channels * self.channels) {
            for (slot, &sample) in chunk.iter_mut().zip(part) {
                *slot = to_f32(sample);
            }
            self.samples.write(&chunk[..part.len()]);
        }
        self.finish(whole, at);
    }

    /// As [`CaptureCallback::run`], for samples that are `f32` already.
    pub fn run_f32(&mut self, data: &[f32], at: Instant) {
        let _section = guard::enter(CAPTURE_SECTION);
        let whole = data.len() - data.len() % self.channels;
        self.samples.write(&data[..whole]);
        self.finish(whole, at);
    }

    fn finish(&mut self, taken: usize, at: Instant) {
        self.clock.tick((taken / self.channels) as u32, at);
        if self.samples.at_watermark() {
            self.wake.notify();
        }
    }
}

/// The body of a speaker's callback.
pub struct PlayoutCallback {
    channels: usize,
    samples: SampleReader,
    clock: ClockWriter,
    wake: Notifier,
}

impl PlayoutCallback {
    /// A body and the worker's ends of its ring and clock. `period` is the expected callback size in frames;
    /// any other size works as well. `wake` is notified once a callback.
    pub fn new(format: StreamFormat, period: u32, wake: Notifier) -> (Self, SampleWriter, ClockReader) {
        let channels = usize::from(format.channels.clamp(1, MAX_CHANNELS));
        let (writer, reader) = samples(ring_frames(format, period) * channels);
        let (ticks, clock) = device_clock(format.sample_rate);
        (
            Self {
                channels,
                samples: reader,
                clock: ticks,
                wake,
            },
            writer,
            clock,
        )
    }

    /// Fills one buffer that the platform asked for at `at`, each sample through `from_f32`. What the ring
    /// lacks is silence and counted as an underrun.
    pub fn run<T>(&mut self, data: &mut [T], at: Instant, from_f32: impl Fn(f32) -> T) {
        let _section = guard::enter(PLAYOUT_SECTION);
        let (whole, torn) = split_whole(data, self.channels);
        let frames = whole.len() / self.channels;
        let mut chunk = [0.0; CHUNK];
        for part in whole.chunks_mut(CHUNK / self.channels * self.channels) {
            self.samples.read(&mut chunk[..part.len()]);
            for (slot, &sample) in part.iter_mut().zip(&chunk) {
                *slot = from_f32(sample);
            }
        }
        torn.iter_mut().for_each(|slot| *slot = from_f32(0.0));
        self.clock.tick(frames as u32, at);
        self.wake.notify();
    }

    /// As [`PlayoutCallback::run`], for samples that stay `f32`.
    pub fn run_f32(&mut self, data: &mut [f32], at: Instant) {
        let _section = guard::enter(PLAYOUT_SECTION);
        let (whole, torn) = split_whole(data, self.channels);
        self.samples.read(whole);
        torn.fill(0.0);
        let frames = whole.len() / self.channels;
        self.clock.tick(frames as u32, at);
        self.wake.notify();
    }
}

/// Splits off what would be a torn frame at the end. No sane host sends one; a torn frame in the ring would
/// swap the channels for good.
fn split_whole<T>(data: &mut [T], channels: usize) -> (&mut [T], &mut [T]) {
    let whole = data.len() - data.len() % channels;
    data.split_at_mut(whole)
}
