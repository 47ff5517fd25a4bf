//! What follows from meetings in the books: the same events, records and usage as those of calls (L24, table 1.4).

use serde_json::{Value, json};
use sidetone_ledger::{CallKind, Fact, What};
use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting as wire;
use sidetone_store::Sequence;

use crate::person::{Place, link_of, participants, place};

async fn facts(place: &Place) -> Vec<Fact> {
    let facts = place.server.call_facts(Sequence(0), 200).await.unwrap();
    facts.into_iter().map(|(_, fact)| fact).collect()
}

/// Nia's visit with Pat, who waits first; ended for both.
async fn visit(place: &Place) -> Value {
    let meeting = place.meeting(json!({ "subject": "Visit" })).await;
    let mut nia = place.member("nia").await;
    nia.enter(link_of(&meeting)).await;
    let mut pat = place.pat().await;
    pat.join(link_of(&meeting)).await.unwrap();
    // Long enough to count.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let admit = Request::MeetingAdmit(wire::Admit {
        call: nia.call().call,
        participants: participants(&[&pat]),
    });
    nia.ask(admit).await.unwrap();
    pat.until("meeting.state", |state| state["state"] == "connected")
        .await;
    nia.ask(Request::MeetingEnd(nia.call())).await.unwrap();
    crate::support::until("the end to be written", async || {
        facts(place)
            .await
            .iter()
            .any(|fact| matches!(fact.what, What::Ended { .. }))
    })
    .await;
    meeting
}

#[tokio::test]
async fn a_meeting_is_told_of_as_any_call_is() {
    let place = place().await;
    let meeting = visit(&place).await;
    let facts = facts(&place).await;
    assert!(
        matches!(&facts[0].what, What::Started { kind: CallKind::Meeting, place, by, .. }
            if place.as_deref() == meeting["id"].as_str() && by.display_name == "Nia Nurse"),
        "{:?}",
        facts[0]
    );
    let names: Vec<Value> = facts
        .iter()
        .map(|fact| serde_json::to_value(fact).unwrap()["fact"].clone())
        .collect();
    assert_eq!(
        names,
        ["started", "joined", "waits", "joined", "left", "left", "ended"]
    );
    let numbers: Vec<u64> = facts.iter().map(|fact| fact.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);

    // The organisation's events, with the external user in them.
    let mut events = Vec::new();
    crate::support::until("the events to be written", async || {
        events = calling_events(&place).await;
        events.len() >= 6
    })
    .await;
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| kind(event).rsplit('.').next().unwrap_or_default())
        .collect();
    assert_eq!(
        kinds,
        [
            "CallStarted",
            "CallParticipantAdded",
            "CallParticipantAdded",
            "CallParticipantRemoved",
            "CallParticipantRemoved",
            "CallEnded"
        ],
        "{events:?}"
    );
    place.server.shutdown().await;
}

fn kind(event: &Value) -> &str {
    let kind = event["event"]["type"].as_str().or(event["type"].as_str());
    kind.unwrap_or_default()
}

/// The organisation's events of calls. Those of the conversation beside the meeting are among the others.
pub async fn calling_events(place: &Place) -> Vec<Value> {
    let page = place.admin.get("/v1/organisations/acme/events").await.expect(200);
    let mut events = page["items"].as_array().cloned().unwrap_or_default();
    events.retain(|event| kind(event).contains(".calling."));
    events
}

#[tokio::test]
async fn l24_in_the_source_no_events_are_raised_for_meetings() {
    let place = place().await;
    let switch = json!({ "switches": { "meetingEvents": "source" } });
    place
        .admin
        .patch("/v1/organisations/acme", switch)
        .await
        .expect(200);
    visit(&place).await;
    // Records are kept all the same.
    crate::support::until("the records to be written", async || {
        let calls = place.admin.get("/v1/organisations/acme/calls").await.expect(200);
        calls["items"].as_array().is_some_and(|calls| !calls.is_empty())
    })
    .await;
    assert_eq!(calling_events(&place).await, Vec::<Value>::new());
    place.server.shutdown().await;
}

#[tokio::test]
async fn the_lobby_counts_as_the_meeting_does() {
    let place = place().await;
    visit(&place).await;
    let mut records = Vec::new();
    crate::support::until("the usage to be written", async || {
        let month = humantime::format_rfc3339(std::time::SystemTime::now()).to_string();
        let path = format!(
            "/v1/resources/{}/usage/records?month={}",
            place.resource,
            &month[..7]
        );
        let page = place.owner.get(&path).await.expect(200);
        records = page["items"].as_array().cloned().unwrap_or_default();
        !records.is_empty()
    })
    .await;
    let pats = records
        .iter()
        .find(|record| record.to_string().contains(":pat"))
        .unwrap_or_else(|| panic!("{records:?}"));
    assert!(pats["lobbySeconds"].as_u64() >= Some(1), "{pats}");
    assert_eq!(pats["metered"], true);
    place.server.shutdown().await;
}
