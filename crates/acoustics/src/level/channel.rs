//! One channel: its levels, its noise, its silence, and which tone it hears.

use serde::Serialize;

use super::clipping::ClipMeter;
use crate::rate::SampleRate;
use crate::sample::{SILENCE_DB, amplitude_db, power_db};
use crate::signal::CHANNEL_TONES;
use crate::spectrum::{PowerSpectrum, a_weighting};

/// Levels are counted in steps of half a dB.
const STEPS_PER_DB: f64 = 2.0;
/// Loudest level that is counted, in dB.
const LOUDEST_DB: f64 = 60.0;
/// The quietest twentieth of the time is the noise floor.
const QUIET_SHARE: f64 = 0.05;
/// A channel is dead when it is so far below the loudest, in dB.
const DEAD_DB: f64 = 40.0;
/// A tone is heard when it is so far above the others and above the average between the tones, in dB.
const TONE_DB: f64 = 10.0;

/// What one channel is like. Levels in dB of full scale: a sine of full scale has an RMS of -3.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// RMS without DC.
    pub rms_db: f64,
    /// The largest sample.
    pub peak_db: f64,
    /// The mean, of full scale.
    pub dc: f64,
    /// RMS in the quietest twentieth of the time, without DC.
    pub floor_db: f64,
    /// The same, A-weighted (IEC 61672-1).
    pub floor_dba: f64,
    /// RMS of all, A-weighted.
    pub rms_dba: f64,
    /// Samples at full scale, three or more in a row.
    pub clipped_samples: u64,
    /// Half seconds in which tops were flat, at full scale or below.
    pub flat_tops: u64,
    /// Share of samples that are exactly zero.
    pub zeros: f64,
    /// The longest run of exact zeros, in seconds.
    pub longest_zeros: f64,
    /// Nothing but zeros: a switch, or a system that refuses access.
    pub muted: bool,
    /// Much quieter than the loudest channel.
    pub dead: bool,
    /// Which channel's tone it hears, and no other.
    pub tone: Option<usize>,
    /// Level of each channel's tone.
    pub tones_db: [f64; 8],
}

/// How often each level was there.
#[derive(Clone, Debug)]
struct Levelled {
    counts: Vec<u64>,
    total: u64,
}

impl Levelled {
    fn new() -> Self {
        let steps = ((LOUDEST_DB - SILENCE_DB) * STEPS_PER_DB) as usize;
        Self {
            counts: vec![0; steps + 1],
            total: 0,
        }
    }

    fn push(&mut self, power: f64) {
        let step = (power_db(power) - SILENCE_DB) * STEPS_PER_DB;
        let last = self.counts.len() - 1;
        self.counts[(step.round() as usize).min(last)] += 1;
        self.total += 1;
    }

    fn quiet_db(&self) -> f64 {
        let wanted = (self.total as f64 * QUIET_SHARE).ceil() as u64;
        let mut below = 0;
        for (step, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= wanted.max(1) {
                return SILENCE_DB + step as f64 / STEPS_PER_DB;
            }
        }
        SILENCE_DB
    }
}

#[derive(Clone, Debug)]
pub(super) struct ChannelMeter {
    rate: SampleRate,
    count: u64,
    sum: f64,
    squares: f64,
    peak: f64,
    zeros: u64,
    zero_run: u64,
    longest_zeros: u64,
    clip: ClipMeter,
    /// Sound for the next spectrum.
    window: Vec<f64>,
    /// A-weighting of each bin, as a ratio of powers.
    weights: Vec<f64>,
    blocks: Levelled,
    weighted: Levelled,
    weighted_sum: f64,
    /// Power of each channel's tone, and of what is between the tones, a bin.
    tones: [f64; 8],
    between: f64,
    spectra: u64,
}

impl ChannelMeter {
    /// `size` is that of the transform.
    pub(super) fn new(rate: SampleRate, size: usize) -> Self {
        let hz = |bin: usize| bin as f64 * rate.float() / size as f64;
        Self {
            rate,
            count: 0,
            sum: 0.0,
            squares: 0.0,
            peak: 0.0,
            zeros: 0,
            zero_run: 0,
            longest_zeros: 0,
            clip: ClipMeter::new(rate),
            window: Vec::with_capacity(size),
            weights: (0..size / 2).map(|bin| a_weighting(hz(bin))).collect(),
            blocks: Levelled::new(),
            weighted: Levelled::new(),
            weighted_sum: 0.0,
            tones: [0.0; 8],
            between: 0.0,
            spectra: 0,
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Power without DC.
    pub(super) fn power(&self) -> f64 {
        let count = self.count.max(1) as f64;
        (self.squares / count - (self.sum / count).powi(2)).max(0.0)
    }

    pub(super) fn push(&mut self, sample: f64, spectrum: &mut PowerSpectrum) {
        self.count += 1;
        self.sum += sample;
        self.squares += sample * sample;
        self.peak = self.peak.max(sample.abs());
        if sample == 0.0 {
            self.zeros += 1;
            self.zero_run += 1;
            self.longest_zeros = self.longest_zeros.max(self.zero_run);
        } else {
            self.zero_run = 0;
        }
        self.clip.push(sample);
        self.window.push(sample);
        if self.window.len() == spectrum.size() {
            self.transform(spectrum);
            self.window.clear();
        }
    }

    fn transform(&mut self, spectrum: &mut PowerSpectrum) {
        let size = self.window.len();
        let mean = self.window.iter().sum::<f64>() / size as f64;
        let power = self
            .window
            .iter()
            .map(|sample| (sample - mean).powi(2))
            .sum::<f64>()
            / size as f64;
        self.blocks.push(power);
        let powers = spectrum.of(self.window.iter().map(|sample| sample - mean));
        let weighted: f64 = powers
            .iter()
            .zip(&self.weights)
            .map(|(power, weight)| power * weight)
            .sum();
        self.weighted.push(weighted);
        self.weighted_sum += weighted;
        self.spectra += 1;

        let bin_hz = self.rate.float() / size as f64;
        let mut all = 0.0;
        let mut counted = 0;
        let mut near = [0.0; 8];
        for (bin, power) in powers.into_iter().enumerate() {
            let hz = bin as f64 * bin_hz;
            if !(350.0..3_000.0).contains(&hz) {
                continue;
            }
            match CHANNEL_TONES
                .iter()
                .position(|tone| (tone - hz).abs() <= 3.0 * bin_hz)
            {
                Some(tone) => near[tone] += power,
                None => {
                    all += power;
                    counted += 1;
                }
            }
        }
        self.tones
            .iter_mut()
            .zip(near)
            .for_each(|(sum, power)| *sum += power);
        self.between += all / f64::from(counted.max(1));
    }

    pub(super) fn report(&self, loudest: f64) -> Channel {
        let count = self.count.max(1) as f64;
        let spectra = self.spectra.max(1) as f64;
        let tones_db = self.tones.map(|power| power_db(power / spectra));
        // Six bins of what is between.
        let between_db = power_db(6.0 * self.between / spectra);
        let loudest_tone = (0..8).max_by(|a, b| tones_db[*a].total_cmp(&tones_db[*b]));
        let tone = loudest_tone.filter(|tone| {
            let other = (0..8)
                .filter(|other| other != tone)
                .map(|other| tones_db[other])
                .fold(between_db, f64::max);
            self.spectra > 0 && tones_db[*tone] > other + TONE_DB
        });
        let power = self.power();
        let (clipped_samples, flat_tops) = self.clip.counts();
        Channel {
            rms_db: power_db(power),
            peak_db: amplitude_db(self.peak),
            dc: self.sum / count,
            floor_db: if self.blocks.total > 0 {
                self.blocks.quiet_db()
            } else {
                power_db(power)
            },
            floor_dba: self.weighted.quiet_db(),
            rms_dba: power_db(self.weighted_sum / spectra),
            clipped_samples,
            flat_tops,
            zeros: self.zeros as f64 / count,
            longest_zeros: self.rate.seconds(self.longest_zeros),
            muted: self.count > 0 && self.zeros == self.count,
            dead: power_db(loudest) - power_db(power) > DEAD_DB,
            tone,
            tones_db,
        }
    }
}
