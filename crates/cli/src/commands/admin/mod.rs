//! `sidetone admin`: configures the organisation side of a service through its API. What may be done is the service's
//! decision; a refusal says which role is missing.

mod accounts;
mod applications;
pub mod args;
mod audit;
mod backup;
pub mod client;
pub mod connection;
mod federation;
mod groups;
mod import;
mod keys;
mod members;
mod organisations;
mod policy;
mod resource;
mod show;
mod status;
mod switches;
mod voicemail;

use std::io::{BufRead as _, IsTerminal as _};

use serde_json::Value;
use sidetone_organisation::{OrganisationId, ResourceId};

use self::args::{AdminArgs, AdminCommand, Of, Which};
use self::client::Service;
use self::connection::Connection;
use self::show::Show;
use crate::exit::{Exit, Failure};
use crate::output;

/// A connected service, and how to show what it answers.
struct Admin {
    service: Service,
    show: Show,
}

/// Does what was asked.
///
/// # Errors
/// See [`Service::get`]; [`Exit::Usage`] and [`Exit::Resource`] for what is wrong on this side.
pub fn run(args: AdminArgs) -> Result<Exit, Failure> {
    let show = Show::new(args.service.json);
    match args.command {
        AdminCommand::Connect => return status::connect(&args.service, show),
        AdminCommand::Disconnect => return status::disconnect(show),
        command => {
            let service = Service::new(Connection::find(&args.service)?)?;
            Admin { service, show }.run(command)?;
        }
    }
    Ok(Exit::Done)
}

impl Admin {
    fn run(&self, command: AdminCommand) -> Result<(), Failure> {
        match command {
            // Those two do not need a connection.
            AdminCommand::Connect | AdminCommand::Disconnect => Ok(()),
            AdminCommand::Status => status::show(self),
            AdminCommand::Capabilities => status::capabilities(self),
            AdminCommand::Organisations(command) => organisations::run(self, command),
            AdminCommand::Federation(command) => federation::run(self, command),
            AdminCommand::Policy(command) => policy::run(self, command),
            AdminCommand::Groups(command) => groups::run(self, command),
            AdminCommand::Members(command) => members::run(self, command),
            AdminCommand::Applications(command) => applications::run(self, command),
            AdminCommand::Voicemail(command) => voicemail::run(self, command),
            AdminCommand::Resource(command) => resource::run(self, command),
            AdminCommand::Keys(command) => keys::run(self, command),
            AdminCommand::Usage(args) => accounts::usage(self, &args),
            AdminCommand::Calls(command) => accounts::calls(self, &command),
            AdminCommand::Events(command) => accounts::events(self, &command),
            AdminCommand::Switches(command) => switches::run(self, &command),
            AdminCommand::Audit(args) => audit::run(self, &args),
            AdminCommand::Backup(args) => backup::run(self, &args),
        }
    }

    /// The organisation that is meant: the one named, or the one that the key or token belongs to.
    fn organisation(&self, of: &Of) -> Result<OrganisationId, Failure> {
        if let Some(id) = &of.organisation {
            return Ok(id.clone());
        }
        let status = self.service.get("/v1/status")?;
        own_organisation(&status)
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| {
                Failure::new(
                    Exit::Usage,
                    "the key is not of one organisation: say which with --organisation",
                )
            })
    }

    /// The resource that is meant: the one named, or the one that the key belongs to.
    fn resource(&self, which: &Which) -> Result<ResourceId, Failure> {
        if let Some(id) = &which.resource {
            return Ok(id.clone());
        }
        let status = self.service.get("/v1/status")?;
        let of_key = status.pointer("/caller/owner/resource").and_then(Value::as_str);
        of_key.and_then(|id| id.parse().ok()).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "the key is not of one resource: say which with --resource",
            )
        })
    }
}

/// The organisation that the key or token of `GET /v1/status` belongs to.
fn own_organisation(status: &Value) -> Option<&str> {
    let part = |place: &str| status.pointer(place).and_then(Value::as_str);
    // A member's raw id is member:ORGANISATION:MEMBER.
    part("/caller/owner/organisation").or_else(|| part("/caller/identity")?.split(':').nth(1))
}

/// Asks before something is gone for good.
fn confirm(what: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(Failure::new(
            Exit::Usage,
            format!("{what}: say --yes to do it without being asked"),
        ));
    }
    output::complain(&format!("{what}. Go on? [y/N]"));
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("y") || answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "nothing was done"))
}
