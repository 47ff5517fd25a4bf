//! A thread that nobody wants anything of rests: what is known of its messages is forgotten, and known again when it is
//! wanted, whole and without anything being told twice.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use sidetone_server::ServerConfig;

use crate::receiver::Receiver;
use crate::stage::{Stage, config};

#[tokio::test]
async fn a_thread_that_rested_is_as_it_was() {
    let stage = Stage::with(ServerConfig {
        // So often that it rests between any two requests, many times.
        chat_sweep: Duration::from_millis(10),
        ..config()
    })
    .await;
    let receiver = Receiver::start(StatusCode::OK).await;
    let wish = json!({ "url": receiver.url });
    stage
        .administrator
        .post("/v1/organisations/acme/subscriptions", wish)
        .await
        .expect(201);
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let file = eve.send_file(&thread, ("a.txt", "text/plain"), b"x").await;
    for n in 0..5 {
        eve.say(&thread, &n.to_string()).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(bob.texts(&thread).await, ["0", "1", "2", "3", "4"]);
    let once = json!({ "content": "once", "idempotencyToken": "t" });
    let first = eve.send(&thread, once.clone()).await.expect(201);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(eve.send(&thread, once).await.expect(201), first);
    let (status, bytes) = bob.http.sound("GET", &file, "", b"").await;
    assert_eq!((status, &bytes[..]), (200, &b"x"[..]));
    let sent = |taken: &[crate::receiver::Taken]| {
        let kinds = taken
            .iter()
            .map(|one| one.event["type"].as_str().unwrap().to_owned());
        kinds
            .filter(|kind| kind.ends_with("ChatMessageReceivedInThread"))
            .count()
    };
    let taken = receiver.until("every message", |taken| sent(taken) >= 7).await;
    assert_eq!(sent(&taken), 7, "none is told again");
    stage.server.shutdown().await;
}
