//! Sample rates, and the way between samples and time.

use std::time::Duration;

use serde::Serialize;

use crate::error::Error;

/// A sample rate from 8 to 192 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SampleRate(u32);

impl SampleRate {
    /// Telephony.
    pub const LOWEST: u32 = 8_000;
    /// The best converters.
    pub const HIGHEST: u32 = 192_000;

    /// # Errors
    /// [`Error::Rate`] outside of 8 to 192 kHz.
    pub const fn new(hz: u32) -> Result<Self, Error> {
        if hz >= Self::LOWEST && hz <= Self::HIGHEST {
            Ok(Self(hz))
        } else {
            Err(Error::Rate(hz))
        }
    }

    /// In Hz.
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// Samples in `duration`, rounded to the nearest.
    pub fn samples(self, duration: Duration) -> usize {
        (duration.as_secs_f64() * self.float()).round() as usize
    }

    /// What `samples` last, in seconds.
    pub fn seconds(self, samples: u64) -> f64 {
        samples as f64 / self.float()
    }

    /// What `samples` last, in milliseconds.
    pub fn milliseconds(self, samples: f64) -> f64 {
        samples * 1000.0 / self.float()
    }

    pub(crate) fn float(self) -> f64 {
        f64::from(self.0)
    }

    /// `hz`, if a signal of this rate can have it.
    pub(crate) fn frequency(self, hz: f64) -> Result<f64, Error> {
        if hz > 0.0 && hz < self.float() / 2.0 {
            Ok(hz)
        } else {
            Err(Error::Frequency { hz, rate: self.0 })
        }
    }

    /// A number of samples for `seconds`, at least one.
    pub(crate) fn count(self, seconds: f64) -> usize {
        ((seconds * self.float()).round() as usize).max(1)
    }
}
