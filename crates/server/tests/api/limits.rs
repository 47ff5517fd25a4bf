//! What is too much is refused before it costs anything.

use serde_json::json;
use sidetone_server::ServerConfig;

use crate::client::{Caller, config, operator, organisation, server};
use crate::support;

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let server = support::server(ServerConfig {
        api_requests_per_second: 5,
        ..config()
    })
    .await;
    let operator = operator(&server);
    let mut refused = None;
    for _ in 0..200 {
        let answer = operator.get("/v1/status").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("some request was too many");
    assert_eq!((refused.status, refused.problem()), (429, "too-many-requests"));
    assert!(refused.headers["retry-after"].parse::<u64>().unwrap() >= 1);
    server.shutdown().await;
}

#[tokio::test]
async fn one_callers_haste_is_not_anothers_loss() {
    let server = support::server(ServerConfig {
        api_requests_per_second: 20,
        ..config()
    })
    .await;
    let acme = organisation(&server, "acme").await;
    let hasty = operator(&server);
    for _ in 0..60 {
        hasty.get("/v1/status").await;
    }
    acme.get("/v1/status").await.expect(200);
    server.shutdown().await;
}

#[tokio::test]
async fn strangers_are_slowed_down_too() {
    let server = support::server(ServerConfig {
        api_requests_per_second: 100,
        ..config()
    })
    .await;
    let stranger = Caller::new(&server, "guess".to_owned());
    let mut statuses = std::collections::BTreeSet::new();
    for _ in 0..300 {
        statuses.insert(stranger.get("/v1/status").await.status);
    }
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), [401, 429]);
    operator(&server).get("/v1/status").await.expect(200);
    server.shutdown().await;
}

#[tokio::test]
async fn bodies_are_bounded_by_address() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let members = |count: usize, filling: usize| {
        let entry = |i| json!({ "key": format!("uid={i}"), "displayName": "M", "attributes": { "x": "x".repeat(filling) } });
        json!({ "members": (0..count).map(entry).collect::<Vec<_>>() })
    };
    let import = "/v1/organisations/acme/directory/import";
    let report = acme.post(import, members(1_000, 500)).await.expect(200);
    assert_eq!(report["created"], 1_000);
    let many = acme.post(import, members(1_001, 1)).await;
    assert_eq!((many.status, many.problem()), (422, "invalid"));
    let long = json!({ "displayName": "x".repeat(200_000) });
    let refused = acme.put("/v1/organisations/acme/members/ann", long).await;
    assert_eq!((refused.status, refused.problem()), (413, "too-large"));
    server.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_reason() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let ann = "/v1/organisations/acme/members/ann";
    let cases = [
        (json!("text"), 400),
        (json!({}), 400),
        (json!({ "displayName": 7 }), 400),
        (json!({ "displayName": "Ann", "surprise": 1 }), 400),
        (json!({ "displayName": "Ann", "groups": ["a b"] }), 400),
        (json!({ "displayName": " Ann" }), 422),
        (json!({ "displayName": "An\u{202e}n" }), 422),
        (json!({ "displayName": "x".repeat(129) }), 422),
        (json!({ "displayName": "Ann", "source": "" }), 422),
        (json!({ "displayName": "Ann", "policy": "nowhere" }), 422),
    ];
    for (body, status) in cases {
        let refused = acme.put(ann, body.clone()).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.body);
        assert!(!refused.body["detail"].as_str().unwrap().is_empty());
    }
    let kind = [("content-type", "text/plain")];
    let refused = support::http(server.local_addr(), "PUT", ann, "", "{}").await;
    assert_eq!(refused.0, 401, "who one is comes first");
    let refused = acme.send("PUT", ann, &kind, None).await;
    assert_eq!((refused.status, refused.problem()), (415, "media-type"));
    let wrong = acme.send("POST", ann, &[], None).await;
    assert_eq!((wrong.status, wrong.problem()), (405, "method-not-allowed"));
    assert!(wrong.headers["allow"].contains("PATCH"), "{wrong:?}");
    assert_eq!(acme.get("/v1/organisations/ac%20me").await.status, 404);
    server.shutdown().await;
}

#[tokio::test]
async fn an_array_is_no_object() {
    let server = server().await;
    let answer = operator(&server).post("/v1/signing-keys/rotate", json!([])).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    server.shutdown().await;
}
