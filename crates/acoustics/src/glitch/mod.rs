//! Dropouts, repeats, jumps and clicks in a long tone, and how the clocks of output and input drift apart.
//!
//! [`Tones`] is played: a strong tone and two faint ones. [`Glitches`] follows their amplitudes and phases in what is
//! recorded, foretells every sample from them, and looks at what comes otherwise. The phases tell how many samples were
//! lost or put in, without doubt within 200 ms, because the three tones together repeat no earlier. What changes slowly
//! (clocks, gain control, a room) is followed and is no glitch.

mod classify;
mod drift;
mod event;
mod fit;
mod history;
mod tones;
mod tracker;

pub use drift::Drift;
pub use event::{Counts, Glitch, Kind, Report};
pub use tones::{TONES, Tones};

use std::collections::VecDeque;

use crate::rate::SampleRate;
use crate::sample::{amplitude_db, clean};
use crate::spectrum::PowerSpectrum;
use drift::DriftMeter;
use event::Ledger;
use fit::{Acquisition, Fit};
use history::History;
use tracker::Tracker;

/// Blocks a second in which the tones are followed.
const BLOCKS_PER_SECOND: u32 = 200;
/// Blocks of sound that a fit needs.
const FIT_BLOCKS: usize = 4;
/// Sound that is remembered, in seconds: what decides on repeats.
const MEMORY: f64 = 0.5;
/// After so many seconds, a change that looks like no shift of time is taken as it is: a room has settled by then.
const SETTLED: f64 = 0.3;
/// A tone is above this power: -80 dB.
const FAINT: f64 = 1e-8;
/// Glitches kept for the caller to take before the oldest are dropped (and counted).
const WAITING: usize = 10_000;

/// Listens to a recording of [`Tones`]. See the module's page.
#[derive(Clone, Debug)]
pub struct Glitches {
    rate: SampleRate,
    hop: usize,
    history: History,
    /// The first sample of the block that is being filled.
    block_at: u64,
    state: State,
    drift: DriftMeter,
    ledger: Ledger,
    /// Samples that were no numbers or beyond any scale.
    broken: u64,
    locked_at: Option<u64>,
    fresh: VecDeque<Glitch>,
}

#[derive(Clone, Debug)]
enum State {
    /// The tones are not there yet.
    Searching(Acquisition),
    /// They are as foretold.
    Following(Tracker),
    /// They are not.
    Disturbed(Tracker, Disturbance),
}

#[derive(Clone, Copy, Debug)]
struct Disturbance {
    /// First and last sample that were not as foretold.
    from: u64,
    last: u64,
    /// The largest difference, in amplitudes of the strong tone.
    height: f64,
}

impl Glitches {
    /// A listener at the recording's rate.
    pub fn new(rate: SampleRate) -> Self {
        let hop = (rate.hz() / BLOCKS_PER_SECOND) as usize;
        Self {
            rate,
            hop,
            history: History::new(rate.count(MEMORY)),
            block_at: 0,
            state: State::Searching(Acquisition::default()),
            drift: DriftMeter::new(rate),
            ledger: Ledger::new(rate),
            broken: 0,
            locked_at: None,
            fresh: VecDeque::new(),
        }
    }

    /// Listens to a block.
    pub fn push(&mut self, recorded: &[f32]) {
        for &sample in recorded {
            if !sample.is_finite() {
                self.broken += 1;
            }
            self.history.push(clean(sample));
            if self.history.end() == self.block_at + self.hop as u64 {
                self.block();
                self.block_at = self.history.end();
            }
        }
    }

    /// The next glitch that was found, in order of time. They are told up to a second late: two jumps may turn out to be
    /// one repeat.
    pub fn poll(&mut self) -> Option<Glitch> {
        self.fresh.pop_front()
    }

    /// What was found so far.
    pub fn report(&self) -> Report {
        let mut ledger = self.ledger.clone();
        ledger.flush();
        let (level, noise, threshold) = match &self.state {
            State::Searching(_) => (None, None, None),
            State::Following(tracker) | State::Disturbed(tracker, _) => (
                Some(amplitude_db(tracker.level())),
                Some(amplitude_db(tracker.noise())),
                Some(tracker.threshold() / tracker.level().max(1e-12)),
            ),
        };
        let open = match &self.state {
            State::Disturbed(_, disturbance) => Some(disturbance.from),
            _ => None,
        };
        Report {
            found: self.locked_at.is_some(),
            found_at: self.locked_at.map(|at| self.rate.seconds(at)),
            heard_seconds: self.rate.seconds(self.history.end()),
            level_db: level,
            noise_db: noise,
            sensitivity: threshold,
            drift: self.drift.value(),
            counts: ledger.counts(),
            lost_since: open.map(|at| self.rate.seconds(at)),
            other_tone_hz: self.other_tone(),
            broken_samples: self.broken,
            glitches: ledger.glitches().to_vec(),
        }
    }

    /// The tone that most of the last half second consists of, where it is not the one that was played.
    fn other_tone(&self) -> Option<f64> {
        if matches!(self.state, State::Following(_)) {
            return None;
        }
        let samples = self.history.range(0, u64::MAX);
        let count = samples.clone().count();
        let mean = samples.clone().sum::<f64>() / count.max(1) as f64;
        let powers = PowerSpectrum::new(self.rate.count(MEMORY)).of(samples.map(|sample| sample - mean));
        let all: f64 = powers.iter().sum();
        let strongest =
            (2..powers.len().saturating_sub(2)).max_by(|a, b| powers[*a].total_cmp(&powers[*b]))?;
        let lobe = strongest - 2..=strongest + 2;
        let tone: f64 = lobe.clone().map(|bin| powers[bin]).sum();
        let moment: f64 = lobe.map(|bin| bin as f64 * powers[bin]).sum();
        // The strong tone is more than nine tenths of the power.
        let clear = all > FAINT && tone > 0.8 * all;
        clear
            .then(|| moment / tone / MEMORY)
            .filter(|hz| (hz / TONES[0] - 1.0).abs() > 0.005)
    }

    fn block(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Searching(Acquisition::default()));
        self.state = match state {
            State::Searching(acquisition) => self.search(acquisition),
            State::Following(tracker) => self.follow(tracker),
            State::Disturbed(tracker, disturbance) => self.wait(tracker, disturbance),
        };
        let now = self.history.end();
        let Self { ledger, fresh, .. } = self;
        ledger.settle(now, |glitch| {
            if fresh.len() < WAITING {
                fresh.push_back(glitch);
            }
        });
    }

    /// A fit over the last blocks, if there are enough since `from`.
    fn fit(&self, from: u64, deviation: f64) -> Option<Fit> {
        let start = self.history.end().checked_sub((FIT_BLOCKS * self.hop) as u64)?;
        (start >= from).then_some(())?;
        Fit::of(self.rate, &self.history, start, deviation)
    }

    fn search(&mut self, mut acquisition: Acquisition) -> State {
        let Some(fit) = self.fit(0, 0.0) else {
            return State::Searching(acquisition);
        };
        let Some(deviation) = acquisition.push(self.rate, self.hop, &fit) else {
            return State::Searching(acquisition);
        };
        let Some(fit) = self.fit(0, deviation) else {
            return State::Searching(acquisition);
        };
        self.locked_at.get_or_insert(fit.start());
        let noise = acquisition.noise();
        State::Following(Tracker::new(
            self.rate,
            self.hop,
            &fit,
            deviation,
            self.history.end(),
            noise,
        ))
    }

    fn follow(&mut self, mut tracker: Tracker) -> State {
        let heard = tracker.listen(&self.history, self.block_at);
        let Some((first, last)) = heard.bad else {
            tracker.update(&heard);
            self.drift.push(self.history.end(), tracker.lead());
            return State::Following(tracker);
        };
        if let Some(deviation) = self.drift.steady() {
            tracker.coast_at(deviation);
        }
        let height = heard.peak / tracker.level().max(1e-12);
        State::Disturbed(
            tracker,
            Disturbance {
                from: first,
                last,
                height,
            },
        )
    }

    fn wait(&mut self, mut tracker: Tracker, mut disturbance: Disturbance) -> State {
        let heard = tracker.listen(&self.history, self.block_at);
        let Some((_, last)) = heard.bad else {
            // All is as foretold again.
            let glitch = classify::passed(&self.history, &tracker, &disturbance);
            self.ledger.add(glitch, disturbance.height);
            tracker.update(&heard);
            self.drift.push(self.history.end(), tracker.lead());
            return State::Following(tracker);
        };
        disturbance.last = last;
        disturbance.height = disturbance.height.max(heard.peak / tracker.level().max(1e-12));

        let Some(fit) = self.fit(disturbance.from, tracker.deviation()) else {
            return State::Disturbed(tracker, disturbance);
        };
        if !tracker.believes(&fit) {
            return State::Disturbed(tracker, disturbance);
        }
        let shift = tracker.shift(&fit);
        let late = self.history.end() - disturbance.from > self.rate.count(SETTLED) as u64;
        if shift.is_none() && !late {
            return State::Disturbed(tracker, disturbance);
        }
        let until = classify::holds_from(&self.history, &fit, disturbance.from, tracker.tolerance(&fit));
        let glitch = classify::changed(&self.history, &tracker, &disturbance, &fit, until, shift);
        self.ledger.add(glitch, disturbance.height);
        if shift.is_none() {
            self.drift.split();
        }
        tracker.lock(&fit, self.history.end());
        State::Following(tracker)
    }
}
