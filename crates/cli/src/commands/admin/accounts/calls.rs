//! Call records, and the calls of the moment.

use serde_json::json;

use super::args::CallsCommand;
use crate::commands::admin::Admin;
use crate::commands::admin::show::Column;
use crate::exit::Failure;
use crate::output;

const LINES: &[Column] = &[
    ("call", "/call"),
    ("began", "/callStartTime"),
    ("seconds", "/callDuration"),
    ("kind", "/kind"),
    ("answered", "/answered"),
    ("participants", "/participants"),
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

const LIVE: &[Column] = &[
    ("call", "/call"),
    ("since", "/startTime"),
    ("seconds", "/duration"),
    ("answered", "/answered"),
    ("who", "/who"),
];

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
            }
        }
        CallsCommand::Live { tenant } => {
            let address = format!("{}/calls/live", admin.tenant(tenant)?);
            let mut answer = service.get(&address)?;
            if !show.is_json() {
                for call in answer["items"].as_array_mut().into_iter().flatten() {
                    let people = call["participants"].as_array().cloned().unwrap_or_default();
                    let names: Vec<_> = people.iter().map(|who| who["displayName"].clone()).collect();
                    call["who"] = names.into();
                }
            }
            show.list(&answer, LIVE, "no call runs");
        }
    }
    Ok(())
}
