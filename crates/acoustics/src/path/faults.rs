//! Faults at their samples, on one side of a path.

use std::collections::VecDeque;

use super::config::{Fault, Trouble};
use crate::rate::SampleRate;
use crate::sample::amplitude;

/// A fault that concerns the path as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Drift(f64),
    Rate(SampleRate),
}

/// What takes the place of the samples that come.
#[derive(Clone, Copy, Debug)]
enum Instead {
    Silence,
    Held(f64),
    /// The sample so far back.
    Before(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Faults {
    due: VecDeque<Fault>,
    /// Samples that came out.
    at: u64,
    /// Those that a fault may want again, the newest first.
    past: VecDeque<f64>,
    remembers: usize,
    instead: Option<(Instead, usize)>,
    lost: usize,
    click: f64,
    gain: f64,
    muted: bool,
    gone: bool,
}

impl Faults {
    pub(super) fn new(rate: SampleRate, faults: &[Fault]) -> Self {
        let mut due = faults.to_vec();
        due.sort_by_key(|fault| fault.at);
        let back = |fault: &Fault| match fault.trouble {
            Trouble::Repeat(samples) | Trouble::Replayed(samples) => samples,
            _ => 1,
        };
        let remembers = due.iter().map(back).max().unwrap_or(0).min(rate.hz() as usize);
        Self {
            due: due.into(),
            at: 0,
            past: VecDeque::with_capacity(remembers + 1),
            remembers,
            instead: None,
            lost: 0,
            click: 0.0,
            gain: 1.0,
            muted: false,
            gone: false,
        }
    }

    pub(super) fn gone(&self) -> bool {
        self.gone
    }

    /// Appends what comes out for `sample`, and tells what changes from the next on.
    pub(super) fn pass(&mut self, sample: f64, out: &mut Vec<f64>) -> Option<Change> {
        self.run(sample, |sample| out.push(sample))
    }

    pub(super) fn pass_f32(&mut self, sample: f64, out: &mut Vec<f32>) -> Option<Change> {
        self.run(sample, |sample| out.push(sample as f32))
    }

    fn run(&mut self, sample: f64, mut out: impl FnMut(f64)) -> Option<Change> {
        let mut change = None;
        while self.due.front().is_some_and(|fault| fault.at <= self.at) && !self.gone {
            match self.due.pop_front()?.trouble {
                Trouble::Silence(samples) => self.instead = Some((Instead::Silence, samples)),
                Trouble::Held(samples) => self.instead = Some((Instead::Held(self.back(1)), samples)),
                Trouble::Repeat(samples) => self.instead = Some((Instead::Before(samples.max(1)), samples)),
                Trouble::Lost(samples) => self.lost += samples,
                Trouble::Inserted(samples) => (0..samples).for_each(|_| self.emit(0.0, &mut out)),
                Trouble::Replayed(samples) => {
                    (0..samples).for_each(|_| self.emit(self.back(samples), &mut out));
                }
                Trouble::Click(height) => self.click += height,
                Trouble::Mute => self.muted = true,
                Trouble::Unmute => self.muted = false,
                Trouble::Gain(db) => self.gain = amplitude(db),
                Trouble::Drift(ppm) => change = Some(Change::Drift(ppm)),
                Trouble::Rate(rate) => change = Some(Change::Rate(rate)),
                Trouble::Gone => self.gone = true,
            }
        }
        if self.gone {
            return change;
        }
        if self.lost > 0 {
            self.lost -= 1;
            return change;
        }
        let mut sample = sample * self.gain + std::mem::take(&mut self.click);
        if let Some((instead, left)) = self.instead.filter(|(_, left)| *left > 0) {
            sample = match instead {
                Instead::Silence => 0.0,
                Instead::Held(held) => held,
                Instead::Before(back) => self.back(back),
            };
            self.instead = Some((instead, left - 1));
        }
        if self.muted {
            sample = 0.0;
        }
        self.emit(sample, &mut out);
        change
    }

    fn back(&self, samples: usize) -> f64 {
        self.past.get(samples.wrapping_sub(1)).copied().unwrap_or(0.0)
    }

    fn emit(&mut self, sample: f64, out: &mut impl FnMut(f64)) {
        if self.remembers > 0 {
            self.past.truncate(self.remembers - 1);
            self.past.push_front(sample);
        }
        self.at += 1;
        out(sample);
    }
}
