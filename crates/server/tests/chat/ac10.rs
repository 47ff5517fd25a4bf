//! Where chat is stored and when it vanishes (spec AC10), by a real meeting on a real server, whose store is made old.
//! By the hour, and with every policy, it is tried on a virtual clock in `sidetone_chat`.

use serde_json::{Value, json};
use sidetone_server::ServerConfig;
use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::Locator;

use crate::client::Caller;
use crate::stage::{Stage, config};
use crate::storage::age;
use crate::support::{in_time, server, until};

/// Messages that an organisation keeps, and the copies of those.
async fn stored(administrator: &Caller) -> (u64, usize) {
    let stored = administrator
        .get("/v1/organisations/acme/chat/storage")
        .await
        .expect(200);
    let one = &stored["items"][0];
    assert_eq!(one["region"], "eu", "all of it is in the organisation's region");
    (
        one["messages"].as_u64().unwrap(),
        one["copies"].as_array().unwrap().len(),
    )
}

/// Erasures that a tenant's audit tells of: of what, and why.
async fn erased(caller: &Caller, tenant: &str) -> Vec<(String, String)> {
    let audit = caller.get(&format!("{tenant}/audit?limit=200")).await.expect(200);
    let entries = audit["items"].as_array().unwrap().iter();
    let entries = entries.map(|item| item.get("entry").unwrap_or(item));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    entries
        .filter(|entry| entry["action"] == "chat.erase")
        .map(|entry| (text(&entry["target"]), text(&entry["note"])))
        .collect()
}

#[tokio::test]
async fn a_meetings_messages_stay_at_home_and_copies_end_after_thirty_days() {
    let folder = tempfile::tempdir().unwrap();
    let config = || ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        ..config()
    };
    let stage = Stage::with(config()).await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let meeting = json!({ "subject": "Visit", "options": { "bypass": "everyone" } });
    let meeting = bob
        .http
        .post("/v1/organisations/acme/meetings", meeting)
        .await
        .expect(201);
    let thread = format!("/v1/chat/threads/{}", meeting["thread"].as_str().unwrap());
    let link = Locator::Link(meeting["link"].as_str().unwrap().to_owned());
    let (mut bobs, mut eves) = (bob.phone(&stage.server).await, eve.phone(&stage.server).await);
    bobs.enter(link.clone()).await;
    eves.enter(link).await;
    until("Eve is in the conversation", async || {
        eve.http.get(&thread).await.status == 200
    })
    .await;
    let mut newest = 0;
    for n in 0..5 {
        newest = eve.say(&thread, &format!("secret of Eve's {n}")).await;
        bob.say(&thread, &format!("Bob's {n}")).await;
    }
    for phone in [&mut eves, &mut bobs] {
        phone.ask(Request::MeetingLeave(phone.call())).await.unwrap();
    }

    // All of it at home; of Eve's the newest alone also where her resource is.
    let (administrator, owner) = (stage.administrator.clone(), stage.owner.clone());
    let resource = format!("/v1/resources/{}", stage.resource);
    let copies = format!("{resource}/chat/storage");
    let (messages, at_home) = stored(&administrator).await;
    assert!(messages >= 10 && at_home == 1, "{messages} {at_home}");
    let there = owner.get(&copies).await.expect(200);
    let there = there["items"].as_array().unwrap().clone();
    assert_eq!(there.len(), 1, "{there:?}");
    assert_eq!(
        (&there[0]["region"], &there[0]["sender"], &there[0]["message"]),
        (&json!("us"), &json!(eve.id), &json!(newest))
    );
    stage.server.shutdown().await;

    age(folder.path(), 29).await;
    let again = server(config()).await;
    let (administrator, owner) = (administrator.at(&again), owner.at(&again));
    assert_eq!(stored(&administrator).await, (messages, 1), "29 days are not 30");
    again.shutdown().await;

    age(folder.path(), 2).await;
    let again = server(config()).await;
    let (administrator, owner) = (administrator.at(&again), owner.at(&again));
    in_time("the sweep", async {
        while stored(&administrator).await.1 > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    // Without a policy the messages stay. Who had the copy is told that it is gone.
    assert_eq!(stored(&administrator).await, (messages, 0));
    assert_eq!(owner.get(&copies).await.expect(200)["items"], json!([]));
    let rows = erased(&owner, &resource).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].0.contains(".copy.us."), "{rows:?}");
    assert_eq!(erased(&administrator, "/v1/organisations/acme").await, []);

    // With a policy they go, each with a row of its own.
    let week = json!({ "chat": { "retentionDays": 7 } });
    administrator
        .patch("/v1/organisations/acme", week)
        .await
        .expect(200);
    again.shutdown().await;
    let again = server(config()).await;
    let administrator = administrator.at(&again);
    in_time("the sweep", async {
        while stored(&administrator).await.0 > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    let rows = erased(&administrator, "/v1/organisations/acme").await;
    assert_eq!(rows.len() as u64, messages, "{rows:?}");
    again.shutdown().await;
    let store = sidetone_store::Store::open(&folder.path().join("sidetone.redb")).unwrap();
    let now = sidetone_store::WallTime::from_millis(1);
    for entry in store.kv.list("chat.", now).await.unwrap() {
        let text = String::from_utf8_lossy(&entry.value);
        assert!(!text.contains("secret"), "{}", entry.key);
    }
}
