//! Voice applications of an organisation.

use serde_json::json;

use super::Admin;
use super::args::{ApplicationKind, ApplicationsCommand};
use super::show::Column;
use crate::exit::Failure;

const COLUMNS: &[Column] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("kind", "/kind"),
    ("policy", "/policy"),
    ("agents", "/agents"),
];

pub(super) fn run(admin: &Admin, command: ApplicationsCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    match command {
        ApplicationsCommand::List { of } => {
            let organisation = admin.organisation(&of)?;
            let answer = service.list(&format!("/v1/organisations/{organisation}/applications"), &[])?;
            show.list(&answer, COLUMNS, "no voice application");
        }
        ApplicationsCommand::Set {
            id,
            of,
            name,
            kind,
            policy,
            agents,
        } => {
            let organisation = admin.organisation(&of)?;
            let kind = match kind {
                ApplicationKind::Attendant => "attendant",
                ApplicationKind::Queue => "queue",
                ApplicationKind::Bot => "bot",
                ApplicationKind::Voicemail => "voicemail",
            };
            let body = json!({ "name": name, "kind": kind, "policy": policy, "agents": agents });
            let address = format!("/v1/organisations/{organisation}/applications/{id}");
            show.one(&service.call("PUT", &address, Some(&body))?, COLUMNS);
        }
        ApplicationsCommand::Token { id, of, minutes } => {
            let organisation = admin.organisation(&of)?;
            let address = format!("/v1/organisations/{organisation}/applications/{id}/tokens");
            let body = match minutes {
                Some(minutes) => json!({ "expiresInMinutes": minutes }),
                None => json!({}),
            };
            let answer = service.call("POST", &address, Some(&body))?;
            // Alone, so that it can be handed on.
            let token = answer["token"].as_str().unwrap_or_default();
            show.done(&answer, token);
        }
        ApplicationsCommand::Revoke { id, of } => {
            let organisation = admin.organisation(&of)?;
            let address = format!("/v1/organisations/{organisation}/applications/{id}/revoke-tokens");
            let answer = service.call("POST", &address, None)?;
            show.done(
                &answer,
                &format!("no token of {id} issued so far is good any more"),
            );
        }
        ApplicationsCommand::Delete { id, of } => {
            let organisation = admin.organisation(&of)?;
            let address = format!("/v1/organisations/{organisation}/applications/{id}");
            let answer = service.call("DELETE", &address, None)?;
            show.done(&answer, &format!("voice application {id} is deleted"));
        }
    }
    Ok(())
}
