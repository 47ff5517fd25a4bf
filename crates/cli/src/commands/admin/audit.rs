//! Who changed what, and when.

use serde_json::{Value, json};

use super::Admin;
use super::args::AuditArgs;
use super::show::Column;
use crate::exit::Failure;

/// Entries in one request.
const PAGE: usize = 200;

const COLUMNS: &[Column] = &[
    ("no.", "/number"),
    ("when", "/at"),
    ("who", "/who"),
    ("what", "/action"),
    ("to what", "/target"),
    ("note", "/note"),
];

pub(super) fn run(admin: &Admin, args: &AuditArgs) -> Result<(), Failure> {
    let address = match (&args.owner.organisation, &args.owner.resource) {
        (Some(id), _) => format!("/v1/organisations/{id}/audit"),
        (None, Some(id)) => format!("/v1/resources/{id}/audit"),
        (None, None) => format!(
            "{}/audit",
            admin.own_tenant()?.unwrap_or_else(|| "/v1".to_owned())
        ),
    };
    let mut items = Vec::new();
    let mut after = args.after;
    while items.len() < args.limit {
        let limit = PAGE.min(args.limit - items.len());
        let mut page = admin
            .service
            .get(&format!("{address}?limit={limit}&after={after}"))?;
        items.append(page["items"].as_array_mut().unwrap_or(&mut Vec::new()));
        // On the last page nothing comes behind, so there is no next.
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    if !admin.show.is_json() {
        items.iter_mut().for_each(name_actor);
    }
    admin
        .show
        .list(&json!({ "items": items }), COLUMNS, "nothing was changed yet");
    Ok(())
}

/// Adds who it was, in words.
fn name_actor(entry: &mut Value) {
    let part = |place: &str| entry.pointer(place).and_then(Value::as_str).map(str::to_owned);
    let who = match (part("/actor/identity"), part("/actor/key")) {
        (Some(identity), _) => identity,
        (None, Some(key)) => {
            let owner = part("/actor/owner/organisation").or_else(|| part("/actor/owner/resource"));
            format!("{} (key {key})", owner.unwrap_or_else(|| "operator".to_owned()))
        }
        (None, None) => "the service".to_owned(),
    };
    entry["who"] = who.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_have_words() {
        let who = |actor: Value| {
            let mut entry = json!({ "actor": actor });
            name_actor(&mut entry);
            entry["who"].as_str().unwrap().to_owned()
        };
        let owner = json!({ "kind": "organisation", "organisation": "acme" });
        assert_eq!(
            who(json!({ "kind": "key", "key": "4f", "owner": owner })),
            "acme (key 4f)"
        );
        let operator = json!({ "kind": "operator" });
        assert_eq!(
            who(json!({ "kind": "key", "key": "4f", "owner": operator })),
            "operator (key 4f)"
        );
        assert_eq!(
            who(json!({ "kind": "member", "identity": "member:acme:ann" })),
            "member:acme:ann"
        );
        assert_eq!(who(json!({ "kind": "service" })), "the service");
    }
}
