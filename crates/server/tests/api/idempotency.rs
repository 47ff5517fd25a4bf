//! A request that is sent again with its key is done once.

use serde_json::json;
use sidetone_store::{Store, WallTime};

use crate::client::{OPERATOR, config, operator, organisation, server};
use crate::support;

const KEY: (&str, &str) = ("idempotency-key", "8e03978e-40d5-43dd-bc93-6894a57f9324");

#[tokio::test]
async fn the_first_answer_comes_again() {
    let server = server().await;
    let operator = operator(&server);
    let body = json!({ "name": "Shop" });
    let first = operator.send("POST", "/v1/resources", &[KEY], Some(&body)).await;
    let again = operator.send("POST", "/v1/resources", &[KEY], Some(&body)).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body, "the same resource, and the same keys");
    assert_eq!(first.headers["location"], again.headers["location"]);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let listed = operator.get("/v1/resources").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let server = server().await;
    let operator = operator(&server);
    operator
        .send("POST", "/v1/resources", &[KEY], Some(&json!({ "name": "One" })))
        .await
        .expect(201);
    let other = operator
        .send("POST", "/v1/resources", &[KEY], Some(&json!({ "name": "Two" })))
        .await;
    assert_eq!((other.status, other.problem()), (422, "idempotency-key-reused"));
    let other = operator
        .send(
            "POST",
            "/v1/organisations",
            &[KEY],
            Some(&json!({ "name": "One" })),
        )
        .await;
    assert_eq!((other.status, other.problem()), (422, "idempotency-key-reused"));
    for key in ["", &"x".repeat(300)] {
        let refused = operator
            .send(
                "POST",
                "/v1/resources",
                &[("idempotency-key", key)],
                Some(&json!({})),
            )
            .await;
        assert_eq!((refused.status, refused.problem()), (400, "malformed"));
    }
    server.shutdown().await;
}

#[tokio::test]
async fn refusals_that_would_come_again_are_kept_and_others_not() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let ann = "/v1/organisations/acme/members/ann";
    let body = json!({ "displayName": "Ann", "groups": ["sales"] });
    acme.send("PUT", ann, &[KEY], Some(&body)).await.expect(422);
    acme.put("/v1/organisations/acme/groups/sales", json!({ "name": "Sales" }))
        .await
        .expect(201);
    let again = acme.send("PUT", ann, &[KEY], Some(&body)).await;
    assert_eq!(
        (again.status, again.problem()),
        (422, "invalid"),
        "the same answer, with a key that was used"
    );
    acme.send("PUT", ann, &[("idempotency-key", "another")], Some(&body))
        .await
        .expect(201);
    server.shutdown().await;
}

#[tokio::test]
async fn callers_do_not_share_keys() {
    let server = server().await;
    let (acme, other) = (
        organisation(&server, "acme").await,
        organisation(&server, "other").await,
    );
    let body = json!({ "displayName": "Ann" });
    acme.send("PUT", "/v1/organisations/acme/members/ann", &[KEY], Some(&body))
        .await
        .expect(201);
    other
        .send("PUT", "/v1/organisations/other/members/ann", &[KEY], Some(&body))
        .await
        .expect(201);
    server.shutdown().await;
}

#[tokio::test]
async fn many_at_once_are_done_once() {
    let server = server().await;
    let operator = operator(&server);
    let body = json!({ "name": "Shop" });
    let sent = (0..8).map(|_| operator.send("POST", "/v1/resources", &[KEY], Some(&body)));
    let answers = futures_util::future::join_all(sent).await;
    assert!(answers.iter().any(|answer| answer.status == 201));
    for answer in &answers {
        assert!([201, 409].contains(&answer.status), "{answer:?}");
    }
    let listed = operator.get("/v1/resources").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn a_kept_answer_shows_no_secret_to_who_reads_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let config = || sidetone_server::ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        ..config()
    };
    let server = support::server(config()).await;
    let body = json!({ "name": "Shop" });
    let made = operator(&server)
        .send("POST", "/v1/resources", &[KEY], Some(&body))
        .await
        .expect(201);
    let secret = made["keys"][0]["secret"].as_str().unwrap().to_owned();
    server.shutdown().await;
    {
        let store = Store::open(&folder.path().join("sidetone.redb")).unwrap();
        let entries = store.kv.list("", WallTime::from_millis(0)).await.unwrap();
        assert!(
            entries
                .iter()
                .any(|entry| entry.key.as_str().starts_with("idempotency."))
        );
        for entry in entries {
            let shown = String::from_utf8_lossy(&entry.value).into_owned();
            assert!(
                !shown.contains(&secret[20..]) && !shown.contains(OPERATOR),
                "{}",
                entry.key
            );
        }
    }
    // Its receiver reads it again, also after a restart.
    let server = support::server(config()).await;
    let again = operator(&server)
        .send("POST", "/v1/resources", &[KEY], Some(&body))
        .await
        .expect(201);
    assert_eq!(again, made);
    server.shutdown().await;
}
