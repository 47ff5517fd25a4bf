//! Rates, sizes, scopes, and who is nobody here.

use serde_json::json;
use sidetone_server::{Scope, ServerConfig, TokenRequest};
use sidetone_signaling::Identifier;

use crate::stage::{Stage, config};

#[tokio::test]
async fn too_fast_is_told_how_long_to_wait() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    for n in 0..10 {
        eve.say(&thread, &n.to_string()).await;
    }
    let refused = eve.send(&thread, json!({ "content": "11" })).await;
    assert_eq!((refused.status, refused.problem()), (429, "too-many-requests"));
    let wait: u64 = refused.headers["retry-after"].parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    bob.say(&thread, "others are not kept waiting").await;
    stage.server.shutdown().await;
}

#[tokio::test]
async fn asked_twice_done_once() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let wish = json!({ "participants": [{ "id": bob.id }], "idempotencyToken": "begin-1" });
    let one = eve.http.post("/v1/chat/threads", wish.clone()).await.expect(201);
    let two = eve.http.post("/v1/chat/threads", wish).await.expect(201);
    assert_eq!(one["chatThread"]["id"], two["chatThread"]["id"]);
    let thread = format!("/v1/chat/threads/{}", one["chatThread"]["id"].as_str().unwrap());
    let message = json!({ "content": "once", "idempotencyToken": "send-1" });
    let one = eve.send(&thread, message.clone()).await.expect(201);
    let two = eve.send(&thread, message).await.expect(201);
    assert_eq!(one, two);
    // The header of every other request does as well.
    let other = json!({ "content": "and once" });
    let key = [("idempotency-key", "k-1")];
    let path = format!("{thread}/messages");
    for _ in 0..2 {
        let sent = eve.http.send("POST", &path, &key, Some(&other)).await;
        assert_eq!(sent.status, 201);
    }
    assert_eq!(bob.texts(&thread).await, ["once", "and once"]);
    stage.server.shutdown().await;
}

#[tokio::test]
async fn scopes_and_keys_bound_what_somebody_may_do() {
    let stage = Stage::set().await;
    let (eve, bob, carol) = (stage.external("eve"), stage.member("bob"), stage.member("carol"));
    let thread = eve.begin(&[&bob]).await;
    let with = |scopes: Vec<Scope>| {
        let identity: Identifier = eve.id.parse().unwrap();
        stage.user_with(TokenRequest {
            scopes,
            ..TokenRequest::new(identity)
        })
    };
    let none = with(vec![Scope::Voip]);
    let refused = none.http.get("/v1/chat/threads").await;
    assert_eq!((refused.status, refused.problem()), (403, "scope-missing"));
    let add = json!({ "participants": [{ "id": carol.id }] });
    let limited = with(vec![Scope::ChatJoinLimited]);
    limited.say(&thread, "text").await;
    let people = format!("{thread}/participants");
    let refused = limited.http.post(&people, add.clone()).await;
    assert_eq!(refused.problem(), "scope-missing");
    let join = with(vec![Scope::ChatJoin]);
    join.http.post(&people, add).await.expect(200);
    let refused = join.http.post("/v1/chat/threads", json!({})).await;
    assert_eq!(refused.problem(), "scope-missing");
    // The bearer of a key is nobody in a conversation.
    for key in [&stage.owner, &stage.administrator] {
        let refused = key.get(&format!("{thread}/messages")).await;
        assert_eq!((refused.status, refused.problem()), (403, "missing-role"));
    }
    // And a stranger learns nothing.
    let pat = stage.external("pat");
    let there = pat.http.get(&thread).await;
    let not_there = pat
        .http
        .get("/v1/chat/threads/0f8fad5b-d9cb-469f-a165-70867728950e")
        .await;
    assert_eq!((there.status, &there.body), (404, &not_there.body));
    // Nor does an external user's token open anything else of the API.
    let refused = eve.http.get("/v1/organisations/acme/members").await;
    assert_eq!((refused.status, refused.problem()), (401, "unauthenticated"));
    stage.server.shutdown().await;
}

#[tokio::test]
async fn sizes_are_exact() {
    let stage = Stage::with(ServerConfig {
        chat_participants: 2,
        ..config()
    })
    .await;
    let (eve, bob, carol) = (stage.external("eve"), stage.member("bob"), stage.member("carol"));
    let thread = eve.begin(&[&bob]).await;
    let add = json!({ "participants": [{ "id": carol.id }] });
    let refused = eve.http.post(&format!("{thread}/participants"), add).await;
    assert_eq!((refused.status, refused.problem()), (409, "limit-reached"));
    let longest = "x".repeat(28 * 1024);
    eve.say(&thread, &longest).await;
    let refused = eve
        .send(&thread, json!({ "content": format!("{longest}x") }))
        .await;
    assert_eq!((refused.status, refused.problem()), (413, "message-too-large"));
    for bad in [
        json!({}),
        json!({ "content": " " }),
        json!({ "content": "x", "replyTo": 99 }),
        json!({ "content": "x", "mentions": [carol.id] }),
        json!({ "content": "x", "colour": "blue" }),
        json!([]),
    ] {
        let refused = eve.send(&thread, bad.clone()).await;
        assert!(
            matches!(refused.status, 400 | 404 | 422),
            "{bad}: {}",
            refused.status
        );
    }
    stage.server.shutdown().await;
}
