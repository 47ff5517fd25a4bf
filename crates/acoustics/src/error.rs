//! What can be wrong with what a caller asks for. Samples never are: see [`crate::sample`].

/// A signal or an analyser that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Sample rates are from 8 to 192 kHz.
    #[error("a sample rate of {0} Hz; it must be from 8000 to 192000 Hz")]
    Rate(u32),
    /// A frequency that is no number, not above 0, or not below half the sample rate.
    #[error(
        "a frequency of {hz} Hz at a sample rate of {rate} Hz; it must be above 0 and below half the rate"
    )]
    Frequency {
        /// What was asked for.
        hz: f64,
        /// The sample rate, in Hz.
        rate: u32,
    },
    /// The lower edge of a band is not below its upper edge.
    #[error("a band from {low} to {high} Hz; the first must be the lower one")]
    Band {
        /// Lower edge, in Hz.
        low: f64,
        /// Upper edge, in Hz.
        high: f64,
    },
    /// Something that takes too short or too long.
    #[error("{what} of {seconds} s; it must be from {least} to {most} s")]
    Duration {
        /// What takes so long.
        what: &'static str,
        /// What was asked for, in seconds.
        seconds: f64,
        /// The least, in seconds.
        least: f64,
        /// The most, in seconds.
        most: f64,
    },
    /// A number of channels that no device has.
    #[error("{0} channels; it must be from 1 to 64")]
    Channels(usize),
    /// A setting outside its range, or no number.
    #[error("{what} of {value}; it must be from {least} to {most}")]
    Setting {
        /// Which.
        what: &'static str,
        /// What was asked for.
        value: f64,
        /// The least.
        least: f64,
        /// The most.
        most: f64,
    },
}

/// `value`, if it is within the range.
pub(crate) fn within(what: &'static str, value: f64, least: f64, most: f64) -> Result<f64, Error> {
    // Written so that what is no number fails.
    if value >= least && value <= most {
        Ok(value)
    } else {
        Err(Error::Setting {
            what,
            value,
            least,
            most,
        })
    }
}
