//! Noise without end, from a seed.

use crate::dice::Dice;
use crate::error::Error;
use crate::sample;

/// White noise: the same power in every Hz.
#[derive(Clone, Debug)]
pub struct White {
    rms: f64,
    dice: Dice,
}

impl White {
    /// `level_db` is the RMS in dB of full scale, from -200 to 0.
    ///
    /// # Errors
    /// A level outside of that.
    pub fn new(level_db: f64, seed: u64) -> Result<Self, Error> {
        let level = crate::error::within("a level in dB", level_db, sample::SILENCE_DB, 0.0)?;
        Ok(Self {
            rms: sample::amplitude(level),
            dice: Dice::new(seed, 1),
        })
    }
}

impl Iterator for White {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        Some((self.rms * self.dice.normal()) as f32)
    }
}

/// Poles of a sum of first-order low-passes that falls by 3 dB an octave, and the weight of each: after P. Kellet's filter.
const POLES: [(f64, f64); 6] = [
    (0.99886, 0.055_517_9),
    (0.99332, 0.075_075_9),
    (0.96900, 0.153_852_0),
    (0.86650, 0.310_485_6),
    (0.55000, 0.532_952_2),
    (-0.7616, -0.016_898_0),
];

/// Pink noise: the same power in every octave, within 0.5 dB from about a thousandth of the rate on.
#[derive(Clone, Debug)]
pub struct Pink {
    white: White,
    gain: f64,
    states: [f64; 6],
    delayed: f64,
}

impl Pink {
    /// `level_db` is the RMS in dB of full scale, from -200 to 0.
    ///
    /// # Errors
    /// A level outside of that.
    pub fn new(level_db: f64, seed: u64) -> Result<Self, Error> {
        Ok(Self {
            white: White::new(level_db, seed)?,
            gain: 1.0 / Self::power().sqrt(),
            states: [0.0; 6],
            delayed: 0.0,
        })
    }

    /// Power of the filter's output for white noise of power 1: the sum of its squared impulse response.
    fn power() -> f64 {
        let pairs = POLES.iter().flat_map(|a| POLES.iter().map(move |b| (a, b)));
        let poles: f64 = pairs.map(|((p, a), (q, b))| a * b / (1.0 - p * q)).sum();
        let first: f64 = POLES.iter().map(|(_, weight)| weight).sum();
        let second: f64 = POLES.iter().map(|(pole, weight)| pole * weight).sum();
        // The direct way at 0, and the delayed one at 1.
        poles + 0.5362 * 0.5362 + 2.0 * 0.5362 * first + 0.115_926 * 0.115_926 + 2.0 * 0.115_926 * second
    }
}

impl Iterator for Pink {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        let white = f64::from(self.white.next()?);
        let mut sum = self.delayed + white * 0.5362;
        for (state, (pole, weight)) in self.states.iter_mut().zip(POLES) {
            *state = pole * *state + weight * white;
            sum += *state;
        }
        self.delayed = white * 0.115_926;
        Some((sum * self.gain) as f32)
    }
}
