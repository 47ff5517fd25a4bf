//! Impulse response, frequency response and harmonics from one sweep.

use std::time::Duration;

use rustfft::num_complex::Complex64;
use serde::Serialize;

use super::bands::{Band, bandwidth, edges, middle, numbers};
use crate::error::{Error, within};
use crate::sample::{amplitude_db, clean, power_db};
use crate::signal::Sweep;
use crate::spectrum::Fourier;
use crate::stats::median;

/// What comes before the largest sample of an impulse response and still belongs to it, in seconds.
const BEFORE: f64 = 0.03;
/// What of a harmonic's response is taken, in seconds.
const HARMONIC: f64 = 0.05;
/// The soft edges of the band, in which nothing is measured: half an octave, and a tenth.
const EDGE_LOW: f64 = std::f64::consts::SQRT_2;
const EDGE_HIGH: f64 = 0.9;
/// Orders of distortion.
const ORDERS: std::ops::RangeInclusive<u32> = 2..=5;
/// The impulse response stands out of the rest by this, or there was no sweep.
const CLEAR_DB: f64 = 26.0;

/// Listens to a recording of a [`Sweep`].
#[derive(Clone, Debug)]
pub struct Response {
    sweep: Sweep,
    tail: usize,
    recorded: Vec<f32>,
    most: usize,
}

/// Distortion at a frequency.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Harmonics {
    /// What was played.
    pub hz: f64,
    /// All harmonics that were heard together, as a share of the tone, in percent.
    pub thd_percent: f64,
    /// The second to the fifth, in dB relative to the tone; only those the rate can have.
    pub levels_db: Vec<f64>,
}

/// What a sweep says of a path.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseReport {
    /// Whether the sweep was heard. If not, nothing else says anything.
    pub found: bool,
    /// When the impulse response is largest, in milliseconds from the beginning.
    pub latency_ms: Option<f64>,
    /// Gain at 1 kHz, in dB.
    pub gain_db: Option<f64>,
    /// Response in third octaves.
    pub bands: Vec<Band>,
    /// From where to where the response is within 3 dB of that at 1 kHz, or above, in Hz.
    pub within_3_db: Option<(f64, f64)>,
    /// The same for 10 dB.
    pub within_10_db: Option<(f64, f64)>,
    /// Distortion in third octaves.
    pub distortion: Vec<Harmonics>,
    /// The sweep against what was heard after it, in dB. `None` where the recording ended too soon.
    pub snr_db: Option<f64>,
    /// The impulse response, from 30 ms before its largest sample.
    pub impulse_response: Vec<f32>,
}

impl Response {
    /// The recording begins with the sweep. Latencies up to `longest` are looked for, and `tail` of the room is heard.
    ///
    /// # Errors
    /// A latency above 10 s, a tail outside of 1 ms to 10 s.
    pub fn new(sweep: Sweep, longest: Duration, tail: Duration) -> Result<Self, Error> {
        let longest = within("the longest latency in seconds", longest.as_secs_f64(), 0.0, 10.0)?;
        let tail = within("a tail in seconds", tail.as_secs_f64(), 0.001, 10.0)?;
        let rate = sweep.rate();
        let tail = rate.count(tail);
        let most = sweep.length() + rate.count(longest) + 2 * tail;
        Ok(Self {
            sweep,
            tail,
            recorded: Vec::new(),
            most,
        })
    }

    /// Samples until nothing more is needed.
    pub fn wanted(&self) -> usize {
        self.most - self.recorded.len()
    }

    /// Listens to a block. What comes after [`wanted`](Self::wanted) is left out.
    pub fn push(&mut self, recorded: &[f32]) {
        let block = recorded.iter().take(self.wanted());
        self.recorded.extend(block.map(|sample| clean(*sample) as f32));
    }

    /// What the sweep says.
    pub fn report(&self) -> ResponseReport {
        let rate = self.sweep.rate();
        // Twice the sweep, so that distortion comes out before the sound and not after it.
        let size = (self.most + self.sweep.length()).next_power_of_two();
        let mut fourier = Fourier::new(size);
        let mut transfer = self.divided(&mut fourier);
        fourier.back(&mut transfer);
        let response: Vec<f64> = transfer.iter().map(|sample| sample.re).collect();

        let reach = (self.most - self.sweep.length()).min(size);
        let peak = (0..reach)
            .max_by(|a, b| response[*a].abs().total_cmp(&response[*b].abs()))
            .unwrap_or(0);
        let usual = median(
            &mut response[..reach]
                .iter()
                .map(|sample| sample.abs())
                .collect::<Vec<_>>(),
        )
        .unwrap_or(0.0);
        let height = response[peak].abs();
        if height < 1e-9 || amplitude_db(height / usual.max(1e-12)) < CLEAR_DB {
            return ResponseReport {
                found: false,
                latency_ms: None,
                gain_db: None,
                bands: Vec::new(),
                within_3_db: None,
                within_10_db: None,
                distortion: Vec::new(),
                snr_db: None,
                impulse_response: Vec::new(),
            };
        }
        let before = rate.count(BEFORE);
        let piece = |center: f64, after: usize| -> Vec<f64> {
            let from = center.round() as i64 - before as i64;
            let place = |at: usize| (from + at as i64).rem_euclid(size as i64) as usize;
            (0..before + after).map(|at| response[place(at)]).collect()
        };
        let linear = piece(peak as f64, self.tail);
        let own = fourier.spectrum(linear.iter().copied());
        let level = |spectrum: &[Complex64], low: f64, high: f64| {
            let bin = |hz: f64| ((hz / rate.float() * size as f64).round() as usize).min(size / 2);
            let bins = &spectrum[bin(low)..=bin(high)];
            bins.iter().map(|bin| bin.norm_sqr()).sum::<f64>() / bins.len() as f64
        };
        let (low, high) = self.sweep.band();
        let at_1000 = level(&own, edges(0).0, edges(0).1);
        let bands: Vec<Band> = numbers(low * EDGE_LOW, high * EDGE_HIGH)
            .map(|number| {
                let (low, high) = edges(number);
                Band {
                    hz: middle(number),
                    level_db: power_db(level(&own, low, high)) - power_db(at_1000),
                }
            })
            .collect();
        let harmonics: Vec<(u32, Vec<Complex64>)> = ORDERS
            .map(|order| {
                let center = peak as f64 - self.sweep.lead(order);
                (
                    order,
                    fourier.spectrum(piece(center, rate.count(HARMONIC)).into_iter()),
                )
            })
            .collect();
        let distortion = numbers(low * EDGE_LOW, high * EDGE_HIGH / 2.0).map(|number| {
            let (from, to) = edges(number);
            let tone = level(&own, from, to).max(1e-20);
            let heard = harmonics
                .iter()
                .filter(|(order, _)| to * f64::from(*order) <= high * EDGE_HIGH);
            let powers: Vec<f64> = heard
                .map(|(order, spectrum)| {
                    level(spectrum, from * f64::from(*order), to * f64::from(*order)) / tone
                })
                .collect();
            Harmonics {
                hz: middle(number),
                thd_percent: 100.0 * powers.iter().sum::<f64>().sqrt(),
                levels_db: powers.iter().map(|power| power_db(*power)).collect(),
            }
        });
        ResponseReport {
            found: true,
            latency_ms: Some(rate.milliseconds(peak as f64)),
            gain_db: Some(power_db(at_1000)),
            within_3_db: bandwidth(&bands, -3.0),
            within_10_db: bandwidth(&bands, -10.0),
            bands,
            distortion: distortion.collect(),
            snr_db: self.snr_db(peak),
            impulse_response: linear.iter().map(|sample| *sample as f32).collect(),
        }
    }

    /// The spectrum of the recording divided by that of the sweep; nothing outside of its band.
    fn divided(&self, fourier: &mut Fourier) -> Vec<Complex64> {
        let mut heard = fourier.spectrum(self.recorded.iter().map(|sample| f64::from(*sample)));
        let played = fourier.spectrum(self.sweep.clone().map(f64::from));
        let size = heard.len();
        let (low, high) = self.sweep.band();
        let rate = self.sweep.rate().float();
        for (at, (bin, played)) in heard.iter_mut().zip(&played).enumerate() {
            let hz = at.min(size - at) as f64 * rate / size as f64;
            // Half an octave and the highest tenth of soft edge, so that the response does not ring. Below the band the sweep
            // has next to nothing that could be divided by.
            let rise = ((hz / low).ln() / EDGE_LOW.ln()).clamp(0.0, 1.0);
            let fall = ((high - hz) / ((1.0 - EDGE_HIGH) * high)).clamp(0.0, 1.0);
            let power = played.norm_sqr();
            *bin = if power > 1e-12 && rise * fall > 0.0 {
                *bin * played.conj() / power * (rise * fall)
            } else {
                Complex64::default()
            };
        }
        heard
    }

    fn snr_db(&self, latency: usize) -> Option<f64> {
        let power = |samples: &[f32]| {
            let mean =
                samples.iter().map(|sample| f64::from(*sample)).sum::<f64>() / samples.len().max(1) as f64;
            samples
                .iter()
                .map(|sample| (f64::from(*sample) - mean).powi(2))
                .sum::<f64>()
                / samples.len().max(1) as f64
        };
        let end = latency + self.sweep.length();
        let sound = self.recorded.get(latency..end)?;
        let rest = self
            .recorded
            .get(end + self.tail.min(self.sweep.rate().count(0.5))..)?;
        (rest.len() >= self.sweep.rate().count(0.05)).then(|| power_db(power(sound) / power(rest).max(1e-20)))
    }
}
