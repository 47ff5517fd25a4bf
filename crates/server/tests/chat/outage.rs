//! Outages of clients: what was said meanwhile is there, in order, once.

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::Client;

#[tokio::test]
async fn a_session_that_resumes_misses_nothing() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let mut hears = Client::connect(&stage.server.url()).await;
    let opened = hears.open_with(&bob.token).await.unwrap();
    eve.say(&thread, "before").await;
    assert_eq!(hears.event("chat.message_received").await["text"], "before");
    let last = hears.last_seq;
    drop(hears);
    for n in 0..8 {
        eve.say(&thread, &format!("meanwhile {n}")).await;
    }
    let mut hears = Client::connect(&stage.server.url()).await;
    let resumed = hears
        .resume(opened.session, &opened.resume_token, last)
        .await
        .unwrap();
    assert_eq!(resumed.replayed, 8);
    for n in 0..8 {
        let heard = hears.event("chat.message_received").await;
        assert_eq!(heard["text"], format!("meanwhile {n}"));
    }
    stage.server.shutdown().await;
}

#[tokio::test]
async fn who_has_a_new_session_asks_for_what_changed() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let first = eve.say(&thread, "first").await;
    let known = bob
        .http
        .get(&format!("{thread}/changes?since=0"))
        .await
        .expect(200);
    let version = known["version"].as_u64().unwrap();
    let texts = |changes: &Value| -> Vec<(u64, String)> {
        changes["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let text = one["content"]["message"].as_str().unwrap();
                (one["id"].as_u64().unwrap(), text.to_owned())
            })
            .collect()
    };
    assert_eq!(texts(&known).last(), Some(&(first, "first".to_owned())));
    // Several changes of one message come once, as it is now.
    for n in 0..3 {
        let edit = json!({ "content": format!("edit {n}") });
        eve.http
            .patch(&format!("{thread}/messages/{first}"), edit)
            .await
            .expect(200);
    }
    let second = eve.say(&thread, "second").await;
    let third = eve.say(&thread, "third").await;
    eve.http
        .delete(&format!("{thread}/messages/{second}"))
        .await
        .expect(204);
    let mut since = version;
    let mut seen = Vec::new();
    loop {
        let path = format!("{thread}/changes?since={since}&limit=1");
        let changes = bob.http.get(&path).await.expect(200);
        seen.extend(texts(&changes));
        since = changes["version"].as_u64().unwrap();
        if changes["more"] == false {
            break;
        }
    }
    assert_eq!(
        seen,
        [
            (first, "edit 2".into()),
            (third, "third".into()),
            (second, String::new())
        ]
    );
    let nothing = bob
        .http
        .get(&format!("{thread}/changes?since={since}"))
        .await
        .expect(200);
    assert_eq!(texts(&nothing), []);
    stage.server.shutdown().await;
}
