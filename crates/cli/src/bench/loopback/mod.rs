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

pub use args::LoopbackArgs;
pub use carrier::child;

use crate::bench::{figures, file, html, origin, table};
use conductor::Conductor;

/// Runs the benchmark and returns what to print.
///
/// # Errors
/// In words, when a file cannot be read or written, or the call does not come about.
pub fn run(args: &LoopbackArgs) -> Result<String, String> {
    let mut report = Conductor::prepare(args)?.run()?;
    report.finished_at = origin::finished_now();
    report.command = origin::command();
    report.judge();

    let mut text = table::render(figures::sections(&report), &report.targets);
    if let Some(path) = &args.json {
        file::json(path, &report)?;
        text.push_str(&format!("\nJSON: {}", file::shown(path)));
    }
    if let Some(path) = &args.html {
        file::text(path, &html::page(&report))?;
        text.push_str(&format!("\nReport with plots: {}", file::shown(path)));
    }
    Ok(text)
}
