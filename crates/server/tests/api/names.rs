//! A name that was somebody else's before: an organisation that is deleted leaves nothing to a later one of its name.

use serde_json::{Value, json};
use sidetone_server::{OutboundConfig, ServerConfig};
use sidetone_store::{DedupeId, LogName, Store, WallTime};

use crate::client::{Caller, config, member, operator, organisation, server};
use crate::support;

const ACME: &str = "/v1/organisations/acme";

#[tokio::test]
async fn a_later_organisation_of_the_name_starts_from_nothing() {
    let server = server().await;
    let operator = operator(&server);
    let first = organisation(&server, "acme").await;
    first
        .put(&format!("{ACME}/members/ann"), json!({ "displayName": "Ann" }))
        .await
        .expect(201);
    let ann = member(&server, "acme", "ann");
    ann.get("/v1/status").await.expect(200);
    let provider = json!({ "issuer": "https://id.example/", "clients": ["app"] });
    first
        .put(&format!("{ACME}/identity-provider"), provider)
        .await
        .expect(201);
    let hook = json!({ "url": "https://app.example/hook" });
    first
        .post(&format!("{ACME}/subscriptions"), hook)
        .await
        .expect(201);
    operator.delete(ACME).await.expect(204);

    let second = organisation(&server, "acme").await;
    // Nobody waits for anything: it is so at once.
    assert_eq!(first.get(ACME).await.status, 401, "its keys are void");
    assert_eq!(
        ann.get("/v1/status").await.status,
        401,
        "its members' tokens are void"
    );
    let list = async |part: &str| second.get(&format!("{ACME}/{part}")).await.expect(200)["items"].clone();
    assert_eq!(list("subscriptions").await, json!([]));
    assert_eq!(list("members").await, json!([]));
    assert_eq!(list("events").await, json!([]));
    assert_eq!(list("calls").await, json!([]));
    second.get(&format!("{ACME}/identity-provider")).await.expect(404);
    let audit = list("audit").await;
    assert_eq!(audit.as_array().unwrap().len(), 1, "{audit}");
    assert_eq!(audit[0]["action"], "organisation.create");

    // The operator, who runs both, sees both.
    let all = operator.get(&format!("{ACME}/audit")).await.expect(200);
    assert!(all["items"].as_array().unwrap().len() > 4, "{all}");

    // Ann comes again, and her old token is still void.
    second
        .put(
            &format!("{ACME}/members/ann"),
            json!({ "displayName": "Another" }),
        )
        .await
        .expect(201);
    assert_eq!(ann.get("/v1/status").await.status, 401);
    server.shutdown().await;
}

/// A usage record as the books have it.
fn usage(time: &str, seconds: u64) -> Value {
    json!({
        "id": format!("{time}"), "time": time, "operationName": "call", "operationVersion": "1.0",
        "category": "usage", "correlationId": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "call": "0f8fad5b-d9cb-469f-a165-70867728950e", "usageType": "calling", "unitType": "seconds",
        "quantity": seconds, "lobbySeconds": 0, "metered": false,
        "account": { "kind": "organisation", "id": "acme" }, "identity": "member:acme:ann",
    })
}

#[tokio::test]
async fn a_later_organisation_of_the_name_cannot_read_the_usage_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let config = || ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        outbound: OutboundConfig::default(),
        ..config()
    };
    let server = support::server(config()).await;
    let made = organisation(&server, "acme").await;
    made.get(&format!("{ACME}/usage?month=2020-03")).await.expect(200);
    server.shutdown().await;
    // Usage of before, as a process of before wrote it down. The shape is what the accounts have today.
    {
        let store = Store::open(&folder.path().join("sidetone.redb")).unwrap();
        let log = LogName::new("usage.organisation.acme.2020-03").unwrap();
        for day in 1..4 {
            let record = usage(&format!("2020-03-0{day}T10:00:00.000Z"), 60);
            let id = DedupeId::new(format!("u{day}")).unwrap();
            let at = WallTime::from_millis(1_583_056_800_000);
            store
                .log
                .append(&log, Some(&id), record.to_string().into(), at)
                .await
                .unwrap();
        }
    }
    let server = support::server(config()).await;
    let operator = operator(&server);
    let records = async |who: &Caller| {
        let page = who
            .get(&format!("{ACME}/usage/records?month=2020-03"))
            .await
            .expect(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(records(&operator).await, 3, "the operator reads all of it");
    operator.delete(ACME).await.expect(204);
    assert_eq!(records(&operator).await, 3, "it is kept");
    let second = organisation(&server, "acme").await;
    assert_eq!(records(&second).await, 0);
    assert_eq!(records(&operator).await, 3);
    let report = async |who: &Caller| who.get(&format!("{ACME}/usage?month=2020-03")).await.expect(200);
    assert_ne!(report(&second).await, report(&operator).await);
    server.shutdown().await;

    // Also after a restart.
    let server = support::server(config()).await;
    let second = second.at(&server);
    assert_eq!(records(&second).await, 0);
    server.shutdown().await;
}
