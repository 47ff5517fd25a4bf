//! From a device's channels and rate to the engine's 48 kHz mono, and back.
//!
//! It refuses to know why a ratio changes: whoever steers drift sets it. Nothing allocates after creation.
//! Where device and engine run at the same rate, no converter is needed at all: that path has no delay.

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Adjustable, Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};

/// Rate of the engine's voice path, in Hz.
pub const ENGINE_RATE: u32 = 48_000;

/// Rates a device or file may have, in Hz. Outside them a number is a mistake, not a rate.
pub const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// Mixes interleaved frames down to one channel: the mean of all. Returns the frames written, as many as both
/// slices hold.
pub fn to_mono(interleaved: &[f32], channels: u16, out: &mut [f32]) -> usize {
    match usize::from(channels) {
        0 => 0,
        1 => {
            let frames = interleaved.len().min(out.len());
            out[..frames].copy_from_slice(&interleaved[..frames]);
            frames
        }
        channels => {
            let scale = 1.0 / channels as f32;
            let frames = interleaved.chunks_exact(channels).zip(out.iter_mut());
            frames
                .map(|(frame, out)| *out = frame.iter().sum::<f32>() * scale)
                .count()
        }
    }
}

/// Spreads one channel over interleaved frames: the same on the first two (front left and right), silence on
/// any other, so that a surround system plays a voice from the front. Returns the frames written.
pub fn from_mono(mono: &[f32], channels: u16, out: &mut [f32]) -> usize {
    match usize::from(channels) {
        0 => 0,
        1 => {
            let frames = mono.len().min(out.len());
            out[..frames].copy_from_slice(&mono[..frames]);
            frames
        }
        channels => {
            let frames = mono.iter().zip(out.chunks_exact_mut(channels));
            frames
                .map(|(&sample, frame)| {
                    frame[..2].fill(sample);
                    frame[2..].fill(0.0);
                })
                .count()
        }
    }
}

/// Which side of a [`Resampler`] has a fixed block; the other side's varies by a frame or so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Every call takes this many frames.
    Input(usize),
    /// Every call gives this many frames.
    Output(usize),
}

/// Filter length against delay: see [`Quality`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// 64 taps: half of them, 0.67 ms at 48 kHz, is the delay. For live audio.
    LowDelay,
    /// 256 taps: steeper, 2.7 ms at 48 kHz. For files that are converted before anybody listens.
    Offline,
}

/// Why a resampler could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResampleError {
    /// A rate outside [`RATES`].
    #[error("rate of {0} Hz is outside {min} to {max} Hz", min = RATES.start(), max = RATES.end())]
    Rate(u32),
    /// A block of no frames, or the library refused.
    #[error("caller misuse: {0}")]
    Misuse(String),
}

/// How far the ratio may be steered away from its nominal value: far beyond any real crystal (+-500 ppm).
const MAX_STEERING: f64 = 1.02;

/// Mono sample rate converter (asynchronous windowed sinc) whose ratio can be steered while it runs.
pub struct Resampler {
    inner: Async<f32>,
    nominal: f64,
    delay: f64,
}

impl Resampler {
    /// A converter from `from` Hz to `to` Hz.
    ///
    /// # Errors
    /// [`ResampleError`] for rates outside [`RATES`] or an empty block.
    pub fn new(from: u32, to: u32, block: Block, quality: Quality) -> Result<Self, ResampleError> {
        if let Some(&rate) = [from, to].iter().find(|rate| !RATES.contains(rate)) {
            return Err(ResampleError::Rate(rate));
        }
        let (taps, interpolation) = match quality {
            Quality::LowDelay => (64, SincInterpolationType::Linear),
            Quality::Offline => (256, SincInterpolationType::Cubic),
        };
        let parameters = SincInterpolationParameters::new(taps, WindowFunction::BlackmanHarris2)
            // Linear interpolation between more phases is cheaper than cubic between few, for the same error.
            .oversampling_factor(if quality == Quality::LowDelay { 512 } else { 128 })
            .interpolation(interpolation);
        let (frames, fixed) = match block {
            Block::Input(frames) => (frames, FixedAsync::Input),
            Block::Output(frames) => (frames, FixedAsync::Output),
        };
        let nominal = f64::from(to) / f64::from(from);
        let inner = Async::new_sinc(nominal, MAX_STEERING, &parameters, frames, 1, fixed)
            .map_err(|error| ResampleError::Misuse(error.to_string()))?;
        // The filter is centred: half its taps, counted at the input rate, lie ahead of the output; the library
        // steps once before its first output.
        let delay = taps as f64 / 2.0 * nominal - 1.0;
        Ok(Self {
            inner,
            nominal,
            delay,
        })
    }

    /// Frames the next [`Resampler::process`] takes.
    pub fn input_needed(&self) -> usize {
        self.inner.input_frames_next()
    }

    /// Frames the next [`Resampler::process`] gives.
    pub fn output_needed(&self) -> usize {
        self.inner.output_frames_next()
    }

    /// Most frames a call ever takes, for sizing buffers.
    pub fn input_max(&self) -> usize {
        self.inner.input_frames_max()
    }

    /// Most frames a call ever gives, for sizing buffers.
    pub fn output_max(&self) -> usize {
        self.inner.output_frames_max()
    }

    /// Delay in samples at the output rate. Constant: it is the filter's centre.
    pub fn delay_samples(&self) -> f64 {
        self.delay
    }

    /// Steers the ratio: `rate_ratio` above 1 makes more output of the same input. Beyond +-2 % it is clamped.
    /// The change is spread over the next block, so it cannot be heard as a step.
    pub fn steer(&mut self, rate_ratio: f64) {
        let wanted = if rate_ratio.is_finite() { rate_ratio } else { 1.0 };
        // One part in a thousand inside the bound, so that rounding never meets it.
        let clamped = wanted.clamp(1.001 / MAX_STEERING, MAX_STEERING / 1.001);
        // Cannot fail: the ratio is inside the bounds given at creation.
        let _ = self.inner.set_resample_ratio(self.nominal * clamped, true);
    }

    /// Converts one block and returns the frames (taken, given). Takes [`Resampler::input_needed`] frames and
    /// gives [`Resampler::output_needed`]; when either slice is shorter, nothing happens and both are 0.
    pub fn process(&mut self, input: &[f32], out: &mut [f32]) -> (usize, usize) {
        let (taken, given) = (self.input_needed(), self.output_needed());
        if input.len() < taken || out.len() < given {
            return (0, 0);
        }
        let from = InterleavedSlice::new(&input[..taken], 1, taken);
        let to = InterleavedSlice::new_mut(&mut out[..given], 1, given);
        let (Ok(from), Ok(mut to)) = (from, to) else {
            return (0, 0);
        };
        self.inner
            .process_into_buffer(&from, &mut to, None)
            .unwrap_or((0, 0))
    }
}

/// Converts a whole recording at once, delay removed: sample `n` of the result is `n / to` seconds in.
///
/// # Errors
/// As [`Resampler::new`].
pub fn resample_all(input: &[f32], from: u32, to: u32) -> Result<Vec<f32>, ResampleError> {
    if from == to {
        return Ok(input.to_vec());
    }
    let mut resampler = Resampler::new(from, to, Block::Input(1024), Quality::Offline)?;
    let wanted = (input.len() as u64 * u64::from(to) / u64::from(from)) as usize;
    // Silence in front until the delay is a whole number of samples of the result, so that it can be cut off
    // exactly. Rates with no common measure to speak of are left with a fraction of a sample.
    let whole = (0..MAX_PADDING).find(|&pad| {
        let delay = f64::from(pad) * resampler.nominal + resampler.delay;
        (delay - delay.round()).abs() < 1e-6
    });
    let padding = whole.unwrap_or(0);
    let skip = (f64::from(padding) * resampler.nominal + resampler.delay).round() as usize;
    let mut out = Vec::with_capacity(wanted + skip + resampler.output_max());
    let mut block = vec![0.0; resampler.input_max()];
    let mut result = vec![0.0; resampler.output_max()];
    let (mut silence, mut rest) = (padding as usize, input);
    while out.len() < wanted + skip {
        block.fill(0.0);
        let front = silence.min(resampler.input_needed());
        silence -= front;
        let (now, later) = rest.split_at((resampler.input_needed() - front).min(rest.len()));
        block[front..front + now.len()].copy_from_slice(now);
        let (taken, given) = resampler.process(&block, &mut result);
        if taken == 0 {
            return Err(ResampleError::Misuse("the resampler made no progress".into()));
        }
        out.extend_from_slice(&result[..given]);
        rest = later;
    }
    out.drain(..skip);
    out.truncate(wanted);
    Ok(out)
}

/// Most silence that [`resample_all`] puts in front, in input frames. Every pair of usual rates needs less.
const MAX_PADDING: u32 = 1024;

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
