//! Resources: what applications belong to.

use serde_json::json;

use super::args::ResourceCommand;
use super::show::Column;
use super::{Admin, confirm};
use crate::exit::Failure;

const COLUMNS: &[Column] = &[
    ("immutable id", "/id"),
    ("name", "/name"),
    ("cloud", "/cloud"),
    ("origins", "/allowedOrigins"),
    ("region", "/region"),
];

pub(super) fn run(admin: &Admin, command: ResourceCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    match command {
        ResourceCommand::List => {
            let answer = service.list("/v1/resources", &[])?;
            show.list(&answer, COLUMNS, "no resource that you may see");
        }
        ResourceCommand::Show { which } => {
            let id = admin.resource(&which)?;
            show.one(&service.get(&format!("/v1/resources/{id}"))?, COLUMNS);
        }
        ResourceCommand::Create {
            name,
            origins,
            region,
        } => {
            let mut body = json!({ "name": name, "allowedOrigins": origins });
            if let Some(region) = region {
                body["region"] = json!(region);
            }
            let answer = service.call("POST", "/v1/resources", Some(&body))?;
            let id = super::show::text(answer.pointer("/resource/id"));
            show.done(
                &answer,
                &format!("resource made with the immutable id {id}; its keys:"),
            );
            show.keys(&answer["keys"]);
        }
        ResourceCommand::Rename { name, which } => {
            let address = format!("/v1/resources/{}", admin.resource(&which)?);
            show.one(
                &service.call("PATCH", &address, Some(&json!({ "name": name })))?,
                COLUMNS,
            );
        }
        ResourceCommand::Origins { origins, which } => {
            let address = format!("/v1/resources/{}", admin.resource(&which)?);
            let body = json!({ "allowedOrigins": origins });
            show.one(&service.call("PATCH", &address, Some(&body))?, COLUMNS);
        }
        ResourceCommand::Delete { which, yes } => {
            let id = admin.resource(&which)?;
            confirm(&format!("resource {id} goes with all its users"), yes)?;
            let answer = service.call("DELETE", &format!("/v1/resources/{id}"), None)?;
            show.done(&answer, &format!("resource {id} is deleted"));
        }
    }
    Ok(())
}
