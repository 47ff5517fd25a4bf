//! Fourier transforms of one size, planned once.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};

/// Transforms of one size, both ways.
#[derive(Clone)]
pub(crate) struct Fourier {
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
    scratch: Vec<Complex64>,
}

impl fmt::Debug for Fourier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fourier({})", self.size())
    }
}

impl Fourier {
    pub(crate) fn new(size: usize) -> Self {
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        let scratch = forward
            .get_inplace_scratch_len()
            .max(inverse.get_inplace_scratch_len());
        Self {
            forward,
            inverse,
            scratch: vec![Complex64::default(); scratch],
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.forward.len()
    }

    /// The spectrum of `samples`, filled up with zeros.
    pub(crate) fn spectrum(&mut self, samples: impl Iterator<Item = f64>) -> Vec<Complex64> {
        let size = self.size();
        let mut bins: Vec<Complex64> = samples
            .take(size)
            .map(|sample| Complex64::new(sample, 0.0))
            .collect();
        bins.resize(size, Complex64::default());
        self.forward.process_with_scratch(&mut bins, &mut self.scratch);
        bins
    }

    /// Back from a spectrum, in place and in the same scale.
    pub(crate) fn back(&mut self, bins: &mut [Complex64]) {
        self.inverse.process_with_scratch(bins, &mut self.scratch);
        let scale = 1.0 / self.size() as f64;
        bins.iter_mut().for_each(|bin| *bin *= scale);
    }
}

/// Power spectra of pieces of sound, through Hann's window.
#[derive(Clone, Debug)]
pub(crate) struct PowerSpectrum {
    fourier: Fourier,
    window: Vec<f64>,
    scale: f64,
}

impl PowerSpectrum {
    pub(crate) fn new(size: usize) -> Self {
        let window: Vec<f64> = (0..size).map(|at| hann(at, size)).collect();
        let power: f64 = window.iter().map(|weight| weight * weight).sum();
        Self {
            fourier: Fourier::new(size),
            window,
            scale: 2.0 / (size as f64 * power),
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.window.len()
    }

    /// The power in each bin from 0 to half of the rate: together, that of `samples`.
    pub(crate) fn of(&mut self, samples: impl Iterator<Item = f64>) -> Vec<f64> {
        let windowed = samples.zip(&self.window).map(|(sample, weight)| sample * weight);
        let bins = self.fourier.spectrum(windowed);
        bins[..self.window.len() / 2]
            .iter()
            .map(|bin| bin.norm_sqr() * self.scale)
            .collect()
    }
}

/// Hann's window over `length`.
pub(crate) fn hann(at: usize, length: usize) -> f64 {
    0.5 - 0.5 * (2.0 * PI * (at as f64 + 0.5) / length as f64).cos()
}

/// Where the top of a parabola through three points lies, from -0.5 to 0.5 about the middle one.
pub(crate) fn vertex(left: f64, middle: f64, right: f64) -> f64 {
    let bend = left - 2.0 * middle + right;
    if bend < 0.0 {
        (0.5 * (left - right) / bend).clamp(-0.5, 0.5)
    } else {
        0.0
    }
}

/// The A-weighting of IEC 61672-1, as a ratio of powers; 1 at 1 kHz.
pub(crate) fn a_weighting(hz: f64) -> f64 {
    let square = hz * hz;
    let response = 12_194.0_f64.powi(2) * square * square
        / ((square + 20.6_f64.powi(2))
            * ((square + 107.7_f64.powi(2)) * (square + 737.9_f64.powi(2))).sqrt()
            * (square + 12_194.0_f64.powi(2)));
    // 2.00 dB make it 0 dB at 1 kHz.
    (response * 1.258_925_4).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::power_db;

    #[test]
    fn a_weighting_is_that_of_the_standard() {
        // IEC 61672-1:2013, table 3: the frequencies are powers of 10^(1/10).
        for (band, db) in [
            (15, -39.4),
            (21, -16.1),
            (30, 0.0),
            (36, 1.0),
            (39, -1.1),
            (42, -6.6),
        ] {
            let weight = power_db(a_weighting(10.0_f64.powf(f64::from(band) / 10.0)));
            assert!(
                (weight - db).abs() < 0.06,
                "{weight} dB instead of {db} in band {band}"
            );
        }
    }

    #[test]
    fn there_and_back() {
        let mut fourier = Fourier::new(64);
        let mut bins = fourier.spectrum((0..64).map(|n| f64::from(n * n % 17)));
        fourier.back(&mut bins);
        assert!(
            bins.iter()
                .enumerate()
                .all(|(n, bin)| (bin.re - (n * n % 17) as f64).abs() < 1e-9)
        );
    }
}
