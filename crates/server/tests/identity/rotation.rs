//! The operator rotates the signing keys, and what becomes of tokens and sessions.

use serde_json::{Value, json};

use crate::rest::{Caller, Resource, config};
use crate::support::{Client, get, in_time, server};

async fn published(server: &sidetone_server::ServerHandle) -> Vec<Value> {
    let (status, body) = get(server.local_addr(), "/.well-known/jwks.json").await;
    assert_eq!(status, 200);
    let keys: Value = serde_json::from_str(&body).unwrap();
    keys["keys"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_ordinary_rotation_disturbs_nobody() {
    let server = server(config()).await;
    let operator = Caller::operator(&server);
    let resource = Resource::create(&operator, "shop").await;
    let (user, before) = resource.identity().await;
    let old = published(&server).await;
    operator.post("/v1/signing-keys/rotate", json!({})).await.is(204);
    let new = published(&server).await;
    assert_eq!((new.len(), &new[1..]), (2, &old[..]));
    for token in [before, resource.token(&user).await] {
        let mut client = Client::connect(&server.url()).await;
        client.open_with(&token).await.unwrap();
    }
    let refused = resource.owner.post("/v1/signing-keys/rotate", json!({})).await;
    assert_eq!(
        refused.problem(403, "missing-role")["missingRoles"],
        json!(["operator"])
    );
    server.shutdown().await;
}

#[tokio::test]
async fn dropping_the_old_keys_ends_every_session() {
    let server = server(config()).await;
    let operator = Caller::operator(&server);
    let resource = Resource::create(&operator, "shop").await;
    let (user, token) = resource.identity().await;
    let mut live = Client::connect(&server.url()).await;
    live.open_with(&token).await.unwrap();
    operator
        .post("/v1/signing-keys/rotate", json!({ "dropOld": true }))
        .await
        .is(204);
    assert_eq!(published(&server).await.len(), 1);
    in_time("being put out", live.end()).await.expect("a reason");
    let mut again = Client::connect(&server.url()).await;
    assert!(again.open_with(&token).await.is_err());
    let mut fresh = Client::connect(&server.url()).await;
    fresh.open_with(&resource.token(&user).await).await.unwrap();
    server.shutdown().await;
}
