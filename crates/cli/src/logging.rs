//! Where the log goes: standard error, filtered by the variable `SIDETONE_LOG`.

use std::io::{self, IsTerminal};

use sidetone_server::LIBRARY_LOG_CEILING;
use tracing_subscriber::EnvFilter;

use crate::exit::{Exit, Failure};

/// Variable with the log filter, such as `info` or `warn,sidetone_server=debug`.
pub const VARIABLE: &str = "SIDETONE_LOG";

/// What is logged where the variable is not set. The WebRTC library warns of what is part of every call's set-up.
const DEFAULT: &str = "warn,rtc=error,webrtc=error";

/// Starts the log, as text or as one JSON object a line.
///
/// # Errors
/// [`Exit::Usage`] for a filter that cannot be understood.
pub fn start(json: bool) -> Result<(), Failure> {
    let wanted = std::env::var(VARIABLE)
        .ok()
        .filter(|text| !text.trim().is_empty());
    let wanted = wanted.as_deref().unwrap_or(DEFAULT);
    let filter = filter(wanted)?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // A log that is set already is as good.
    let _ = if json {
        log.json().try_init()
    } else {
        log.try_init()
    };
    Ok(())
}

/// The ceiling stands behind what was asked for: frames of the libraries below hold tokens and addresses.
fn filter(wanted: &str) -> Result<EnvFilter, Failure> {
    EnvFilter::builder()
        .parse(format!("{wanted},{LIBRARY_LOG_CEILING}"))
        .map_err(|error| Failure::new(Exit::Usage, format!("{VARIABLE}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_filter_lifts_the_ceiling() {
        let shown = filter("trace,tungstenite=trace").unwrap().to_string();
        assert!(
            shown.contains("tungstenite=info") && !shown.contains("tungstenite=trace"),
            "{shown}"
        );
    }

    #[test]
    fn a_filter_that_is_none_is_wrong_usage() {
        assert_eq!(filter("sidetone=loudly").unwrap_err().exit, Exit::Usage);
    }
}
