//! The report as a file for whoever helps (spec R7): what was found, versions, and the id of the call that went wrong.
//! No token, key or name of a device is in it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use serde_json::json;

use super::args::DoctorArgs;
use super::report::Report;
use crate::exit::{Exit, Failure};

/// Writes a new file, never over another.
///
/// # Errors
/// [`Exit::Resource`].
pub fn write(file: &Path, args: &DoctorArgs, report: &Report) -> Result<(), Failure> {
    let unusable =
        |error: &dyn std::fmt::Display| Failure::new(Exit::Resource, format!("{}: {error}", file.display()));
    let bundle = json!({
        "made": humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        "program": { "name": "sidetone", "version": env!("CARGO_PKG_VERSION") },
        "machine": { "os": std::env::consts::OS, "arch": std::env::consts::ARCH },
        "server": args.server.to_string(),
        "call": args.call,
        "broken": report.first_broken(),
        "checks": report,
    });
    let text = serde_json::to_string_pretty(&bundle).map_err(|error| unusable(&error))?;
    let mut file_to_be = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .map_err(|error| unusable(&error))?;
    writeln!(file_to_be, "{text}").map_err(|error| unusable(&error))
}
