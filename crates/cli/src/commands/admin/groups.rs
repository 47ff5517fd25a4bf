//! Groups of members.

use serde_json::json;

use super::Admin;
use super::args::GroupsCommand;
use super::show::Column;
use crate::exit::Failure;

const COLUMNS: &[Column] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("policy", "/policy"),
    ("rank", "/rank"),
    ("pickup", "/pickup"),
];

pub(super) fn run(admin: &Admin, command: GroupsCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    match command {
        GroupsCommand::List { of } => {
            let organisation = admin.organisation(&of)?;
            let answer = service.list(&format!("/v1/organisations/{organisation}/groups"), &[])?;
            show.list(&answer, COLUMNS, "no group");
        }
        GroupsCommand::Set {
            id,
            of,
            name,
            policy,
            rank,
            pickup,
        } => {
            let organisation = admin.organisation(&of)?;
            let body = json!({ "name": name, "policy": policy, "rank": rank, "pickup": pickup });
            let address = format!("/v1/organisations/{organisation}/groups/{id}");
            show.one(&service.call("PUT", &address, Some(&body))?, COLUMNS);
        }
        GroupsCommand::Delete { id, of } => {
            let organisation = admin.organisation(&of)?;
            let address = format!("/v1/organisations/{organisation}/groups/{id}");
            let answer = service.call("DELETE", &address, None)?;
            show.done(&answer, &format!("group {id} is deleted"));
        }
    }
    Ok(())
}
