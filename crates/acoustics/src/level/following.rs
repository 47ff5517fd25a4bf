//! Whether the system's gain follows the level: a tone goes up and down in known steps, and a gain control makes the steps
//! smaller, moves within them, or comes back to another level.

use std::f64::consts::TAU;
use std::time::Duration;

use rustfft::num_complex::Complex64;
use serde::Serialize;

use crate::rate::SampleRate;
use crate::sample::{amplitude_db, clean, power_db};
use crate::signal::{Staircase, Step};
use crate::stats::Slope;

/// Of each step, from when to when it is first measured, and measured when settled, as shares of its length.
const FIRST: std::ops::Range<f64> = 0.1..0.25;
const SETTLED: std::ops::Range<f64> = 0.6..0.95;
/// Steps at least so far above the rest of the sound count, in dB.
const CLEAR_DB: f64 = 6.0;
/// A straight path makes 1 dB of 1 dB. Less than this is a gain control, or a compressor.
const STRAIGHT: f64 = 0.85;
/// A gain that differs by more from level to level, within a step, or between two steps of one level, in dB, is one as well.
const STILL_DB: f64 = 1.5;

/// Listens to a recording of a [`Staircase`].
#[derive(Clone, Debug)]
pub struct Following {
    rate: SampleRate,
    steps: Vec<Step>,
    length: f64,
    latency: f64,
    at: u64,
    /// Sums for each step, first and settled.
    windows: Vec<[Window; 2]>,
    turn: Complex64,
    turning: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    tone: Complex64,
    squares: f64,
    count: f64,
}

impl Window {
    fn level_db(&self) -> f64 {
        // RMS of the tone.
        amplitude_db(self.tone.norm() / self.count.max(1.0) * 2.0_f64.sqrt())
    }

    fn rest_db(&self) -> f64 {
        let tone = self.tone.norm_sqr() * 2.0 / (self.count * self.count).max(1.0);
        power_db((self.squares / self.count.max(1.0) - tone).max(0.0))
    }
}

/// One step that was played.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepLevel {
    /// RMS of the tone that was played, in dB of full scale.
    pub played_db: f64,
    /// RMS of the tone in the recording, soon after the step.
    pub first_db: f64,
    /// The same towards its end.
    pub settled_db: f64,
    /// Whether it stands out of the rest of the sound. If not, it does not count.
    pub clear: bool,
}

/// Whether the gain follows the level.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FollowingReport {
    /// Each step.
    pub steps: Vec<StepLevel>,
    /// How many dB of the recording are one dB of what was played. 1 is a straight path.
    pub slope: Option<f64>,
    /// By how many dB the gain differs from level to level.
    pub gain_spread_db: Option<f64>,
    /// The most a level moved within a step, in dB.
    pub creep_db: Option<f64>,
    /// The most by which two steps of one level differ, in dB.
    pub hysteresis_db: Option<f64>,
    /// A gain control or compressor is at work. `None` where fewer than three levels were heard.
    pub follows: Option<bool>,
}

impl Following {
    /// The recording begins when the staircase does, and hears it after `latency`, within some 10 ms.
    pub fn new(staircase: &Staircase, latency: Duration) -> Self {
        let rate = staircase.rate();
        Self {
            rate,
            steps: staircase.steps().to_vec(),
            length: staircase.step_length() as f64,
            latency: latency.as_secs_f64().min(60.0) * rate.float(),
            at: 0,
            windows: vec![[Window::default(); 2]; staircase.steps().len()],
            turn: Complex64::new(1.0, 0.0),
            turning: None,
        }
    }

    /// Listens to a block.
    pub fn push(&mut self, recorded: &[f32]) {
        for &sample in recorded {
            let place = (self.at as f64 - self.latency) / self.length;
            self.at += 1;
            if place < 0.0 || place >= self.steps.len() as f64 {
                continue;
            }
            let (step, share) = (place as usize, place.fract());
            let window = match share {
                share if FIRST.contains(&share) => 0,
                share if SETTLED.contains(&share) => 1,
                _ => continue,
            };
            if self.turning != Some(2 * step + window) {
                self.turning = Some(2 * step + window);
                self.turn = Complex64::new(1.0, 0.0);
            }
            self.turn *= Complex64::from_polar(1.0, TAU * self.steps[step].hz / self.rate.float());
            let sample = clean(sample);
            let sums = &mut self.windows[step][window];
            sums.tone += self.turn.conj() * sample;
            sums.squares += sample * sample;
            sums.count += 1.0;
        }
    }

    /// What was heard so far.
    pub fn report(&self) -> FollowingReport {
        let steps: Vec<StepLevel> = self
            .steps
            .iter()
            .zip(&self.windows)
            .filter(|(_, windows)| windows.iter().all(|window| window.count > 0.0))
            .map(|(step, [first, settled])| StepLevel {
                played_db: amplitude_db(step.amplitude / 2.0_f64.sqrt()),
                first_db: first.level_db(),
                settled_db: settled.level_db(),
                clear: settled.level_db() > settled.rest_db() + CLEAR_DB,
            })
            .collect();
        let clear: Vec<&StepLevel> = steps.iter().filter(|step| step.clear).collect();
        let mut line = Slope::default();
        clear
            .iter()
            .for_each(|step| line.push(step.played_db, step.settled_db));
        let most = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::max);
        let gains = || clear.iter().map(|step| step.settled_db - step.played_db);
        let gain_spread_db = most(&mut gains())
            .zip(gains().reduce(f64::min))
            .map(|(most, least)| most - least);
        let creep_db = most(&mut clear.iter().map(|step| (step.settled_db - step.first_db).abs()));
        let same = |one: &StepLevel, other: &StepLevel| (one.played_db - other.played_db).abs() < 0.1;
        let twice = clear.iter().enumerate().flat_map(|(at, one)| {
            let others = clear[at + 1..].iter().filter(move |other| same(one, other));
            others.map(move |other| (one.settled_db - other.settled_db).abs())
        });
        let hysteresis_db = most(&mut twice.into_iter());
        let mut levels: Vec<i64> = clear
            .iter()
            .map(|step| (step.played_db * 10.0).round() as i64)
            .collect();
        levels.sort_unstable();
        levels.dedup();
        let slope = line.value();
        let moves = |db: Option<f64>| db.is_some_and(|db| db > STILL_DB);
        FollowingReport {
            slope,
            gain_spread_db,
            creep_db,
            hysteresis_db,
            follows: (levels.len() >= 3).then(|| {
                slope.is_some_and(|slope| slope < STRAIGHT)
                    || moves(gain_spread_db)
                    || moves(creep_db)
                    || moves(hysteresis_db)
            }),
            steps,
        }
    }
}
