//! The monthly report of one tenant: the sum of its usage records, by meter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Meter, Rounding, Unit, UsageRecord};
use crate::{Month, Scope};

/// What a tenant's applications consumed in a month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageReport {
    /// Whose.
    #[schema(value_type = Object)]
    pub scope: Scope,
    /// Of which month.
    pub month: Month,
    /// How seconds became minutes.
    pub rounding: Rounding,
    /// One sum for each meter that was used.
    pub meters: Vec<MeterTotal>,
}

/// The sum of one meter. `consumed` is what all participants used, `metered` what the resource is charged for,
/// `covered` the rest: by the licences of members on the native client, or by the operator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeterTotal {
    /// Which.
    pub usage_type: Meter,
    /// In what the exact sums are counted.
    pub unit_type: Unit,
    /// All of it, exact.
    pub consumed: u64,
    /// What is charged, exact.
    pub metered: u64,
    /// What is not, exact.
    pub covered: u64,
    /// All of it in minutes, rounded as the report says. Absent for what is not counted in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_minutes: Option<f64>,
    /// What is charged, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metered_minutes: Option<f64>,
    /// What is not, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_minutes: Option<f64>,
    /// How many records were added up.
    pub records: u64,
}

#[derive(Default)]
struct Sum {
    metered: u64,
    covered: u64,
    metered_counted: u64,
    covered_counted: u64,
    records: u64,
}

impl UsageReport {
    /// Adds up the records of a tenant's month. Those of other months are left out.
    pub fn new<'a>(
        scope: Scope,
        month: Month,
        rounding: Rounding,
        records: impl IntoIterator<Item = &'a UsageRecord>,
    ) -> Self {
        let mut sums: BTreeMap<Meter, Sum> = BTreeMap::new();
        for record in records
            .into_iter()
            .filter(|record| Month::of(record.time) == month)
        {
            let sum = sums.entry(record.usage_type).or_default();
            let counted = rounding.of_stay(record.quantity);
            if record.metered {
                sum.metered += record.quantity;
                sum.metered_counted += counted;
            } else {
                sum.covered += record.quantity;
                sum.covered_counted += counted;
            }
            sum.records += 1;
        }
        let meters = sums
            .into_iter()
            .map(|(meter, sum)| sum.total(meter, rounding))
            .collect();
        Self {
            scope,
            month,
            rounding,
            meters,
        }
    }

    /// The sum of a meter, where it was used.
    pub fn meter(&self, meter: Meter) -> Option<&MeterTotal> {
        self.meters.iter().find(|total| total.usage_type == meter)
    }

    /// The report as comma-separated values (RFC 4180), with a header line.
    pub fn csv(&self) -> String {
        let mut text = String::from(
            "scope,month,rounding,usageType,unitType,consumed,metered,covered,\
             consumedMinutes,meteredMinutes,coveredMinutes,records\r\n",
        );
        let minutes = |minutes: Option<f64>| minutes.map(|minutes| minutes.to_string()).unwrap_or_default();
        for total in &self.meters {
            // No field here can hold a comma, a quote or a line break: names, numbers and ids only.
            text.push_str(&format!(
                "{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
                self.scope,
                self.month,
                self.rounding.name(),
                total.usage_type.name(),
                total.unit_type.name(),
                total.consumed,
                total.metered,
                total.covered,
                minutes(total.consumed_minutes),
                minutes(total.metered_minutes),
                minutes(total.covered_minutes),
                total.records,
            ));
        }
        text
    }
}

impl Sum {
    fn total(&self, meter: Meter, rounding: Rounding) -> MeterTotal {
        let metered = rounding.of_sum(self.metered_counted);
        let covered = rounding.of_sum(self.covered_counted);
        let minutes = |seconds: u64| (meter.unit() == Unit::Seconds).then(|| seconds as f64 / 60.0);
        MeterTotal {
            usage_type: meter,
            unit_type: meter.unit(),
            consumed: self.metered + self.covered,
            metered: self.metered,
            covered: self.covered,
            consumed_minutes: minutes(metered + covered),
            metered_minutes: minutes(metered),
            covered_minutes: minutes(covered),
            records: self.records,
        }
    }
}

impl Meter {
    /// As it is written.
    fn name(self) -> &'static str {
        match self {
            Self::Calling => "calling",
            Self::Phone => "phone",
            Self::Messages => "messages",
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Messages => "messages",
        }
    }
}

impl Rounding {
    fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::MinuteOfStay => "minuteOfStay",
            Self::MinuteOfReport => "minuteOfReport",
        }
    }
}
