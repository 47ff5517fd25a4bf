//! How often which value, in steps of one width: intervals between callbacks, latencies.

use serde::Serialize;

use crate::error::{Error, within};

/// Counts values between two bounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Histogram {
    /// Lower bound of the first bin.
    pub low: f64,
    /// Upper bound of the last bin.
    pub high: f64,
    /// Values in each bin.
    pub counts: Vec<u64>,
    /// Values below the first.
    pub below: u64,
    /// Values from the upper bound on.
    pub above: u64,
    /// Values that are no numbers.
    pub invalid: u64,
}

impl Histogram {
    /// `bins` of one width from `low` to `high`.
    ///
    /// # Errors
    /// Bounds that are no numbers or in the wrong order, no bin or more than 100 000.
    pub fn new(low: f64, high: f64, bins: usize) -> Result<Self, Error> {
        within("a number of bins", bins as f64, 1.0, 100_000.0)?;
        let low = within("a lower bound", low, -1e12, 1e12)?;
        let high = within("an upper bound", high, -1e12, 1e12)?;
        if low >= high {
            return Err(Error::Setting {
                what: "an upper bound",
                value: high,
                least: low,
                most: 1e12,
            });
        }
        Ok(Self {
            low,
            high,
            counts: vec![0; bins],
            below: 0,
            above: 0,
            invalid: 0,
        })
    }

    /// Counts a value.
    pub fn push(&mut self, value: f64) {
        if value.is_nan() {
            self.invalid += 1;
        } else if value < self.low {
            self.below += 1;
        } else if value >= self.high {
            self.above += 1;
        } else {
            let share = (value - self.low) / (self.high - self.low);
            let bin = (share * self.counts.len() as f64) as usize;
            let last = self.counts.len() - 1;
            self.counts[bin.min(last)] += 1;
        }
    }

    /// All values that were numbers.
    pub fn total(&self) -> u64 {
        self.below + self.above + self.counts.iter().sum::<u64>()
    }
}
