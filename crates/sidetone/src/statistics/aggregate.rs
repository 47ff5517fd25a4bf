//! Many figures as one.

use serde::Serialize;

/// What is kept of the figures of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Aggregate {
    /// How many there were.
    pub count: u32,
    /// All of them together.
    pub sum: f64,
    /// The smallest.
    pub minimum: f64,
    /// The largest.
    pub maximum: f64,
    /// Their mean.
    pub average: f64,
}

impl Aggregate {
    /// Takes another figure into account, where one was measured.
    pub(super) fn note(all: &mut Option<Self>, figure: Option<f64>) {
        let Some(figure) = figure else { return };
        let (count, sum, minimum, maximum) = match *all {
            Some(all) => (
                all.count + 1,
                all.sum + figure,
                all.minimum.min(figure),
                all.maximum.max(figure),
            ),
            None => (1, figure, figure, figure),
        };
        *all = Some(Self {
            count,
            sum,
            minimum,
            maximum,
            average: sum / f64::from(count),
        });
    }
}
