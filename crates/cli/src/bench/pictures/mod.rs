//! `sidetone bench video` and `sidetone bench screen`: what is seen at the other end, how late and how well.
//!
//! Two real picture engines with a real transport between them and the network emulator on the way, in real time: figures
//! differ from run to run, and on a busy machine a lot.

mod args;
mod call;
mod case;
mod end;
mod eyes;
mod look;
mod outcome;
mod page;
mod reel;
mod report;
mod strip;
mod vmaf;

use std::sync::Arc;

pub use args::{ScreenArgs, VideoArgs};

use args::Common;
use case::Case;
use outcome::Outcome;
use reel::Reel;
use report::Report;
use vmaf::Judge;

use super::machine::{self, Machine};
use super::{file, origin, table};

/// Measures cameras and returns what to print.
///
/// # Errors
/// In words, when no case has such a name, the ends do not connect, or a file cannot be written.
pub fn video(args: &VideoArgs) -> Result<String, String> {
    run(
        "Video benchmark",
        "sidetone.bench.video/1",
        &case::VIDEO,
        &args.common,
    )
}

/// Measures shared screens and returns what to print.
///
/// # Errors
/// As [`video`].
pub fn screen(args: &ScreenArgs) -> Result<String, String> {
    run(
        "Screen benchmark",
        "sidetone.bench.screen/1",
        &case::SCREEN,
        &args.common,
    )
}

fn run(title: &'static str, schema: &'static str, all: &[Case], args: &Common) -> Result<String, String> {
    let named = |case: &&Case| {
        args.case.is_empty() || args.case.iter().any(|name| case.name.starts_with(name.as_str()))
    };
    let cases: Vec<&Case> = all.iter().filter(named).collect();
    if cases.is_empty() {
        let names: Vec<&str> = all.iter().map(|case| case.name).collect();
        return Err(format!("no such case; there are: {}", names.join(", ")));
    }
    if args.duration < std::time::Duration::from_secs(1) {
        return Err("a duration of less than a second measures nothing".into());
    }
    let (judge, not_measured) = match (Judge::find(args.ffmpeg.as_deref()), &args.ffmpeg) {
        (Ok(judge), _) => (Some(judge), None),
        (Err(why), Some(_)) => return Err(why),
        (Err(why), None) => (None, Some(format!("VMAF was not measured: {why}"))),
    };
    let machine = Machine::probe();
    let mut outcomes = Vec::new();
    for designed in cases {
        let case = Case {
            size: args.size.unwrap_or(designed.size),
            frame_rate: args.frame_rate.unwrap_or(designed.frame_rate),
            ..*designed
        };
        let reel = Arc::new(Reel::draw(case.scene, case.size, case.frame_rate));
        let recorded = call::run(&case, args.duration, args.seed, &reel)
            .map_err(|error| format!("{}: {error}", case.name))?;
        outcomes.push(Outcome::new(
            &case,
            case == *designed,
            recorded,
            &reel,
            judge.as_ref(),
        ));
    }
    let report = Report {
        schema,
        finished_at: origin::finished_now(),
        command: origin::command(),
        targets: report::targets(&outcomes),
        cases: outcomes,
        not_measured,
        machine,
        versions: machine::versions(),
    };
    let sections = report.cases.iter().flat_map(Outcome::sections).collect();
    let mut text = table::render(sections, &report.targets);
    if let Some(why) = &report.not_measured {
        text.push_str(&format!("\n{why}"));
    }
    if let Some(path) = &args.json {
        file::json(path, &report)?;
        text.push_str(&format!("\nJSON: {}", file::shown(path)));
    }
    if let Some(path) = &args.html {
        file::text(path, &page::page(title, &report))?;
        text.push_str(&format!(
            "\nReport with plots and pictures: {}",
            file::shown(path)
        ));
    }
    Ok(text)
}
