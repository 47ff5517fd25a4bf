//! A code of chirps that says when it was played.
//!
//! A symbol is ten short chirps, each through a tenth of the band, in the order of a Welch-Costas array (Costas 1984;
//! Golomb and Taylor 1984): shifted against itself, no two chirps meet again. The four arrays of the primitive roots of
//! 11 meet in two of ten at most, so that four symbols in turn are told apart, and a delay is known beyond one period.
//! Chirps survive what noise does not: noise suppression, gain control, clipping and clocks that drift apart.

use std::f64::consts::TAU;
use std::time::Duration;

use crate::error::{Error, within};
use crate::rate::SampleRate;
use crate::signal::{checked_amplitude, fade};

const PRIME: u64 = 11;
/// The primitive roots of [`PRIME`]. One symbol each.
const ROOTS: [u64; SYMBOLS] = [2, 6, 7, 8];
/// Symbols until the first comes again.
pub(crate) const SYMBOLS: usize = 4;
/// Chirps of a symbol.
const CHIRPS: u64 = PRIME - 1;

/// Which chirps, how long and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct ChirpCode {
    rate: SampleRate,
    low: f64,
    high: f64,
    chirp: usize,
    period: usize,
}

impl ChirpCode {
    /// 0.7 s of every second, from 300 Hz to 7 kHz or 45 % of the rate: what small speakers and wideband calls carry.
    pub fn standard(rate: SampleRate) -> Self {
        Self {
            rate,
            low: 300.0,
            high: (0.45 * rate.float()).min(7_000.0),
            chirp: rate.count(0.07),
            period: rate.count(1.0),
        }
    }

    /// Symbols of `length` from `low` to `high` Hz, one every `period`.
    ///
    /// # Errors
    /// Frequencies the rate cannot have or in the wrong order, a length outside of 50 ms to 5 s, a period shorter than
    /// the symbol or longer than 10 s.
    pub fn new(
        rate: SampleRate,
        low: f64,
        high: f64,
        length: Duration,
        period: Duration,
    ) -> Result<Self, Error> {
        let (low, high) = (rate.frequency(low)?, rate.frequency(high)?);
        if low >= high {
            return Err(Error::Band { low, high });
        }
        let length = within("a symbol in seconds", length.as_secs_f64(), 0.05, 5.0)?;
        let period = within("a period in seconds", period.as_secs_f64(), length, 10.0)?;
        let chirp = rate.count(length / CHIRPS as f64);
        let period = rate.count(period).max(chirp * CHIRPS as usize);
        Ok(Self {
            rate,
            low,
            high,
            chirp,
            period,
        })
    }

    /// Sample rate.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Lowest and highest frequency, in Hz.
    pub fn band(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Samples of a symbol.
    pub fn length(&self) -> usize {
        self.chirp * CHIRPS as usize
    }

    /// Samples of one of its chirps.
    pub(crate) fn chirp(&self) -> usize {
        self.chirp
    }

    /// Samples from the start of one symbol to the start of the next.
    pub fn period(&self) -> usize {
        self.period
    }

    /// The samples of the symbol that is played as number `index`, with a peak of 1.
    pub fn symbol(&self, index: u64) -> Vec<f32> {
        let root = ROOTS[(index % SYMBOLS as u64) as usize];
        let width = (self.high - self.low) / CHIRPS as f64;
        let (mut place, mut phase) = (1, 0.0);
        let mut samples = Vec::with_capacity(self.length());
        for _ in 0..CHIRPS {
            place = place * root % PRIME;
            let from = self.low + width * (place - 1) as f64;
            for at in 0..self.chirp {
                samples.push((TAU * phase).sin() as f32);
                let hz = from + width * (at as f64 + 0.5) / self.chirp as f64;
                phase = (phase + hz / self.rate.float()).fract();
            }
        }
        let (length, fade) = (samples.len(), self.rate.count(0.005));
        for (at, sample) in samples.iter_mut().enumerate() {
            *sample *= fade::gain(at, length, fade) as f32;
        }
        samples
    }

    /// The symbols one after the other, without end.
    ///
    /// # Errors
    /// An amplitude outside of 0 to 1.
    pub fn play(&self, amplitude: f64) -> Result<Chirps, Error> {
        let amplitude = checked_amplitude(amplitude)? as f32;
        let symbols = (0..SYMBOLS as u64)
            .map(|index| {
                self.symbol(index)
                    .iter()
                    .map(|sample| sample * amplitude)
                    .collect()
            })
            .collect();
        Ok(Chirps {
            symbols,
            period: self.period,
            symbol: 0,
            at: 0,
        })
    }
}

/// What a [`ChirpCode`] sounds like.
#[derive(Clone, Debug)]
pub struct Chirps {
    symbols: Vec<Vec<f32>>,
    period: usize,
    symbol: usize,
    at: usize,
}

impl Iterator for Chirps {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        let sample = self.symbols[self.symbol].get(self.at).copied().unwrap_or(0.0);
        self.at += 1;
        if self.at == self.period {
            self.at = 0;
            self.symbol = (self.symbol + 1) % self.symbols.len();
        }
        Some(sample)
    }
}
