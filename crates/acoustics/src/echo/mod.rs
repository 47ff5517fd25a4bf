//! How much of what is played comes back in the recording, when, and for how long it lingers.
//!
//! The path from speaker to microphone is estimated by dividing the cross spectrum of played and recorded by the spectrum
//! of what was played, averaged over windows: what has nothing to do with the played sound, a talker or noise, averages
//! out. Speech or [`Pink`](crate::signal::Pink) noise must be playing.

mod decay;
mod report;

pub use decay::{Decay, decay};
pub use report::{Report, enhancement_db};

use std::collections::VecDeque;
use std::time::Duration;

use rustfft::num_complex::Complex64;

use crate::error::{Error, within};
use crate::rate::SampleRate;
use crate::sample::clean;
use crate::spectrum::Fourier;
use crate::stats::{Spread, median};

/// Length of a window, in seconds.
const WINDOW: f64 = 1.0;
/// Share by which the past counts less with each window: for the path, and for the delay, which may change.
const FORGET_PATH: f64 = 0.97;
const FORGET_DELAY: f64 = 0.5;
/// What is played at less than this power says nothing: -70 dB.
const QUIET: f64 = 1e-7;
/// Frequencies that are played at less than this share of the average power count less.
const FAINT: f64 = 1e-3;
/// The path's response stands out of the rest by this factor, or nothing comes back.
const CLEAR: f64 = 8.0;
/// A first arrival is at least this share of the strongest, and at most so much earlier, in seconds.
const FIRST_SHARE: f64 = 0.3;
const FIRST_BEFORE: f64 = 0.03;
/// Delays that are remembered: a day of one a second, and more.
const REMEMBERED: usize = 100_000;
/// What belongs to the response before its first arrival, in seconds.
const BEFORE: f64 = 0.002;

/// Listens to what is played and what is recorded, side by side.
#[derive(Clone, Debug)]
pub struct Echo {
    rate: SampleRate,
    window: usize,
    longest: usize,
    tail: usize,
    /// What was played, from `longest + tail` before the next window on.
    played: VecDeque<f32>,
    recorded: VecDeque<f32>,
    fourier: Fourier,
    path: Average,
    recent: Average,
    delays_ms: VecDeque<f64>,
    windows: u64,
    silent: u64,
    played_power: f64,
    recorded_power: f64,
    /// The least power of a window that was recorded.
    floor: Option<f64>,
}

/// Cross spectrum of recorded and played, and the spectrum of what was played.
#[derive(Clone, Debug)]
struct Average {
    forget: f64,
    cross: Vec<Complex64>,
    power: Vec<f64>,
}

impl Average {
    fn new(size: usize, forget: f64) -> Self {
        Self {
            forget,
            cross: vec![Complex64::default(); size],
            power: vec![0.0; size],
        }
    }

    fn add(&mut self, heard: &[Complex64], played: &[Complex64]) {
        let pairs = self
            .cross
            .iter_mut()
            .zip(&mut self.power)
            .zip(heard.iter().zip(played));
        for ((cross, power), (heard, played)) in pairs {
            *cross = *cross * self.forget + heard * played.conj();
            *power = *power * self.forget + played.norm_sqr();
        }
    }

    /// The path's impulse response. `share` is what of the played sound each window heard.
    fn response(&self, fourier: &mut Fourier, share: f64) -> Vec<f64> {
        let mean = self.power.iter().sum::<f64>() / self.power.len() as f64;
        let floor = (FAINT * mean).max(1e-12);
        let pairs = self.cross.iter().zip(&self.power);
        let mut transfer: Vec<Complex64> = pairs
            .map(|(cross, power)| cross / ((power + floor) * share))
            .collect();
        fourier.back(&mut transfer);
        transfer.iter().map(|sample| sample.re).collect()
    }
}

impl Echo {
    /// Delays up to `longest`, and a response of `tail` after it.
    ///
    /// # Errors
    /// A delay above 2 s, a tail outside of 10 ms to 2 s.
    pub fn new(rate: SampleRate, longest: Duration, tail: Duration) -> Result<Self, Error> {
        let longest = rate.count(within(
            "the longest delay in seconds",
            longest.as_secs_f64(),
            0.0,
            2.0,
        )?);
        let tail = rate.count(within("a tail in seconds", tail.as_secs_f64(), 0.01, 2.0)?);
        let window = rate.count(WINDOW);
        let size = (window + longest + tail).next_power_of_two();
        Ok(Self {
            rate,
            window,
            longest,
            tail,
            played: std::iter::repeat_n(0.0, longest + tail).collect(),
            recorded: VecDeque::new(),
            fourier: Fourier::new(size),
            path: Average::new(size, FORGET_PATH),
            recent: Average::new(size, FORGET_DELAY),
            delays_ms: VecDeque::new(),
            windows: 0,
            silent: 0,
            played_power: 0.0,
            recorded_power: 0.0,
            floor: None,
        })
    }

    /// Delays up to half a second, and as long a response.
    ///
    /// # Errors
    /// None, for any sample rate.
    pub fn standard(rate: SampleRate) -> Result<Self, Error> {
        Self::new(rate, Duration::from_millis(500), Duration::from_millis(500))
    }

    /// Takes what was played and what was recorded at the same time. The blocks may be of different lengths, as long as
    /// neither side runs ahead by more than ten seconds: what is too much is left out.
    pub fn push(&mut self, played: &[f32], recorded: &[f32]) {
        let before = self.longest + self.tail;
        let ahead = 10 * self.window;
        let mut rest = (played, recorded);
        // In pieces, so that an enormous block takes no enormous memory.
        while !rest.0.is_empty() || !rest.1.is_empty() {
            let (now, later) = rest.0.split_at(rest.0.len().min(self.window));
            let (heard, unheard) = rest.1.split_at(rest.1.len().min(self.window));
            rest = (later, unheard);
            let room = (before + ahead).saturating_sub(self.played.len());
            self.played
                .extend(now.iter().take(room).map(|sample| clean(*sample) as f32));
            let room = ahead.saturating_sub(self.recorded.len());
            self.recorded
                .extend(heard.iter().take(room).map(|sample| clean(*sample) as f32));
            while self.recorded.len() >= self.window && self.played.len() >= before + self.window {
                self.listen();
                self.played.drain(..self.window);
                self.recorded.drain(..self.window);
            }
        }
    }

    fn listen(&mut self) {
        let before = self.longest + self.tail;
        let power = |samples: &mut dyn Iterator<Item = &f32>| {
            samples.map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / self.window as f64
        };
        let played = power(&mut self.played.iter().skip(before).take(self.window));
        let recorded = power(&mut self.recorded.iter().take(self.window));
        self.floor = Some(self.floor.map_or(recorded, |floor| floor.min(recorded)));
        if played < QUIET {
            self.silent += 1;
            return;
        }
        self.windows += 1;
        let share = 1.0 / self.windows as f64;
        self.played_power += share * (played - self.played_power);
        self.recorded_power += share * (recorded - self.recorded_power);

        // The recording is moved back by the longest lag, so that lags are from 0 on.
        let heard = std::iter::repeat_n(0.0, before).chain(
            self.recorded
                .iter()
                .take(self.window)
                .map(|sample| f64::from(*sample)),
        );
        let heard = self.fourier.spectrum(heard);
        let source = self
            .played
            .iter()
            .take(before + self.window)
            .map(|sample| f64::from(*sample));
        let source = self.fourier.spectrum(source);
        self.path.add(&heard, &source);
        self.recent.add(&heard, &source);
        let share = self.share();
        let response = self.recent.response(&mut self.fourier, share);
        if let Some(at) = self.first(&response) {
            if self.delays_ms.len() == REMEMBERED {
                self.delays_ms.pop_front();
            }
            self.delays_ms.push_back(self.rate.milliseconds(at as f64));
        }
    }

    /// The share of the played sound that a window of the recording can hear.
    fn share(&self) -> f64 {
        self.window as f64 / (self.window + self.longest + self.tail) as f64
    }

    /// The first arrival of a response, if there is any.
    fn first(&self, response: &[f64]) -> Option<usize> {
        let lags = &response[..self.longest + self.tail];
        let strongest = (0..=self.longest.min(lags.len() - 1))
            .max_by(|a, b| lags[*a].abs().total_cmp(&lags[*b].abs()))?;
        let usual = median(&mut lags.iter().map(|lag| lag.abs()).collect::<Vec<_>>())?;
        let peak = lags[strongest].abs();
        // The median of noise is two thirds of its RMS.
        let noise = usual / 0.674;
        if peak < CLEAR * noise || peak < 1e-6 {
            return None;
        }
        let least = (FIRST_SHARE * peak).max(0.75 * CLEAR * noise);
        let earliest = strongest.saturating_sub(self.rate.count(FIRST_BEFORE));
        (earliest..=strongest).find(|at| lags[*at].abs() >= least)
    }

    /// What was found so far.
    pub fn report(&self) -> Report {
        let mut fourier = self.fourier.clone();
        let response = self.path.response(&mut fourier, self.share());
        let first = self.first(&response).filter(|_| self.windows > 0);
        let delays = Spread::of(self.delays_ms.iter().copied());
        let mut report = Report::without_echo(self.windows, self.silent, delays);
        report.powers(self.played_power, self.recorded_power, self.floor.unwrap_or(0.0));
        let Some(first) = first else {
            return report;
        };
        let from = first.saturating_sub(self.rate.count(BEFORE));
        let to = (first + self.tail).min(self.longest + self.tail);
        let piece = &response[from..to];
        let played: f64 = self.path.power.iter().sum::<f64>().max(1e-20);
        let mut back = |piece: &[f64]| {
            let spectrum = fourier.spectrum(piece.iter().copied());
            spectrum
                .iter()
                .zip(&self.path.power)
                .map(|(bin, power)| bin.norm_sqr() * power)
                .sum::<f64>()
                / played
        };
        // What is there before the sound can have come, or long after, is noise.
        let end = self.longest + self.tail;
        let quiet = if from > end - to {
            &response[..from]
        } else {
            &response[to..end]
        };
        let noise = back(quiet) * piece.len() as f64 / quiet.len().max(1) as f64;
        let all = back(piece);
        let gain = (all - noise).max(0.01 * all);
        report.found(self.rate, first, gain, decay(self.rate, piece), piece);
        report
    }
}
