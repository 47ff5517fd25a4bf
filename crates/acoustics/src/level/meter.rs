//! A level meter to look at: it rises at once and falls slowly.

use serde::Serialize;

use crate::rate::SampleRate;
use crate::sample::{amplitude, amplitude_db, clean, power_db};

/// Time constant of the RMS, in seconds: that of a VU meter.
const INTEGRATION: f64 = 0.3;
/// How long the highest peak stays, in seconds.
const HOLD: f64 = 1.5;
/// Then it falls, in dB a second: as the digital meters of IEC 60268-18 do.
const FALL: f64 = 20.0;
/// From here on it clips.
const FULL: f64 = 0.9995;

/// Follows one channel.
#[derive(Clone, Debug)]
pub struct Meter {
    share: f64,
    fall: f64,
    hold: u32,
    power: f64,
    peak: f64,
    held: f64,
    left: u32,
    clipped: u32,
}

/// What a [`Meter`] shows, in dB of full scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// RMS over 300 ms.
    pub rms_db: f64,
    /// The peak, falling by 20 dB a second.
    pub peak_db: f64,
    /// The highest peak of the last 1.5 s, then falling.
    pub held_db: f64,
    /// Whether it clipped in the last 1.5 s.
    pub clipped: bool,
}

impl Meter {
    /// A meter at rest.
    pub fn new(rate: SampleRate) -> Self {
        Self {
            share: 1.0 - (-1.0 / (INTEGRATION * rate.float())).exp(),
            fall: amplitude(-FALL / rate.float()),
            hold: (HOLD * rate.float()) as u32,
            power: 0.0,
            peak: 0.0,
            held: 0.0,
            left: 0,
            clipped: 0,
        }
    }

    /// Follows a block.
    pub fn push(&mut self, recorded: &[f32]) {
        for &sample in recorded {
            let sample = clean(sample);
            let size = sample.abs();
            self.power += self.share * (sample * sample - self.power);
            self.peak = size.max(self.peak * self.fall);
            self.left = self.left.saturating_sub(1);
            if size >= self.held {
                self.held = size;
                self.left = self.hold;
            } else if self.left == 0 {
                self.held = self.peak.max(self.held * self.fall);
            }
            self.clipped = if size >= FULL {
                self.hold
            } else {
                self.clipped.saturating_sub(1)
            };
        }
    }

    /// What it shows now.
    pub fn reading(&self) -> Reading {
        Reading {
            rms_db: power_db(self.power),
            peak_db: amplitude_db(self.peak),
            held_db: amplitude_db(self.held),
            clipped: self.clipped > 0,
        }
    }
}
