//! Delay and clocks: the samples of one clock at the times of another, by a windowed sinc.

use std::f64::consts::PI;

/// Samples to each side, where the rate does not fall.
const SIDE: usize = 16;
/// Kernels between two samples, between which a straight line is drawn: an error of -100 dB.
const PHASES: usize = 256;
/// Samples that are kept before the oldest are forgotten at once.
const ROOM: usize = 4096;

#[derive(Clone, Debug)]
pub(super) struct Resampler {
    /// Samples that came, from number `first` on.
    past: Vec<f64>,
    first: i64,
    /// Where the next sample to give lies: whole samples and the rest.
    whole: i64,
    rest: f64,
    step: f64,
    /// Half of the kernel's length, in samples.
    side: usize,
    /// A kernel of `2 * side` weights for each phase, one after the other.
    kernels: Vec<f64>,
}

impl Resampler {
    /// `delay` in samples; `step` is how many samples come for each that is given.
    pub(super) fn new(delay: f64, step: f64) -> Self {
        let whole = (-delay).floor();
        let mut resampler = Self {
            past: Vec::with_capacity(2 * ROOM),
            first: 0,
            whole: whole as i64,
            rest: -delay - whole,
            step,
            side: 0,
            kernels: Vec::new(),
        };
        resampler.set_step(step);
        resampler
    }

    pub(super) fn set_step(&mut self, step: f64) {
        self.step = step;
        // Where the rate falls by more than a drift, what the new one cannot have is filtered out.
        let cutoff = if step > 1.2 { 0.92 / step } else { 1.0 };
        let side = (SIDE as f64 / cutoff).ceil() as usize;
        if side == self.side {
            return;
        }
        self.side = side;
        self.kernels.clear();
        for phase in 0..=PHASES {
            let rest = phase as f64 / PHASES as f64;
            self.kernels.extend((0..2 * side).map(|tap| {
                let away = (tap as f64 - side as f64 + 1.0 - rest).abs();
                let share = (away / side as f64).min(1.0);
                // Blackman's window.
                let window = 0.42 + 0.5 * (PI * share).cos() + 0.08 * (2.0 * PI * share).cos();
                let angle = PI * away * cutoff;
                let sinc = if angle < 1e-9 { 1.0 } else { angle.sin() / angle };
                cutoff * sinc * window
            }));
        }
    }

    pub(super) fn push(&mut self, sample: f64) {
        if self.past.len() >= 2 * ROOM {
            let old = self.whole - self.side as i64 - self.first;
            let old = (old.max(0) as usize).min(self.past.len());
            self.past.drain(..old);
            self.first += old as i64;
        }
        self.past.push(sample);
    }

    /// The next sample, once enough came.
    pub(super) fn pull(&mut self) -> Option<f64> {
        // A wire without a delay looks at nothing but the sample itself.
        let plain = self.rest == 0.0 && self.side == SIDE;
        let reach = if plain { 0 } else { self.side as i64 };
        if self.whole + reach >= self.first + self.past.len() as i64 {
            return None;
        }
        let value = if plain {
            self.at(self.whole)
        } else {
            self.between()
        };
        let position = self.rest + self.step;
        self.whole += position.floor() as i64;
        self.rest = position - position.floor();
        Some(value)
    }

    fn between(&self) -> f64 {
        let length = 2 * self.side;
        let place = self.rest * PHASES as f64;
        let phase = (place as usize).min(PHASES - 1);
        let share = place - phase as f64;
        let kernels = &self.kernels[phase * length..(phase + 2) * length];
        let from = self.whole - self.side as i64 + 1 - self.first;
        match usize::try_from(from)
            .ok()
            .and_then(|from| self.past.get(from..from + length))
        {
            Some(samples) => weighed(samples, kernels, share),
            // The beginning: there was silence before.
            None => {
                let samples: Vec<f64> = (0..length as i64)
                    .map(|tap| self.at(self.first + from + tap))
                    .collect();
                weighed(&samples, kernels, share)
            }
        }
    }

    fn at(&self, index: i64) -> f64 {
        let place = usize::try_from(index - self.first);
        place
            .ok()
            .and_then(|place| self.past.get(place))
            .copied()
            .unwrap_or(0.0)
    }
}

/// Sum of `samples` weighed by a kernel between two; four sums at a time, as a processor likes it.
fn weighed(samples: &[f64], kernels: &[f64], share: f64) -> f64 {
    let (one, two) = kernels.split_at(samples.len());
    let mut sums = [[0.0; 2]; 4];
    for ((samples, one), two) in samples
        .chunks_exact(4)
        .zip(one.chunks_exact(4))
        .zip(two.chunks_exact(4))
    {
        for lane in 0..4 {
            sums[lane][0] += samples[lane] * one[lane];
            sums[lane][1] += samples[lane] * two[lane];
        }
    }
    let whole = samples.len() / 4 * 4;
    for at in whole..samples.len() {
        sums[0][0] += samples[at] * one[at];
        sums[0][1] += samples[at] * two[at];
    }
    sums.iter().map(|[one, two]| one + (two - one) * share).sum()
}
