//! What was acknowledged is there after a restart, as it was.

use serde_json::{Value, json};
use sidetone_server::ServerConfig;

use crate::client::{Caller, config, operator, organisation, resource};
use crate::support;

#[tokio::test]
async fn everything_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let config = || ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        ..config()
    };
    let server = support::server(config()).await;
    let made = operator(&server)
        .post("/v1/organisations", json!({ "id": "ac.me", "name": "Acme" }))
        .await
        .expect(201);
    let key = made["keys"][1]["secret"].as_str().unwrap().to_owned();
    // Of another organisation whose id begins alike, so that keys in the store could be mixed up.
    organisation(&server, "ac")
        .await
        .put(
            "/v1/organisations/ac/members/me.ann",
            json!({ "displayName": "X" }),
        )
        .await
        .expect(201);
    let acme = Caller::new(&server, key.clone());
    let (alpha, _) = resource(&server, "Alpha").await;
    let base = "/v1/organisations/ac.me";
    // A member before the group that a later change puts it in: the store knows no order.
    acme.put(&format!("{base}/members/ann"), json!({ "displayName": "Ann" }))
        .await
        .expect(201);
    acme.put(
        &format!("{base}/policies/zz"),
        json!({ "enableFederationAccess": true }),
    )
    .await
    .expect(201);
    acme.put(
        &format!("{base}/groups/zz"),
        json!({ "name": "Zz", "policy": "zz" }),
    )
    .await
    .expect(201);
    acme.patch(
        &format!("{base}/members/ann"),
        json!({ "groups": ["zz"], "source": "uid=ann" }),
    )
    .await
    .expect(200);
    acme.put(&format!("{base}/members/bob"), json!({ "displayName": "Bob" }))
        .await
        .expect(201);
    acme.delete(&format!("{base}/members/bob")).await.expect(204);
    acme.patch(
        &format!("{base}/federation"),
        json!({ "enableExternalUsers": true, "allow": [alpha] }),
    )
    .await
    .expect(200);
    acme.patch(base, json!({ "switches": { "analyticsNames": "source" } }))
        .await
        .expect(200);

    let read = async |acme: &Caller| -> Vec<(Value, Option<String>)> {
        let mut found = Vec::new();
        for part in [
            "",
            "/federation",
            "/policies",
            "/groups",
            "/members",
            "/members/ann",
            "/keys",
            "/audit",
        ] {
            let answer = acme.get(&format!("{base}{part}")).await;
            let tag = answer.headers.get("etag").cloned();
            found.push((answer.expect(200), tag));
        }
        found
    };
    let before = read(&acme).await;
    server.shutdown().await;

    let server = support::server(config()).await;
    let acme = Caller::new(&server, key);
    assert_eq!(read(&acme).await, before, "content and tags");
    assert_eq!(before[4].0["items"].as_array().unwrap().len(), 1);
    assert_eq!(acme.get(&format!("{base}/members/bob")).await.status, 404);
    // And it can be changed at the tag that was seen before.
    let tag = before[5].1.clone().unwrap();
    let change = json!({ "displayName": "Anna" });
    acme.send(
        "PATCH",
        &format!("{base}/members/ann"),
        &[("if-match", &tag)],
        Some(&change),
    )
    .await
    .expect(200);
    server.shutdown().await;
}
