//! Organisations, and the operator's word on them.

use serde_json::json;

use super::args::OrganisationsCommand;
use super::show::Column;
use super::{Admin, confirm};
use crate::exit::Failure;

const COLUMNS: &[Column] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("kind", "/kind"),
    ("cloud", "/cloud"),
    ("approval", "/approval/state"),
    ("reason", "/approval/reason"),
    ("recording consent", "/recordingConsent"),
    ("region", "/region"),
    ("chat kept, days", "/chat/retentionDays"),
    ("chat held", "/chat/retentionHold"),
];

pub(super) fn run(admin: &Admin, command: OrganisationsCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    let address = |id: &_| format!("/v1/organisations/{id}");
    match command {
        OrganisationsCommand::List => {
            let answer = service.list("/v1/organisations", &[])?;
            show.list(&answer, &COLUMNS[..5], "no organisation that you may see");
        }
        OrganisationsCommand::Show { id } => show.one(&service.get(&address(&id))?, COLUMNS),
        OrganisationsCommand::Create {
            id,
            name,
            personal,
            region,
        } => {
            let kind = if personal { "personal" } else { "work" };
            let mut body = json!({ "id": id, "name": name, "kind": kind });
            if let Some(region) = region {
                body["region"] = json!(region);
            }
            let answer = service.call("POST", "/v1/organisations", Some(&body))?;
            let state = super::show::text(answer.pointer("/organisation/approval/state"));
            show.done(
                &answer,
                &format!("organisation {id} made, {state}; keys of its administrators:"),
            );
            show.keys(&answer["keys"]);
        }
        OrganisationsCommand::Approve { id } => {
            let answer = service.call("POST", &format!("{}/approve", address(&id)), None)?;
            show.done(&answer, &format!("{id} is approved"));
        }
        OrganisationsCommand::Refuse { id, reason } => {
            let body = json!({ "reason": reason });
            let answer = service.call("POST", &format!("{}/refuse", address(&id)), Some(&body))?;
            show.done(&answer, &format!("{id} is refused"));
        }
        OrganisationsCommand::Rename { id, name } => {
            let answer = service.call("PATCH", &address(&id), Some(&json!({ "name": name })))?;
            show.done(&answer, &format!("{id} is now called {name}"));
        }
        OrganisationsCommand::Set {
            id,
            recording_consent,
            region,
            keep_chat,
            hold_chat,
        } => {
            let mut body = json!({});
            if let Some(consent) = recording_consent {
                body["recordingConsent"] = json!(consent.name());
            }
            if let Some(region) = region {
                body["region"] = json!(region);
            }
            if let Some(keep) = keep_chat {
                body["chat"]["retentionDays"] = json!(keep.days());
            }
            if let Some(hold) = hold_chat {
                body["chat"]["retentionHold"] = json!(hold.is_on());
            }
            show.one(&service.call("PATCH", &address(&id), Some(&body))?, COLUMNS);
        }
        OrganisationsCommand::Delete { id, yes } => {
            confirm(&format!("{id} goes with all its members and policies"), yes)?;
            let answer = service.call("DELETE", &address(&id), None)?;
            show.done(&answer, &format!("{id} is deleted"));
        }
    }
    Ok(())
}
