//! A simulated sound path: what a microphone hears of what a speaker plays, with programmable faults.
//!
//! It is what the analysers are measured against, and a device for virtual time. What is played goes in, as much as has
//! been recorded meanwhile comes out: fewer or more samples where the clocks differ. The same configuration, seed and
//! samples give the same recording on every machine, whatever the blocks.
//!
//! The order: faults of playback ▸ delay and clocks ▸ gain ▸ room ▸ low-pass ▸ noise ▸ gain control ▸ DC ▸ clipping ▸
//! faults of capture.

mod config;
mod faults;
mod resample;
mod room;
mod shape;

pub use config::{Config, Fault, GainControl, Reflection, Trouble};

use crate::dice::Dice;
use crate::error::Error;
use crate::rate::SampleRate;
use crate::sample::{amplitude, clean};
use faults::{Change, Faults};
use resample::Resampler;
use room::Room;
use shape::{Leveller, LowPass};

/// A path from a speaker to a microphone. See the module's page.
#[derive(Clone, Debug)]
pub struct Path {
    played_rate: SampleRate,
    rate: SampleRate,
    drift_ppm: f64,
    playback: Faults,
    resampler: Resampler,
    gain: f64,
    room: Room,
    low_pass: Option<LowPass>,
    noise: Option<(f64, Dice)>,
    leveller: Option<Leveller>,
    dc: f64,
    clip: Option<f64>,
    capture: Faults,
    /// Between playback's faults and the resampler, and between the resampler and capture's faults.
    scratch: Vec<f64>,
}

impl Path {
    /// A path with nothing in it, that plays and records at `rate`.
    ///
    /// # Errors
    /// Settings that are no numbers or absurd.
    pub fn new(rate: SampleRate, config: &Config, seed: u64) -> Result<Self, Error> {
        config.check(rate)?;
        Ok(Self {
            played_rate: rate,
            rate,
            drift_ppm: config.drift_ppm,
            playback: Faults::new(rate, &config.playback_faults),
            resampler: Resampler::new(
                config.delay.as_secs_f64() * rate.float(),
                1.0 + config.drift_ppm * 1e-6,
            ),
            gain: amplitude(config.gain_db),
            room: Room::new(rate, config, &mut Dice::new(seed, 2)),
            low_pass: config.low_pass_hz.map(|hz| LowPass::new(rate, hz)),
            noise: config.noise_db.map(|db| (amplitude(db), Dice::new(seed, 3))),
            leveller: config.gain_control.map(|control| Leveller::new(rate, control)),
            dc: config.dc,
            clip: config.clip,
            capture: Faults::new(rate, &config.capture_faults),
            scratch: Vec::new(),
        })
    }

    /// Plays `played`, and appends to `recorded` what the microphone gave meanwhile. When nothing comes any more, see
    /// [`Path::gone`].
    pub fn process(&mut self, played: &[f32], recorded: &mut Vec<f32>) {
        for &sample in played {
            self.scratch.clear();
            self.playback.pass(clean(sample), &mut self.scratch);
            for at in 0..self.scratch.len() {
                self.resampler.push(self.scratch[at]);
                while let Some(sample) = self.resampler.pull() {
                    let sample = self.hear(sample);
                    if let Some(change) = self.capture.pass_f32(sample, recorded) {
                        self.change(change);
                    }
                }
            }
        }
    }

    fn hear(&mut self, sample: f64) -> f64 {
        let mut sample = self.room.pass(sample * self.gain);
        if let Some(low_pass) = &mut self.low_pass {
            sample = low_pass.pass(sample);
        }
        if let Some((rms, dice)) = &mut self.noise {
            sample += *rms * dice.normal();
        }
        if let Some(leveller) = &mut self.leveller {
            sample = leveller.pass(sample);
        }
        sample += self.dc;
        match self.clip {
            Some(top) => sample.clamp(-top, top),
            None => sample,
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Drift(ppm) => self.drift_ppm = ppm,
            // The filters keep their coefficients: a device that changes its format is opened anew.
            Change::Rate(rate) => self.rate = rate,
        }
        let step = self.played_rate.float() / self.rate.float() * (1.0 + self.drift_ppm * 1e-6);
        self.resampler.set_step(step);
    }

    /// The rate of what is recorded: another one after [`Trouble::Rate`].
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Whether the device has vanished ([`Trouble::Gone`]).
    pub fn gone(&self) -> bool {
        self.playback.gone() || self.capture.gone()
    }
}
