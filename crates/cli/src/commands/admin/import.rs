//! Members from the file of another directory, to be imported in as many requests as it takes.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use sidetone_organisation::OrganisationId;

use super::Admin;
use super::show::Column;
use crate::exit::{Exit, Failure};
use crate::output;

/// Members in one request: below the service's limit, and a moment's work.
const CHUNK: usize = 500;

const FAILED: &[Column] = &[("key", "/key"), ("why it failed", "/detail")];

/// The members in a file, as the service wants them.
///
/// # Errors
/// [`Exit::Resource`] for a file that cannot be read or makes no sense.
pub(super) fn read(file: &Path) -> Result<Vec<Value>, Failure> {
    let unusable = |error: String| Failure::new(Exit::Resource, format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    let kind = file
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    match kind.to_ascii_lowercase().as_str() {
        "csv" => from_csv(&text).map_err(unusable),
        "json" => from_json(&text).map_err(unusable),
        _ => Err(unusable("expected *.csv or *.json".to_owned())),
    }
}

fn from_json(text: &str) -> Result<Vec<Value>, String> {
    match serde_json::from_str(text).map_err(|error| error.to_string())? {
        Value::Array(members) => Ok(members),
        Value::Object(mut fields) => match fields.remove("members") {
            Some(Value::Array(members)) => Ok(members),
            _ => Err("expected a list of members".to_owned()),
        },
        _ => Err("expected a list of members".to_owned()),
    }
}

/// What every member must have.
const NEEDED: [&str; 2] = ["key", "displayName"];

/// Comma-separated values (RFC 4180) with a head line. An empty cell says nothing, but for what is needed: there the
/// service says what is wrong with that member, and takes the others.
fn from_csv(text: &str) -> Result<Vec<Value>, String> {
    // Spreadsheets like to begin with a byte-order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().map_err(|error| error.to_string())?.clone();
    for needed in NEEDED {
        if !head.iter().any(|name| name == needed) {
            return Err(format!("no column {needed} in the head line"));
        }
    }
    let member = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.map_err(|error| error.to_string())?;
        Ok(member(head.iter().zip(row.iter())))
    };
    reader.records().map(member).collect()
}

fn member<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let mut fields = Map::new();
    let mut attributes = BTreeMap::new();
    for (name, value) in cells.filter(|(name, value)| !value.is_empty() || NEEDED.contains(name)) {
        match name {
            "key" | "displayName" | "id" | "mode" | "policy" => {
                fields.insert(name.to_owned(), value.into());
            }
            "groups" => {
                fields.insert(
                    name.to_owned(),
                    json!(value.split_whitespace().collect::<Vec<_>>()),
                );
            }
            _ => {
                attributes.insert(name, value);
            }
        }
    }
    if !attributes.is_empty() {
        fields.insert("attributes".to_owned(), json!(attributes));
    }
    fields.into()
}

/// Imports them, and tells what became of them.
///
/// # Errors
/// Of the service; [`Exit::Failed`] when some were not taken.
pub(super) fn send(admin: &Admin, organisation: &OrganisationId, members: Vec<Value>) -> Result<(), Failure> {
    let address = format!("/v1/organisations/{organisation}/directory/import");
    let mut total = Report::default();
    for chunk in members.chunks(CHUNK) {
        let answer = admin
            .service
            .call("POST", &address, Some(&json!({ "members": chunk })))?;
        total.add(&answer);
    }
    if admin.show.is_json() {
        output::json(&total.json());
    } else {
        if !total.refused.is_empty() {
            admin.show.list(&json!({ "items": total.refused }), FAILED, "");
        }
        output::line(&total.words());
    }
    if total.failed > 0 {
        return Err(Failure::new(
            Exit::Failed,
            format!("{} members were not imported", total.failed),
        ));
    }
    Ok(())
}

/// What became of all requests together.
#[derive(Default)]
struct Report {
    created: u64,
    updated: u64,
    unchanged: u64,
    failed: u64,
    refused: Vec<Value>,
}

impl Report {
    fn add(&mut self, answer: &Value) {
        let count = |name: &str| answer[name].as_u64().unwrap_or(0);
        self.created += count("created");
        self.updated += count("updated");
        self.unchanged += count("unchanged");
        self.failed += count("failed");
        let members = answer["members"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        self.refused.extend(
            members
                .iter()
                .filter(|member| member["outcome"] == "failed")
                .cloned(),
        );
    }

    fn json(&self) -> Value {
        json!({
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "failed": self.failed,
            "refused": self.refused,
        })
    }

    fn words(&self) -> String {
        let Self {
            created,
            updated,
            unchanged,
            failed,
            ..
        } = self;
        format!("{created} made, {updated} changed, {unchanged} as they were, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_fields_and_others_attributes() {
        let text = "\u{feff}key,displayName,groups,department,city\n\
            uid=ann,\"Lee, Ann\",sales support,\"Say \"\"hi\"\"\",\n\
            uid=bob,Bob,,,Rome\n";
        let members = from_csv(text).unwrap();
        assert_eq!(
            members,
            [
                json!({ "key": "uid=ann", "displayName": "Lee, Ann", "groups": ["sales", "support"],
                    "attributes": { "department": "Say \"hi\"" } }),
                json!({ "key": "uid=bob", "displayName": "Bob", "attributes": { "city": "Rome" } }),
            ]
        );
    }

    #[test]
    fn files_that_make_no_sense_say_why() {
        assert!(from_csv("name\nann\n").unwrap_err().contains("key"));
        assert!(from_csv("key,displayName\na\n").is_err(), "a cell is missing");
        assert!(from_json("{}").is_err());
        assert!(from_json("[").is_err());
        assert_eq!(from_json(r#"{"members":[{}]}"#).unwrap().len(), 1);
    }
}
