//! Moments, lengths and months as values. Reads no clock; whoever calls passes the time.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The last millisecond that has an RFC 3339 form: the year 9999's.
const MAX_MILLIS: u64 = 253_402_300_799_999;

/// A moment: milliseconds since the Unix epoch, written as RFC 3339 in UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = DateTime, example = "2026-03-01T10:00:00.000Z")]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the Unix epoch. What lies beyond the year 9999 becomes its end.
    pub const fn from_millis(millis: u64) -> Self {
        Self(if millis > MAX_MILLIS { MAX_MILLIS } else { millis })
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long this is after `earlier`, zero when it is not.
    pub fn since(self, earlier: Self) -> Seconds {
        Seconds(self.0.saturating_sub(earlier.0))
    }

    /// This moment plus `duration`.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_millis(self.0);
        write!(f, "{}", humantime::format_rfc3339_millis(time))
    }
}

impl FromStr for Timestamp {
    type Err = humantime::TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let since_epoch = humantime::parse_rfc3339(text)?
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(Self::default().after(since_epoch))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = humantime::TimestampError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

impl From<SystemTime> for Timestamp {
    /// A moment before 1970 becomes the epoch itself.
    fn from(time: SystemTime) -> Self {
        Self::default().after(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

/// A length of time in milliseconds, written as seconds with a fraction.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(from = "f64", into = "f64")]
#[schema(value_type = f64, example = 600.25)]
pub struct Seconds(u64);

impl Seconds {
    /// From milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The nearest whole seconds.
    pub const fn nearest(self) -> u64 {
        self.0.saturating_add(500) / 1000
    }

    /// Whole seconds: what is beyond them is dropped.
    pub const fn whole(self) -> u64 {
        self.0 / 1000
    }
}

impl From<f64> for Seconds {
    /// Not a number, or less than nothing, becomes nothing.
    fn from(seconds: f64) -> Self {
        // A cast saturates, and takes what is no number for zero.
        Self((seconds * 1000.0).round() as u64)
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0 as Self / 1000.0
    }
}

/// A month of the calendar in UTC, written `2026-03`. Held as the number of months since the year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "2026-03")]
pub struct Month(u32);

impl Month {
    /// The month that a moment is in.
    pub fn of(time: Timestamp) -> Self {
        // The first two fields of the RFC 3339 form are the month.
        let text = time.to_string();
        text.get(..7)
            .and_then(|month| month.parse().ok())
            .unwrap_or(Self(1970 * 12))
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        format!("{self}-01T00:00:00Z").parse().unwrap_or_default()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 12, self.0 % 12 + 1)
    }
}

/// Not a month: expected four digits of a year from 1970 on, a hyphen, and 01 to 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a month is written like 2026-03, from 1970-01 on")]
pub struct MonthError;

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let (year, month) = text.split_once('-').ok_or(MonthError)?;
        if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
            return Err(MonthError);
        }
        let year: u32 = year.parse().map_err(|_| MonthError)?;
        let month: u32 = month.parse().map_err(|_| MonthError)?;
        if year < 1970 || !(1..=12).contains(&month) {
            return Err(MonthError);
        }
        Ok(Self(year * 12 + month - 1))
    }
}

impl TryFrom<String> for Month {
    type Error = MonthError;

    fn try_from(text: String) -> Result<Self, MonthError> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_moment_is_written_in_utc() {
        let time = Timestamp::from_millis(1_772_359_200_250);
        assert_eq!(time.to_string(), "2026-03-01T10:00:00.250Z");
        assert_eq!("2026-03-01T10:00:00.250Z".parse(), Ok(time));
        assert_eq!(
            Timestamp::from_millis(u64::MAX).to_string(),
            "9999-12-31T23:59:59.999Z"
        );
    }

    #[test]
    fn months_begin_and_end_where_the_calendar_has_it() {
        let last: Timestamp = "2026-02-28T23:59:59.999Z".parse().unwrap();
        let february = Month::of(last);
        assert_eq!(february.to_string(), "2026-02");
        assert_eq!(
            Month::of(last.after(Duration::from_millis(1))).to_string(),
            "2026-03"
        );
        assert_eq!(february.start().to_string(), "2026-02-01T00:00:00.000Z");
        for bad in [
            "",
            "2026",
            "2026-3",
            "2026-13",
            "2026-00",
            "1969-12",
            "2026-+1",
            "26-03",
            "2026-03-01",
        ] {
            assert_eq!(bad.parse::<Month>(), Err(MonthError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millis in 0..=MAX_MILLIS, length in 0..1_000_000_000_000_u64) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
            prop_assert!(Month::of(time).start() <= time);
            prop_assert_eq!(Month::of(Month::of(time).start()), Month::of(time));
            let length = Seconds::from_millis(length);
            prop_assert_eq!(Seconds::from(f64::from(length)), length);
        }
    }
}
