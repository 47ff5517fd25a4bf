//! Distortion and noise beside a single tone, from its spectrum.

use std::f64::consts::TAU;

use serde::Serialize;

use crate::error::Error;
use crate::rate::SampleRate;
use crate::sample::{clean, power_db};
use crate::spectrum::Fourier;

/// The window of Blackman and Harris: side lobes at -92 dB.
const WINDOW: [f64; 4] = [0.358_75, 0.488_29, 0.141_28, 0.011_68];
/// Bins to each side that belong to a tone: those of the window, and some for clocks that drift.
const LOBE: usize = 6;
/// What counts as noise: the band of AES17.
const BAND: std::ops::RangeInclusive<f64> = 20.0..=20_000.0;
/// How far from where it should be a tone is looked for, relative.
const NEAR: f64 = 0.02;
/// A tone is above the rest by this, or there was none.
const CLEAR_DB: f64 = 3.0;
/// Highest order of harmonics.
const ORDERS: usize = 10;

/// Listens to a recording of one [`Sine`](crate::signal::Sine), as long as it likes.
#[derive(Clone, Debug)]
pub struct Distortion {
    rate: SampleRate,
    hz: f64,
    fourier: Fourier,
    window: Vec<f64>,
    heard: Vec<f64>,
    /// Mean power in each bin, and of how many spectra.
    powers: Vec<f64>,
    spectra: u64,
}

/// What is heard beside a tone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DistortionReport {
    /// Whether the tone was heard. If not, nothing else says anything.
    pub found: bool,
    /// Its frequency in the recording.
    pub hz: f64,
    /// Its RMS, in dB of full scale.
    pub level_db: f64,
    /// Harmonics, as a share of the tone, in percent.
    pub thd_percent: f64,
    /// All that is heard from 20 Hz to 20 kHz but the tone, as a share of all, in percent (AES17).
    pub thd_n_percent: f64,
    /// The same, in dB.
    pub thd_n_db: f64,
    /// The tone against all but it and its harmonics, in dB.
    pub snr_db: f64,
    /// The harmonics from the second on, in dB relative to the tone.
    pub harmonics_db: Vec<f64>,
}

impl Distortion {
    /// A tone of `hz`.
    ///
    /// # Errors
    /// A frequency the rate cannot have.
    pub fn new(rate: SampleRate, hz: f64) -> Result<Self, Error> {
        let size = rate.count(0.5).next_power_of_two();
        let weight = |at: usize| {
            let share = (at as f64 + 0.5) / size as f64;
            WINDOW
                .iter()
                .zip(0..)
                .map(|(term, order)| term * (TAU * share * f64::from(order) + share_sign(order)).cos())
                .sum()
        };
        Ok(Self {
            rate,
            hz: rate.frequency(hz)?,
            fourier: Fourier::new(size),
            window: (0..size).map(weight).collect(),
            heard: Vec::with_capacity(size),
            powers: vec![0.0; size / 2],
            spectra: 0,
        })
    }

    /// Listens to a block.
    pub fn push(&mut self, recorded: &[f32]) {
        for &sample in recorded {
            self.heard.push(clean(sample));
            if self.heard.len() == self.window.len() {
                self.spectrum();
                self.heard.clear();
            }
        }
    }

    fn spectrum(&mut self) {
        let mean = self.heard.iter().sum::<f64>() / self.heard.len() as f64;
        let windowed = self
            .heard
            .iter()
            .zip(&self.window)
            .map(|(sample, weight)| (sample - mean) * weight);
        let bins = self.fourier.spectrum(windowed);
        let power: f64 = self.window.iter().map(|weight| weight * weight).sum();
        let scale = 2.0 / (self.window.len() as f64 * power);
        self.spectra += 1;
        let share = 1.0 / self.spectra as f64;
        for (mean, bin) in self.powers.iter_mut().zip(bins) {
            *mean += share * (bin.norm_sqr() * scale - *mean);
        }
    }

    /// What was heard so far: at least half a second, at most one, is needed.
    pub fn report(&self) -> DistortionReport {
        let bin_hz = self.rate.float() / self.window.len() as f64;
        let bin = |hz: f64| ((hz / bin_hz).round() as usize).min(self.powers.len() - 1);
        let strongest = |from: usize, to: usize| {
            let bins = from..=to.min(self.powers.len() - 1);
            bins.max_by(|a, b| self.powers[*a].total_cmp(&self.powers[*b]))
                .unwrap_or(from)
        };
        let lobe = |center: usize| center.saturating_sub(LOBE)..(center + LOBE + 1).min(self.powers.len());
        let power = |bins: std::ops::Range<usize>| self.powers[bins].iter().sum::<f64>();

        let reach = (NEAR * self.hz / bin_hz).max(2.0) as usize;
        let center = bin(self.hz);
        let tone_at = strongest(center.saturating_sub(reach).max(1), center + reach);
        let own = lobe(tone_at);
        let moment: f64 = own.clone().map(|bin| bin as f64 * self.powers[bin]).sum();
        let tone = power(own.clone());
        let hz = if tone > 0.0 {
            moment / tone * bin_hz
        } else {
            self.hz
        };
        let band = bin(*BAND.start()).max(1)..bin(*BAND.end()) + 1;
        let within = |at: usize| own.contains(&at);
        let rest: f64 = band
            .clone()
            .filter(|at| !within(*at))
            .map(|at| self.powers[at])
            .sum();

        let mut harmonic_bins = Vec::new();
        let harmonics: Vec<f64> = (2..=ORDERS)
            .map(|order| hz * order as f64)
            .take_while(|hz| bin(*hz) + LOBE < band.end)
            .map(|hz| {
                let at = strongest(bin(hz).saturating_sub(2), bin(hz) + 2);
                let bins = lobe(at);
                harmonic_bins.extend(bins.clone());
                power(bins)
            })
            .collect();
        let together: f64 = harmonics.iter().sum();
        let noise: f64 = band
            .filter(|at| !within(*at) && !harmonic_bins.contains(at))
            .map(|at| self.powers[at])
            .sum();
        let found = self.spectra > 0 && power_db(tone) > power_db(rest) + CLEAR_DB;
        let tone = tone.max(1e-20);
        let ratio = rest / (tone + rest);
        DistortionReport {
            found,
            hz,
            level_db: power_db(tone),
            thd_percent: 100.0 * (together / tone).sqrt(),
            thd_n_percent: 100.0 * ratio.sqrt(),
            thd_n_db: power_db(ratio),
            snr_db: power_db(tone / noise.max(1e-20)),
            harmonics_db: harmonics.iter().map(|power| power_db(power / tone)).collect(),
        }
    }
}

/// The terms of the window have alternating signs.
fn share_sign(order: i32) -> f64 {
    if order % 2 == 0 { 0.0 } else { std::f64::consts::PI }
}
