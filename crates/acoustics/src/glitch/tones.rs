//! The tones that are played.

use crate::error::Error;
use crate::rate::SampleRate;
use crate::signal::{Sine, checked_amplitude};

/// Frequencies in Hz, the strong one first: within the telephone band, and such that over 200 ms to either side no shift
/// of time turns all three phases back to within a twentieth of a turn.
pub const TONES: [f64; 3] = [997.0, 1447.0, 2331.0];
/// Their shares of the amplitude. One is strong, so that the sound never fades in a beat.
const SHARES: [f64; 3] = [0.8, 0.1, 0.1];

/// What [`Glitches`](super::Glitches) listens to: without end, with a fade of 20 ms at the beginning.
#[derive(Clone, Debug)]
pub struct Tones {
    sines: [Sine; 3],
    at: usize,
    fade: usize,
}

impl Tones {
    /// `amplitude` is the peak of all together, of full scale.
    ///
    /// # Errors
    /// An amplitude outside of 0 to 1.
    pub fn new(rate: SampleRate, amplitude: f64) -> Result<Self, Error> {
        let amplitude = checked_amplitude(amplitude)?;
        let sine = |tone: usize| Sine::new(rate, TONES[tone], amplitude * SHARES[tone]);
        Ok(Self {
            sines: [sine(0)?, sine(1)?, sine(2)?],
            at: 0,
            fade: rate.count(0.02),
        })
    }
}

impl Iterator for Tones {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        let sample: f32 = self.sines.iter_mut().filter_map(Iterator::next).sum();
        if self.at >= self.fade {
            return Some(sample);
        }
        self.at += 1;
        Some(sample * (self.at as f32 / self.fade as f32))
    }
}
