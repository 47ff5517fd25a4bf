//! Follows the tones from block to block, and foretells every sample.

use std::f64::consts::TAU;

use rustfft::num_complex::Complex64;

use super::fit::{Fit, turns, wrapped};
use super::history::History;
use super::tones::TONES;
use crate::rate::SampleRate;

/// Share of the difference that is taken over each block of 5 ms: tones are followed within 15 ms, so that neither a gain
/// control nor a resampler that changes its ratio by 500 ppm is a glitch.
const FOLLOW: f64 = 0.3;
/// The same of the frequency: the loop is critically damped.
const FOLLOW_FREQUENCY: f64 = 0.02;
/// Share a block of what is known of the noise: it is averaged over half a second.
const FOLLOW_NOISE: f64 = 0.01;
/// A difference of so much of the strong tone is one, however clean the sound.
const LEAST: f64 = 0.08;
/// Standard deviations of noise that never come by chance: 1e-15 a sample.
const NEVER: f64 = 8.0;
/// What is left in every block, as distortion is, must be exceeded by so much.
const ABOVE_USUAL: f64 = 1.6;
/// Shifts of time that are looked for, in seconds to either side.
const FARTHEST: f64 = 0.2;
/// How far the phases of the faint tones may be from what a shift of time would make of them, in turns, and how far their
/// levels from each other, without noise.
const SAME_SHIFT: f64 = 0.004;
const SAME_GAIN: f64 = 0.04;
/// Louder and softer than before by no more than this: a fit of something else.
const GAINS: std::ops::Range<f64> = 0.05..20.0;

#[derive(Clone, Debug)]
pub(super) struct Tracker {
    rate: SampleRate,
    hop: usize,
    /// By how much the tones are faster than they should be, relative.
    deviation: f64,
    /// Amplitude and phase of each tone at the next sample.
    tones: [Complex64; 3],
    constant: f64,
    /// Phase of the strong tone ahead of the nominal one, in seconds, without wrapping; jumps are taken out.
    lead: f64,
    /// Power of what is left, and its usual peak in a block.
    noise: f64,
    usual: f64,
}

/// What a block was like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// First and last sample that were not as foretold.
    pub(super) bad: Option<(u64, u64)>,
    /// The largest difference.
    pub(super) peak: f64,
    /// The differences as changes of the tones, of the constant, and their power.
    tones: [Complex64; 3],
    constant: f64,
    power: f64,
}

impl Tracker {
    pub(super) fn new(
        rate: SampleRate,
        hop: usize,
        fit: &Fit,
        deviation: f64,
        next: u64,
        (noise, peak): (f64, f64),
    ) -> Self {
        Self {
            rate,
            hop,
            deviation,
            tones: fit.tones_at(next),
            constant: fit.constant,
            lead: 0.0,
            noise: noise * noise,
            usual: peak,
        }
    }

    /// Amplitude of the strong tone.
    pub(super) fn level(&self) -> f64 {
        self.tones[0].norm()
    }

    /// RMS of what is left besides the tones.
    pub(super) fn noise(&self) -> f64 {
        self.noise.sqrt()
    }

    pub(super) fn rate(&self) -> SampleRate {
        self.rate
    }

    pub(super) fn deviation(&self) -> f64 {
        self.deviation
    }

    /// How far the strong tone is ahead of the nominal one, in seconds.
    pub(super) fn lead(&self) -> f64 {
        self.lead
    }

    pub(super) fn constant(&self) -> f64 {
        self.constant
    }

    /// A difference above this is no accident.
    pub(super) fn threshold(&self) -> f64 {
        (LEAST * self.level())
            .max(NEVER * self.noise())
            .max(ABOVE_USUAL * self.usual)
    }

    /// The same for a fit, which may be louder.
    pub(super) fn tolerance(&self, fit: &Fit) -> f64 {
        self.threshold() * (fit.level() / self.level().max(1e-12)).max(0.5)
    }

    /// Goes on at this deviation, which is known better than that of the last blocks.
    pub(super) fn coast_at(&mut self, deviation: f64) {
        self.deviation = deviation;
    }

    /// Compares the block that begins at `from`, and moves on to the next.
    pub(super) fn listen(&mut self, history: &History, from: u64) -> Heard {
        let steps = turns(self.rate, self.deviation).map(|turn| Complex64::from_polar(1.0, turn));
        let limit = self.threshold();
        let mut unit = self.tones.map(|tone| {
            let norm = tone.norm();
            if norm > 1e-12 {
                tone / norm
            } else {
                Complex64::new(1.0, 0.0)
            }
        });
        let levels = self.tones.map(|tone| tone.norm());
        let mut heard = Heard {
            bad: None,
            peak: 0.0,
            tones: [Complex64::default(); 3],
            constant: 0.0,
            power: 0.0,
        };
        for (at, sample) in (from..).zip(history.range(from, from + self.hop as u64)) {
            let mut rest = sample - self.constant;
            for tone in 0..3 {
                rest -= unit[tone].re * levels[tone];
            }
            for tone in 0..3 {
                heard.tones[tone] += unit[tone].conj() * rest;
                unit[tone] *= steps[tone];
            }
            heard.constant += rest;
            heard.power += rest * rest;
            let size = rest.abs();
            heard.peak = heard.peak.max(size);
            if size > limit {
                heard.bad = Some((heard.bad.map_or(at, |(first, _)| first), at));
            }
        }
        let scale = 1.0 / self.hop as f64;
        heard.power *= scale;
        heard.constant *= scale;
        // Relative to each tone's phase: real is louder, imaginary is ahead.
        heard.tones = heard.tones.map(|tone| tone * (2.0 * scale));
        self.tones = [0, 1, 2].map(|tone| unit[tone] / unit[tone].norm() * levels[tone]);
        self.lead += self.deviation * self.rate.seconds(self.hop as u64);
        heard
    }

    /// Follows what was heard in a block that was as foretold.
    pub(super) fn update(&mut self, heard: &Heard) {
        let mut ahead = 0.0;
        for (index, tone) in self.tones.iter_mut().enumerate() {
            let norm = tone.norm();
            let now = Complex64::new(norm, 0.0) + heard.tones[index] * FOLLOW;
            if index == 0 {
                ahead = now.arg();
            }
            let phase = if norm > 1e-12 {
                *tone / norm
            } else {
                Complex64::new(1.0, 0.0)
            };
            *tone = phase * now;
        }
        self.constant += FOLLOW * heard.constant;
        let turn = TAU * TONES[0];
        self.lead += ahead / turn;
        let block = self.rate.seconds(self.hop as u64);
        self.deviation += FOLLOW_FREQUENCY / FOLLOW * ahead / (turn * block);
        self.deviation = self.deviation.clamp(-0.02, 0.02);
        self.noise += FOLLOW_NOISE * (heard.power - self.noise);
        self.usual += FOLLOW_NOISE * (heard.peak - self.usual);
    }

    /// Whether a fit can be the tones again.
    pub(super) fn believes(&self, fit: &Fit) -> bool {
        let gain = fit.level() / self.level().max(1e-12);
        GAINS.contains(&gain) && fit.peak < self.tolerance(fit) && fit.rest < 0.35 * fit.level()
    }

    /// How many samples later the sound comes in `fit`: what was put in, negative for what was lost. `None` where the
    /// phases tell of no shift of time.
    pub(super) fn shift(&self, fit: &Fit) -> Option<f64> {
        // This block has been listened to: the tones are those of the sample after it, which is the end of the fit.
        let end = fit.start() + (super::FIT_BLOCKS * self.hop) as u64;
        let then = fit.tones_at(end);
        let turn = turns(self.rate, self.deviation);
        let ahead = [0, 1, 2].map(|tone| (then[tone] * self.tones[tone].conj()).arg());
        let gain = |tone: usize| then[tone].norm() / self.tones[tone].norm().max(1e-12);
        // What noise makes of a tone in so few samples, six times over, relative.
        let samples = (super::FIT_BLOCKS * self.hop) as f64;
        let noise = |tone: usize| {
            let faintest = then[tone].norm().min(self.tones[tone].norm()).max(1e-12);
            6.0 * self.noise() * (2.0 / samples).sqrt() / faintest
        };
        // A pilot that the path does not carry says nothing.
        let pilots: Vec<usize> = [1, 2].into_iter().filter(|tone| noise(*tone) < 0.5).collect();
        let louder = |tone: &usize| (gain(*tone) / gain(0).max(1e-12) - 1.0).abs() > SAME_GAIN + noise(*tone);
        if pilots.iter().any(louder) {
            return None;
        }
        let most = (FARTHEST * TONES[0]) as i32;
        let candidates = (-most..=most).map(|periods| (TAU * f64::from(periods) - ahead[0]) / turn[0]);
        // In what is allowed.
        let cost = |shift: f64| {
            let off = |tone: usize| wrapped(ahead[tone] + turn[tone] * shift).abs() / TAU;
            let share = |tone: &usize| off(*tone) / (SAME_SHIFT + noise(*tone) / TAU);
            pilots.iter().map(share).fold(0.0, f64::max)
        };
        // Without pilots, the smallest shift.
        let best = candidates.min_by(|a, b| {
            let key = |shift: f64| cost(shift) + 1e-3 * shift.abs() / self.rate.float();
            key(*a).total_cmp(&key(*b))
        })?;
        (cost(best) < 1.0).then_some(best)
    }

    /// The sample that should have been at `at`, where the next one is `next`.
    pub(super) fn foretell(&self, at: u64, next: u64) -> f64 {
        let distance = at as f64 - next as f64;
        let turns = turns(self.rate, self.deviation);
        let tones = self.tones.iter().zip(turns);
        self.constant
            + tones
                .map(|(tone, turn)| (tone * Complex64::from_polar(1.0, turn * distance)).re)
                .sum::<f64>()
    }

    /// Goes on from a fit.
    pub(super) fn lock(&mut self, fit: &Fit, next: u64) {
        self.tones = fit.tones_at(next);
        self.constant = fit.constant;
    }
}
