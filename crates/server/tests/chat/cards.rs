//! Cards (L16b): the same for everybody, answered by those who are asked, told to who asks.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::stage::Stage;

fn card() -> Value {
    json!({
        "title": "Leave",
        "text": "Two days in March",
        "facts": [{ "name": "From", "value": "2 March" }],
        "actions": [
            { "type": "open", "title": "Rules", "url": "https://rules.example/leave" },
            { "type": "press", "id": "approve", "title": "Approve" },
            { "type": "choose", "id": "when", "title": "When", "choices": ["now", "later"] },
            { "type": "enter", "id": "why", "title": "Why not" },
        ],
    })
}

#[tokio::test]
async fn a_card_is_shown_answered_edited_and_taken_back() {
    let stage = Stage::set().await;
    let (eve, bob, carol) = (stage.external("eve"), stage.member("bob"), stage.member("carol"));
    let receiver = Receiver::start(StatusCode::OK).await;
    stage
        .owner
        .post(
            &format!("/v1/resources/{}/subscriptions", stage.resource),
            json!({ "url": receiver.url }),
        )
        .await
        .expect(201);
    let (mut eve_hears, mut bob_hears, mut carol_hears) = (
        eve.session(&stage.server).await,
        bob.session(&stage.server).await,
        carol.session(&stage.server).await,
    );
    let thread = eve.begin(&[&bob, &carol]).await;
    for hears in [&mut eve_hears, &mut bob_hears, &mut carol_hears] {
        hears.event("chat.thread_created").await;
    }
    let wish = json!({ "card": card(), "priority": "urgent" });
    let id = eve.send(&thread, wish).await.expect(201)["id"].as_u64().unwrap();

    // Everybody has the same card, and who shows none has a text that says the same.
    let text = "Leave\nTwo days in March\nFrom: 2 March\nRules: https://rules.example/leave\n[Approve]\n\
                [When: now / later]\n[Why not]";
    for hears in [&mut eve_hears, &mut bob_hears, &mut carol_hears] {
        let heard = hears.event("chat.message_received").await;
        assert_eq!(heard["card"], card());
        let basics = (&heard["kind"], &heard["text"], &heard["priority"]);
        assert_eq!(basics, (&json!("text"), &json!(text), &json!("urgent")));
    }
    let message = format!("{thread}/messages/{id}");
    let shown = bob.http.get(&message).await.expect(200);
    assert_eq!(shown["content"]["card"], card());
    assert_eq!(shown["priority"], "urgent");
    let found = bob
        .http
        .get("/v1/chat/search?words=march%20approve")
        .await
        .expect(200);
    assert_eq!(found["items"][0]["id"], id);

    // Who is asked answers; who asked is told, and finds it later.
    let answers = format!("{message}/answers");
    for (who, action, value) in [
        (&bob, "approve", ""),
        (&carol, "why", "Too soon"),
        (&bob, "when", "later"),
    ] {
        let answer = json!({ "action": action, "value": value });
        who.http.post(&answers, answer).await.expect(204);
        let heard = eve_hears.event("chat.card_answered").await;
        assert_eq!((&heard["by"], &heard["action"]), (&json!(who.id), &json!(action)));
        assert_eq!(heard["value"].as_str().unwrap_or_default(), value);
    }
    let all = eve.http.get(&answers).await.expect(200);
    let said: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["value"])
        .collect();
    assert_eq!(said, ["later", "Too soon"]);
    assert_eq!(all["items"][0]["displayName"], "Bob");
    let own = carol.http.get(&answers).await.expect(200);
    assert_eq!(
        own["items"].as_array().unwrap().len(),
        1,
        "others see their own: {own}"
    );
    for (who, answer, status, problem) in [
        (&eve, json!({ "action": "approve" }), 422, "bad-content"),
        (&bob, json!({ "action": "reject" }), 404, "no-such-action"),
        (
            &bob,
            json!({ "action": "when", "value": "never" }),
            422,
            "bad-content",
        ),
        (
            &stage.external("pat"),
            json!({ "action": "approve" }),
            404,
            "no-such-thread",
        ),
    ] {
        let refused = who.http.post(&answers, answer).await;
        assert_eq!((refused.status, refused.problem()), (status, problem));
    }
    let told = |taken: &[crate::receiver::Taken]| {
        let answers = taken.iter().filter(|one| {
            let kind = one.event["type"].as_str().unwrap();
            kind.ends_with("ChatCardAnswered")
        });
        answers
            .map(|one| one.event["data"]["cardAnswer"]["value"].clone())
            .collect::<Vec<_>>()
    };
    let taken = receiver
        .until("every answer", |taken| told(taken).len() == 3)
        .await;
    assert_eq!(told(&taken).iter().filter(|value| *value == "later").count(), 1);
    let urgent = taken
        .iter()
        .filter(|one| one.event["data"]["priority"] == "urgent");
    assert!(urgent.count() >= 1);

    // Bob and Carol heard of no answer: the next that they hear is the edit, and then the end.
    let change = json!({ "card": { "title": "Leave: approved" } });
    eve.http.patch(&message, change).await.expect(200);
    for hears in [&mut bob_hears, &mut carol_hears] {
        let edited = hears.event("chat.message_edited").await;
        assert_eq!(edited["card"], json!({ "title": "Leave: approved" }));
        assert_eq!(edited["text"], "Leave: approved");
    }
    eve.http.delete(&message).await.expect(204);
    bob_hears.event("chat.message_deleted").await;
    let gone = bob.http.get(&message).await.expect(200);
    assert_eq!(gone["content"], json!({ "message": "" }));
    assert_eq!(eve.http.get(&answers).await.problem(), "message-deleted");
    stage.server.shutdown().await;
}

#[tokio::test]
async fn a_card_is_taken_whole_or_not_at_all() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let changed = |pointer: &str, value: Value| {
        let mut card = card();
        *card.pointer_mut(pointer).unwrap() = value;
        card
    };
    for (bad, statuses) in [
        (json!({}), [422, 422]),
        (json!({ "title": "x", "colour": "red" }), [400, 422]),
        (
            changed("/actions/0/url", json!("javascript:alert(1)")),
            [422, 422],
        ),
        (changed("/actions/2/id", json!("approve")), [422, 422]),
        (changed("/actions/1/type", json!("run")), [400, 422]),
        (changed("/title", json!("a\u{1b}[2J")), [422, 422]),
        (
            json!({ "images": [{ "attachment": "0f8fad5b-d9cb-469f-a165-70867728950e" }] }),
            [422, 422],
        ),
    ] {
        let refused = eve.send(&thread, json!({ "card": bad })).await;
        assert!(statuses.contains(&refused.status), "{bad}: {}", refused.body);
    }
    let html = json!({ "content": "<b>x</b>", "type": "html", "card": card() });
    assert_eq!(eve.send(&thread, html).await.problem(), "bad-content");
    assert_eq!(bob.texts(&thread).await, Vec::<String>::new());

    // With L16b as the source has it, external users have none; members have.
    stage.set_switches(json!({ "chatFeatures": "source" })).await;
    let refused = eve.send(&thread, json!({ "card": card() })).await;
    assert_eq!(
        (refused.status, refused.problem()),
        (403, "chat-features-disabled")
    );
    let sent = bob.send(&thread, json!({ "card": card() })).await.expect(201);
    let answers = format!("{thread}/messages/{}/answers", sent["id"]);
    let refused = eve.http.post(&answers, json!({ "action": "approve" })).await;
    assert_eq!(refused.problem(), "chat-features-disabled");
    stage.server.shutdown().await;
}
