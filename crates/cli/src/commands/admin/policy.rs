//! External-access policies, and to whom they are assigned.

use serde_json::json;

use super::Admin;
use super::args::PolicyCommand;
use super::show::Column;
use crate::exit::Failure;

const COLUMNS: &[Column] = &[
    ("policy", "/name"),
    ("federation access", "/enableFederationAccess"),
];

pub(super) fn run(admin: &Admin, command: PolicyCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    match command {
        PolicyCommand::List { of } => {
            let organisation = admin.organisation(&of)?;
            let answer = service.list(&format!("/v1/organisations/{organisation}/policies"), &[])?;
            show.list(&answer, COLUMNS, "no policy");
        }
        PolicyCommand::Set {
            name,
            of,
            federation_access,
        } => {
            let organisation = admin.organisation(&of)?;
            let body = json!({ "enableFederationAccess": federation_access.is_on() });
            let address = format!("/v1/organisations/{organisation}/policies/{name}");
            show.one(&service.call("PUT", &address, Some(&body))?, COLUMNS);
        }
        PolicyCommand::Assign { member, policy, of } => {
            let organisation = admin.organisation(&of)?;
            let address = format!("/v1/organisations/{organisation}/members/{member}");
            let answer = service.call("PATCH", &address, Some(&json!({ "policy": policy })))?;
            let words = match policy {
                Some(policy) => format!("{member} has the policy {policy}"),
                None => format!("{member} has no policy of its own"),
            };
            show.done(&answer, &words);
        }
        PolicyCommand::Delete { name, of } => {
            let organisation = admin.organisation(&of)?;
            let address = format!("/v1/organisations/{organisation}/policies/{name}");
            let answer = service.call("DELETE", &address, None)?;
            show.done(&answer, &format!("policy {name} is deleted"));
        }
    }
    Ok(())
}
