//! Whether external users may deal with an organisation, and of which resources.

use serde_json::{Map, json};

use super::Admin;
use super::args::{FederationCommand, Switch};
use super::show::Column;
use crate::exit::Failure;

const COLUMNS: &[Column] = &[
    ("external users", "/enableExternalUsers"),
    ("allowed resources", "/allowedResources"),
];

pub(super) fn run(admin: &Admin, command: FederationCommand) -> Result<(), Failure> {
    let answer = match command {
        FederationCommand::Show { of } => {
            let organisation = admin.organisation(&of)?;
            admin
                .service
                .get(&format!("/v1/organisations/{organisation}/federation"))?
        }
        FederationCommand::Set {
            of,
            external_users,
            allow,
            disallow,
        } => {
            let organisation = admin.organisation(&of)?;
            let mut change = Map::new();
            if let Some(switch) = external_users.map(Switch::is_on) {
                change.insert("enableExternalUsers".into(), switch.into());
            }
            change.insert("allow".into(), json!(allow));
            change.insert("disallow".into(), json!(disallow));
            let address = format!("/v1/organisations/{organisation}/federation");
            admin.service.call("PATCH", &address, Some(&change.into()))?
        }
    };
    admin.show.one(&answer, COLUMNS);
    Ok(())
}
