//! Identities of a resource and their tokens, as a backend uses them and as clients feel them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod rest;
mod revocation;
mod rotation;
mod veto;

use serde_json::{Value, json};
use sidetone_server::{IdentityQuotas, ServerConfig};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::{CallId, Request, Start};
use uuid::Uuid;

use rest::{Caller, Resource, config};
use support::{Client, server};

#[tokio::test]
async fn an_identity_and_its_token_open_a_session() {
    let server = server(config()).await;
    let resource = Resource::create(&Caller::operator(&server), "shop").await;
    let wish = json!({
        "displayName": "Eve",
        "token": { "scopes": ["voip", "chat"], "expiresInMinutes": 60 },
    });
    let answer = resource.owner.post(&resource.path("identities"), wish).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let made = answer.is(201);
    let user = made["user"].as_str().unwrap();
    assert_eq!(made["id"], format!("external:{}:{user}", resource.id));
    assert_eq!(made["displayName"], "Eve");
    // Drawn at random: 128 bits in hexadecimal.
    assert!(
        user.len() == 32 && user.bytes().all(|b| b.is_ascii_hexdigit()),
        "{user}"
    );
    assert!(made["token"]["expiresOn"].as_str().unwrap().ends_with('Z'));

    let mut client = Client::connect(&server.url()).await;
    let opened = client
        .open_with(made["token"]["token"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(opened.identity.raw_id(), made["id"]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_wish_that_is_not_allowed_makes_nothing() {
    let server = server(config()).await;
    let resource = Resource::create(&Caller::operator(&server), "shop").await;
    let identities = resource.path("identities");
    let (user, _) = resource.identity().await;
    let tokens = resource.path(&format!("identities/{user}/tokens"));
    for (wish, problem) in [
        (
            json!({ "scopes": ["voip"], "expiresInMinutes": 59 }),
            "token-lifetime",
        ),
        (
            json!({ "scopes": ["voip"], "expiresInMinutes": 1441 }),
            "token-lifetime",
        ),
        (json!({ "scopes": [] }), "token-scopes"),
        (
            json!({ "scopes": ["voip"], "displayName": "x".repeat(257) }),
            "token-name",
        ),
    ] {
        resource
            .owner
            .post(&tokens, wish.clone())
            .await
            .problem(422, problem);
        resource
            .owner
            .post(&identities, json!({ "token": wish }))
            .await
            .problem(422, problem);
    }
    for wish in [
        json!({ "scopes": ["everything"] }),
        json!({}),
        json!({ "scopes": "voip" }),
    ] {
        resource.owner.post(&tokens, wish).await.problem(400, "malformed");
    }
    for minutes in [60, 1440] {
        let wish = json!({ "scopes": ["chat.join.limited"], "expiresInMinutes": minutes });
        resource.owner.post(&tokens, wish).await.is(201);
    }
    let nobody = resource.path("identities/nobody/tokens");
    resource
        .owner
        .post(&nobody, json!({ "scopes": ["voip"] }))
        .await
        .problem(404, "not-found");
    server.shutdown().await;
}

#[tokio::test]
async fn only_the_resources_own_key_will_do() {
    let server = server(config()).await;
    let operator = Caller::operator(&server);
    let (ours, theirs) = (
        Resource::create(&operator, "ours").await,
        Resource::create(&operator, "theirs").await,
    );
    let (user, token) = ours.identity().await;
    let bearer = Caller {
        key: token,
        ..operator.clone()
    };
    let nobody = Caller {
        key: "sidetone_0000".to_owned(),
        ..operator.clone()
    };
    let wish = json!({ "scopes": ["voip"] });
    let attempts = [
        ("POST", ours.path("identities"), json!({})),
        ("DELETE", ours.path(&format!("identities/{user}")), Value::Null),
        (
            "POST",
            ours.path(&format!("identities/{user}/tokens")),
            wish.clone(),
        ),
        (
            "POST",
            ours.path(&format!("identities/{user}/revoke-tokens")),
            Value::Null,
        ),
        // The same answer for what does not exist.
        ("POST", ours.path("identities/nobody/tokens"), wish),
    ];
    for (method, path, body) in attempts {
        for caller in [&theirs.owner, &operator] {
            let refused = caller.send(method, &path, body.clone()).await;
            let refused = refused.problem(403, "missing-role");
            assert_eq!(
                refused["missingRoles"],
                json!([format!("owner of resource {}", ours.id)])
            );
        }
        for caller in [&bearer, &nobody] {
            caller
                .send(method, &path, body.clone())
                .await
                .problem(401, "unauthenticated");
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn quotas_say_when_to_come_back() {
    let quotas = IdentityQuotas {
        create: 2,
        issue: 1,
        revoke: 1,
        ..IdentityQuotas::default()
    };
    let server = server(ServerConfig {
        identity_quotas: quotas,
        ..config()
    })
    .await;
    let operator = Caller::operator(&server);
    let resource = Resource::create(&operator, "shop").await;
    let (user, _) = resource.identity().await;
    resource
        .owner
        .post(&resource.path("identities"), json!({}))
        .await
        .is(201);
    let over = [
        (resource.path("identities"), json!({})),
        (
            resource.path(&format!("identities/{user}/tokens")),
            json!({ "scopes": ["voip"] }),
        ),
    ];
    for (path, body) in over {
        let refused = resource.owner.post(&path, body).await;
        let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        refused.problem(429, "too-many-requests");
    }
    // Another resource has its own.
    Resource::create(&operator, "other").await.identity().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_token_for_chat_alone_opens_a_session_without_calls() {
    let server = server(config()).await;
    let resource = Resource::create(&Caller::operator(&server), "shop").await;
    let (user, _) = resource.identity().await;
    let (other, _) = resource.identity().await;
    let session = async |user: &str, scope: &str| {
        let tokens = resource.path(&format!("identities/{user}/tokens"));
        let wish = json!({ "scopes": [scope] });
        let issued = resource.owner.post(&tokens, wish).await.is(201);
        let mut client = Client::connect(&server.url()).await;
        let opened = client.open_with(issued["token"].as_str().unwrap()).await.unwrap();
        (client, opened.identity)
    };
    let (mut chats, chatter) = session(&user, "chat").await;
    let (mut calls, caller) = session(&other, "voip").await;
    let start = |to| Request::Start(Start::new(CallId(Uuid::new_v4()), to));
    // It places none, by name of what is missing.
    let refused = chats.call(&start(caller)).await.unwrap_err();
    assert!(refused.is(&Reason::SCOPE_MISSING), "{refused}");
    assert!(refused.message.contains("voip"), "{refused}");
    // And none rings there: it is as if nobody were there.
    let refused = calls.call(&start(chatter)).await.unwrap_err();
    assert!(refused.is(&Reason::NO_ENDPOINT), "{refused}");
    server.shutdown().await;
}
