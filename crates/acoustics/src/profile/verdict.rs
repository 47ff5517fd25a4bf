//! One verdict for each check.

use std::fmt;

use serde::Serialize;

use super::limits::Bound;

/// What came of a check, from good to bad; what was not measured is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// There was nothing to measure.
    NotMeasured,
    /// Good.
    Pass,
    /// Not good, but calls work.
    Warn,
    /// Calls suffer.
    Fail,
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // named as they are shown
pub enum Check {
    SignalHeard,
    Latency,
    LatencyStability,
    Glitches,
    ClockDrift,
    Muted,
    DeadChannel,
    ChannelOrder,
    Polarity,
    Noise,
    Dc,
    Clipping,
    GainControl,
    EchoReturnLoss,
    EchoBehindCanceller,
    EchoDelayStability,
    Reverberation,
    BandwidthLow,
    BandwidthHigh,
    Distortion,
    SignalToNoise,
}

impl Check {
    /// In words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::SignalHeard => "test signal heard",
            Self::Latency => "latency",
            Self::LatencyStability => "latency stability",
            Self::Glitches => "glitches",
            Self::ClockDrift => "clock drift",
            Self::Muted => "muted",
            Self::DeadChannel => "dead channel",
            Self::ChannelOrder => "channel order",
            Self::Polarity => "polarity",
            Self::Noise => "noise",
            Self::Dc => "DC offset",
            Self::Clipping => "clipping",
            Self::GainControl => "gain control",
            Self::EchoReturnLoss => "echo return loss",
            Self::EchoBehindCanceller => "echo behind the canceller",
            Self::EchoDelayStability => "echo delay stability",
            Self::Reverberation => "reverberation",
            Self::BandwidthLow => "lowest frequency",
            Self::BandwidthHigh => "highest frequency",
            Self::Distortion => "distortion",
            Self::SignalToNoise => "signal to noise",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What was checked.
    pub check: Check,
    /// Good or bad.
    pub outcome: Outcome,
    /// What was measured, where it is a number.
    pub value: Option<f64>,
    /// The limit that counts: the one that was missed, or the first that could have been.
    pub limit: Option<f64>,
    /// Unit of both.
    pub unit: &'static str,
    /// What was found, in a sentence.
    pub reason: String,
    /// What to do, where there is something to do.
    pub advice: Option<&'static str>,
}

impl Verdict {
    pub(super) fn at_most(check: Check, value: Option<f64>, bound: Bound, unit: &'static str) -> Self {
        Self::compared(check, value, bound, unit, "at most", |value, limit| value > limit)
    }

    pub(super) fn at_least(check: Check, value: Option<f64>, bound: Bound, unit: &'static str) -> Self {
        Self::compared(check, value, bound, unit, "at least", |value, limit| {
            value < limit
        })
    }

    fn compared(
        check: Check,
        value: Option<f64>,
        bound: Bound,
        unit: &'static str,
        sense: &str,
        misses: impl Fn(f64, f64) -> bool,
    ) -> Self {
        let Some(value) = value else {
            return Self::not_measured(check, unit);
        };
        let (outcome, limit) = match () {
            () if misses(value, bound.fail) => (Outcome::Fail, bound.fail),
            () if misses(value, bound.warn) => (Outcome::Warn, bound.warn),
            () => (Outcome::Pass, bound.warn),
        };
        let advice = (outcome > Outcome::Pass).then(|| super::advice::of(check));
        let space = if unit.is_empty() { "" } else { " " };
        let reason = format!("{check}: {value:.1}{space}{unit}, should be {sense} {limit}{space}{unit}");
        // A small number needs its digits.
        let reason = if unit.is_empty() {
            format!("{check}: {value:.4}, should be {sense} {limit}")
        } else {
            reason
        };
        Self {
            check,
            outcome,
            value: Some(value),
            limit: Some(limit),
            unit,
            reason,
            advice,
        }
    }

    /// Good or bad without a number.
    pub(super) fn plain(check: Check, outcome: Outcome, reason: String) -> Self {
        let advice = (outcome > Outcome::Pass).then(|| super::advice::of(check));
        Self {
            check,
            outcome,
            value: None,
            limit: None,
            unit: "",
            reason,
            advice,
        }
    }

    fn not_measured(check: Check, unit: &'static str) -> Self {
        Self {
            check,
            outcome: Outcome::NotMeasured,
            value: None,
            limit: None,
            unit,
            reason: format!("{check}: could not be measured"),
            advice: None,
        }
    }
}

/// The worst outcome. `None` of no verdicts.
pub fn worst(verdicts: &[Verdict]) -> Option<Outcome> {
    verdicts.iter().map(|verdict| verdict.outcome).max()
}
