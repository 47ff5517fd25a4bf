//! What a voice path and a system do to the sound: a low-pass, and a gain that follows the level.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::config::GainControl;
use crate::rate::SampleRate;
use crate::sample::amplitude;

/// Butterworth of fourth order: two sections by the bilinear transform.
#[derive(Clone, Debug)]
pub(super) struct LowPass {
    sections: [Section; 2],
}

#[derive(Clone, Debug)]
struct Section {
    gain: f64,
    feedback: [f64; 2],
    state: [f64; 2],
}

impl LowPass {
    pub(super) fn new(rate: SampleRate, hz: f64) -> Self {
        let tangent = (PI * hz / rate.float()).tan();
        // The damping of the two pairs of poles.
        let sections = [PI / 8.0, 3.0 * PI / 8.0].map(|angle| {
            let damping = 2.0 * angle.cos() * tangent;
            let norm = 1.0 + damping + tangent * tangent;
            Section {
                gain: tangent * tangent / norm,
                feedback: [
                    2.0 * (tangent * tangent - 1.0) / norm,
                    (1.0 - damping + tangent * tangent) / norm,
                ],
                state: [0.0; 2],
            }
        });
        Self { sections }
    }

    pub(super) fn pass(&mut self, sample: f64) -> f64 {
        self.sections.iter_mut().fold(sample, |sample, section| {
            let [one, two] = section.state;
            let now = sample - section.feedback[0] * one - section.feedback[1] * two;
            section.state = [now, one];
            section.gain * (now + 2.0 * one + two)
        })
    }
}

/// Follows the RMS and moves its gain towards a target.
#[derive(Clone, Debug)]
pub(super) struct Leveller {
    target: f64,
    most: f64,
    /// Share of the way a sample, of the level and of the gain.
    level_step: f64,
    gain_step: f64,
    power: f64,
    gain: f64,
}

impl Leveller {
    pub(super) fn new(rate: SampleRate, control: GainControl) -> Self {
        Self {
            target: amplitude(control.target_db),
            most: amplitude(control.most_db),
            level_step: 1.0 / rate.count(0.05) as f64,
            gain_step: 1.0 / rate.count(control.seconds) as f64,
            power: FRAC_1_SQRT_2 * 1e-3,
            gain: 1.0,
        }
    }

    pub(super) fn pass(&mut self, sample: f64) -> f64 {
        self.power += self.level_step * (sample * sample - self.power);
        let wanted = (self.target / self.power.sqrt().max(1e-9)).min(self.most);
        // A pause is no reason to amplify.
        if self.power > 1e-9 {
            self.gain += self.gain_step * (wanted - self.gain);
        }
        sample * self.gain
    }
}
