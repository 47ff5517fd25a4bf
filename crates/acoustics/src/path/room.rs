//! The room: direct sound, reflections and reverberation.

use super::config::Config;
use crate::dice::Dice;
use crate::rate::SampleRate;
use crate::sample::amplitude;

/// Reflections of the reverberation a second.
const DENSITY: f64 = 1500.0;

#[derive(Clone, Debug)]
pub(super) struct Room {
    /// How many samples back, and how strong.
    taps: Vec<(usize, f64)>,
    direct: f64,
    /// A ring of what came.
    past: Vec<f64>,
    at: usize,
}

impl Room {
    pub(super) fn new(rate: SampleRate, config: &Config, dice: &mut Dice) -> Self {
        let mut taps: Vec<(usize, f64)> = config
            .reflections
            .iter()
            .map(|reflection| (rate.samples(reflection.after), amplitude(reflection.gain_db)))
            .collect();
        let direct = amplitude(config.direct_db);
        if let Some((seconds, level_db)) = config.reverberation {
            let count = (seconds * DENSITY) as usize;
            let tail: Vec<(f64, f64)> = (0..count)
                .map(|_| {
                    let at = 0.003 + dice.unit() * seconds;
                    let sign = if dice.unit() < 0.5 { -1.0 } else { 1.0 };
                    (at, sign * 10.0_f64.powf(-3.0 * at / seconds))
                })
                .collect();
            let power: f64 = tail.iter().map(|(_, gain)| gain * gain).sum();
            let gain = direct * amplitude(level_db) / power.sqrt().max(1e-9);
            taps.extend(
                tail.into_iter()
                    .map(|(at, strength)| (rate.count(at), strength * gain)),
            );
        }
        let longest = taps.iter().map(|(back, _)| *back).max().unwrap_or(0);
        Self {
            taps,
            direct,
            past: vec![0.0; longest + 1],
            at: 0,
        }
    }

    pub(super) fn pass(&mut self, sample: f64) -> f64 {
        if self.taps.is_empty() {
            return sample * self.direct;
        }
        let length = self.past.len();
        self.at = (self.at + 1) % length;
        self.past[self.at] = sample;
        let reflected: f64 = self
            .taps
            .iter()
            .map(|(back, gain)| {
                let place = if *back <= self.at {
                    self.at - back
                } else {
                    self.at + length - back
                };
                self.past[place] * gain
            })
            .sum();
        sample * self.direct + reflected
    }
}
