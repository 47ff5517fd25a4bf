//! One tone after the other, each with its frequency and level: for distortion over frequency, and for gain that follows
//! the level.

use std::time::Duration;

use crate::error::{Error, within};
use crate::rate::SampleRate;
use crate::signal::{Sine, checked_amplitude, fade};

/// One tone of a [`Staircase`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Its frequency.
    pub hz: f64,
    /// Its peak, of full scale.
    pub amplitude: f64,
}

/// Tones of one length in a row, each faded in and out within 5 ms.
#[derive(Clone, Debug)]
pub struct Staircase {
    rate: SampleRate,
    steps: Vec<Step>,
    length: usize,
    at: usize,
    tone: Option<Sine>,
}

impl Staircase {
    /// Levels of one tone that show whether the system follows them: 30 dB up and down again in steps of 10 dB.
    pub fn levels(rate: SampleRate) -> Self {
        let levels = [-40.0, -30.0, -20.0, -10.0, -20.0, -30.0, -40.0];
        let steps = levels.map(|db| Step {
            hz: 997.0,
            amplitude: crate::sample::amplitude(db),
        });
        Self {
            rate,
            steps: steps.into(),
            length: rate.count(2.0),
            at: 0,
            tone: None,
        }
    }

    /// `steps` of `length` each.
    ///
    /// # Errors
    /// Frequencies the rate cannot have, amplitudes outside of 0 to 1, no step or more than 1000, a length outside of
    /// 50 ms to 60 s.
    pub fn new(rate: SampleRate, steps: Vec<Step>, length: Duration) -> Result<Self, Error> {
        within("a number of steps", steps.len() as f64, 1.0, 1000.0)?;
        for step in &steps {
            rate.frequency(step.hz)?;
            checked_amplitude(step.amplitude)?;
        }
        let seconds = within("a step in seconds", length.as_secs_f64(), 0.05, 60.0)?;
        Ok(Self {
            rate,
            steps,
            length: rate.count(seconds),
            at: 0,
            tone: None,
        })
    }

    /// The tones in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Samples of each tone.
    pub fn step_length(&self) -> usize {
        self.length
    }

    /// Sample rate.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }
}

impl Iterator for Staircase {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        let step = self.steps.get(self.at / self.length)?;
        let within = self.at % self.length;
        if within == 0 {
            self.tone = Sine::new(self.rate, step.hz, step.amplitude).ok();
        }
        self.at += 1;
        let gain = fade::gain(within, self.length, self.rate.count(0.005));
        Some(self.tone.as_mut()?.next()? * gain as f32)
    }
}
