//! How seconds become minutes on a report. What is kept are seconds, so that another choice later gives another report
//! of the same records.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How seconds become minutes. The sources do not say (spec table 1.4), so the operator does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Rounding {
    /// A 60th of a minute for each second: half a minute is 0.5.
    #[default]
    Second,
    /// Every stay is rounded up to whole minutes by itself.
    MinuteOfStay,
    /// The sum of the report is rounded up to whole minutes.
    MinuteOfReport,
}

impl Rounding {
    /// The seconds of one record that count.
    pub(crate) fn of_stay(self, seconds: u64) -> u64 {
        match self {
            Self::MinuteOfStay => whole_minutes(seconds),
            Self::Second | Self::MinuteOfReport => seconds,
        }
    }

    /// The seconds of a sum that count.
    pub(crate) fn of_sum(self, seconds: u64) -> u64 {
        match self {
            Self::MinuteOfReport => whole_minutes(seconds),
            Self::Second | Self::MinuteOfStay => seconds,
        }
    }
}

fn whole_minutes(seconds: u64) -> u64 {
    seconds.div_ceil(60).saturating_mul(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_goes_up_where_it_is_chosen() {
        let stays = [30, 61, 60, 0];
        let minutes = |rounding: Rounding| {
            rounding.of_sum(stays.iter().map(|seconds| rounding.of_stay(*seconds)).sum()) as f64 / 60.0
        };
        assert_eq!(minutes(Rounding::Second), 151.0 / 60.0);
        assert_eq!(minutes(Rounding::MinuteOfStay), 4.0);
        assert_eq!(minutes(Rounding::MinuteOfReport), 3.0);
    }
}
