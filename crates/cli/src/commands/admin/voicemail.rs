//! Mailboxes of members: what was left in them, and what callers are greeted with.

use std::path::Path;

use serde_json::{Value, json};

use super::Admin;
use super::args::{GreetingCommand, VoicemailCommand, Whose};
use super::show::Column;
use crate::exit::{Exit, Failure};

const COLUMNS: &[Column] = &[
    ("message", "/id"),
    ("from", "/displayName"),
    ("identity", "/from"),
    ("received", "/receivedAt"),
    ("seconds", "/seconds"),
    ("heard", "/heard"),
];

pub(super) fn run(admin: &Admin, command: VoicemailCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    match command {
        VoicemailCommand::List { of } => {
            let mut answer = service.list(&format!("{}/messages", mailbox(admin, &of)?), &[])?;
            for message in answer["items"].as_array_mut().into_iter().flatten() {
                with_seconds(message);
            }
            show.list(&answer, COLUMNS, "no message");
        }
        VoicemailCommand::Fetch { message, of, file } => {
            let path = format!("{}/messages/{message}/sound", mailbox(admin, &of)?);
            let file = file.unwrap_or_else(|| format!("{message}.ogg").into());
            save(admin, &path, &file)?;
        }
        VoicemailCommand::Heard { message, of, not } => {
            let path = format!("{}/messages/{message}", mailbox(admin, &of)?);
            let mut answer = service.call("PATCH", &path, Some(&json!({ "heard": !not })))?;
            with_seconds(&mut answer);
            show.one(&answer, COLUMNS);
        }
        VoicemailCommand::Delete { message, of } => {
            let path = format!("{}/messages/{message}", mailbox(admin, &of)?);
            let answer = service.call("DELETE", &path, None)?;
            show.done(&answer, &format!("message {message} is deleted"));
        }
        VoicemailCommand::Greeting(command) => greeting(admin, command)?,
    }
    Ok(())
}

fn greeting(admin: &Admin, command: GreetingCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    match command {
        GreetingCommand::Set { file, of } => {
            let sound = std::fs::read(&file)
                .map_err(|error| Failure::new(Exit::Resource, format!("{}: {error}", file.display())))?;
            let path = greeter(admin, &of)?;
            let answer = service.send_sound("PUT", &path, &sound)?;
            show.done(&answer, "the greeting is set");
        }
        GreetingCommand::Fetch { file, of } => {
            save(admin, &greeter(admin, &of)?, &file)?;
        }
        GreetingCommand::Delete { of } => {
            let path = greeter(admin, &of)?;
            let answer = service.call("DELETE", &path, None)?;
            show.done(&answer, "the greeting is deleted");
        }
    }
    Ok(())
}

/// The address of a member's mailbox.
fn mailbox(admin: &Admin, whose: &Whose) -> Result<String, Failure> {
    match own(admin, whose)? {
        Some(address) => Ok(address),
        None => Err(Failure::new(
            Exit::Usage,
            "the key is not of one member: say whose mailbox with --member",
        )),
    }
}

/// The address of a greeting: a member's, or the organisation's where no member is meant.
fn greeter(admin: &Admin, whose: &Whose) -> Result<String, Failure> {
    let address = match own(admin, whose)? {
        Some(address) => address,
        None => format!("/v1/organisations/{}/voicemail", admin.organisation(&whose.of)?),
    };
    Ok(format!("{address}/greeting"))
}

/// The mailbox of the member that is meant: the one named, or the one whose token is shown.
fn own(admin: &Admin, whose: &Whose) -> Result<Option<String>, Failure> {
    let organisation = admin.organisation(&whose.of)?;
    let member = match &whose.member {
        Some(member) => member.to_string(),
        None => {
            let status = admin.service.get("/v1/status")?;
            let identity = status.pointer("/caller/identity").and_then(Value::as_str);
            // A member's raw id is member:ORGANISATION:MEMBER.
            let member = identity.and_then(|id| id.strip_prefix("member:")?.split(':').nth(1));
            let Some(member) = member else { return Ok(None) };
            member.to_owned()
        }
    };
    Ok(Some(format!(
        "/v1/organisations/{organisation}/members/{member}/voicemail"
    )))
}

fn save(admin: &Admin, path: &str, file: &Path) -> Result<(), Failure> {
    let sound = admin
        .service
        .sound(path)?
        .ok_or_else(|| Failure::new(Exit::Failed, "there is no such sound"))?;
    std::fs::write(file, &sound)
        .map_err(|error| Failure::new(Exit::Resource, format!("{}: {error}", file.display())))?;
    let answer = json!({ "file": file, "bytes": sound.len() });
    admin.show.done(
        &answer,
        &format!("{} bytes are in {}", sound.len(), file.display()),
    );
    Ok(())
}

/// People count in seconds.
fn with_seconds(message: &mut Value) {
    if let Some(millis) = message["durationMs"].as_f64() {
        message["seconds"] = (millis / 1_000.0).into();
    }
}
