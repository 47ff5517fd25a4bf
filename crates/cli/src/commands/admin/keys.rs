//! API keys: which there are, and new ones.

use serde_json::json;

use super::Admin;
use super::args::{KeysCommand, Owner, Slot};
use super::show::Column;
use crate::exit::{Exit, Failure};
use crate::output;

const COLUMNS: &[Column] = &[("slot", "/slot"), ("id", "/id"), ("made", "/created")];

pub(super) fn run(admin: &Admin, command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::List { owner } => {
            let answer = admin.service.get(&format!("{}/keys", place(admin, &owner)?))?;
            admin.show.list(&answer, COLUMNS, "no key");
        }
        KeysCommand::Rotate { slot, owner } => {
            let slot = match slot {
                Slot::Primary => "primary",
                Slot::Secondary => "secondary",
            };
            let answer =
                admin
                    .service
                    .call("POST", &format!("{}/keys/{slot}", place(admin, &owner)?), None)?;
            admin.show.done(
                &answer,
                &format!("the {slot} key is new; the one before is no longer good:"),
            );
            admin.show.keys(&json!([answer]));
            if let Some(secret) = answer["secret"].as_str()
                && let Some(file) = admin.service.follow_key(secret)?
                && !admin.show.is_json()
            {
                output::line(&format!(
                    "You were connected with the one before: the new one is kept in {}.",
                    file.display()
                ));
            }
        }
    }
    Ok(())
}

/// Whose keys: of whom the command line names, or one's own.
fn place(admin: &Admin, owner: &Owner) -> Result<String, Failure> {
    if let Some(id) = &owner.organisation {
        return Ok(format!("/v1/organisations/{id}"));
    }
    if let Some(id) = &owner.resource {
        return Ok(format!("/v1/resources/{id}"));
    }
    let status = admin.service.get("/v1/status")?;
    let part = |place: &str| status.pointer(place).and_then(serde_json::Value::as_str);
    match (
        part("/caller/owner/kind"),
        part("/caller/owner/organisation"),
        part("/caller/owner/resource"),
    ) {
        (_, Some(id), _) => Ok(format!("/v1/organisations/{id}")),
        (_, _, Some(id)) => Ok(format!("/v1/resources/{id}")),
        (Some("operator"), ..) => Ok("/v1/operator".to_owned()),
        _ => Err(Failure::new(
            Exit::Usage,
            "you are not connected with a key: say whose with --organisation or --resource",
        )),
    }
}
