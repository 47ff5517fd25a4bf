//! The OpenAPI document: checked in as it is served, complete, and every reference in it leads somewhere.

use std::path::Path;

use serde_json::Value;

use crate::client::{Caller, server};

async fn served() -> Value {
    let server = server().await;
    let document = Caller::new(&server, None)
        .get("/v1/openapi.json")
        .await
        .expect(200);
    server.shutdown().await;
    document
}

#[tokio::test]
async fn the_checked_in_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&served().await).unwrap());
    if std::env::var_os("SIDETONE_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "{} is stale. Regenerate it, and look at what changed for clients:\n\
         SIDETONE_WRITE_SCHEMA=1 cargo test -p sidetone-server --test api document",
        path.display()
    );
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(reference) if name == "$ref" => found.push(reference),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = served().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        assert!(
            document.pointer(reference.trim_start_matches('#')).is_some(),
            "{reference}"
        );
    }
}

#[tokio::test]
async fn every_operation_is_described_and_says_how_stable_it_is() {
    let document = served().await;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let which = format!("{method} {path}");
            assert!(
                !operation["summary"].as_str().unwrap_or_default().is_empty(),
                "{which} has no summary"
            );
            let stability = operation["x-stability"].as_str().unwrap_or_default();
            assert!(
                ["private-preview", "public-preview", "generally-available"].contains(&stability),
                "{which} says {stability:?}: is its tag a capability?"
            );
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.contains_key("default"),
                "{which} does not say how it refuses"
            );
            for (status, response) in responses {
                assert!(
                    !status.starts_with('2') || response.get("description").is_some(),
                    "{which} {status}"
                );
            }
        }
    }
    for tag in document["tags"].as_array().unwrap() {
        assert!(tag["x-stability"].is_string(), "{tag}");
    }
}

#[tokio::test]
async fn operations_have_names_of_their_own() {
    let document = served().await;
    let mut names = std::collections::BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            let which = format!("{method} {path}");
            if let Some(other) = names.insert(name.clone(), which.clone()) {
                panic!("{which} and {other} are both called {name}");
            }
        }
    }
}
