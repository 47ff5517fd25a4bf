//! Sound level of a stream of blocks: the audio level of RFC 6464 and the energy sums of W3C webrtc-stats.

use serde::{Deserialize, Serialize};

use super::{BLOCK, RATE};
use crate::packet::AudioLevel;

/// How loud a stream is and has been (W3C `media-source` and `inbound-rtp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Level {
    /// Root mean square of the last block, 0 to 1.
    pub audio_level: f64,
    /// Sum of energy x seconds, for averages over any interval.
    pub total_audio_energy: f64,
    /// Seconds measured.
    pub total_samples_duration: f64,
}

impl Level {
    /// The last block in -dBov, 0 (loudest) to 127 (silence), RFC 6464 section 3.
    pub fn minus_dbov(&self) -> u8 {
        if self.audio_level <= 0.0 {
            return 127;
        }
        // dBov is relative to an overload point of a full-scale square wave, whose RMS is 1.
        (-20.0 * self.audio_level.log10()).round().clamp(0.0, 127.0) as u8
    }

    /// Root mean square since an earlier level of the same stream, 0 to 1.
    pub fn since(&self, before: &Self) -> f64 {
        let seconds = self.total_samples_duration - before.total_samples_duration;
        let energy = self.total_audio_energy - before.total_audio_energy;
        if seconds > 0.0 {
            (energy.max(0.0) / seconds).sqrt().min(1.0)
        } else {
            0.0
        }
    }
}

/// Measures a [`Level`] and guesses whether a voice is present.
#[derive(Clone, Debug)]
pub struct LevelMeter {
    level: Level,
    /// Slowly rising, quickly falling estimate of the background, RMS.
    floor: f64,
    /// Blocks the voice decision is held after the last loud one.
    hangover: u32,
}

impl Default for LevelMeter {
    fn default() -> Self {
        Self {
            level: Level::default(),
            floor: 0.01,
            hangover: 0,
        }
    }
}

/// A voice stands this far above the background: 9 dB. Less calls breath a voice, more cuts quiet talkers.
const VOICE_OVER_FLOOR: f64 = 2.8;
/// Below -60 dBov nothing is called a voice.
const VOICE_MINIMUM: f64 = 0.001;
/// A lower background changes no decision, and would have to be unlearnt when a fan starts.
const FLOOR_MINIMUM: f64 = VOICE_MINIMUM / VOICE_OVER_FLOOR;
/// Below what any microphone gives.
const DIGITAL_SILENCE: f64 = 1e-6;
/// Hold for 200 ms: the gaps inside words.
const HANGOVER_BLOCKS: u32 = 20;
/// The floor doubles in about 7 s, so steady noise is learnt within a sentence or two.
const FLOOR_RISE: f64 = 1.001;

impl LevelMeter {
    /// Takes one block and returns its level for the packet header.
    pub fn measure(&mut self, block: &[f32]) -> AudioLevel {
        let energy = block.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>();
        let mean = energy / block.len().max(1) as f64;
        let seconds = block.len() as f64 / f64::from(RATE);
        self.level.audio_level = mean.sqrt().min(1.0);
        self.level.total_audio_energy += mean * seconds;
        self.level.total_samples_duration += seconds;

        let rms = self.level.audio_level;
        // Digital silence is no background: it is what a muted stream has, and one that begins.
        if rms > DIGITAL_SILENCE {
            self.floor = (self.floor * FLOOR_RISE).min(rms).max(FLOOR_MINIMUM);
        }
        if rms > VOICE_MINIMUM && rms > self.floor * VOICE_OVER_FLOOR {
            self.hangover = HANGOVER_BLOCKS;
        } else {
            self.hangover = self.hangover.saturating_sub((block.len() / BLOCK).max(1) as u32);
        }
        AudioLevel {
            minus_dbov: self.level.minus_dbov(),
            voice: self.hangover > 0,
        }
    }

    /// Nothing is heard for now.
    pub fn rest(&mut self) {
        self.level.audio_level = 0.0;
        self.hangover = 0;
    }

    /// The level so far.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether the block measured last stood above the background by itself.
    fn is_loud(&self) -> bool {
        self.hangover == HANGOVER_BLOCKS
    }
}

/// Tells who speaks from what knocks: a key or a door is over before a syllable is.
#[derive(Clone, Debug, Default)]
pub(super) struct Attention {
    meter: LevelMeter,
    /// Loud blocks in a row.
    loud: u32,
    /// Blocks the decision is held.
    hold: u32,
}

/// A syllable is loud for as long without a gap: 100 ms.
const SYLLABLE_BLOCKS: u32 = 10;
/// Hold for 300 ms: the gaps between syllables.
const HOLD_BLOCKS: u32 = 30;

impl Attention {
    /// Takes one block; whether somebody speaks.
    pub(super) fn hears_a_voice(&mut self, block: &[f32]) -> bool {
        self.meter.measure(block);
        self.loud = if self.meter.is_loud() { self.loud + 1 } else { 0 };
        self.hold = if self.loud >= SYLLABLE_BLOCKS {
            HOLD_BLOCKS
        } else {
            self.hold.saturating_sub(1)
        };
        self.hold > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_square_is_0_dbov_and_silence_127() {
        let mut meter = LevelMeter::default();
        assert_eq!(meter.measure(&[1.0; BLOCK]).minus_dbov, 0);
        assert_eq!(meter.measure(&[0.0; BLOCK]).minus_dbov, 127);
        assert!((meter.level().total_audio_energy - 0.01).abs() < 1e-9);
    }

    #[test]
    fn steady_noise_stops_being_a_voice_and_a_louder_talker_is_one() {
        let mut meter = LevelMeter::default();
        let noise = |amplitude: f32, seed: &mut u32| {
            let mut block = [0.0; BLOCK];
            for sample in &mut block {
                *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = (*seed as f32 / u32::MAX as f32 - 0.5) * amplitude;
            }
            block
        };
        let mut seed = 7;
        let mut last = true;
        for _ in 0..3000 {
            last = meter.measure(&noise(0.02, &mut seed)).voice;
        }
        assert!(!last, "steady noise is background after 30 s");
        assert!(meter.measure(&noise(0.4, &mut seed)).voice);
    }
}
