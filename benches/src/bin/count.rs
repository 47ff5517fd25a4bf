//! Counts the instructions of every workload under callgrind and compares them with `benches/counts.json`. Counts
//! hardly depend on what else the machine does, so they can gate where times cannot. They do depend on the
//! compiler and on the instruction sets of the processor: when one of these changes, count anew with `--update`.
//!
//! Usage: `count [--update] [WORKLOAD ...]`; no workload counts all. Exit code 1: a count is out of tolerance.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, ExitCode};

use sidetone_benches::{COUNTED, Error, Meter, Workload, workload, workloads};

/// Change of a count that passes, in percent.
const TOLERANCE: f64 = 10.0;

const COUNTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.json");

fn main() -> Result<ExitCode, Error> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["--run", name] => run(find(name)?).map(|()| ExitCode::SUCCESS),
        ["--update", names @ ..] => compare(names, true),
        names => compare(names, false),
    }
}

fn find(name: &str) -> Result<&'static Workload, Error> {
    workload(name).ok_or_else(|| {
        let names: Vec<_> = workloads().map(|workload| workload.name).collect();
        format!("no workload {name:?}; there are {}", names.join(", ")).into()
    })
}

/// The work itself, for callgrind to look at.
fn run(workload: &Workload) -> Result<(), Error> {
    let mut step = (workload.make)()?;
    for _ in 0..workload.warm_up {
        step(&mut Meter::Idle);
    }
    for _ in 0..workload.counted {
        step(&mut Meter::Counter);
    }
    Ok(())
}

fn compare(names: &[&str], update: bool) -> Result<ExitCode, Error> {
    let chosen: Vec<_> = if names.is_empty() {
        workloads().collect()
    } else {
        names.iter().map(|name| find(name)).collect::<Result<_, _>>()?
    };
    let mut known: BTreeMap<String, u64> = match fs::read_to_string(COUNTS) {
        Ok(text) => serde_json::from_str(&text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(error.into()),
    };
    println!(
        "{:<24} {:>12} {:>12} {:>8}  an operation is",
        "instructions", "expected", "counted", "change"
    );
    let mut passed = true;
    for workload in chosen {
        let counted = count(workload)?;
        let before = if update {
            known.insert(workload.name.into(), counted)
        } else {
            known.get(workload.name).copied()
        };
        let change = before.map(|before| (counted as f64 / before.max(1) as f64 - 1.0) * 100.0);
        let verdict = match change {
            _ if update => "",
            Some(change) if change.abs() <= TOLERANCE => "",
            Some(change) if change < 0.0 => "  LESS: take the better count over with --update",
            Some(_) => "  MORE",
            None => "  UNKNOWN: add it with --update",
        };
        passed &= verdict.is_empty();
        println!(
            "{:<24} {:>12} {counted:>12} {:>8}  {}{verdict}",
            workload.name,
            before.map_or("-".into(), |before| before.to_string()),
            change.map_or("-".into(), |change| format!("{change:+.1} %")),
            workload.operation,
        );
    }
    if update {
        known.retain(|name, _| workload(name).is_some());
        fs::write(COUNTS, serde_json::to_string_pretty(&known)? + "\n")?;
    }
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Instructions of one operation.
fn count(workload: &Workload) -> Result<u64, Error> {
    let file = std::env::temp_dir().join(format!("sidetone-count-{}-{}", std::process::id(), workload.name));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe()?)
        .args(["--run", workload.name])
        .output()?;
    let profile = fs::read_to_string(&file);
    let _ = fs::remove_file(&file);
    if !output.status.success() {
        return Err(format!("{}: {}", workload.name, String::from_utf8_lossy(&output.stderr)).into());
    }
    let profile = profile?;
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: ")?.trim().parse::<u64>().ok());
    match total {
        Some(total) if total > 0 => Ok(total / (workload.counted * workload.per_step)),
        _ => Err(format!("{}: callgrind saw no call of {COUNTED}", workload.name).into()),
    }
}
