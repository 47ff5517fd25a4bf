//! Clipping, at full scale and below it.
//!
//! A converter clips at full scale; an amplifier before it anywhere. What is clipped stays at its top: there is much more of
//! the recording right at the top than below it, where a sine has less, and it stays there for some samples.

use crate::rate::SampleRate;

/// Full scale, within half of a bit of 10.
const FULL: f64 = 0.9995;
/// So many samples at full scale in a row are clipped. A single one may be a peak.
const RUN: u64 = 3;
/// Quieter tops say nothing: -40 dB.
const LEAST: f64 = 0.01;
/// How thick the top is, and what is compared with it, as shares of its height.
const TOP: f64 = 0.01;
const BELOW: f64 = 0.06;
/// More of the recording at the top than below it by this factor is flat: a sine has 0.7.
const FLAT: f64 = 3.0;
/// Share of the samples at the top that have another one before them.
const TOGETHER: f64 = 0.4;
/// So many samples at least.
const LEAST_COUNT: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct ClipMeter {
    run: u64,
    clipped: u64,
    flat: u64,
    window: Vec<f32>,
    length: usize,
}

impl ClipMeter {
    pub(super) fn new(rate: SampleRate) -> Self {
        Self {
            run: 0,
            clipped: 0,
            flat: 0,
            window: Vec::new(),
            length: rate.count(0.5),
        }
    }

    pub(super) fn push(&mut self, sample: f64) {
        if sample.abs() >= FULL {
            self.run += 1;
            match self.run {
                RUN => self.clipped += RUN,
                run if run > RUN => self.clipped += 1,
                _ => {}
            }
        } else {
            self.run = 0;
        }
        self.window.push(sample as f32);
        if self.window.len() == self.length {
            self.flat += u64::from(flat(&self.window));
            self.window.clear();
        }
    }

    /// Samples at full scale in a row, and half seconds with flat tops.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.clipped, self.flat)
    }
}

/// Whether the tops of a piece of sound, or its bottoms, are flat.
fn flat(window: &[f32]) -> bool {
    [1.0_f32, -1.0].iter().any(|side| {
        let samples = || window.iter().map(move |sample| f64::from(sample * side));
        let top = samples().fold(0.0, f64::max);
        let share = |from: f64, to: f64| {
            samples()
                .filter(|sample| (from * top..=to * top).contains(sample))
                .count()
        };
        if top < LEAST {
            return false;
        }
        let (at_top, below) = (share(1.0 - TOP, 1.0), share(1.0 - BELOW, 1.0 - TOP));
        // A constant has no top.
        let elsewhere = share(-1e3, 0.9);
        let high = |sample: f32| f64::from(sample * side) >= (1.0 - TOP) * top;
        let together = window
            .windows(2)
            .filter(|pair| high(pair[0]) && high(pair[1]))
            .count();
        let stays = together as f64 >= TOGETHER * at_top as f64;
        stays
            && at_top >= LEAST_COUNT
            && at_top as f64 > FLAT * below.max(1) as f64
            && elsewhere > window.len() / 10
    })
}
