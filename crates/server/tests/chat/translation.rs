//! Messages in another language, by a service of the operator's (L16b).

use axum::http::StatusCode;
use serde_json::{Value, json};
use sidetone_server::ServerConfig;

use crate::hook::Hook;
use crate::stage::{Stage, config};

/// Backwards is another language.
fn backwards(question: &Value) -> Result<Value, StatusCode> {
    let text: String = question["text"].as_str().unwrap().chars().rev().collect();
    Ok(json!({ "text": text, "from": "EN-gb" }))
}

#[tokio::test]
async fn a_reader_has_a_message_in_a_language_and_the_service_is_asked_once() {
    let hook = Hook::start(backwards).await;
    let stage = Stage::with(ServerConfig {
        translation: hook.config(),
        ..config()
    })
    .await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let id = eve.say(&thread, "hello").await;
    let message = format!("{thread}/messages/{id}");
    let german = format!("{message}/translations/DE-at");
    let translated = bob.http.get(&german).await.expect(200);
    assert_eq!(translated["text"], "olleh");
    assert_eq!(
        (&translated["language"], &translated["from"]),
        (&json!("de-AT"), &json!("en-GB"))
    );
    // Others, and the same again: known.
    assert_eq!(eve.http.get(&german).await.expect(200), translated);
    assert_eq!(
        bob.http
            .get(&format!("{message}/translations/de-AT"))
            .await
            .expect(200),
        translated
    );
    let asked = hook.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (&asked[0].1["to"], &asked[0].1["type"]),
        (&json!("de-AT"), &json!("text"))
    );
    assert!(asked[0].0.contains_key("webhook-signature"));
    // A reaction changes nothing of the text.
    let hearts = format!("{message}/reactions/%E2%9D%A4");
    bob.http.put(&hearts, json!({})).await.expect(204);
    let again = bob.http.get(&german).await.expect(200);
    assert_eq!(again["text"], "olleh");
    assert!(again["version"].as_u64() > translated["version"].as_u64());
    assert_eq!(hook.asked().len(), 1);
    // Another language, and another text.
    bob.http
        .get(&format!("{message}/translations/fr"))
        .await
        .expect(200);
    eve.http
        .patch(&message, json!({ "content": "good day" }))
        .await
        .expect(200);
    assert_eq!(bob.http.get(&german).await.expect(200)["text"], "yad doog");
    assert_eq!(hook.asked().len(), 3);

    // HTML is cleaned, as what people send is.
    hook.says(|_| Ok(json!({ "text": "<b>hallo</b><script>x()</script>" })));
    let html = json!({ "content": "<b>hello</b>", "type": "html" });
    let rich = eve.send(&thread, html).await.expect(201)["id"].clone();
    let rich = format!("{thread}/messages/{rich}/translations/de");
    assert_eq!(bob.http.get(&rich).await.expect(200)["text"], "<b>hallo</b>");

    // What cannot be had is said in a typed way.
    for (path, status, problem) in [
        (format!("{message}/translations/german1"), 422, "bad-content"),
        (
            format!("{thread}/messages/99/translations/de"),
            404,
            "no-such-message",
        ),
        (format!("{thread}/messages/1/translations/de"), 422, "bad-content"),
    ] {
        let refused = bob.http.get(&path).await;
        assert_eq!((refused.status, refused.problem()), (status, problem), "{path}");
    }
    hook.says(|_| Err(StatusCode::BAD_GATEWAY));
    let spanish = format!("{message}/translations/es");
    let refused = bob.http.get(&spanish).await;
    assert_eq!((refused.status, refused.problem()), (503, "translation-failed"));
    assert_eq!(refused.headers["retry-after"], "5");
    assert_eq!(
        stage.external("pat").http.get(&german).await.problem(),
        "no-such-thread"
    );

    stage.set_switches(json!({ "chatTranslation": "source" })).await;
    assert_eq!(eve.http.get(&german).await.problem(), "chat-features-disabled");
    bob.http.get(&german).await.expect(200);
    eve.http.delete(&message).await.expect(204);
    assert_eq!(bob.http.get(&german).await.problem(), "message-deleted");
    stage.server.shutdown().await;
}

#[tokio::test]
async fn the_service_is_asked_so_often_and_no_more() {
    let hook = Hook::start(backwards).await;
    let stage = Stage::with(ServerConfig {
        translation: hook.config(),
        ..config()
    })
    .await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let id = eve.say(&thread, "hello").await;
    let path = |n: u8| format!("{thread}/messages/{id}/translations/a{}", char::from(b'a' + n));
    for n in 0..20 {
        bob.http.get(&path(n)).await.expect(200);
    }
    let refused = bob.http.get(&path(20)).await;
    assert_eq!((refused.status, refused.problem()), (429, "too-many-requests"));
    bob.http.get(&path(0)).await.expect(200);
    eve.http.get(&path(20)).await.expect(200);
    assert_eq!(hook.asked().len(), 21);
    stage.server.shutdown().await;
}

#[tokio::test]
async fn where_nobody_translates_that_is_said() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let id = eve.say(&thread, "hello").await;
    let refused = bob
        .http
        .get(&format!("{thread}/messages/{id}/translations/de"))
        .await;
    assert_eq!(
        (refused.status, refused.problem()),
        (501, "translation-not-offered")
    );
    assert_eq!(refused.body["subcode"], 20117);
    stage.server.shutdown().await;
}
