//! Call records, and the calls of the moment.

use std::io::IsTerminal as _;

use serde_json::{Value, json};

use super::args::CallsCommand;
use crate::commands::admin::Admin;
use crate::commands::admin::show::{Column, text};
use crate::exit::Failure;
use crate::output;

const LINES: &[Column] = &[
    ("call", "/call"),
    ("began", "/callStartTime"),
    ("seconds", "/callDuration"),
    ("called", "/called/0/identifier"),
    ("answered", "/answered"),
    ("participants", "/participants"),
    ("code", "/endReason/code"),
    ("subcode", "/endReason/subcode"),
    ("end", "/endReason/message"),
];

const SUMMARIES: &[Column] = &[
    ("participant", "/participantId"),
    ("name", "/displayName"),
    ("who", "/identifier"),
    ("since", "/participantStartTime"),
    ("seconds", "/participantDuration"),
    ("endpoint", "/endpointType"),
    ("code", "/participantEndReason"),
    ("subcode", "/participantEndSubCode"),
];

const DIAGNOSTICS: &[Column] = &[
    ("participant", "/participantId"),
    ("stream", "/streamId"),
    ("media", "/mediaType"),
    ("direction", "/streamDirection"),
    ("codec", "/codecName"),
    ("round trip ms", "/roundTripTimeAvg"),
    ("jitter ms", "/jitterAvg"),
    ("loss", "/packetLossRateAvg"),
    ("healed", "/healedDataRatioAvg"),
];

const ISSUES: &[Column] = &[
    ("participant", "/participantId"),
    ("what was wrong", "/name"),
    ("at worst", "/value"),
    ("times", "/times"),
    ("first after ms", "/firstRaisedAfterInMs"),
    ("for ms", "/raisedForInMs"),
];

const LIVE: &[Column] = &[
    ("state", "/state"),
    ("for", "/for"),
    ("who", "/who"),
    ("call", "/call"),
];

/// Moves to the upper left corner and clears what is below (ECMA-48).
const REDRAW: &str = "\u{1b}[H\u{1b}[J";

pub(super) fn run(admin: &Admin, command: &CallsCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    match command {
        CallsCommand::List { tenant, limit } => {
            let address = format!("{}/calls", admin.tenant(tenant)?);
            show.list(&admin.log(&address, None, *limit)?, LINES, "no calls are kept");
        }
        CallsCommand::Show { call, tenant } => {
            let address = format!("{}/calls/{call}", admin.tenant(tenant)?);
            let report = service.get(&address)?;
            show.one(&report, LINES);
            if !show.is_json() {
                output::line("");
                let summaries = json!({ "items": report["summaries"] });
                show.list(&summaries, SUMMARIES, "nobody was in it");
                let diagnostics = json!({ "items": report["diagnostics"] });
                show.list(&diagnostics, DIAGNOSTICS, "no stream was measured");
                let issues = json!({ "items": report["issues"] });
                show.list(&issues, ISSUES, "nothing was reported to be wrong");
            }
        }
        CallsCommand::Live { tenant, watch } => {
            let address = format!("{}/calls/live", admin.tenant(tenant)?);
            let redraw = watch.is_some() && !show.is_json() && std::io::stdout().is_terminal();
            loop {
                let mut answer = service.get(&address)?;
                if redraw {
                    output::line(REDRAW);
                }
                if !show.is_json() {
                    summarise(&mut answer);
                }
                show.list(&answer, LIVE, "no call runs");
                match watch {
                    Some(pause) => std::thread::sleep(*pause),
                    None => break,
                }
            }
        }
    }
    Ok(())
}

/// What people want to see of running calls: the longest first, as the service lists them.
fn summarise(answer: &mut Value) {
    let calls = answer["items"].as_array_mut();
    for call in calls.into_iter().flatten() {
        let people = call["participants"].as_array().cloned().unwrap_or_default();
        let names: Vec<String> = people.iter().map(name).collect();
        call["who"] = names.join(", ").into();
        let answered = call["answered"] == Value::Bool(true);
        call["state"] = if answered { "talking" } else { "ringing" }.into();
        let seconds = call["duration"].as_f64().unwrap_or_default().max(0.0) as u64;
        call["for"] = clock(seconds).into();
    }
}

/// A name, or what stands in for it.
fn name(who: &Value) -> String {
    let shown = text(who.get("displayName"));
    let shown = if shown.is_empty() {
        text(who.get("identifier"))
    } else {
        shown
    };
    if who["inLobby"] == Value::Bool(true) {
        format!("{shown} (not in yet)")
    } else {
        shown
    }
}

/// `4:05`, `1:02:03`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_call_is_one_line() {
        let mut answer = json!({ "items": [{
            "call": "c", "answered": true, "duration": 3723.4,
            "participants": [
                { "displayName": "Eve (External)", "inLobby": false },
                { "displayName": "", "identifier": "member:acme:bob", "inLobby": true },
            ],
        }] });
        summarise(&mut answer);
        let call = &answer["items"][0];
        assert_eq!(call["who"], "Eve (External), member:acme:bob (not in yet)");
        assert_eq!(
            (call["state"].as_str(), call["for"].as_str()),
            (Some("talking"), Some("1:02:03"))
        );
        assert_eq!(clock(65), "1:05");
    }
}
