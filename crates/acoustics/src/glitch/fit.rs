//! Amplitudes and phases of the tones in a piece of sound, by least squares; and when they are there at all.

use std::collections::VecDeque;
use std::f64::consts::{PI, TAU};

use rustfft::num_complex::Complex64;

use super::history::History;
use super::tones::TONES;
use crate::rate::SampleRate;
use crate::stats::median;

/// Unknowns: two for each tone, and a constant.
const UNKNOWNS: usize = 2 * TONES.len() + 1;

/// Radians a sample of each tone, where the recording's clock deviates by so much.
pub(super) fn turns(rate: SampleRate, deviation: f64) -> [f64; 3] {
    TONES.map(|hz| TAU * hz * (1.0 + deviation) / rate.float())
}

/// The tones in a piece of sound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    rate: SampleRate,
    start: u64,
    deviation: f64,
    /// Amplitude and phase of each tone at `start`.
    pub(super) tones: [Complex64; 3],
    pub(super) constant: f64,
    /// What is left, RMS and largest.
    pub(super) rest: f64,
    pub(super) peak: f64,
}

impl Fit {
    /// From `start` to the end of what is known. `None` when there is too little.
    pub(super) fn of(rate: SampleRate, history: &History, start: u64, deviation: f64) -> Option<Self> {
        let samples = history.range(start, history.end());
        let count = samples.clone().count();
        if count < 4 * UNKNOWNS {
            return None;
        }
        let steps = turns(rate, deviation).map(|turn| Complex64::from_polar(1.0, turn));
        let rows = |mut turn: [Complex64; 3]| {
            move || {
                let mut row = [1.0; UNKNOWNS];
                for (tone, step) in steps.iter().enumerate() {
                    // Re(b e^jwt) = Re b cos wt - Im b sin wt.
                    row[2 * tone] = turn[tone].re;
                    row[2 * tone + 1] = -turn[tone].im;
                    turn[tone] *= step;
                }
                row
            }
        };
        let mut next = rows([Complex64::new(1.0, 0.0); 3]);
        let mut normal = [[0.0; UNKNOWNS + 1]; UNKNOWNS];
        for sample in samples.clone() {
            let row = next();
            for (i, line) in normal.iter_mut().enumerate() {
                for (cell, other) in line.iter_mut().zip(row) {
                    *cell += row[i] * other;
                }
                line[UNKNOWNS] += row[i] * sample;
            }
        }
        let solution = solve(normal)?;
        let mut next = rows([Complex64::new(1.0, 0.0); 3]);
        let (mut power, mut peak) = (0.0, 0.0_f64);
        for sample in samples {
            let told: f64 = next().iter().zip(solution).map(|(a, b)| a * b).sum();
            power += (sample - told).powi(2);
            peak = peak.max((sample - told).abs());
        }
        Some(Self {
            rate,
            start,
            deviation,
            tones: [0, 1, 2].map(|tone| Complex64::new(solution[2 * tone], solution[2 * tone + 1])),
            constant: solution[UNKNOWNS - 1],
            rest: (power / count as f64).sqrt(),
            peak,
        })
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Amplitude of the strong tone.
    pub(super) fn level(&self) -> f64 {
        self.tones[0].norm()
    }

    /// The tones' amplitudes and phases at another sample.
    pub(super) fn tones_at(&self, at: u64) -> [Complex64; 3] {
        let distance = at as f64 - self.start as f64;
        let turns = turns(self.rate, self.deviation);
        [0, 1, 2].map(|tone| self.tones[tone] * Complex64::from_polar(1.0, turns[tone] * distance))
    }

    /// The sample that should be at `at`.
    pub(super) fn foretell(&self, at: u64) -> f64 {
        self.constant + self.tones_at(at).iter().map(|tone| tone.re).sum::<f64>()
    }
}

/// Gauss with pivots. `None` when there is no single solution.
fn solve(mut rows: [[f64; UNKNOWNS + 1]; UNKNOWNS]) -> Option<[f64; UNKNOWNS]> {
    for column in 0..UNKNOWNS {
        let pivot =
            (column..UNKNOWNS).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
        if rows[pivot][column].abs() < 1e-9 {
            return None;
        }
        rows.swap(column, pivot);
        let own = rows[column];
        for (index, row) in rows.iter_mut().enumerate() {
            if index != column {
                let factor = row[column] / own[column];
                for (cell, above) in row.iter_mut().zip(own) {
                    *cell -= factor * above;
                }
            }
        }
    }
    let mut solution = [0.0; UNKNOWNS];
    for (index, value) in solution.iter_mut().enumerate() {
        *value = rows[index][UNKNOWNS] / rows[index][index];
    }
    Some(solution)
}

/// An angle between -pi and pi.
pub(super) fn wrapped(angle: f64) -> f64 {
    angle - TAU * (angle / TAU).round()
}

/// Fits in a row that must agree before the tones count as there: 300 ms, in which a room settles.
const AGREEING: usize = 60;
/// Least amplitude of the strong tone: -80 dB.
const FAINTEST: f64 = 1e-4;
/// Largest deviation of the clock: 1 %. More is another rate.
const FARTHEST: f64 = 0.01;

/// Looks for the tones at the beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct Acquisition {
    /// Phase of the strong tone against the nominal one, its amplitude, and what was left: RMS and peak.
    fits: VecDeque<[f64; 4]>,
}

impl Acquisition {
    /// The deviation of the clock, once the tones stand.
    pub(super) fn push(&mut self, rate: SampleRate, hop: usize, fit: &Fit) -> Option<f64> {
        let clear = fit.level() > FAINTEST && fit.rest < 0.35 * fit.level();
        if !clear {
            self.fits.clear();
            return None;
        }
        let nominal = (TONES[0] / rate.float() * fit.start() as f64).fract() * TAU;
        self.fits
            .push_back([fit.tones[0].arg() - nominal, fit.level(), fit.rest, fit.peak]);
        if self.fits.len() > AGREEING {
            self.fits.pop_front();
        }
        if self.fits.len() < AGREEING {
            return None;
        }
        let levels = self.fits.iter().map(|fit| fit[1]);
        let (least, most) = levels.fold((f64::MAX, 0.0_f64), |(least, most), l| {
            (least.min(l), most.max(l))
        });
        if most > 1.2 * least {
            return None;
        }
        // Unwrapped, a straight line.
        let mut phase = 0.0;
        let mut before = self.fits.front()?[0];
        let mut line = crate::stats::Slope::default();
        let mut points = Vec::with_capacity(AGREEING);
        for (index, fit) in self.fits.iter().enumerate() {
            phase += wrapped(fit[0] - before);
            before = fit[0];
            line.push(index as f64, phase);
            points.push(phase);
        }
        let slope = line.value()?;
        let middle = points.iter().sum::<f64>() / AGREEING as f64;
        let off = |(index, point): (usize, &f64)| {
            (point - middle - slope * (index as f64 - (AGREEING - 1) as f64 / 2.0)).abs()
        };
        let straight = points.iter().enumerate().map(off).all(|off| off < PI / 10.0);
        let deviation = slope / (TAU * TONES[0] / rate.float() * hop as f64);
        (straight && deviation.abs() < FARTHEST).then_some(deviation)
    }

    /// What is usually left besides the tones: RMS and peak.
    pub(super) fn noise(&self) -> (f64, f64) {
        let middle = |which: usize| median(&mut self.fits.iter().map(|fit| fit[which]).collect::<Vec<_>>());
        (middle(2).unwrap_or(0.0), middle(3).unwrap_or(0.0))
    }
}
