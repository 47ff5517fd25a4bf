//! How a report came about, as it says itself.

use std::time::SystemTime;

/// Now, as RFC 3339.
pub fn finished_now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// The command that repeats this run.
pub fn command() -> String {
    std::iter::once("sidetone".to_owned())
        .chain(std::env::args().skip(1))
        .collect::<Vec<_>>()
        .join(" ")
}
