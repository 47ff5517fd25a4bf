//! Two channels against each other.

use serde::Serialize;

use crate::sample::power_db;

/// Channels that correlate by more are the same sound.
const SAME: f64 = 0.995;
/// Same sound of levels that differ by less, in dB, is the same channel.
const SAME_LEVEL: f64 = 0.5;
/// Channels that correlate by less than minus this have one polarity turned around.
const INVERTED: f64 = 0.9;

/// How two channels are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Different sound.
    Different,
    /// The same, in level as well: one microphone for both.
    Identical,
    /// The same at another level.
    Similar,
    /// The same with the opposite sign.
    Inverted,
    /// One of them is silent.
    Silent,
}

/// Two channels, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// The first.
    pub one: usize,
    /// The second.
    pub other: usize,
    /// Their correlation without DC, from -1 to 1.
    pub correlation: f64,
    /// By how much the first is louder, in dB.
    pub difference_db: f64,
    /// What that means.
    pub relation: Relation,
}

#[derive(Clone, Debug)]
pub(super) struct PairMeter {
    one: usize,
    other: usize,
    count: f64,
    sums: [f64; 2],
    squares: [f64; 2],
    product: f64,
}

impl PairMeter {
    pub(super) fn new(one: usize, other: usize) -> Self {
        Self {
            one,
            other,
            count: 0.0,
            sums: [0.0; 2],
            squares: [0.0; 2],
            product: 0.0,
        }
    }

    pub(super) fn push(&mut self, frame: &[f64]) {
        let pair = [frame[self.one], frame[self.other]];
        self.count += 1.0;
        for (at, sample) in pair.into_iter().enumerate() {
            self.sums[at] += sample;
            self.squares[at] += sample * sample;
        }
        self.product += pair[0] * pair[1];
    }

    pub(super) fn report(&self) -> Pair {
        let count = self.count.max(1.0);
        let means = self.sums.map(|sum| sum / count);
        let power = |at: usize| (self.squares[at] / count - means[at] * means[at]).max(0.0);
        let (one, other) = (power(0), power(1));
        let common = self.product / count - means[0] * means[1];
        let silent = one < 1e-18 || other < 1e-18;
        let correlation = if silent {
            0.0
        } else {
            (common / (one * other).sqrt()).clamp(-1.0, 1.0)
        };
        let difference_db = power_db(one) - power_db(other);
        let relation = match correlation {
            _ if silent => Relation::Silent,
            c if c > SAME && difference_db.abs() < SAME_LEVEL => Relation::Identical,
            c if c > SAME => Relation::Similar,
            c if c < -INVERTED => Relation::Inverted,
            _ => Relation::Different,
        };
        Pair {
            one: self.one,
            other: self.other,
            correlation,
            difference_db,
            relation,
        }
    }
}
