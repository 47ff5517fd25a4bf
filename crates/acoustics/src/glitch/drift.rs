//! How the clocks of output and input drift apart, from the phase of the tone.

use std::collections::VecDeque;

use serde::Serialize;

use crate::rate::SampleRate;
use crate::stats::Slope;

/// Points a second.
const POINTS_PER_SECOND: f64 = 10.0;
/// What the recent drift is taken from, in seconds.
const RECENT: f64 = 30.0;
/// Less than this tells nothing, in seconds.
const LEAST: f64 = 1.0;

/// By how much the output's clock runs faster than the input's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Over all that was heard, in parts per million.
    pub ppm: f64,
    /// Over the last half minute.
    pub recent_ppm: f64,
    /// Seconds it was measured over. Within 2 ppm after 30.
    pub seconds: f64,
}

#[derive(Clone, Debug)]
pub(super) struct DriftMeter {
    rate: SampleRate,
    next: u64,
    all: Slope,
    /// Time and lead, since the line broke.
    recent: VecDeque<(f64, f64)>,
    points: u64,
}

impl DriftMeter {
    pub(super) fn new(rate: SampleRate) -> Self {
        Self {
            rate,
            next: 0,
            all: Slope::default(),
            recent: VecDeque::new(),
            points: 0,
        }
    }

    /// At the sample `at`, the tone was `lead` seconds ahead.
    pub(super) fn push(&mut self, at: u64, lead: f64) {
        if at < self.next {
            return;
        }
        self.next = at + self.rate.count(1.0 / POINTS_PER_SECOND) as u64;
        let time = self.rate.seconds(at);
        self.all.push(time, lead);
        self.points += 1;
        self.recent.push_back((time, lead));
        while self.recent.len() > (RECENT * POINTS_PER_SECOND) as usize {
            self.recent.pop_front();
        }
    }

    /// What comes now may be at another time.
    pub(super) fn split(&mut self) {
        self.all.split();
        self.recent.clear();
    }

    /// The deviation of the last half minute, once it is known well.
    pub(super) fn steady(&self) -> Option<f64> {
        (self.recent.len() as f64 > 5.0 * POINTS_PER_SECOND)
            .then(|| self.recently())
            .flatten()
    }

    fn recently(&self) -> Option<f64> {
        let mut slope = Slope::default();
        self.recent
            .iter()
            .for_each(|(time, lead)| slope.push(*time, *lead));
        slope.value()
    }

    pub(super) fn value(&self) -> Option<Drift> {
        let seconds = self.points as f64 / POINTS_PER_SECOND;
        let all = self.all.value().filter(|_| seconds >= LEAST)?;
        Some(Drift {
            ppm: all * 1e6,
            recent_ppm: self.recently().unwrap_or(all) * 1e6,
            seconds,
        })
    }
}
