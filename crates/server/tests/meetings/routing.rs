//! Calls and meetings know of each other: who is in a meeting is busy, and who is asked into one is rung where their rules
//! send calls.

use serde_json::{Value, json};
use sidetone_signaling::protocol::meeting::{self as wire, Locator};
use sidetone_signaling::protocol::{CallId, Request, Start};
use sidetone_signaling::{Identifier, Reason};
use uuid::Uuid;

use crate::person::{Person, Place, hears, link_of, place};

async fn rules(place: &Place, of: &str, rules: Value) {
    let path = format!("/v1/organisations/acme/members/{of}/routing");
    place.admin.put(&path, rules).await.expect(200);
}

async fn calls(caller: &mut Person, to: &str) -> Result<Value, Reason> {
    let start = Start::new(CallId(Uuid::new_v4()), Identifier::member("acme", to).unwrap());
    caller.ask(Request::Start(start)).await
}

fn add(of: &Person, to: &str) -> Request {
    Request::MeetingAdd(wire::Add {
        call: of.call().call,
        to: Identifier::member("acme", to).unwrap(),
    })
}

#[tokio::test]
async fn who_is_in_a_meeting_is_busy_until_they_leave() {
    let place = place().await;
    rules(&place, "omar", json!({ "busyOnBusy": true })).await;
    let meeting = place.meeting(json!({})).await;
    let (mut nia, mut omar) = (place.member("nia").await, place.member("omar").await);
    let mut eve = place.somebody(place.external("eve"), Some("Eve")).await;
    // Before the door counts as well.
    nia.enter(link_of(&meeting)).await;
    omar.enter(link_of(&meeting)).await;
    let refused = calls(&mut eve, "omar").await.unwrap_err();
    assert!(refused.is(&Reason::BUSY), "{refused}");
    // Who wants second calls gets them, and their rule for a busy line holds.
    calls(&mut eve, "nia").await.unwrap();
    nia.until("call.incoming", |_| true).await;
    rules(
        &place,
        "omar",
        json!({ "busyOnBusy": true, "busy": { "kind": "identity", "identity": "member:acme:nia" } }),
    )
    .await;
    calls(&mut eve, "omar").await.unwrap();
    nia.until("call.incoming", |incoming| {
        incoming["on_behalf_of"].is_object() || incoming["on_behalf_of"].is_string()
    })
    .await;
    omar.ask(Request::MeetingLeave(omar.call())).await.unwrap();
    rules(&place, "omar", json!({ "busyOnBusy": true })).await;
    calls(&mut eve, "omar").await.unwrap();
    omar.until("call.incoming", |_| true).await;
    place.server.shutdown().await;
}

#[tokio::test]
async fn whoever_is_asked_to_come_is_rung_where_their_rules_send_calls() {
    let place = place().await;
    let path = "/v1/organisations/acme/members/mia";
    place
        .admin
        .put(path, json!({ "displayName": "Mia" }))
        .await
        .expect(201);
    let meeting = place.meeting(json!({})).await;
    let (mut nia, mut omar, mut mia) = (
        place.member("nia").await,
        place.member("omar").await,
        place.member("mia").await,
    );
    nia.enter(link_of(&meeting)).await;
    rules(&place, "omar", json!({ "doNotDisturb": true })).await;
    let refused = nia.ask(add(&nia, "omar")).await.unwrap_err();
    assert!(refused.is(&Reason::DO_NOT_DISTURB), "{refused}");

    // In a call between two, and busy with it.
    rules(&place, "omar", json!({ "busyOnBusy": true })).await;
    let mut eve = place.somebody(place.external("eve"), Some("Eve")).await;
    calls(&mut omar, "mia").await.unwrap();
    let refused = nia.ask(add(&nia, "omar")).await.unwrap_err();
    assert!(refused.is(&Reason::BUSY), "{refused}");
    mia.until("call.incoming", |_| true).await;

    rules(
        &place,
        "omar",
        json!({ "always": { "kind": "identity", "identity": "member:acme:mia" } }),
    )
    .await;
    let added = nia.ask(add(&nia, "omar")).await.unwrap();
    let incoming = mia.until("meeting.incoming", |_| true).await;
    assert_eq!(incoming["on_behalf_of"], json!("member:acme:omar"), "{incoming}");
    let joined = mia.enter(Locator::Call(nia.call().call)).await;
    assert_eq!(added["participant"], joined.participant.0);
    hears(&mut nia, &mut mia).await;
    let roster = nia
        .until("meeting.roster", |roster| {
            let rows = roster["present"].as_array().cloned().unwrap_or_default();
            rows.iter().any(|row| row["display_name"] == "Mia")
        })
        .await;
    assert_eq!(roster["total"], 2, "{roster}");
    // Who has no endpoint, and whoever has voicemail and takes no calls now, cannot be asked.
    rules(&place, "omar", json!({})).await;
    drop(omar.client);
    let gone = nia.ask(add(&nia, "zoe")).await.unwrap_err();
    assert!(!gone.is(&Reason::UNKNOWN_REQUEST), "{gone}");
    eve.poll();
    place.server.shutdown().await;
}
