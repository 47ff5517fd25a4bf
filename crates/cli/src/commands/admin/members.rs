//! Members of an organisation, one at a time.

use serde_json::{Map, Value, json};
use sidetone_organisation::OrganisationId;

use super::args::{MemberArgs, MembersCommand, Mode, Switch};
use super::show::Column;
use super::{Admin, import};
use crate::exit::Failure;

const LISTED: &[Column] = &[
    ("object id", "/id"),
    ("name", "/displayName"),
    ("policy", "/policy"),
    ("groups", "/groups"),
    ("roles", "/roles"),
];

const SHOWN: &[Column] = &[
    ("object id", "/id"),
    ("name", "/displayName"),
    ("mode", "/mode"),
    ("policy", "/policy"),
    ("holds", "/effective/policy/name"),
    ("because", "/effective/origin"),
    ("federation access", "/effective/policy/enableFederationAccess"),
    ("groups", "/groups"),
    ("roles", "/roles"),
    ("attributes", "/attributes"),
    ("directory key", "/source"),
];

pub(super) fn run(admin: &Admin, command: MembersCommand) -> Result<(), Failure> {
    let Admin { service, show } = admin;
    match command {
        MembersCommand::List { words, of } => {
            let organisation = admin.organisation(&of)?;
            let words = words.join(" ");
            let query = [("query", words.as_str())];
            let query = if words.is_empty() { &[][..] } else { &query };
            let answer = service.list(&format!("/v1/organisations/{organisation}/members"), query)?;
            show.list(&answer, LISTED, "no such member");
        }
        MembersCommand::Show { id, of } => {
            let address = format!("/v1/organisations/{}/members/{id}", admin.organisation(&of)?);
            let mut member = service.get(&address)?;
            // Members may look each other up, and not which policies hold.
            let effective = service.get(&format!("{address}/effective-policy"));
            if let (Value::Object(fields), Ok(effective)) = (&mut member, effective) {
                fields.insert("effective".to_owned(), effective);
            }
            show.one(&member, SHOWN);
        }
        MembersCommand::Set(args) => {
            let organisation = admin.organisation(&args.of)?;
            show.one(&set(admin, &organisation, &args)?, SHOWN);
        }
        MembersCommand::Delete { id, of } => {
            let address = format!("/v1/organisations/{}/members/{id}", admin.organisation(&of)?);
            let answer = service.call("DELETE", &address, None)?;
            show.done(&answer, &format!("member {id} is deleted"));
        }
        MembersCommand::Import { file, of } => {
            // A file that makes no sense is told before anything is sent.
            let members = import::read(&file)?;
            import::send(admin, &admin.organisation(&of)?, members)?;
        }
    }
    Ok(())
}

/// Changes what is given; makes the member where there is none and a name is given.
fn set(admin: &Admin, organisation: &OrganisationId, args: &MemberArgs) -> Result<Value, Failure> {
    let address = format!("/v1/organisations/{organisation}/members/{}", args.id);
    let mut fields = Map::new();
    let mut give = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    give("displayName", args.name.as_deref().map(Value::from));
    give("policy", args.policy.as_ref().map(|policy| json!(policy)));
    give("groups", (!args.groups.is_empty()).then(|| json!(args.groups)));
    give(
        "mode",
        args.mode.map(|mode| match mode {
            Mode::NativeOnly => "nativeOnly".into(),
            Mode::Legacy => "legacy".into(),
        }),
    );
    give(
        "roles",
        args.administrator.map(|switch| match switch {
            Switch::On => json!(["administrator"]),
            Switch::Off => json!([]),
        }),
    );
    let known = admin.service.find(&address)?;
    let method = if known.is_none() && args.name.is_some() {
        "PUT"
    } else {
        "PATCH"
    };
    admin.service.call(method, &address, Some(&fields.into()))
}
