//! The exponential sine sweep (Farina, "Simultaneous measurement of impulse response and distortion with a swept-sine
//! technique", AES 108th Convention, 2000). Distortion of each order ends up at a time of its own.

use std::f64::consts::TAU;
use std::time::Duration;

use crate::error::{Error, within};
use crate::rate::SampleRate;
use crate::signal::{checked_amplitude, fade};

/// A sweep from a low to a high frequency that takes the same time for every octave, with short fades at both ends.
#[derive(Clone, Debug)]
pub struct Sweep {
    rate: SampleRate,
    low: f64,
    high: f64,
    length: usize,
    amplitude: f64,
    at: usize,
}

impl Sweep {
    /// A sweep for a response: from 50 Hz to 45 % of the rate, at most 20 kHz, within 3 s.
    pub fn standard(rate: SampleRate) -> Self {
        Self {
            rate,
            low: 50.0,
            high: (0.45 * rate.float()).min(20_000.0),
            length: rate.count(3.0),
            amplitude: 0.5,
            at: 0,
        }
    }

    /// From `low` to `high` Hz in `length`.
    ///
    /// # Errors
    /// Frequencies the rate cannot have or in the wrong order, a length outside of 0.1 to 60 s, an amplitude outside of
    /// 0 to 1.
    pub fn new(
        rate: SampleRate,
        low: f64,
        high: f64,
        length: Duration,
        amplitude: f64,
    ) -> Result<Self, Error> {
        let (low, high) = (rate.frequency(low)?, rate.frequency(high)?);
        if low >= high {
            return Err(Error::Band { low, high });
        }
        let seconds = within("a sweep in seconds", length.as_secs_f64(), 0.1, 60.0)?;
        Ok(Self {
            rate,
            low,
            high,
            length: rate.count(seconds),
            amplitude: checked_amplitude(amplitude)?,
            at: 0,
        })
    }

    /// Samples of the whole sweep.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Sample rate.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Lowest and highest frequency, in Hz.
    pub fn band(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// How much earlier distortion of `order` arrives than the sound itself, in samples: L ln(order).
    pub(crate) fn lead(&self, order: u32) -> f64 {
        self.growth() * f64::from(order).ln() * self.rate.float()
    }

    /// Seconds in which the frequency grows by a factor of e.
    fn growth(&self) -> f64 {
        self.length as f64 / self.rate.float() / (self.high / self.low).ln()
    }
}

impl Iterator for Sweep {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if self.at >= self.length {
            return None;
        }
        let growth = self.growth();
        let time = self.at as f64 / self.rate.float();
        let phase = self.low * growth * (time / growth).exp_m1();
        let fade = (self.length / 20).min(self.rate.count(0.02));
        let gain = self.amplitude * fade::gain(self.at, self.length, fade);
        self.at += 1;
        Some((gain * (TAU * phase.fract()).sin()) as f32)
    }
}
