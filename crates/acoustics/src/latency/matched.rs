//! The matched filter: where in a stretch of sound a symbol begins.

use rustfft::num_complex::{Complex32, Complex64};

use crate::sample::{SILENCE_DB, amplitude_db};
use crate::signal::ChirpCode;
use crate::spectrum::{Fourier, hann, vertex};
use crate::stats::median;

/// The envelope of noise alone (Rayleigh's distribution) is above so many standard deviations once in 10 million searches
/// of 100 000 lags.
const NEVER: f64 = 7.5;
/// A first arrival is no more than this below the strongest: the side lobes of the pulse are lower.
const FIRST_SHARE: f64 = 0.3;
/// What arrived must have more than this share of a symbol's chirps. Another symbol has two of ten in common, a telephone
/// lets half of them through.
const CHIRPS_SHARE: f64 = 0.33;
/// A first arrival comes no earlier before the strongest, in seconds: one chirp before, the code has a side lobe.
const FIRST_BEFORE: f64 = 0.05;
/// Median of an envelope of noise, in standard deviations.
const RAYLEIGH_MEDIAN: f64 = 1.177_41;

#[derive(Clone, Debug)]
pub(super) struct MatchedFilter {
    fourier: Fourier,
    /// First bin of the band.
    low: usize,
    symbols: Vec<Symbol>,
    longest: usize,
    before: usize,
}

#[derive(Clone, Debug)]
struct Symbol {
    /// What matches it, for each bin of the band.
    weights: Vec<Complex64>,
    /// The symbol itself, and a quarter of a turn behind it.
    analytic: Vec<Complex32>,
    /// Samples of a chirp.
    chirp: usize,
}

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Samples from the beginning, if anything stood out.
    pub(super) found: Option<f64>,
    /// How far the strongest stands out of the noise.
    pub(super) confidence_db: f64,
    /// The symbol's level against the one that was played with a peak of 1.
    pub(super) level_db: f64,
}

impl MatchedFilter {
    pub(super) fn new(code: &ChirpCode, longest: usize) -> Self {
        let size = (longest + 2 * code.length()).next_power_of_two();
        let mut fourier = Fourier::new(size);
        let bin = |hz: f64| (hz / code.rate().float() * size as f64) as usize;
        let (low, high) = (bin(code.band().0), bin(code.band().1));
        let symbols = (0..crate::signal::SYMBOLS as u64)
            .map(|index| {
                let symbol = code.symbol(index);
                let spectrum = fourier.spectrum(symbol.iter().map(|sample| f64::from(*sample)));
                // Only positive frequencies, so that the result is an envelope; softer towards the edges of the band, so
                // that the pulse has no side lobes.
                let band = &spectrum[low..=high];
                let weigh = |(at, bin): (usize, &Complex64)| bin.conj() * hann(at, band.len());
                let weights: Vec<Complex64> = band.iter().enumerate().map(weigh).collect();
                let pulse: f64 = weights
                    .iter()
                    .zip(band)
                    .map(|(weight, bin)| (weight * bin).norm())
                    .sum();
                let scale = size as f64 / pulse.max(1e-12);
                let mut turned: Vec<Complex64> = vec![Complex64::default(); size];
                turned[..size / 2].copy_from_slice(&spectrum[..size / 2]);
                fourier.back(&mut turned);
                let analytic = turned[..code.length()]
                    .iter()
                    .map(|s| Complex32::new(2.0 * s.re as f32, 2.0 * s.im as f32));
                Symbol {
                    weights: weights.iter().map(|weight| weight * scale).collect(),
                    analytic: analytic.collect(),
                    chirp: code.chirp(),
                }
            })
            .collect();
        Self {
            fourier,
            low,
            symbols,
            longest,
            before: code.rate().count(FIRST_BEFORE),
        }
    }

    /// Searches `samples` for the symbol that was played as number `index`.
    pub(super) fn search(&mut self, index: u64, samples: &[f64]) -> Arrival {
        let symbol = (index % self.symbols.len() as u64) as usize;
        let mut bins = self.fourier.spectrum(samples.iter().copied());
        let weights = &self.symbols[symbol].weights;
        let band = self.low..self.low + weights.len();
        for (at, bin) in bins.iter_mut().enumerate() {
            if band.contains(&at) {
                *bin *= weights[at - self.low];
            } else {
                *bin = Complex64::default();
            }
        }
        self.fourier.back(&mut bins);
        let envelope: Vec<f64> = bins[..self.longest].iter().map(|lag| lag.norm()).collect();
        let noise = median(&mut envelope.clone()).unwrap_or(0.0) / RAYLEIGH_MEDIAN;
        let strongest = (0..envelope.len()).max_by(|a, b| envelope[*a].total_cmp(&envelope[*b]));
        let Some(strongest) = strongest.filter(|at| envelope[*at] > 1e-9) else {
            return Arrival {
                found: None,
                confidence_db: 0.0,
                level_db: SILENCE_DB,
            };
        };
        let peak = envelope[strongest];
        let confidence_db = amplitude_db(peak / noise.max(1e-12));
        let least = (FIRST_SHARE * peak).max(NEVER * noise);
        let is_top = |at: &usize| {
            let left = at.checked_sub(1).map_or(0.0, |left| envelope[left]);
            let right = envelope.get(at + 1).copied().unwrap_or(0.0);
            envelope[*at] >= least && envelope[*at] >= left && envelope[*at] >= right
        };
        let first = (strongest.saturating_sub(self.before)..=strongest).find(is_top);
        let found = first
            .filter(|_| {
                peak > NEVER * noise
                    && self.symbols[symbol].share(&samples[strongest.min(samples.len())..]) > CHIRPS_SHARE
            })
            .map(|at| {
                let level = |at: Option<usize>| {
                    at.and_then(|at| envelope.get(at))
                        .map_or(SILENCE_DB, |e| amplitude_db(*e))
                };
                at as f64 + vertex(level(at.checked_sub(1)), level(Some(at)), level(Some(at + 1)))
            });
        Arrival {
            found,
            confidence_db,
            level_db: amplitude_db(peak),
        }
    }
}

impl Symbol {
    /// The share of its chirps that are in `samples` from the first on: 1 where all are as strong as each other.
    fn share(&self, samples: &[f64]) -> f64 {
        let chirps = self.analytic.chunks(self.chirp).zip(samples.chunks(self.chirp));
        let strengths = chirps.map(|(chirp, samples)| {
            let pairs = chirp.iter().zip(samples);
            let sum: Complex64 = pairs
                .map(|(c, s)| Complex64::new(f64::from(c.re), -f64::from(c.im)) * s)
                .sum();
            sum.norm()
        });
        let (sum, squares) = strengths.fold((0.0, 0.0), |(sum, squares), s| (sum + s, squares + s * s));
        let count = self.analytic.len() as f64 / self.chirp as f64;
        if squares > 0.0 {
            sum * sum / (count * squares)
        } else {
            0.0
        }
    }
}
