//! Latencies of many repetitions as one result.

use std::collections::VecDeque;

use serde::Serialize;

use crate::stats::Spread;

/// Latencies that differ by more from one symbol to the next have jumped, in milliseconds. Clocks that drift apart by
/// 500 ppm make half of it in a second.
const JUMP: f64 = 1.0;
/// Fewer symbols than this share say that it is not this sound that was heard.
const ENOUGH: f64 = 0.25;
/// Jumps that are kept.
const KEPT: usize = 1000;

/// One symbol that was played.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repetition {
    /// Which, from 0.
    pub index: u64,
    /// When it was played, in seconds.
    pub seconds: f64,
    /// From played to recorded, in milliseconds. `None` where it was not found.
    pub latency_ms: Option<f64>,
    /// How far it stands out of the noise behind the matched filter, in dB. It is found above 17.5 dB.
    pub confidence_db: f64,
    /// Its level against a symbol with a peak of full scale, in dB.
    pub level_db: f64,
}

/// A latency that changed from one symbol to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Jump {
    /// When the symbol after it was played, in seconds.
    pub seconds: f64,
    /// Latency before, in milliseconds.
    pub from_ms: f64,
    /// Latency after.
    pub to_ms: f64,
}

/// The latency of a path.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Symbols looked for.
    pub played: usize,
    /// Symbols found.
    pub found: usize,
    /// Latencies in milliseconds. `None` where too few symbols were found to believe in any.
    pub latency_ms: Option<Spread>,
    /// How far the symbols found stand out of the noise, in dB.
    pub confidence_db: Option<Spread>,
    /// By how much the latency falls or rises in a second, between jumps, in parts per million: drift of the clocks. Positive
    /// where it falls, because the output's clock runs faster than the input's.
    pub drift_ppm: Option<f64>,
    /// Where the latency jumped by more than 1 ms; the first thousand.
    pub jumps: Vec<Jump>,
}

impl Report {
    pub(super) fn of(repetitions: &VecDeque<Repetition>) -> Self {
        let found: Vec<(&Repetition, f64)> = repetitions
            .iter()
            .filter_map(|repetition| Some((repetition, repetition.latency_ms?)))
            .collect();
        let enough = !found.is_empty() && found.len() as f64 >= ENOUGH * repetitions.len() as f64;
        let mut jumps = Vec::new();
        let mut slope = crate::stats::Slope::default();
        let mut before: Option<f64> = None;
        for (repetition, latency) in found.iter().filter(|_| enough) {
            if let Some(before) = before.filter(|before| (before - latency).abs() > JUMP) {
                slope.split();
                if jumps.len() < KEPT {
                    jumps.push(Jump {
                        seconds: repetition.seconds,
                        from_ms: before,
                        to_ms: *latency,
                    });
                }
            }
            before = Some(*latency);
            slope.push(repetition.seconds, *latency);
        }
        let spread = |values: Vec<f64>| enough.then(|| Spread::of(values)).flatten();
        Self {
            played: repetitions.len(),
            found: found.len(),
            latency_ms: spread(found.iter().map(|(_, latency)| *latency).collect()),
            confidence_db: spread(
                found
                    .iter()
                    .map(|(repetition, _)| repetition.confidence_db)
                    .collect(),
            ),
            // Milliseconds a second are thousands of ppm.
            drift_ppm: slope
                .value()
                .filter(|_| found.len() >= 5)
                .map(|slope| -slope * 1000.0),
            jumps,
        }
    }
}

/// What a part of the path takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Which part.
    pub name: String,
    /// What it takes, in milliseconds.
    pub milliseconds: f64,
    /// The same in percent of the whole.
    pub percent: f64,
}

/// The parts of a latency of `whole_ms`: those that are known, and what is left for `rest`: converters, drivers and air
/// (2.9 ms a metre). Negative where the known ones are more than the whole, so that a wrong one shows.
pub fn shares(whole_ms: f64, known: &[(&str, f64)], rest: &str) -> Vec<Share> {
    let left = whole_ms - known.iter().map(|(_, milliseconds)| milliseconds).sum::<f64>();
    let share = |(name, milliseconds): (&str, f64)| Share {
        name: name.into(),
        milliseconds,
        percent: if whole_ms > 0.0 {
            100.0 * milliseconds / whole_ms
        } else {
            0.0
        },
    };
    known.iter().copied().chain([(rest, left)]).map(share).collect()
}
