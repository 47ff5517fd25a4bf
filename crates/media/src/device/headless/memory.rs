//! Devices whose other end is the app: raw audio in, raw audio out, through preallocated rings.

use sidetone_pipeline::{SampleReader, SampleWriter, samples};

use super::{HeadlessInput, HeadlessOutput, Sink, Source, TimelineHandle};
use crate::device::{DeviceError, Direction, StreamFormat};

struct RingSource(SampleReader);

impl Source for RingSource {
    fn fill(&mut self, out: &mut [f32]) -> bool {
        self.0.read(out);
        true
    }
}

/// A microphone that hears what the app writes, and the writer. `frames` is how much may wait; what does not
/// fit is counted as an overrun, what is missing when the clock asks is silence and an underrun. Write whole
/// frames.
///
/// # Errors
/// [`DeviceError::Format`] for a format no device has.
pub fn memory_input(
    format: StreamFormat,
    frames: usize,
) -> Result<(HeadlessInput, SampleWriter), DeviceError> {
    super::check(&super::info("app", Direction::Input, format), format)?;
    let (writer, reader) = samples(frames.max(1) * usize::from(format.channels));
    Ok((HeadlessInput::new("app", format, RingSource(reader))?, writer))
}

struct RingSink(SampleWriter);

impl Sink for RingSink {
    fn take(&mut self, samples: &[f32]) {
        self.0.write(samples);
    }
}

/// A speaker that keeps what it plays, and the recording. `frames` is how much may wait to be read, allocated
/// here; what does not fit is dropped and counted, never grown.
///
/// # Errors
/// [`DeviceError::Format`] for a format no device has.
pub fn memory_output(
    format: StreamFormat,
    frames: usize,
) -> Result<(HeadlessOutput, Recording), DeviceError> {
    super::check(&super::info("memory", Direction::Output, format), format)?;
    let (writer, samples) = samples(frames.max(1) * usize::from(format.channels));
    let device = HeadlessOutput::new("memory", format, RingSink(writer))?;
    let timeline = device.timeline();
    Ok((
        device,
        Recording {
            format,
            samples,
            timeline,
        },
    ))
}

/// What a [`memory_output`] played. Sample 0 is heard at the epoch of its timeline.
pub struct Recording {
    format: StreamFormat,
    samples: SampleReader,
    timeline: TimelineHandle,
}

impl Recording {
    /// Channels and rate of the samples.
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// When the samples were heard.
    pub fn timeline(&self) -> TimelineHandle {
        self.timeline.clone()
    }

    /// Interleaved samples that wait to be read.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads up to `out.len()` waiting samples and returns how many.
    pub fn read(&mut self, out: &mut [f32]) -> usize {
        let waiting = self.samples.len().min(out.len());
        self.samples.read(&mut out[..waiting])
    }

    /// Everything played since the last read.
    pub fn take(&mut self) -> Vec<f32> {
        let mut all = vec![0.0; self.samples.len()];
        let read = self.samples.read(&mut all);
        all.truncate(read);
        all
    }

    /// Samples that were dropped because the recording was full.
    pub fn lost(&self) -> u64 {
        self.samples.counters().overruns()
    }
}
