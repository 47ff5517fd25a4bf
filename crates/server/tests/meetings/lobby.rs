//! AC7: meeting join and lobby, start to end, at a real server.

use std::time::Duration;

use serde_json::{Value, json};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::{self as wire, LobbyReason, Passage};

use crate::person::{Person, link_of, participants, place};

const WAITS_FOR_MEMBER: Passage = Passage::InLobby {
    reason: LobbyReason::WaitingForMember,
};
const WAITS_FOR_ADMISSION: Passage = Passage::InLobby {
    reason: LobbyReason::WaitingForAdmission,
};

async fn ended(person: &mut Person) -> Value {
    person.until("meeting.ended", |_| true).await["reason"]["subcode"].clone()
}

async fn is_asked_to_wait_for_admission(person: &mut Person) {
    person
        .until("meeting.state", |state| {
            state["reason"] == "waiting_for_admission"
        })
        .await;
}

#[tokio::test]
async fn ac7_meeting_join_and_lobby() {
    let place = place().await;
    // (1) Nothing was set up: the link is in the meeting's own entry, and in the API.
    let meeting = place.meeting(json!({ "subject": "Budget" })).await;
    let path = format!(
        "/v1/organisations/acme/meetings/{}",
        meeting["id"].as_str().unwrap()
    );
    let entry = place.admin.get(&path).await.expect(200);
    assert_eq!(entry["link"], meeting["link"]);
    let (mut eve, mut eli) = (
        place.somebody(place.external("eve"), Some("Eve")).await,
        place.somebody("guest:eli".parse().unwrap(), Some("Eli")).await,
    );
    assert_eq!(eve.join(link_of(&entry)).await.unwrap().passage, WAITS_FOR_MEMBER);
    let (mut nia, mut omar) = (place.member("nia").await, place.member("omar").await);
    nia.enter(link_of(&meeting)).await;
    // Nobody is in by having come first.
    is_asked_to_wait_for_admission(&mut eve).await;
    assert_eq!(
        eli.join(link_of(&meeting)).await.unwrap().passage,
        WAITS_FOR_ADMISSION
    );
    let mut seen = Vec::new();
    nia.until("meeting.lobby", |lobby| {
        let added = lobby["added"].as_array().cloned().unwrap_or_default();
        seen.extend(
            added
                .iter()
                .map(|entry| entry["display_name"].as_str().unwrap().to_owned()),
        );
        seen.len() == 2
    })
    .await;
    assert_eq!(seen, ["Eve (External)", "Eli (External)"]);
    let call = nia.call().call;
    let (admitted, rejected) = (participants(&[&eve]), participants(&[&eli]));
    nia.ask(Request::MeetingAdmit(wire::Admit {
        call,
        participants: admitted,
    }))
    .await
    .unwrap();
    eve.until("meeting.state", |state| {
        // What everyone inside knows.
        state["state"] == "connected"
            && state["thread"] == meeting["thread"]
            && state["link"] == meeting["link"]
    })
    .await;
    nia.ask(Request::MeetingReject(wire::Reject {
        call,
        participants: rejected,
    }))
    .await
    .unwrap();
    assert_eq!(ended(&mut eli).await, Reason::LOBBY_DENIED.subcode);
    assert_eq!(
        eli.join(link_of(&meeting)).await.unwrap().passage,
        WAITS_FOR_ADMISSION
    );
    let again = participants(&[&eli]);
    nia.ask(Request::MeetingAdmit(wire::Admit {
        call,
        participants: again,
    }))
    .await
    .unwrap();
    eli.until("meeting.state", |state| state["state"] == "connected")
        .await;

    // (2) Locked: its own reason, for whoever is not in.
    nia.ask(Request::MeetingLock(wire::Lock { call, locked: true }))
        .await
        .unwrap();
    let refused = omar.join(link_of(&meeting)).await.unwrap_err();
    assert!(refused.is(&Reason::MEETING_LOCKED), "{refused}");
    nia.ask(Request::MeetingLock(wire::Lock { call, locked: false }))
        .await
        .unwrap();
    // Over while somebody waits: another reason.
    let mut late = place.somebody("guest:lea".parse().unwrap(), Some("Lea")).await;
    late.join(link_of(&meeting)).await.unwrap();
    nia.ask(Request::MeetingEnd(nia.call())).await.unwrap();
    assert_eq!(ended(&mut late).await, Reason::MEETING_ENDED.subcode);
    assert_eq!(ended(&mut eve).await, Reason::ENDED_FOR_ALL.subcode);

    // Everyone may pass the lobby, as policy and as the meeting's choice: in at the moment that a member is.
    for by_policy in [true, false] {
        let bypass = if by_policy {
            "everyone"
        } else {
            "everyoneInCompany"
        };
        place.allow(json!({ "meetings": { "bypass": bypass } })).await;
        let options = if by_policy {
            json!({})
        } else {
            json!({ "bypass": "everyone" })
        };
        let meeting = place.meeting(json!({ "options": options })).await;
        let mut early = place.somebody(place.external("eve"), Some("Eve")).await;
        assert_eq!(
            early.join(link_of(&meeting)).await.unwrap().passage,
            WAITS_FOR_MEMBER
        );
        let mut nia = place.member("nia").await;
        nia.enter(link_of(&meeting)).await;
        early
            .until("meeting.state", |state| state["state"] == "connected")
            .await;
        let mut next = place.pat().await;
        assert_eq!(
            next.join(link_of(&meeting)).await.unwrap().passage,
            Passage::Connected
        );
    }
    // Too long in the lobby.
    place
        .allow(json!({ "meetings": { "lobbySeconds": 1, "bypass": "everyoneInCompany" } }))
        .await;
    let meeting = place.meeting(json!({})).await;
    let mut eve = place.somebody(place.external("eve"), Some("Eve")).await;
    eve.join(link_of(&meeting)).await.unwrap();
    assert_eq!(ended(&mut eve).await, Reason::LOBBY_TIMEOUT.subcode);
    // Somebody who has it timed comes a moment before the member, over and over: that lets nobody in.
    place
        .allow(json!({ "meetings": { "lobbySeconds": 600, "bypass": "everyoneInCompany" } }))
        .await;
    let mut attacker = place.somebody("guest:mal".parse().unwrap(), Some("Mal")).await;
    for _ in 0..3 {
        assert_eq!(
            attacker.join(link_of(&meeting)).await.unwrap().passage,
            WAITS_FOR_MEMBER
        );
        attacker
            .ask(Request::MeetingLeave(attacker.call()))
            .await
            .unwrap();
    }
    attacker.join(link_of(&meeting)).await.unwrap();
    let mut nia = place.member("nia").await;
    nia.enter(link_of(&meeting)).await;
    is_asked_to_wait_for_admission(&mut attacker).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let roster = nia.until("meeting.roster", |roster| roster["total"] == 1).await;
    assert_eq!(roster["present"].as_array().unwrap().len(), 1, "{roster}");

    // Switched off: refused, without a lobby.
    place
        .allow(json!({ "meetings": { "anonymousJoin": false } }))
        .await;
    let mut eve = place.somebody(place.external("eve"), Some("Eve")).await;
    let refused = eve.join(link_of(&meeting)).await.unwrap_err();
    assert!(refused.is(&Reason::ANONYMOUS_JOIN_DISABLED), "{refused}");
    assert_eq!(
        ended(&mut attacker).await,
        Reason::ANONYMOUS_JOIN_DISABLED.subcode
    );
    place.server.shutdown().await;
}
