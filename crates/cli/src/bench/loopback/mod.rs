//! `sidetone bench loopback`: a real call between two ends of this machine, conducted and measured.

mod args;
mod carrier;
mod conductor;
mod end;
mod result;
mod room;
mod samples;
mod stage;
mod track;
mod wire;

use std::fs;
use std::path::Path;
use std::time::SystemTime;

pub use args::LoopbackArgs;
pub use carrier::child;

use crate::bench::{figures, file, html, table};
use conductor::Conductor;

/// Runs the benchmark and returns what to print.
///
/// # Errors
/// In words, when a file cannot be read or written, or the call does not come about.
pub fn run(args: &LoopbackArgs) -> Result<String, String> {
    let mut report = Conductor::prepare(args)?.run()?;
    report.finished_at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    report.command = std::iter::once("sidetone".to_owned())
        .chain(std::env::args().skip(1))
        .collect::<Vec<_>>()
        .join(" ");
    report.judge();

    let mut text = table::render(figures::sections(&report), &report.targets);
    let mut leave = |path: &Path, what: &str, content: String| -> Result<(), String> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            file::folder(folder)?;
        }
        fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))?;
        let shown = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        text.push_str(&format!("\n{what}: {}", shown.display()));
        Ok(())
    };
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        leave(path, "JSON", json)?;
    }
    if let Some(path) = &args.html {
        leave(path, "Report with plots", html::page(&report))?;
    }
    Ok(text)
}
