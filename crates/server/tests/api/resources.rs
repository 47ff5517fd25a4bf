//! Resources and their users.

use serde_json::json;

use crate::client::{operator, organisation, resource, server};

#[tokio::test]
async fn a_resources_id_is_drawn_and_stays() {
    let server = server().await;
    let (id, owner) = resource(&server, "Shop").await;
    assert_eq!(id.len(), 32);
    assert!(id.bytes().all(|b| b.is_ascii_hexdigit()));
    let address = format!("/v1/resources/{id}");
    for change in [json!({ "id": "other" }), json!({ "cloud": "other" })] {
        assert_eq!(
            owner.patch(&address, change).await.status,
            400,
            "there is no way to ask for it"
        );
    }
    let origins = json!({ "allowedOrigins": ["https://shop.example"] });
    assert_eq!(
        owner.patch(&address, origins).await.expect(200)["id"],
        id.as_str()
    );
    let bad = owner
        .patch(
            &address,
            json!({ "allowedOrigins": ["https://shop.example/path"] }),
        )
        .await;
    assert_eq!((bad.status, bad.problem()), (422, "invalid"));
    let listed = owner.get("/v1/resources").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn a_resource_goes_with_its_users_and_keys() {
    let server = server().await;
    let (id, owner) = resource(&server, "Shop").await;
    let users = format!("/v1/resources/{id}/external-users");
    for user in ["eve", "eli"] {
        owner
            .put(&format!("{users}/{user}"), json!({ "displayName": user }))
            .await
            .expect(201);
    }
    let eve = owner.get(&format!("{users}/eve")).await.expect(200);
    assert_eq!(
        eve,
        json!({ "resource": id, "user": "eve", "displayName": "eve", "bot": false })
    );
    owner.delete(&format!("{users}/eli")).await.expect(204);
    assert_eq!(
        owner.get(&users).await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    owner.delete(&format!("/v1/resources/{id}")).await.expect(204);
    assert_eq!(owner.get("/v1/status").await.status, 401);
    let operator = operator(&server);
    assert_eq!(operator.get(&format!("/v1/resources/{id}")).await.status, 404);
    server.shutdown().await;
}

#[tokio::test]
async fn an_organisation_goes_with_everything_in_it() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    acme.put(
        "/v1/organisations/acme/policies/open",
        json!({ "enableFederationAccess": true }),
    )
    .await
    .expect(201);
    acme.put(
        "/v1/organisations/acme/members/ann",
        json!({ "displayName": "Ann", "policy": "open" }),
    )
    .await
    .expect(201);
    acme.patch(
        "/v1/organisations/acme/federation",
        json!({ "enableExternalUsers": true }),
    )
    .await
    .expect(200);
    let operator = operator(&server);
    let twice = operator
        .post("/v1/organisations", json!({ "id": "acme", "name": "Other" }))
        .await;
    assert_eq!((twice.status, twice.problem()), (409, "conflict"));
    operator.delete("/v1/organisations/acme").await.expect(204);

    // A new one of the same id has nothing of the old one.
    let acme = organisation(&server, "acme").await;
    assert_eq!(
        acme.get("/v1/organisations/acme/federation").await.expect(200)["enableExternalUsers"],
        false
    );
    assert_eq!(
        acme.get("/v1/organisations/acme/members").await.expect(200),
        json!({ "items": [] })
    );
    assert_eq!(acme.get("/v1/organisations/acme/policies/open").await.status, 404);
    server.shutdown().await;
}
