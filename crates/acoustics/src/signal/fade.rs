//! A beginning and an end without a click.

use std::f64::consts::PI;

/// The first samples of a signal, faded in and out with half a cosine.
#[derive(Clone, Debug)]
pub struct Faded<S> {
    signal: S,
    length: usize,
    fade: usize,
    at: usize,
}

impl<S: Iterator<Item = f32>> Faded<S> {
    /// `length` samples of `signal`, of which `fade` fade in and `fade` fade out; at most half of the length each.
    pub fn new(signal: S, length: usize, fade: usize) -> Self {
        Self {
            signal,
            length,
            fade: fade.min(length / 2),
            at: 0,
        }
    }
}

impl<S: Iterator<Item = f32>> Iterator for Faded<S> {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if self.at >= self.length {
            return None;
        }
        let sample = self.signal.next()?;
        let gain = gain(self.at, self.length, self.fade);
        self.at += 1;
        Some(sample * gain as f32)
    }
}

/// Gain of the sample at `at` of `length`.
pub(crate) fn gain(at: usize, length: usize, fade: usize) -> f64 {
    let from_end = at.min(length.saturating_sub(at + 1));
    if from_end >= fade {
        return 1.0;
    }
    0.5 - 0.5 * (PI * (from_end as f64 + 0.5) / fade as f64).cos()
}
