//! Addresses in messages are looked up by a service of the operator's, and what it finds comes to everybody (L16b).

use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine as _;
use serde_json::{Value, json};
use sidetone_server::{ChatHook, Server, ServerConfig};

use crate::hook::Hook;
use crate::stage::{Stage, config};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nas a picture";

/// Something about each address that is asked for.
fn something(question: &Value) -> Result<Value, StatusCode> {
    let data = base64::engine::general_purpose::STANDARD.encode(PICTURE);
    let about = |url: &Value| {
        json!({
            "url": url, "title": "A page\nabout it", "description": "<b>plain</b> text",
            "image": { "contentType": "image/png", "data": data },
        })
    };
    let all: Vec<Value> = question["urls"].as_array().unwrap().iter().map(about).collect();
    Ok(json!({ "previews": all }))
}

async fn stage(hook: &Hook) -> Stage {
    Stage::with(ServerConfig {
        link_preview: hook.config(),
        ..config()
    })
    .await
}

#[tokio::test]
async fn a_preview_comes_after_its_message_to_everybody() {
    let hook = Hook::start(something).await;
    let stage = stage(&hook).await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let (mut eve_hears, mut bob_hears) = (eve.session(&stage.server).await, bob.session(&stage.server).await);
    let thread = eve.begin(&[&bob]).await;
    for hears in [&mut eve_hears, &mut bob_hears] {
        hears.event("chat.thread_created").await;
    }
    let id = eve.say(&thread, "see https://a.example/page.").await;
    for hears in [&mut eve_hears, &mut bob_hears] {
        let sent = hears.event("chat.message_received").await;
        assert!(sent.get("previews").is_none(), "nobody waits for it: {sent}");
        let later = hears.event("chat.message_edited").await;
        let preview = &later["previews"][0];
        assert_eq!(preview["url"], "https://a.example/page");
        assert_eq!(preview["title"], "A page about it");
        assert_eq!(preview["description"], "<b>plain</b> text");
        assert!(later.get("edited_at_ms").is_none(), "nobody edited it");
        assert!(later["version"].as_u64() > sent["version"].as_u64());
    }
    // The picture is this service's to give out, to those who see the message.
    let shown = bob.http.get(&format!("{thread}/messages/{id}")).await.expect(200);
    let image = shown["content"]["previews"][0]["image"]
        .as_str()
        .unwrap()
        .to_owned();
    let image = format!("{thread}/attachments/{image}");
    let (status, bytes) = bob.http.sound("GET", &image, "", b"").await;
    assert_eq!((status, &bytes[..]), (200, PICTURE));
    assert_eq!(stage.external("pat").http.get(&image).await.status, 404);
    let asked = hook.asked();
    assert_eq!(asked.len(), 1);
    let (headers, question) = &asked[0];
    assert_eq!(question["urls"], json!(["https://a.example/page"]));
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));

    // An edit is looked up anew, for what is new in it; a message without addresses never.
    eve.say(&thread, "no address").await;
    let change = json!({ "content": "see <a href='https://b.example'>that</a>", "type": "html" });
    eve.http
        .patch(&format!("{thread}/messages/{id}"), change)
        .await
        .expect(200);
    let edited = bob_hears.event("chat.message_received").await;
    assert_eq!(edited["text"], "no address");
    let edited = bob_hears.event("chat.message_edited").await;
    assert!(edited.get("previews").is_none());
    let later = bob_hears.event("chat.message_edited").await;
    assert_eq!(later["previews"][0]["url"], "https://b.example/");
    let again = hook.asked();
    assert_eq!(again.len(), 2);
    assert_ne!(again[0].0["webhook-id"], again[1].0["webhook-id"]);

    // With L16b as the source has it nobody is asked where external users take part.
    stage.set_switches(json!({ "linkPreviews": "source" })).await;
    eve.say(&thread, "https://c.example").await;
    let carol = stage.member("carol");
    let inside = bob.begin(&[&carol]).await;
    bob.say(&inside, "https://d.example").await;
    bob_hears.event("chat.message_received").await;
    bob_hears.event("chat.thread_created").await;
    bob_hears.event("chat.message_received").await;
    let later = bob_hears.event("chat.message_edited").await;
    assert_eq!(later["previews"][0]["url"], "https://d.example/");
    assert_eq!(hook.asked().len(), 3);
    stage.server.shutdown().await;
}

#[tokio::test]
async fn a_service_that_fails_harms_nothing() {
    let hook = Hook::start(|_| Err(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let stage = stage(&hook).await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let mut bob_hears = bob.session(&stage.server).await;
    let thread = eve.begin(&[&bob]).await;
    bob_hears.event("chat.thread_created").await;
    let mut asked = 0;
    let mut ask = async |text: &str| {
        eve.say(&thread, text).await;
        bob_hears.event("chat.message_received").await;
        asked += 1;
        for _ in 0..500 {
            if hook.asked().len() == asked {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not asked about {text}");
    };
    ask("https://broken.example").await;
    hook.says(|_| Ok(json!("no such words")));
    ask("https://odd.example").await;
    hook.says(|_| Ok(json!({ "previews": [{ "url": "https://other.example/", "title": "Not asked for" }] })));
    ask("https://wrong.example").await;
    hook.says(|question| {
        let title = "x".repeat(1024 * 1024);
        Ok(json!({ "previews": [{ "url": question["urls"][0], "title": title }] }))
    });
    ask("https://long.example").await;
    // What is right again is right; the messages before are as they were.
    hook.says(something);
    ask("https://fine.example").await;
    let later = bob_hears.event("chat.message_edited").await;
    assert_eq!(later["previews"][0]["url"], "https://fine.example/");
    let page = bob.http.get(&format!("{thread}/messages")).await.expect(200);
    let with = page["items"].as_array().unwrap().iter();
    let with = with.filter(|one| one["content"].get("previews").is_some());
    assert_eq!(with.count(), 1);
    stage.server.shutdown().await;
}

#[tokio::test]
async fn what_is_sent_again_is_not_looked_up_again() {
    let hook = Hook::start(|_| Err(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let stage = stage(&hook).await;
    let eve = stage.external("eve");
    let thread = eve.begin(&[&stage.member("bob")]).await;
    let asked = async |count: usize| {
        for _ in 0..500 {
            if hook.asked().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let urls = hook
            .asked()
            .into_iter()
            .map(|(_, question)| question["urls"][0].clone());
        urls.collect::<Vec<_>>()
    };
    let message = json!({ "content": "HTTPS://a.example", "idempotencyToken": "once" });
    eve.send(&thread, message.clone()).await.expect(201);
    assert_eq!(asked(1).await, ["https://a.example/"]);
    eve.send(&thread, message).await.expect(201);
    eve.say(&thread, "https://b.example").await;
    assert_eq!(asked(2).await, ["https://a.example/", "https://b.example/"]);
    stage.server.shutdown().await;
}

#[tokio::test]
async fn an_address_that_may_not_be_reached_is_told_at_the_start() {
    for url in ["not an address", "http://127.0.0.1:1/x", "https://10.0.0.1/x"] {
        let hook = Some(ChatHook::new(url));
        let error = Server::start(ServerConfig {
            link_preview: hook.clone(),
            ..crate::client::config()
        });
        let error = error.await.err().unwrap();
        assert!(
            matches!(error, sidetone_server::ServerError::LinkPreview(_)),
            "{error}"
        );
        let error = Server::start(ServerConfig {
            translation: hook,
            ..crate::client::config()
        });
        let error = error.await.err().unwrap();
        assert!(
            matches!(error, sidetone_server::ServerError::Translation(_)),
            "{error}"
        );
    }
}
