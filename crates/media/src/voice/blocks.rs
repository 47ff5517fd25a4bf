//! Between a device's ring (any rate, any channels, any callback size) and the engine's blocks of 10 ms mono.

use sidetone_pipeline::{SampleReader, SampleWriter};

use super::{BLOCK, RATE};
use crate::device::convert::{Block, Quality, ResampleError, Resampler, from_mono, to_mono};
use crate::device::{StreamFormat, StreamRequest};

/// Smallest piece the playing side works in: 2.5 ms.
pub const QUARTER: usize = BLOCK / 4;

/// Reads whole blocks from a microphone's ring.
pub struct BlockReader {
    ring: SampleReader,
    channels: u16,
    resampler: Option<Resampler>,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
}

impl BlockReader {
    /// A reader for a ring of the given format. At 48 kHz nothing is resampled and nothing is delayed.
    pub fn new(ring: SampleReader, format: StreamFormat) -> Result<Self, ResampleError> {
        let resampler = (format.sample_rate != RATE)
            .then(|| Resampler::new(format.sample_rate, RATE, Block::Output(BLOCK), Quality::LowDelay))
            .transpose()?;
        let frames = resampler.as_ref().map_or(BLOCK, Resampler::input_max);
        Ok(Self {
            ring,
            channels: format.channels,
            resampler,
            interleaved: vec![0.0; frames * usize::from(format.channels)],
            mono: vec![0.0; frames],
        })
    }

    /// Whether `count` blocks are there. When not, the device wakes the worker once they are, and not before.
    pub fn has(&self, count: usize) -> bool {
        let wanted = count * self.block_samples();
        self.ring.set_watermark(wanted);
        self.ring.len() >= wanted
    }

    /// Samples of the ring that the next block takes.
    fn block_samples(&self) -> usize {
        self.resampler.as_ref().map_or(BLOCK, Resampler::input_needed) * usize::from(self.channels)
    }

    /// The next block, or `None` until the device has brought enough.
    pub fn next(&mut self) -> Option<[f32; BLOCK]> {
        let wanted = self.block_samples();
        if self.ring.len() < wanted {
            return None;
        }
        let interleaved = &mut self.interleaved[..wanted];
        self.ring.read(interleaved);
        let mut block = [0.0; BLOCK];
        match &mut self.resampler {
            None => {
                to_mono(interleaved, self.channels, &mut block);
            }
            Some(resampler) => {
                let frames = to_mono(interleaved, self.channels, &mut self.mono);
                resampler.process(&self.mono[..frames], &mut block);
            }
        }
        Some(block)
    }

    /// Frames waiting in the ring.
    pub fn ready(&self) -> u32 {
        (self.ring.len() / usize::from(self.channels.max(1))) as u32
    }

    /// Samples that found the ring full.
    pub fn overruns(&self) -> u64 {
        self.ring.counters().overruns()
    }

    /// Delay of the conversion in seconds.
    pub fn delay(&self) -> f64 {
        self.resampler
            .as_ref()
            .map_or(0.0, |r| r.delay_samples() / f64::from(RATE))
    }
}

/// Writes engine samples to a speaker's ring.
pub struct BlockWriter {
    ring: SampleWriter,
    format: StreamFormat,
    resampler: Option<Resampler>,
    mono: Vec<f32>,
    interleaved: Vec<f32>,
}

impl BlockWriter {
    /// A writer for a ring of the given format.
    pub fn new(ring: SampleWriter, format: StreamFormat) -> Result<Self, ResampleError> {
        let resampler = (format.sample_rate != RATE)
            .then(|| Resampler::new(RATE, format.sample_rate, Block::Input(QUARTER), Quality::LowDelay))
            .transpose()?;
        let frames = resampler.as_ref().map_or(BLOCK, Resampler::output_max);
        Ok(Self {
            ring,
            format,
            resampler,
            mono: vec![0.0; frames],
            interleaved: vec![0.0; frames * usize::from(format.channels)],
        })
    }

    /// Writes `samples`, a multiple of [`QUARTER`] and at most a block.
    pub fn write(&mut self, samples: &[f32]) {
        let channels = self.format.channels;
        match &mut self.resampler {
            None => {
                let frames = from_mono(samples, channels, &mut self.interleaved);
                self.ring
                    .write(&self.interleaved[..frames * usize::from(channels)]);
            }
            Some(resampler) => {
                for quarter in samples.chunks_exact(QUARTER) {
                    let (_, given) = resampler.process(quarter, &mut self.mono);
                    let frames = from_mono(&self.mono[..given], channels, &mut self.interleaved);
                    self.ring
                        .write(&self.interleaved[..frames * usize::from(channels)]);
                }
            }
        }
    }

    /// Whether the ring takes another write. When not, the device has taken nothing for as long as the ring holds.
    pub fn has_room(&self) -> bool {
        self.ring.vacant() >= self.interleaved.len()
    }

    /// Frames waiting in the ring.
    pub fn ready(&self) -> u32 {
        (self.ring.len() / usize::from(self.format.channels.max(1))) as u32
    }

    /// Samples the device wanted that were not there.
    pub fn underruns(&self) -> u64 {
        self.ring.counters().underruns()
    }

    /// Delay of the conversion in seconds.
    pub fn delay(&self) -> f64 {
        self.resampler
            .as_ref()
            .map_or(0.0, |r| r.delay_samples() / f64::from(self.format.sample_rate))
    }
}

/// What the engine asks of every device: its own rate, in periods of `period` frames.
pub fn request(period: u32) -> StreamRequest {
    StreamRequest {
        sample_rate: RATE,
        period,
    }
}
