//! Where chat is kept, and what retention deletes, by a real server on a store whose messages were made old.

use serde_json::{Value, json};
use sidetone_server::ServerConfig;
use sidetone_store::{Store, WallTime};

use crate::client::Caller;
use crate::stage::{Stage, config};
use crate::support::{in_time, server};

/// Moves every moment in the stored chat back by so many days.
pub async fn age(folder: &std::path::Path, days: u64) {
    fn older(value: &mut Value, by: u64) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let is_moment = matches!(name.as_str(), "created" | "joined" | "at" | "expires");
                    match value.as_str().map(str::to_owned) {
                        Some(text) if is_moment => {
                            let time = humantime::parse_rfc3339(&text).unwrap();
                            let time = time - std::time::Duration::from_secs(by);
                            *value = humantime::format_rfc3339_millis(time).to_string().into();
                        }
                        _ => older(value, by),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| older(item, by)),
            _ => {}
        }
    }
    let store = Store::open(&folder.join("sidetone.redb")).unwrap();
    let now = WallTime::from_millis(1);
    for entry in store.kv.list("chat.", now).await.unwrap() {
        let mut value: Value = serde_json::from_slice(&entry.value).unwrap();
        older(&mut value, days * 24 * 3600);
        let value = serde_json::to_vec(&value).unwrap().into();
        store
            .kv
            .put(&entry.key, value, entry.revision, None, now)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn retention_deletes_and_the_audit_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = || ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        ..config()
    };
    let stage = Stage::with(config()).await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    for n in 0..3 {
        eve.say(&thread, &format!("secret {n}")).await;
    }
    stage.set_chat(json!({ "retentionDays": 7 })).await;
    let administrator = stage.administrator.clone();
    let storage = "/v1/organisations/acme/chat/storage";
    let stored = administrator.get(storage).await.expect(200);
    let one = &stored["items"][0];
    assert_eq!((&one["region"], &one["messages"]), (&json!("eu"), &json!(4)));
    assert_eq!(one["retentionDays"], 7);
    stage.server.shutdown().await;

    age(folder.path(), 6).await;
    let again = server(config()).await;
    let bobs = Caller::new(&again, bob.token.clone());
    let page = bobs.get(&format!("{thread}/messages")).await.expect(200);
    assert_eq!(
        page["items"].as_array().unwrap().len(),
        4,
        "six days are not seven"
    );
    again.shutdown().await;

    age(folder.path(), 2).await;
    let again = server(config()).await;
    let administrator = administrator.at(&again);
    in_time("the sweep", async {
        while administrator.get(storage).await.expect(200)["items"][0]["messages"] != 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    let bobs = Caller::new(&again, bob.token.clone());
    let page = bobs.get(&format!("{thread}/messages")).await.expect(200);
    assert_eq!(page["items"], json!([]));
    assert_eq!(bobs.get(&thread).await.expect(200)["purgedThrough"], 4);
    let audit = administrator
        .get("/v1/organisations/acme/audit?limit=200")
        .await
        .expect(200);
    let erased: Vec<&Value> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.get("entry").unwrap_or(item))
        .filter(|entry| entry["action"] == "chat.erase")
        .collect();
    assert_eq!(erased.len(), 4, "a row for each message");
    assert!(erased.iter().all(|entry| entry["note"] == "retention"));
    // Numbers go on.
    let sent = bobs
        .post(&format!("{thread}/messages"), json!({ "content": "later" }))
        .await
        .expect(201);
    assert_eq!(sent["id"], 5);
    again.shutdown().await;
    // Nothing is left of it in the chat that is stored.
    let store = Store::open(&folder.path().join("sidetone.redb")).unwrap();
    for entry in store.kv.list("chat.", WallTime::from_millis(1)).await.unwrap() {
        assert!(
            !String::from_utf8_lossy(&entry.value).contains("secret"),
            "{}",
            entry.key
        );
    }
}

#[tokio::test]
async fn a_hold_keeps_what_is_deleted_where_nobody_sees_it() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let id = thread.rsplit('/').next().unwrap();
    let hold = format!("/v1/organisations/acme/chat/threads/{id}/hold");
    stage
        .administrator
        .put(&hold, json!({ "hold": true }))
        .await
        .expect(204);
    let message = eve.say(&thread, "regretted").await;
    eve.http
        .delete(&format!("{thread}/messages/{message}"))
        .await
        .expect(204);
    assert_eq!(bob.texts(&thread).await, Vec::<String>::new());
    let stored = stage
        .administrator
        .get("/v1/organisations/acme/chat/storage")
        .await
        .expect(200);
    assert_eq!(
        (&stored["items"][0]["held"], &stored["items"][0]["hold"]),
        (&json!(1), &json!(true))
    );
    for other in [&stage.owner, &eve.http, &bob.http] {
        let refused = other.put(&hold, json!({ "hold": false })).await.status;
        assert!(matches!(refused, 401 | 403), "{refused}");
    }
    stage.server.shutdown().await;
}

#[tokio::test]
async fn who_was_deleted_leaves_nothing_to_a_later_one_of_the_name() {
    let stage = Stage::set().await;
    let (eve, bob, carol) = (stage.external("eve"), stage.member("bob"), stage.member("carol"));
    let thread = eve.begin(&[&bob, &carol]).await;
    eve.say(&thread, "for Carol").await;
    let path = "/v1/organisations/acme/members/carol";
    stage.administrator.delete(path).await.expect(204);
    in_time("Carol is out", async {
        while bob.http.get(&format!("{thread}/participants")).await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len()
            > 2
        {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    let other = json!({ "displayName": "Another Carol" });
    stage.administrator.put(path, other).await.expect(201);
    // Tokens that the former had are void; the new one's are not.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let another = stage.member("carol");
    assert_eq!(another.http.get(&thread).await.status, 404);
    assert_eq!(
        another.http.get("/v1/chat/threads").await.expect(200)["items"],
        json!([])
    );
    // The organisation goes with its chats.
    crate::client::operator(&stage.server)
        .delete("/v1/organisations/acme")
        .await
        .expect(204);
    assert_eq!(eve.http.get(&thread).await.status, 404);
    stage.server.shutdown().await;
}
