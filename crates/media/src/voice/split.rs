//! Sound in two parts: what is below 8 kHz at a rate of 16 kHz, and the rest. Put together again untouched, they are the
//! sound that was split, whatever the filter leaves of the border: the rest is what the low part does not say.

use std::collections::VecDeque;

use super::BLOCK;

/// The high rate over the low one.
pub const RATIO: usize = 3;

/// Samples of a block at the low rate.
pub const LOW: usize = BLOCK / RATIO;

/// Delay of the filter, in samples of the high rate.
const CENTRE: usize = 36;

/// Taps of the filter.
const TAPS: usize = 2 * CENTRE + 1;

/// Taps that meet a sample of the low rate.
const REACH: usize = TAPS.div_ceil(RATIO);

/// Where the filter has half its gain, as a part of the high rate: 7.4 kHz.
const CUTOFF: f64 = 7_400.0 / 48_000.0;

type Taps = [f32; TAPS];

/// A sinc in a Blackman window, with a gain of one.
fn taps() -> Taps {
    let mut taps = [0.0; TAPS];
    for (index, tap) in taps.iter_mut().enumerate() {
        let from_centre = index as f64 - CENTRE as f64;
        let angle = std::f64::consts::TAU * CUTOFF * from_centre;
        let sinc = if index == CENTRE { 1.0 } else { angle.sin() / angle };
        let turn = std::f64::consts::PI * from_centre / (CENTRE + 1) as f64;
        let window = 0.42 + 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos();
        *tap = sinc * window;
    }
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| (tap / sum) as f32)
}

/// Takes the low part.
pub struct Decimator {
    taps: Taps,
    /// The end of what came before, then the block.
    samples: [f32; TAPS - 1 + BLOCK],
}

impl Decimator {
    pub fn new() -> Self {
        Self {
            taps: taps(),
            samples: [0.0; TAPS - 1 + BLOCK],
        }
    }

    pub fn run(&mut self, block: &[f32; BLOCK]) -> [f32; LOW] {
        self.samples.copy_within(BLOCK.., 0);
        self.samples[TAPS - 1..].copy_from_slice(block);
        let mut low = [0.0; LOW];
        // The filter is the same both ways.
        for (low, samples) in low.iter_mut().zip(self.samples.windows(TAPS).step_by(RATIO)) {
            *low = samples
                .iter()
                .zip(&self.taps)
                .map(|(sample, tap)| sample * tap)
                .sum();
        }
        low
    }

    /// The block, as late as the low part is when it is back at the high rate.
    fn delayed(&self) -> &[f32] {
        &self.samples[..BLOCK]
    }
}

/// Brings the low part to the high rate.
struct Interpolator {
    taps: Taps,
    samples: [f32; REACH - 1 + LOW],
}

impl Interpolator {
    fn new() -> Self {
        Self {
            taps: taps().map(|tap| tap * RATIO as f32),
            samples: [0.0; REACH - 1 + LOW],
        }
    }

    fn run(&mut self, low: &[f32; LOW]) -> [f32; BLOCK] {
        self.samples.copy_within(LOW.., 0);
        self.samples[REACH - 1..].copy_from_slice(low);
        let mut block = [0.0; BLOCK];
        for (out, samples) in block.chunks_exact_mut(RATIO).zip(self.samples.windows(REACH)) {
            for (phase, out) in out.iter_mut().enumerate() {
                let taps = self.taps[phase..].iter().step_by(RATIO);
                *out = samples
                    .iter()
                    .rev()
                    .zip(taps)
                    .map(|(sample, tap)| sample * tap)
                    .sum();
            }
        }
        block
    }
}

/// Splits a sound and puts it together.
pub struct Splitter {
    down: Decimator,
    up: [Interpolator; 2],
}

impl Splitter {
    /// By how many samples of the high rate sound is later when it is put together again.
    pub const DELAY: usize = 2 * CENTRE;

    pub fn new() -> Self {
        Self {
            down: Decimator::new(),
            up: [Interpolator::new(), Interpolator::new()],
        }
    }

    /// The low part, and the rest.
    pub fn split(&mut self, block: &[f32; BLOCK]) -> ([f32; LOW], [f32; BLOCK]) {
        let low = self.down.run(block);
        let mut rest = self.up[0].run(&low);
        for (rest, sample) in rest.iter_mut().zip(self.down.delayed()) {
            *rest = sample - *rest;
        }
        (low, rest)
    }

    /// Both together.
    pub fn join(&mut self, low: &[f32; LOW], rest: &[f32; BLOCK]) -> [f32; BLOCK] {
        let mut block = self.up[1].run(low);
        for (sample, rest) in block.iter_mut().zip(rest) {
            *sample += rest;
        }
        block
    }
}

/// Holds sound back.
pub struct Delay(VecDeque<f32>);

impl Delay {
    /// By so many samples.
    pub fn new(samples: usize) -> Self {
        Self(vec![0.0; samples].into())
    }

    pub fn run(&mut self, block: &mut [f32]) {
        for sample in block {
            self.0.push_back(*sample);
            *sample = self.0.pop_front().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_split_is_put_together_untouched() {
        let speech = crate::voice::tests_support::speech("woman-en.flac");
        let (mut splitter, mut delay) = (Splitter::new(), Delay::new(BLOCK));
        let mut held = [0.0; LOW];
        let mut out = Vec::new();
        for block in speech.chunks_exact(BLOCK).take(200) {
            let (low, mut rest) = splitter.split(block.try_into().unwrap());
            delay.run(&mut rest);
            out.extend(splitter.join(&std::mem::replace(&mut held, low), &rest));
        }
        for (sample, out) in speech.iter().zip(&out[BLOCK + 2 * CENTRE..]) {
            assert!((sample - out).abs() < 1e-5);
        }
    }
}
