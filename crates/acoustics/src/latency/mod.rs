//! How long sound takes from played to recorded, by a coded chirp.
//!
//! Recording and playing begin at the same sample. For each symbol of the [`ChirpCode`] that was played, the recording is
//! searched with the filter that matches it; what counts is the first arrival, not the strongest reflection. Where
//! nothing stands out of the noise, the symbol was not found, and nothing is invented.

mod matched;
mod report;

pub use report::{Jump, Repetition, Report, Share, shares};

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::{Error, within};
use crate::rate::SampleRate;
use crate::sample::clean;
use crate::signal::ChirpCode;
use matched::MatchedFilter;

/// Symbols that are remembered: a day of one a second, and more.
const REMEMBERED: usize = 100_000;

/// Listens to a recording of a [`ChirpCode`]. See the module's page.
#[derive(Clone, Debug)]
pub struct Latency {
    code: ChirpCode,
    filter: MatchedFilter,
    /// Lags that are searched, in samples.
    longest: usize,
    /// What was recorded since the next symbol was played.
    recorded: VecDeque<f32>,
    next: u64,
    repetitions: VecDeque<Repetition>,
    fresh: VecDeque<Repetition>,
}

impl Latency {
    /// Latencies up to `longest`.
    ///
    /// # Errors
    /// Where that is not more than 1 ms and less than four periods of the code, in which a symbol comes again.
    pub fn new(code: ChirpCode, longest: Duration) -> Result<Self, Error> {
        let rate = code.rate();
        let most = rate.seconds((4 * code.period() - code.length()) as u64);
        let seconds = within(
            "the longest latency in seconds",
            longest.as_secs_f64(),
            0.001,
            most,
        )?;
        Ok(Self::searching(code, rate.count(seconds)))
    }

    /// Latencies up to 2 s of [`ChirpCode::standard`].
    pub fn standard(rate: SampleRate) -> Self {
        Self::searching(ChirpCode::standard(rate), rate.count(2.0))
    }

    fn searching(code: ChirpCode, longest: usize) -> Self {
        Self {
            filter: MatchedFilter::new(&code, longest),
            code,
            longest,
            recorded: VecDeque::new(),
            next: 0,
            repetitions: VecDeque::new(),
            fresh: VecDeque::new(),
        }
    }

    /// What must be played.
    pub fn code(&self) -> &ChirpCode {
        &self.code
    }

    /// Listens to a block.
    pub fn push(&mut self, recorded: &[f32]) {
        // In pieces, so that an enormous block takes no enormous memory.
        for piece in recorded.chunks(self.code.period()) {
            self.recorded
                .extend(piece.iter().map(|sample| clean(*sample) as f32));
            while self.recorded.len() >= self.longest + self.code.length() {
                let repetition = self.search();
                self.keep(repetition);
                self.recorded.drain(..self.code.period().min(self.recorded.len()));
                self.next += 1;
            }
        }
    }

    /// The next symbol that was looked for, in order.
    pub fn poll(&mut self) -> Option<Repetition> {
        self.fresh.pop_front()
    }

    /// What was found so far.
    pub fn report(&self) -> Report {
        Report::of(&self.repetitions)
    }

    /// What was found, also of symbols whose whole time had not passed when the recording ended.
    pub fn finish(mut self) -> Report {
        while self.recorded.len() >= self.code.length() {
            let repetition = self.search();
            // What was not found might have come later.
            if repetition.latency_ms.is_some() {
                self.keep(repetition);
            }
            self.recorded.drain(..self.code.period().min(self.recorded.len()));
            self.next += 1;
        }
        self.report()
    }

    fn search(&mut self) -> Repetition {
        let rate = self.code.rate();
        let samples = self.recorded.iter().take(self.longest + self.code.length());
        let samples: Vec<f64> = samples.map(|sample| f64::from(*sample)).collect();
        let arrival = self.filter.search(self.next, &samples);
        Repetition {
            index: self.next,
            seconds: rate.seconds(self.next * self.code.period() as u64),
            latency_ms: arrival.found.map(|lag| rate.milliseconds(lag)),
            confidence_db: arrival.confidence_db,
            level_db: arrival.level_db,
        }
    }

    fn keep(&mut self, repetition: Repetition) {
        for kept in [&mut self.repetitions, &mut self.fresh] {
            if kept.len() == REMEMBERED {
                kept.pop_front();
            }
            kept.push_back(repetition);
        }
    }
}
