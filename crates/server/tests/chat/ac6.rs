//! Ad-hoc chat, start to end (spec AC6).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::Locator;
use sidetone_signaling::protocol::{CallId, Request, Start};
use uuid::Uuid;

use crate::person::hears;
use crate::stage::{Stage, User};

fn name(message: &Value) -> &str {
    message["sender_display_name"].as_str().unwrap()
}

#[tokio::test]
async fn ad_hoc_chat_between_an_external_user_and_members() {
    let stage = Stage::set().await;
    let (eve, bob, carol) = (stage.external("eve"), stage.member("bob"), stage.member("carol"));
    let (mut eve_hears, mut bob_hears, mut carol_hears) = (
        eve.session(&stage.server).await,
        bob.session(&stage.server).await,
        carol.session(&stage.server).await,
    );

    // Eve begins a thread with Bob by his id, and adds Carol with history.
    let thread = eve.begin(&[&bob]).await;
    let begun = bob_hears.event("chat.thread_created").await;
    assert_eq!(begun["thread"]["topic"], "Order 17");
    let shown: Vec<_> = begun["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["display_name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(shown, ["Eve (External)", "Bob"]);
    eve_hears.event("chat.thread_created").await;

    eve.say(&thread, "hello").await;
    let html = json!({ "content": "<b>rich</b><script>x()</script>", "type": "html" });
    eve.send(&thread, html).await.expect(201);
    for _ in 0..2 {
        eve_hears.event("chat.message_received").await;
    }
    let heard = bob_hears.event("chat.message_received").await;
    assert_eq!(
        (&heard["text"], name(&heard)),
        (&json!("hello"), "Eve (External)")
    );
    assert_eq!(
        bob_hears.event("chat.message_received").await["text"],
        "<b>rich</b>"
    );
    let add = json!({ "participants": [{ "id": carol.id }], "shareHistoryTime": "1970-01-01T00:00:00Z" });
    let added = eve
        .http
        .post(&format!("{thread}/participants"), add)
        .await
        .expect(200);
    assert_eq!(added["added"], json!([carol.id]));
    carol_hears.event("chat.thread_created").await;
    carol_hears.event("chat.message_received").await;
    for hears in [&mut eve_hears, &mut bob_hears] {
        hears.event("chat.participants_added").await;
        assert_eq!(
            hears.event("chat.message_received").await["kind"],
            "participant_added"
        );
    }
    assert_eq!(carol.texts(&thread).await, ["hello", "<b>rich</b>"]);

    // Typing and receipts, in both directions, always with a name.
    eve.http
        .post(&format!("{thread}/typing"), json!({}))
        .await
        .expect(204);
    for hears in [&mut bob_hears, &mut carol_hears] {
        let typing = hears.event("chat.typing_received").await;
        assert_eq!(typing["display_name"], "Eve (External)");
    }
    bob.http
        .post(&format!("{thread}/typing"), json!({}))
        .await
        .expect(204);
    assert_eq!(
        eve_hears.event("chat.typing_received").await["display_name"],
        "Bob"
    );
    carol_hears.event("chat.typing_received").await;
    let read = json!({ "message": 3 });
    bob.http
        .post(&format!("{thread}/read-receipts"), read.clone())
        .await
        .expect(204);
    let receipt = eve_hears.event("chat.read_receipt_received").await;
    assert_eq!(
        (&receipt["reader"], &receipt["read_by"], &receipt["of"]),
        (&json!(bob.id), &json!(1), &json!(2))
    );
    carol_hears.event("chat.read_receipt_received").await;
    eve.http
        .post(&format!("{thread}/read-receipts"), json!({ "message": 4 }))
        .await
        .expect(204);
    bob_hears.event("chat.read_receipt_received").await;
    carol_hears.event("chat.read_receipt_received").await;
    let receipts = eve.http.get(&format!("{thread}/read-receipts")).await.expect(200);
    assert_eq!(receipts["receipts"].as_array().unwrap().len(), 2);

    // Bob sends, edits one message, deletes another, replies, reacts, mentions, pins.
    let first = bob.say(&thread, "helo").await;
    let second = bob.say(&thread, "to be regretted").await;
    bob.http
        .patch(
            &format!("{thread}/messages/{first}"),
            json!({ "content": "hello" }),
        )
        .await
        .expect(200);
    bob.http
        .delete(&format!("{thread}/messages/{second}"))
        .await
        .expect(204);
    let reply = json!({ "content": "yes, Eve?", "replyTo": 2, "mentions": [eve.id] });
    bob.send(&thread, reply).await.expect(201);
    bob.http
        .put(&format!("{thread}/messages/2/reactions/%F0%9F%91%8D"), json!({}))
        .await
        .expect(204);
    bob.http
        .put(&format!("{thread}/messages/2/pin"), json!({}))
        .await
        .expect(204);
    let heard = eve_hears.event("chat.message_received").await;
    assert_eq!((&heard["text"], name(&heard)), (&json!("helo"), "Bob"));
    eve_hears.event("chat.message_received").await;
    assert_eq!(eve_hears.event("chat.message_edited").await["text"], "hello");
    assert_eq!(eve_hears.event("chat.message_deleted").await["id"], second);
    let reply = eve_hears.event("chat.message_received").await;
    assert_eq!(
        (&reply["reply_to"], &reply["mentions"]),
        (&json!(2), &json!([eve.id]))
    );
    let reacted = eve_hears.event("chat.message_edited").await;
    assert_eq!(
        reacted["reactions"],
        json!([{ "emoji": "👍", "count": 1, "by": [bob.id] }])
    );
    assert_eq!(eve_hears.event("chat.message_edited").await["pinned"], true);
    assert_eq!(
        eve.texts(&thread).await,
        ["hello", "<b>rich</b>", "hello", "yes, Eve?"]
    );
    eve.http
        .patch(
            &format!("{thread}/messages/{first}"),
            json!({ "content": "mine" }),
        )
        .await
        .expect(403);

    // Bob sends an image and a file, Eve an image: the others have the same bytes.
    for (from, file, bytes) in [
        (
            &bob,
            ("scan.png", "image/png"),
            &b"\x89PNG\r\n\x1a\n and the rest"[..],
        ),
        (&bob, ("report.pdf", "application/pdf"), b"%PDF-1.7"),
        (&eve, ("photo.png", "image/png"), b"\x89PNG\r\n\x1a\n of Eve's"),
    ] {
        let address = from.send_file(&thread, file, bytes).await;
        for who in [&eve, &bob, &carol] {
            let (status, found) = who.http.sound("GET", &address, "", b"").await;
            assert_eq!((status, &found[..]), (200, bytes), "{file:?}");
        }
    }

    // Whoever looks, everybody is called the same, in the list and on every message.
    let mut shown = Vec::new();
    for viewer in [&eve, &bob, &carol] {
        let people = viewer
            .http
            .get(&format!("{thread}/participants"))
            .await
            .expect(200);
        let messages = viewer
            .http
            .get(&format!("{thread}/messages?limit=200"))
            .await
            .expect(200);
        let names = |list: &Value, id: &str, name: &str| -> BTreeSet<(String, String)> {
            let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
            let list = list["items"].as_array().unwrap();
            list.iter().map(|one| (text(one, id), text(one, name))).collect()
        };
        shown.push((
            names(&people, "id", "displayName"),
            names(&messages, "sender", "senderDisplayName"),
        ));
    }
    assert!(shown.windows(2).all(|pair| pair[0] == pair[1]), "{shown:?}");
    let named = |user: &User, name: &str| (user.id.clone(), name.to_owned());
    assert_eq!(
        shown[0].0,
        BTreeSet::from([
            named(&eve, "Eve (External)"),
            named(&bob, "Bob"),
            named(&carol, "Carol")
        ])
    );
    assert!(shown[0].1.is_subset(&shown[0].0), "{shown:?}");

    // Bob presses Call: everybody is rung out of this thread, and who comes is told which it is.
    let id = thread.rsplit('/').next().unwrap();
    let (mut bobs, mut eves) = (bob.phone(&stage.server).await, eve.phone(&stage.server).await);
    let out_of = Locator::Thread {
        thread: ThreadId(id.parse().unwrap()),
        call: CallId(Uuid::new_v4()),
    };
    let joined = bobs.enter(out_of).await;
    assert_eq!(joined.thread.as_deref(), Some(id));
    let rang = eves.until("meeting.incoming", |_| true).await;
    assert_eq!(
        (&rang["thread"], &rang["display_name"]),
        (&json!(id), &json!("Bob"))
    );
    loop {
        // Among the messages with files.
        let (_, event, params) = carol_hears.any_event().await;
        if event == "meeting.incoming" {
            assert_eq!(params["thread"], json!(id));
            break;
        }
    }
    let came = eves.enter(Locator::Call(joined.call)).await;
    assert_eq!((came.call, came.thread.as_deref()), (joined.call, Some(id)));
    hears(&mut bobs, &mut eves).await;

    // Carol begins a chat with Eve.
    let carols = carol.begin(&[&eve]).await;
    carol.say(&carols, "Carol here").await;
    let listed = eve.http.get("/v1/chat/threads").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);

    // Finally Eve deletes the chat: Bob is out of it, and is shown nothing of it any more.
    eve.http.delete(&thread).await.expect(204);
    loop {
        let (_, event, params) = bob_hears.any_event().await;
        if event == "chat.thread_deleted" {
            assert_eq!(params["hide_history"], true);
            break;
        }
    }
    for who in [&eve, &bob, &carol] {
        let gone = who.http.get(&format!("{thread}/messages")).await;
        assert_eq!((gone.status, gone.problem()), (404, "no-such-thread"));
    }
    let listed = bob.http.get("/v1/chat/threads").await.expect(200);
    assert_eq!(listed["items"], json!([]));
    // What is stored ends as retention has it, and not because somebody was hidden from it.
    let stored = stage
        .administrator
        .get("/v1/organisations/acme/chat/storage")
        .await
        .expect(200);
    let kept = stored["items"].as_array().unwrap().iter();
    let kept = kept.filter(|one| one["thread"] == json!(id)).count();
    assert_eq!(kept, 1, "{stored}");
    stage.server.shutdown().await;
}

#[tokio::test]
async fn the_same_with_the_sources_limits_is_refused_with_a_reason() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let message = bob.say(&thread, "hi").await;
    stage
        .set_switches(json!({
            "chatInitiation": "source", "chatAttachments": "source", "chatDeletion": "source",
            "readReceipts": "source", "memberEdits": "source", "chatFeatures": "source",
            "chatCalls": "source", "typingNames": "source",
        }))
        .await;
    let refused = bob
        .http
        .post("/v1/chat/threads", json!({ "participants": [{ "id": eve.id }] }))
        .await;
    assert_eq!(
        (refused.status, refused.problem()),
        (403, "chat-initiation-disabled")
    );
    assert_eq!(
        (&refused.body["code"], &refused.body["subcode"]),
        (&json!(403), &json!(5280))
    );
    let edit = json!({ "content": "x" });
    let refused = bob
        .http
        .patch(&format!("{thread}/messages/{message}"), edit)
        .await;
    assert_eq!(refused.problem(), "member-edits-disabled");
    let read = json!({ "message": message });
    let refused = bob.http.post(&format!("{thread}/read-receipts"), read).await;
    assert_eq!(refused.problem(), "read-receipts-disabled");
    let refused = eve
        .send(&thread, json!({ "content": "x", "replyTo": message }))
        .await;
    assert_eq!(refused.problem(), "chat-features-disabled");
    let (status, _) = eve
        .http
        .sound(
            "POST",
            &format!("{thread}/attachments?name=a.txt"),
            "text/plain",
            b"x",
        )
        .await;
    assert_eq!(status, 403);
    let mut bobs = bob.session(&stage.server).await;
    let call = Request::Start(Start {
        thread: Some(ThreadId(thread.rsplit('/').next().unwrap().parse().unwrap())),
        ..Start::new(CallId(Uuid::new_v4()), eve.id.parse().unwrap())
    });
    let refused = bobs.call(&call).await.unwrap_err();
    assert!(refused.is(&Reason::CHAT_CALLS_DISABLED), "{refused}");
    // L13 is no refusal: what a member types is told without a name.
    let mut eves = eve.session(&stage.server).await;
    bob.http
        .post(&format!("{thread}/typing"), json!({}))
        .await
        .expect(204);
    assert_eq!(eves.event("chat.typing_received").await["display_name"], "");
    let refused = eve.http.delete(&format!("{thread}?mode=forAll")).await;
    assert_eq!(refused.problem(), "chat-deletion-disabled");
    eve.http.delete(&thread).await.expect(204);
    bob.http.get(&format!("{thread}/messages")).await.expect(404);
    assert_eq!(eve.texts(&thread).await, ["hi"], "the external user keeps it");
    stage.server.shutdown().await;
}

#[tokio::test]
async fn closed_access_refuses_with_the_gate() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    stage
        .administrator
        .put(
            "/v1/organisations/acme/federation",
            json!({ "enableExternalUsers": false, "allowedResources": [stage.resource] }),
        )
        .await
        .expect(200);
    for answer in [
        eve.send(&thread, json!({ "content": "x" })).await,
        eve.http
            .post("/v1/chat/threads", json!({ "participants": [{ "id": bob.id }] }))
            .await,
    ] {
        assert_eq!((answer.status, answer.problem()), (403, "federation-disabled"));
        assert_eq!(answer.body["subcode"], 5233);
    }
    stage.server.shutdown().await;
}
