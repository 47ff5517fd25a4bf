//! Scenario AC1: an administrator enables dealings with external users from nothing.

use serde_json::json;
use sidetone_organisation::{ApprovalPolicy, Deployment};

use crate::client::{Caller, config, member, operator, resource};
use crate::support;

#[tokio::test]
async fn an_administrator_enables_external_users_from_nothing() {
    let mut deployment = Deployment::new("public".parse().unwrap());
    deployment.approval = ApprovalPolicy::Manual;
    let server = support::server(sidetone_server::ServerConfig {
        deployment: Some(deployment),
        ..config()
    })
    .await;
    let operator = operator(&server);

    // Rita's resource keeps its id through a new name and a new key.
    let (resource, rita) = resource(&server, "Shop").await;
    let address = format!("/v1/resources/{resource}");
    assert_eq!(rita.get(&address).await.expect(200)["id"], resource.as_str());
    rita.patch(&address, json!({ "name": "Shop EU" }))
        .await
        .expect(200);
    let rotated = rita
        .post(&format!("{address}/keys/primary"), json!(null))
        .await
        .expect(201);
    assert_eq!(
        rita.get(&address).await.status,
        401,
        "the old key is no longer good"
    );
    let rita = Caller::new(&server, rotated["secret"].as_str().unwrap().to_owned());
    let shown = rita.get(&address).await.expect(200);
    assert_eq!(
        (&shown["id"], &shown["name"]),
        (&resource.as_str().into(), &"Shop EU".into())
    );

    // Ada signs in with the key that the operator handed her.
    let made = json!({ "id": "contoso", "name": "Contoso" });
    let made = operator.post("/v1/organisations", made).await.expect(201);
    assert_eq!(made["organisation"]["approval"]["state"], "pending");
    let ada = Caller::new(&server, made["keys"][0]["secret"].as_str().unwrap().to_owned());
    let status = ada.get("/v1/status").await.expect(200);
    assert_eq!(status["roles"], json!(["administrator of contoso"]));

    // Ben is a member and no administrator: every configuration command is refused, and says which role it needs.
    ada.put(
        "/v1/organisations/contoso/members/ben",
        json!({ "displayName": "Ben" }),
    )
    .await
    .expect(201);
    let ben = member(&server, "contoso", "ben");
    let federation = "/v1/organisations/contoso/federation";
    let enable = json!({ "enableExternalUsers": true, "allowedResources": [resource] });
    for (method, path, body) in [
        ("PUT", federation, &enable),
        ("PATCH", federation, &json!({ "enableExternalUsers": true })),
        (
            "PUT",
            "/v1/organisations/contoso/policies/global",
            &json!({ "enableFederationAccess": true }),
        ),
        (
            "PUT",
            "/v1/organisations/contoso/members/eve",
            &json!({ "displayName": "Eve" }),
        ),
        ("POST", "/v1/organisations/contoso/approve", &json!(null)),
    ] {
        let refused = ben.send(method, path, &[], Some(body)).await;
        assert_eq!(
            (refused.status, refused.problem()),
            (403, "missing-role"),
            "{method} {path}"
        );
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("access denied"), "{detail}");
        assert!(!refused.body["missingRoles"].as_array().unwrap().is_empty());
    }

    // Before the approval there is nobody to deal with.
    let early = ada.put(federation, enable.clone()).await;
    assert_eq!(
        (early.status, early.problem()),
        (409, "organisation-not-approved")
    );
    let pending = ada.get("/v1/organisations/contoso").await.expect(200);
    assert_eq!(pending["approval"]["state"], "pending");
    assert_eq!(
        ada.post("/v1/organisations/contoso/approve", json!(null))
            .await
            .status,
        403,
        "nobody approves themselves"
    );
    let approved = operator
        .post("/v1/organisations/contoso/approve", json!(null))
        .await
        .expect(200);
    assert_eq!(approved["approval"]["state"], "approved");

    // What is stored is read back unchanged.
    let stored = ada.put(federation, enable.clone()).await.expect(200);
    ada.put(
        "/v1/organisations/contoso/policies/global",
        json!({ "enableFederationAccess": true }),
    )
    .await
    .expect(200);
    let policy = ada
        .get("/v1/organisations/contoso/policies/global")
        .await
        .expect(200);
    assert_eq!(
        policy,
        json!({ "name": "global", "enableFederationAccess": true })
    );
    let read = ada.get(federation).await.expect(200);
    assert_eq!(read, stored);
    assert_eq!(read, enable);

    // There is exactly one federation configuration.
    let second = ada.post(federation, enable).await;
    assert_eq!((second.status, second.problem()), (409, "conflict"));
    assert_eq!(ada.get(federation).await.expect(200), read);

    // Every capability says how far it can be relied on.
    let capabilities = Caller::new(&server, None)
        .get("/v1/capabilities")
        .await
        .expect(200);
    let calling = capabilities["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["name"] == "ad-hoc calling");
    assert_eq!(calling.unwrap()["stability"], "public-preview");
    server.shutdown().await;
}

#[tokio::test]
async fn the_operator_may_refuse_with_a_reason_and_change_its_mind() {
    let server = crate::client::server().await;
    let ada = crate::client::organisation(&server, "contoso").await;
    let operator = operator(&server);
    let refused = operator
        .post(
            "/v1/organisations/contoso/refuse",
            json!({ "reason": "no contract" }),
        )
        .await;
    assert_eq!(
        refused.expect(200)["approval"],
        json!({ "state": "refused", "reason": "no contract" })
    );
    let seen = ada.get("/v1/organisations/contoso").await.expect(200);
    assert_eq!(seen["approval"]["reason"], "no contract");
    operator
        .post("/v1/organisations/contoso/approve", json!(null))
        .await
        .expect(200);
    let missing = operator
        .post("/v1/organisations/nobody/approve", json!(null))
        .await;
    assert_eq!((missing.status, missing.problem()), (404, "not-found"));
    server.shutdown().await;
}

#[tokio::test]
async fn the_allow_list_holds_existing_resources_only() {
    let server = crate::client::server().await;
    let ada = crate::client::organisation(&server, "contoso").await;
    let (alpha, _) = resource(&server, "Alpha").await;
    let (beta, _) = resource(&server, "Beta").await;
    let federation = "/v1/organisations/contoso/federation";
    let both = ada
        .patch(federation, json!({ "allow": [alpha, beta] }))
        .await
        .expect(200);
    assert_eq!(both["allowedResources"].as_array().unwrap().len(), 2);
    assert_eq!(both["enableExternalUsers"], false, "stays as it was");
    let one = ada
        .patch(federation, json!({ "disallow": [alpha] }))
        .await
        .expect(200);
    assert_eq!(one["allowedResources"], json!([beta]));
    for wrong in [
        json!({ "allow": ["0f8fad5bd9cb469fa16570867728950e"] }),
        json!({ "allow": [alpha], "disallow": [alpha] }),
    ] {
        let refused = ada.patch(federation, wrong).await;
        assert_eq!((refused.status, refused.problem()), (422, "invalid"));
    }
    assert_eq!(ada.get(federation).await.expect(200), one);
    server.shutdown().await;
}
