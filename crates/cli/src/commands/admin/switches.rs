//! The limits that an organisation or a resource chooses, one named switch each.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use sidetone_organisation::{ResourceSwitches, Switches};

use super::Admin;
use super::accounts::args::Tenant;
use super::show::Column;
use crate::exit::{Exit, Failure};

const COLUMNS: &[Column] = &[
    ("switch", "/name"),
    ("is", "/setting"),
    ("limit", "/limitation"),
    ("so", "/holds"),
];

/// `sidetone admin switches`.
#[derive(Debug, Subcommand)]
pub enum SwitchesCommand {
    /// Every switch, how it is set, and what that means
    #[command(after_help = "\
Examples:
  sidetone admin switches list
  sidetone admin switches list --organisation contoso")]
    List {
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Turn one switch; the others stay
    #[command(after_help = "\
Examples:
  sidetone admin switches set legacyMembers source
      members in legacy mode are refused, as the limit has it
  sidetone admin switches set legacyMembers open")]
    Set {
        /// Which
        name: String,
        /// How
        #[arg(value_enum)]
        setting: Turn,
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
    },
}

/// How a switch is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Turn {
    /// The limit is gone
    Open,
    /// The limit holds
    Source,
}

pub(super) fn run(admin: &Admin, command: &SwitchesCommand) -> Result<(), Failure> {
    match command {
        SwitchesCommand::List { tenant } => {
            let thing = admin.service.get(&admin.tenant(tenant)?)?;
            if admin.show.is_json() {
                admin.show.one(&thing["switches"], &[]);
                return Ok(());
            }
            admin
                .show
                .list(&explained(&thing["switches"]), COLUMNS, "no switches");
        }
        SwitchesCommand::Set {
            name,
            setting,
            tenant,
        } => {
            // Said here, since the service can only say that it does not know the name.
            if !list().any(|switch| switch.name == name.as_str()) {
                let names: Vec<_> = list().map(|switch| switch.name).collect();
                let message = format!("there is no switch {name}; there are {}", names.join(", "));
                return Err(Failure::new(Exit::Usage, message));
            }
            let setting = match setting {
                Turn::Open => "open",
                Turn::Source => "source",
            };
            let change = json!({ "switches": { name: setting } });
            let answer = admin
                .service
                .call("PATCH", &admin.tenant(tenant)?, Some(&change))?;
            admin.show.done(&answer, &format!("{name} is {setting}"));
        }
    }
    Ok(())
}

fn list() -> impl Iterator<Item = &'static sidetone_organisation::Switch> {
    Switches::LIST.iter().chain(ResourceSwitches::LIST)
}

/// Adds what each position means.
fn explained(switches: &Value) -> Value {
    let known = switches.as_object().into_iter().flatten();
    let rows: Vec<Value> = known
        .map(|(name, setting)| {
            let switch = list().find(|switch| switch.name == name);
            let holds = switch.map(|switch| match setting.as_str() {
                Some("open") => switch.open,
                _ => switch.source,
            });
            json!({
                "name": name,
                "setting": setting,
                "limitation": switch.map(|switch| switch.limitation),
                "holds": holds,
            })
        })
        .collect();
    json!({ "items": rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_told_in_words() {
        let rows = explained(&json!({ "escalation": "source", "fromTheFuture": "open" }));
        assert_eq!(rows["items"][0]["limitation"], "L3");
        assert!(rows["items"][0]["holds"].as_str().unwrap().contains("stays one"));
        assert_eq!(rows["items"][1]["name"], "fromTheFuture");
    }
}
