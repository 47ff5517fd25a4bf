//! AC19: a backend sees everything of a meeting: events that survive an outage of their receiver, a roster with everyone, bots
//! that are told who comes, and programs that conduct it.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use sidetone_server::{DeliveryConfig, OutboundConfig, ServerConfig};
use sidetone_signaling::protocol::meeting::{self as wire, Locator, Role};
use sidetone_signaling::protocol::{CallId, NoticeKind, NoticeState, Request, SetNotice};
use sidetone_signaling::{Identifier, Reason};
use uuid::Uuid;

use crate::client::config;
use crate::person::{hears, link_of, participants, place_with};
use crate::receiver::{Receiver, Taken};

/// Every event once, in order, joined before left.
fn check(taken: &[Taken]) {
    let mut seen = BTreeSet::new();
    let events: Vec<&Taken> = taken.iter().filter(|event| seen.insert(event.id())).collect();
    assert!(events.is_sorted_by_key(|event| event.sequence()), "in order");
    let kinds: Vec<&str> = events.iter().map(|event| event.kind()).collect();
    assert_eq!(
        (kinds.first(), kinds.last()),
        (Some(&"CallStarted"), Some(&"CallEnded")),
        "{kinds:?}"
    );
    let mut present = BTreeSet::new();
    for event in &events {
        let who = event.event["data"]["participantId"].as_str();
        match event.kind() {
            "CallParticipantAdded" => assert!(present.insert(who), "{kinds:?}"),
            "CallParticipantRemoved" => assert!(present.remove(&who), "left before joined: {kinds:?}"),
            _ => {}
        }
    }
    assert!(present.is_empty(), "somebody never left: {kinds:?}");
}

#[tokio::test]
async fn ac19_the_server_side_sees_everything() {
    let place = place_with(ServerConfig {
        outbound: OutboundConfig {
            loopback: true,
            ..OutboundConfig::default()
        },
        deliveries: DeliveryConfig {
            first_retry: Duration::from_millis(20),
            longest_retry: Duration::from_millis(200),
            ..DeliveryConfig::default()
        },
        ..config()
    })
    .await;
    place
        .admin
        .put(
            "/v1/organisations/acme/applications/scribe",
            json!({ "name": "Scribe", "kind": "bot" }),
        )
        .await
        .expect(201);
    // Down for the whole meeting.
    let receiver = Receiver::start(StatusCode::SERVICE_UNAVAILABLE).await;
    let calling = [
        "CallStarted",
        "CallParticipantAdded",
        "CallParticipantRemoved",
        "CallEnded",
    ]
    .map(|kind| format!("sidetone.calling.{kind}"));
    place
        .admin
        .post(
            "/v1/organisations/acme/subscriptions",
            json!({ "url": receiver.url, "types": calling }),
        )
        .await
        .expect(201);

    let meeting = place
        .meeting(json!({ "presenters": ["application:acme:scribe"], "options": { "bypass": "everyone" } }))
        .await;
    let path = format!(
        "/v1/organisations/acme/meetings/{}",
        meeting["id"].as_str().unwrap()
    );
    let mut nia = place.member("nia").await;
    nia.enter(link_of(&meeting)).await;
    let scribe: Identifier = "application:acme:scribe".parse().unwrap();
    let mut bot = place.somebody(scribe, None).await;
    let joined = bot.enter(link_of(&meeting)).await;
    assert_eq!(joined.role, Role::Presenter);
    let mut eve = place.somebody(place.external("eve"), Some("Eve")).await;
    eve.enter(link_of(&meeting)).await;
    // L30: the bot is told that Eve is there.
    let number = eve.number();
    let told = bot
        .until("meeting.roster", |roster| {
            let rows = roster["present"].as_array().cloned().unwrap_or_default();
            rows.iter().any(|row| row["participant"] == number)
        })
        .await;
    assert!(told.to_string().contains("external_user"), "{told}");
    // What a program plays is heard by all: it has ears and a voice like anybody.
    hears(&mut nia, &mut bot).await;
    hears(&mut eve, &mut bot).await;
    hears(&mut bot, &mut eve).await;
    let record = SetNotice {
        call: bot.call().call,
        kind: NoticeKind::Recording,
        state: NoticeState::Active,
        consent: false,
    };
    bot.ask(Request::Notice(record)).await.unwrap();
    eve.until("call.notices", |notices| {
        notices["notices"][0]["display_name"] == "Scribe"
    })
    .await;
    // It adds and removes people.
    let mut omar = place.member("omar").await;
    let add = wire::Add {
        call: bot.call().call,
        to: Identifier::member("acme", "omar").unwrap(),
    };
    bot.ask(Request::MeetingAdd(add)).await.unwrap();
    omar.until("meeting.incoming", |_| true).await;
    omar.enter(Locator::Call(bot.call().call)).await;
    let remove = wire::Remove {
        call: bot.call().call,
        participant: participants(&[&omar])[0],
    };
    bot.ask(Request::MeetingRemove(remove)).await.unwrap();
    omar.until("meeting.ended", |ended| {
        ended["reason"]["subcode"] == Reason::REMOVED.subcode
    })
    .await;
    // L20: everyone, with kind, name and times.
    let roster = place.admin.get(&format!("{path}/participants")).await.expect(200);
    let rows = roster["items"].as_array().unwrap();
    let kinds: Vec<&str> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["member", "application", "external_user", "member"],
        "{roster}"
    );
    assert_eq!(rows[2]["displayName"], "Eve (External)");
    assert!(
        rows[2]["joinedAt"].is_string() && rows[3]["leftAt"].is_string(),
        "{roster}"
    );
    nia.ask(Request::MeetingEnd(nia.call())).await.unwrap();
    eve.until("meeting.ended", |_| true).await;

    // The outage is over: all of it arrives, in order.
    receiver.until_turned_away(8).await;
    assert!(receiver.taken().is_empty());
    receiver.answers(StatusCode::NO_CONTENT);
    let ended = |taken: &[Taken]| taken.iter().any(|event| event.kind() == "CallEnded");
    let taken = receiver.until("the end of the meeting", ended).await;
    check(&taken);
    let names: BTreeSet<&str> = taken
        .iter()
        .filter_map(|event| event.event["data"]["displayName"].as_str())
        .collect();
    assert!(
        names.contains("Eve (External)") && names.contains("Scribe"),
        "{names:?}"
    );

    // L31: Eve begins a group call, and a member comes to it by its link.
    let call = CallId(Uuid::new_v4());
    let invite = Vec::new();
    let begun = eve.enter(Locator::Group { call, invite }).await;
    let mut omar = place.member("omar").await;
    omar.enter(Locator::Link(begun.link.unwrap())).await;
    hears(&mut eve, &mut omar).await;
    hears(&mut omar, &mut eve).await;
    place.server.shutdown().await;
}
