//! Events of chat at a receiver, and what messages cost.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::receiver::{Receiver, Taken};
use crate::stage::Stage;

fn kind(taken: &Taken) -> String {
    let kind = taken.event["type"].as_str().unwrap();
    kind.strip_prefix("sidetone.chat.").unwrap().to_owned()
}

#[tokio::test]
async fn each_tenant_is_sent_its_events_once_for_each_user_and_once_for_the_thread() {
    let stage = Stage::set().await;
    let (eve, bob, carol) = (stage.external("eve"), stage.member("bob"), stage.member("carol"));
    let receiver = Receiver::start(StatusCode::OK).await;
    let wish = json!({ "url": receiver.url });
    stage
        .administrator
        .post("/v1/organisations/acme/subscriptions", wish)
        .await
        .expect(201);
    let thread = eve.begin(&[&bob, &carol]).await;
    let message = eve.say(&thread, "hello").await;
    eve.http
        .patch(
            &format!("{thread}/messages/{message}"),
            json!({ "content": "hello!" }),
        )
        .await
        .expect(200);
    eve.http
        .delete(&format!("{thread}/messages/{message}"))
        .await
        .expect(204);
    let edit = json!({ "topic": "Order 18" });
    eve.http.patch(&thread, edit).await.expect(200);
    eve.http
        .delete(&format!("{thread}/participants/{}", carol.id))
        .await
        .expect(204);
    eve.http.delete(&thread).await.expect(204);
    // To the organisation: for Bob and Carol each, and for the thread.
    let mut expected = std::collections::BTreeMap::from([
        ("ChatThreadCreatedWithUser", 2),
        ("ChatThreadCreated", 1),
        ("ChatMessageReceived", 2 + 2 + 1),
        ("ChatMessageReceivedInThread", 1 + 1 + 1),
        ("ChatMessageEdited", 2),
        ("ChatMessageEditedInThread", 1),
        ("ChatMessageDeleted", 2),
        ("ChatMessageDeletedInThread", 1),
        ("ChatThreadPropertiesUpdatedPerUser", 2),
        ("ChatThreadPropertiesUpdated", 1),
        ("ChatParticipantRemovedFromThreadWithUser", 1),
        ("ChatThreadParticipantRemoved", 1),
        ("ChatThreadWithUserDeleted", 2),
        ("ChatThreadDeleted", 1),
    ]);
    let all: usize = expected.values().sum();
    let taken = receiver.until("all events", |taken| taken.len() >= all).await;
    for event in &taken {
        let count = expected.get_mut(kind(event).as_str());
        let count = count.unwrap_or_else(|| panic!("unexpected {}", event.event));
        *count = count
            .checked_sub(1)
            .unwrap_or_else(|| panic!("too many {}", kind(event)));
    }
    assert!(expected.values().all(|left| *left == 0), "{expected:?}");
    let find = |wanted: &str| {
        taken
            .iter()
            .find(|one| kind(one) == wanted)
            .unwrap()
            .event
            .clone()
    };
    let received = find("ChatMessageReceived");
    let data = &received["data"];
    assert_eq!(data["messageBody"], "hello");
    assert_eq!(data["senderDisplayName"], "Eve (External)");
    assert_eq!(data["senderCommunicationIdentifier"]["rawId"], json!(eve.id));
    let recipient = data["recipientCommunicationIdentifier"]["rawId"]
        .as_str()
        .unwrap();
    assert_eq!(
        received["subject"],
        json!(format!(
            "thread/{}/recipient/{recipient}",
            thread.rsplit('/').next().unwrap()
        ))
    );
    assert_eq!(find("ChatMessageDeleted")["data"].get("messageBody"), None);
    assert_eq!(
        find("ChatThreadPropertiesUpdated")["data"]["properties"]["topic"],
        "Order 18"
    );
    // What happened later has a number that compares greater.
    let numbers: Vec<&str> = taken
        .iter()
        .map(|one| one.event["sequence"].as_str().unwrap())
        .collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    stage.server.shutdown().await;
}

#[tokio::test]
async fn messages_are_metered_to_the_resource_and_listed_for_members() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    for n in 0..3 {
        eve.say(&thread, &format!("eve {n}")).await;
    }
    for n in 0..5 {
        bob.say(&thread, &format!("bob {n}")).await;
    }
    let used = stage
        .owner
        .get(&format!("/v1/resources/{}/usage/records", stage.resource))
        .await
        .expect(200);
    let records: Vec<&Value> = used["items"].as_array().unwrap().iter().collect();
    let count = |metered: bool| records.iter().filter(|one| one["metered"] == metered).count();
    assert_eq!((count(true), count(false)), (3, 5), "{records:?}");
    assert!(
        records
            .iter()
            .all(|one| one["usageType"] == "messages" && one["quantity"] == 1)
    );
    stage.server.shutdown().await;
}
