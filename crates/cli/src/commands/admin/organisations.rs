//! Organisations, and the operator's word on them.

use serde_json::{Map, Value, json};

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
];

/// What an organisation chooses for itself.
const SETTINGS: &[Column] = &[
    ("id", "/id"),
    ("recording consent", "/recordingConsent"),
    ("legacy members (L2)", "/switches/legacyMembers"),
    ("escalation (L3)", "/switches/escalation"),
    ("call recording (L4)", "/switches/callRecording"),
    ("advanced routing (L5)", "/switches/advancedRouting"),
    ("external targets (L6)", "/switches/externalTargets"),
    ("call features (L7)", "/switches/callFeatures"),
    ("external names (L12)", "/switches/externalNames"),
    ("bot events (L30)", "/switches/botEvents"),
    ("analytics names (L36)", "/switches/analyticsNames"),
    ("live analytics (L37)", "/switches/liveAnalytics"),
    ("delegation (L39)", "/switches/delegation"),
    ("outgoing calls", "/switches/outgoingCalls"),
    ("other organisations", "/switches/otherOrganisations"),
];

pub(super) fn run(admin: &Admin, command: OrganisationsCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    let address = |id: &_| format!("/v1/organisations/{id}");
    match command {
        OrganisationsCommand::List => {
            let answer = service.list("/v1/organisations", &[])?;
            show.list(&answer, &COLUMNS[..5], "no organisation that you may see");
        }
        OrganisationsCommand::Show { id } => {
            let answer = service.get(&address(&id))?;
            show.one(&answer, &[COLUMNS, &SETTINGS[1..]].concat());
        }
        OrganisationsCommand::Create { id, name, personal } => {
            let kind = if personal { "personal" } else { "work" };
            let body = json!({ "id": id, "name": name, "kind": kind });
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
            limits,
            recording_consent,
        } => {
            let mut change = Map::new();
            if !limits.is_empty() {
                // The service takes them whole: those that are not named stay as they are.
                let mut switches = service.get(&address(&id))?["switches"].take();
                for (name, position) in limits {
                    switches[name] = position.into();
                }
                change.insert("switches".to_owned(), switches);
            }
            if let Some(consent) = recording_consent {
                change.insert("recordingConsent".to_owned(), consent.name().into());
            }
            let answer = service.call("PATCH", &address(&id), Some(&Value::Object(change)))?;
            show.one(&answer, SETTINGS);
        }
        OrganisationsCommand::Delete { id, yes } => {
            confirm(&format!("{id} goes with all its members and policies"), yes)?;
            let answer = service.call("DELETE", &address(&id), None)?;
            show.done(&answer, &format!("{id} is deleted"));
        }
    }
    Ok(())
}
