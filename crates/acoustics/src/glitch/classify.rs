//! What kind of glitch it was, and where exactly it begins and ends.

use std::f64::consts::FRAC_1_SQRT_2;

use super::Disturbance;
use super::event::{Glitch, Kind};
use super::fit::Fit;
use super::history::History;
use super::tracker::Tracker;
use crate::sample::amplitude_db;

/// Half a period of the strong tone, in seconds: in less, everything looks flat.
const HALF_PERIOD: f64 = 0.0005;
/// What is added and takes no longer is a click, in seconds.
const CLICK: f64 = 0.002;
/// Shifts below so many samples are none.
const NO_SHIFT: f64 = 0.5;
/// Changes of level below this are none, in dB.
const NO_CHANGE: f64 = 1.0;
/// What is nearer to a level than this share of the strong tone is at that level.
const NEAR: f64 = 0.03;
/// How far the edges of silence are looked for, in seconds.
const EDGE: f64 = 0.001;
/// Repeated sound differs by no more than this share of the strong tone.
const SAME: f64 = 0.1;

/// What of a stretch is looked at for tones, in seconds: in less, anything looks like them. And the share of its power that may be something else.
const TONAL: f64 = 0.02;
const TONAL_REST: f64 = 0.4;

/// A stretch of a recording that was not as foretold.
struct Stretch<'a> {
    history: &'a History,
    /// Amplitude of the strong tone, RMS of the noise.
    level: f64,
    noise: f64,
    constant: f64,
    rate: crate::SampleRate,
    from: u64,
    to: u64,
}

impl Stretch<'_> {
    fn count(&self, seconds: f64) -> u64 {
        self.rate.count(seconds) as u64
    }

    fn glitch(&self, kind: Kind, shift: Option<f64>) -> Glitch {
        let length = self.to.saturating_sub(self.from);
        Glitch {
            kind,
            at: self.from,
            seconds: self.rate.seconds(self.from),
            length,
            milliseconds: self.rate.milliseconds(length as f64),
            shift,
            level_db: 0.0,
        }
    }

    /// Silence or a held sample, with its edges, if that is what it is.
    fn flat(mut self, shift: Option<f64>) -> Result<Glitch, Self> {
        let length = self.to.saturating_sub(self.from);
        if length < 3 {
            return Err(self);
        }
        // A filter in the path rings at both edges.
        let margin = length / 4;
        let core = self.history.range(self.from + margin, self.to - margin);
        let count = core.clone().count().max(1) as f64;
        let mean = core.clone().sum::<f64>() / count;
        let spread = (core.map(|sample| (sample - mean).powi(2)).sum::<f64>() / count).sqrt();
        let off = (mean - self.constant).abs();
        let short = length < self.count(2.0 * HALF_PERIOD);
        let normal = FRAC_1_SQRT_2 * self.level;
        let near = (NEAR * self.level).max(4.0 * self.noise);
        let silent = if length < self.count(HALF_PERIOD) {
            // Any piece so short is nearly straight.
            off < near && spread < near
        } else {
            off < 0.3 * self.level && spread < if short { 0.2 * normal } else { 0.5 * normal }
        };
        let held = !silent && spread < (0.1 * normal).max(4.0 * self.noise).min(0.5 * normal);
        let kind = match (silent, held && length >= self.count(HALF_PERIOD)) {
            (true, _) if off > near && spread < near => Kind::Held,
            (true, _) => Kind::Dropout,
            (false, true) => Kind::Held,
            (false, false) => return Err(self),
        };
        let at_level = |sample: f64| (sample - mean).abs() < near;
        let most = self.count(EDGE);
        for _ in 0..most {
            if self.from <= self.history.start() || !at_level(self.history.at(self.from - 1)) {
                break;
            }
            self.from -= 1;
        }
        for _ in 0..most {
            if self.to >= self.history.end() || !at_level(self.history.at(self.to)) {
                break;
            }
            self.to += 1;
        }
        Ok(self.glitch(kind, shift))
    }

    /// Sound that came before, in place of what should come.
    fn repeat(mut self) -> Result<Glitch, Self> {
        let length = self.to.saturating_sub(self.from);
        if length < self.count(EDGE) {
            return Err(self);
        }
        let limit = (SAME * self.level).max(3.0 * self.noise);
        let difference = |back: u64| {
            let pairs =
                (self.from..self.to).map(|at| self.history.at(at) - self.history.at(at.saturating_sub(back)));
            (pairs.map(|d| d * d).sum::<f64>() / length as f64).sqrt()
        };
        let most = length + self.count(2.0 * EDGE);
        let known = self.from.saturating_sub(self.history.start());
        let backs = length.saturating_sub(self.count(EDGE)).max(1)..most.min(known);
        let best = backs.min_by(|a, b| difference(*a).total_cmp(&difference(*b)));
        let Some(back) = best.filter(|back| difference(*back) < limit) else {
            return Err(self);
        };
        while self.to - self.from < back && self.from > self.history.start() + back {
            let at = self.from - 1;
            if (self.history.at(at) - self.history.at(at - back)).abs() > limit {
                break;
            }
            self.from = at;
        }
        self.to = self.to.max(self.from + back);
        Ok(self.glitch(Kind::Repeat, Some(0.0)))
    }

    /// Neither silence nor sound that came before.
    fn other(self, tracker: &Tracker) -> Glitch {
        if self.tonal(tracker) {
            return self.glitch(Kind::Dropout, Some(0.0));
        }
        let short = self.to.saturating_sub(self.from) <= self.count(CLICK);
        self.glitch(if short { Kind::Click } else { Kind::Disturbance }, Some(0.0))
    }
}

impl Stretch<'_> {
    /// Whether what differs is the tones themselves. Then they were missing before the sound went through a room, which
    /// fills the gap; noise in the room is something else besides.
    fn tonal(&self, tracker: &Tracker) -> bool {
        let to = self.to.min(self.from + self.count(TONAL));
        if to.saturating_sub(self.from) < self.count(TONAL) {
            return false;
        }
        let mut rest = History::new(self.count(TONAL) as usize);
        for at in self.from.max(self.history.start())..to {
            rest.push(self.history.at(at) - tracker.foretell(at, self.history.end()));
        }
        let count = rest.end().max(1) as f64;
        let samples = rest.range(0, rest.end());
        let mean = samples.clone().sum::<f64>() / count;
        let power = samples.map(|sample| (sample - mean).powi(2)).sum::<f64>() / count;
        let fit = Fit::of(self.rate, &rest, 0, tracker.deviation());
        fit.is_some_and(|fit| fit.rest * fit.rest < TONAL_REST * power)
    }
}

fn stretch<'a>(history: &'a History, tracker: &Tracker, from: u64, to: u64) -> Stretch<'a> {
    Stretch {
        history,
        level: tracker.level(),
        noise: tracker.noise(),
        constant: tracker.constant(),
        rate: tracker.rate(),
        from,
        to,
    }
}

/// A glitch after which all is as it was.
pub(super) fn passed(history: &History, tracker: &Tracker, disturbance: &Disturbance) -> Glitch {
    stretch(history, tracker, disturbance.from, disturbance.last + 1)
        .flat(Some(0.0))
        .or_else(Stretch::repeat)
        .unwrap_or_else(|stretch| stretch.other(tracker))
}

/// A glitch after which phase or level are others: those of `fit`, which holds from `until` on.
pub(super) fn changed(
    history: &History,
    tracker: &Tracker,
    disturbance: &Disturbance,
    fit: &Fit,
    until: u64,
    shift: Option<f64>,
) -> Glitch {
    let level_db = amplitude_db(fit.level() / tracker.level().max(1e-12));
    let level_db = if level_db.abs() < NO_CHANGE { 0.0 } else { level_db };
    let shift = shift.map(|shift| if shift.abs() < NO_SHIFT { 0.0 } else { shift });
    let stretch = stretch(history, tracker, disturbance.from, until.max(disturbance.from));
    let glitch = match stretch.flat(shift) {
        Ok(flat) => flat,
        Err(stretch) => match shift {
            None => Glitch {
                shift: None,
                ..stretch.other(tracker)
            },
            Some(shift) if shift != 0.0 => stretch.glitch(Kind::Jump, Some(shift)),
            Some(_) if level_db != 0.0 => stretch.glitch(Kind::Level, Some(0.0)),
            Some(_) => stretch.repeat().unwrap_or_else(|stretch| stretch.other(tracker)),
        },
    };
    Glitch { level_db, ..glitch }
}

/// The first sample, not before `from`, from which on a fit holds without a break.
pub(super) fn holds_from(history: &History, fit: &Fit, from: u64, tolerance: f64) -> u64 {
    let earliest = from.max(history.start());
    let mut at = fit.start();
    while at > earliest && (history.at(at - 1) - fit.foretell(at - 1)).abs() < tolerance {
        at -= 1;
    }
    at
}
