//! Keys: what is accepted, how they are replaced, what is kept of them.

use serde_json::json;
use sidetone_server::ServerConfig;
use sidetone_store::{Store, WallTime};

use crate::client::{Caller, config, operator, organisation, server};
use crate::support;

#[tokio::test]
async fn what_is_no_key_is_refused_alike() {
    let server = server().await;
    for key in ["", "x", "sidetone_0000", "a.b.c", "ünïcode"] {
        let answer = Caller::new(&server, key.to_owned()).get("/v1/status").await;
        assert_eq!(
            (answer.status, answer.problem()),
            (401, "unauthenticated"),
            "{key:?}"
        );
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    // A token of somebody who is in no directory stands for no role.
    let token = support::token(&server, "ghost");
    assert_eq!(Caller::new(&server, token).get("/v1/status").await.status, 401);
    server.shutdown().await;
}

#[tokio::test]
async fn two_places_let_a_key_be_replaced_without_a_gap() {
    let server = server().await;
    let primary = organisation(&server, "acme").await;
    let keys = "/v1/organisations/acme/keys";
    let listed = primary.get(keys).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(
        !listed.to_string().contains("sidetone_"),
        "secrets are not listed: {listed}"
    );

    let made = primary
        .post(&format!("{keys}/secondary"), json!(null))
        .await
        .expect(201);
    let secondary = Caller::new(&server, made["secret"].as_str().unwrap().to_owned());
    secondary.get(keys).await.expect(200);
    primary.get(keys).await.expect(200);
    secondary
        .post(&format!("{keys}/primary"), json!(null))
        .await
        .expect(201);
    assert_eq!(primary.get(keys).await.status, 401);
    secondary.get(keys).await.expect(200);
    assert_eq!(
        secondary.post(&format!("{keys}/third"), json!(null)).await.status,
        404
    );
    server.shutdown().await;
}

#[tokio::test]
async fn the_operator_can_let_a_locked_out_administrator_in_again() {
    let server = server().await;
    organisation(&server, "acme").await;
    let made = operator(&server)
        .post("/v1/organisations/acme/keys/primary", json!(null))
        .await
        .expect(201);
    let again = Caller::new(&server, made["secret"].as_str().unwrap().to_owned());
    assert_eq!(
        again.get("/v1/status").await.expect(200)["roles"],
        json!(["administrator of acme"])
    );
    let missing = operator(&server)
        .post("/v1/organisations/none/keys/primary", json!(null))
        .await;
    assert_eq!(missing.status, 404);
    server.shutdown().await;
}

#[tokio::test]
async fn the_first_operator_key_is_shown_once_and_kept_as_a_digest() {
    let folder = tempfile::tempdir().unwrap();
    let config = || ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        ..ServerConfig::default()
    };
    let server = support::server(config()).await;
    let key = server.first_operator_key().unwrap().expose().to_owned();
    let operator = Caller::new(&server, key.clone());
    assert_eq!(
        operator.get("/v1/status").await.expect(200)["roles"],
        json!(["operator"])
    );
    server.shutdown().await;

    let server = support::server(config()).await;
    assert!(server.first_operator_key().is_none());
    Caller::new(&server, key.clone())
        .get("/v1/status")
        .await
        .expect(200);
    server.shutdown().await;

    let store = Store::open(&folder.path().join("sidetone.redb")).unwrap();
    let secret = key.trim_start_matches("sidetone_");
    for entry in store.kv.list("", WallTime::from_millis(0)).await.unwrap() {
        assert!(
            !String::from_utf8_lossy(&entry.value).contains(secret),
            "{}",
            entry.key
        );
    }
}

#[tokio::test]
async fn keys_go_with_their_organisation() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    operator(&server)
        .delete("/v1/organisations/acme")
        .await
        .expect(204);
    assert_eq!(acme.get("/v1/status").await.status, 401);
    // One of the same id begins anew, with keys of its own.
    organisation(&server, "acme")
        .await
        .get("/v1/organisations/acme")
        .await
        .expect(200);
    assert_eq!(acme.get("/v1/status").await.status, 401);
    server.shutdown().await;
}

#[tokio::test]
async fn a_configured_key_that_is_short_keeps_the_server_from_starting() {
    let config = ServerConfig {
        operator_key: Some(sidetone_server::Secret::new("short")),
        ..config()
    };
    assert!(sidetone_server::Server::start(config).await.is_err());
}
