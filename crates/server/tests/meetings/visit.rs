//! A virtual visit, start to end (spec AC7, AC8): made over HTTP, joined by link, a lobby, voices that reach only those
//! who are in, the end for everyone.

use serde_json::json;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::{self as wire, LobbyReason, Locator, Passage, Role};

use crate::person::{hears, link_of, overheard, participants, place};

#[tokio::test]
async fn nia_lets_pat_in_and_they_hear_each_other() {
    let place = place().await;
    let meeting = place.meeting(json!({ "subject": "Visit" })).await;
    let mut pat = place.pat().await;
    let joined = pat.join(link_of(&meeting)).await.unwrap();
    assert_eq!(
        joined.passage,
        Passage::InLobby {
            reason: LobbyReason::WaitingForMember
        }
    );
    assert_eq!(joined.display_name, "Pat (External)");
    // In the lobby media comes up as well.
    pat.connect().await;

    let mut nia = place.member("nia").await;
    let mut omar = place.member("omar").await;
    assert_eq!(nia.enter(link_of(&meeting)).await.role, Role::Organiser);
    // By number and passcode, as people type them.
    let by_number = Locator::Meeting {
        id: meeting["id"].as_str().unwrap().to_owned(),
        passcode: meeting["passcode"].as_str().unwrap().to_ascii_uppercase(),
    };
    omar.enter(by_number).await;
    pat.until("meeting.state", |state| {
        state["reason"] == "waiting_for_admission"
    })
    .await;
    let lobby = nia
        .until("meeting.lobby", |lobby| lobby["added"][0].is_object())
        .await;
    assert_eq!(lobby["added"][0]["display_name"], "Pat (External)");
    assert_eq!(lobby["added"][0]["kind"], "external_user");

    // Nobody before the door hears what is said inside, or is heard there.
    assert_eq!(overheard(&mut pat, &mut omar, &mut nia).await, 0);
    for _ in 0..20 {
        pat.talk();
    }
    let admit = Request::MeetingAdmit(wire::Admit {
        call: nia.call().call,
        participants: participants(&[&pat]),
    });
    nia.ask(admit).await.unwrap();
    pat.until("meeting.state", |state| state["state"] == "connected")
        .await;
    let roster = pat
        .until("meeting.roster", |roster| roster["snapshot"] == true)
        .await;
    assert_eq!(roster["present"].as_array().unwrap().len(), 2, "{roster}");
    hears(&mut pat, &mut nia).await;
    hears(&mut nia, &mut pat).await;
    hears(&mut omar, &mut pat).await;
    let number = pat.number();
    tokio::select! {
        () = pat.talk_on() => {}
        _ = omar.until("meeting.speakers", |told| told["speakers"][0] == number) => {}
    }

    // What an attendee from outside may not do.
    let remove = Request::MeetingRemove(wire::Remove {
        call: pat.call().call,
        participant: participants(&[&omar])[0],
    });
    assert!(pat.ask(remove).await.unwrap_err().is(&Reason::ROLE_RESTRICTED));
    assert_eq!(
        joined.capabilities[&wire::Capability::Record],
        wire::Standing::NotAdmitted
    );

    // The end is for everyone.
    let end = Request::MeetingEnd(nia.call());
    nia.ask(end).await.unwrap();
    let ended = pat.until("meeting.ended", |_| true).await;
    assert_eq!(ended["reason"]["subcode"], 4097);
    omar.until("meeting.ended", |_| true).await;
    place.server.shutdown().await;
}

#[tokio::test]
async fn whoever_is_muted_by_others_is_heard_by_nobody() {
    let place = place().await;
    let meeting = place
        .meeting(json!({ "options": { "bypass": "everyone" } }))
        .await;
    let (mut nia, mut omar, mut pat) = (
        place.member("nia").await,
        place.member("omar").await,
        place.pat().await,
    );
    for person in [&mut nia, &mut omar, &mut pat] {
        person.enter(link_of(&meeting)).await;
    }
    hears(&mut nia, &mut pat).await;
    let mute = Request::MeetingMuteOthers(wire::MuteOthers {
        call: nia.call().call,
        participants: participants(&[&pat]),
    });
    nia.ask(mute).await.unwrap();
    pat.until("meeting.muted_by", |_| true).await;
    nia.until("meeting.roster", |roster| {
        let rows = roster["present"].as_array().cloned().unwrap_or_default();
        rows.iter()
            .any(|row| row["participant"] == pat.number() && row["muted"] == true)
    })
    .await;
    // Whatever was under way has arrived when Omar, who talks too, has been heard.
    hears(&mut nia, &mut omar).await;
    let before = nia.heard[&pat.number()];
    for _ in 0..20 {
        pat.talk();
        hears(&mut nia, &mut omar).await;
    }
    assert_eq!(nia.heard[&pat.number()], before, "muted, and heard");
    let unmute = Request::MeetingMute(wire::Mute {
        call: pat.call().call,
        muted: false,
    });
    pat.ask(unmute).await.unwrap();
    hears(&mut nia, &mut pat).await;
    place.server.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_joined_says_why() {
    let place = place().await;
    let meeting = place.meeting(json!({})).await;
    let mut pat = place.pat().await;
    let wrong = Locator::Link(format!("{}x", meeting["link"].as_str().unwrap()));
    assert!(pat.join(wrong).await.unwrap_err().is(&Reason::NO_SUCH_MEETING));
    let admin = &place.admin;
    admin
        .patch(
            "/v1/organisations/acme",
            json!({ "meetings": { "anonymousJoin": false } }),
        )
        .await
        .expect(200);
    let refusal = pat.join(link_of(&meeting)).await.unwrap_err();
    assert!(refusal.is(&Reason::ANONYMOUS_JOIN_DISABLED), "{refusal}");
    let mut nia = place.member("nia").await;
    nia.enter(link_of(&meeting)).await;
    // Bad offers harm nobody else.
    let join = Request::MeetingJoin(wire::Join {
        locator: link_of(&meeting),
        display_name: None,
        offer: "v=0 nonsense".into(),
        muted: false,
        rejoin: None,
    });
    let mut omar = place.member("omar").await;
    assert!(omar.ask(join).await.unwrap_err().is(&Reason::OFFER_REFUSED));
    omar.enter(link_of(&meeting)).await;
    hears(&mut omar, &mut nia).await;
    place.server.shutdown().await;
}

#[tokio::test]
async fn ac8_a_visit_of_four_who_came_by_four_ways() {
    let place = place().await;
    let policy = json!({ "chat": { "accessAfterMeeting": "none" }, "meetings": { "bypass": "everyone" } });
    place.allow(policy).await;
    let meeting = place.meeting(json!({ "subject": "Visit" })).await;
    let messages = format!(
        "/v1/chat/threads/{}/messages",
        meeting["thread"].as_str().unwrap()
    );
    let (mut nia, mut omar, mut pat) = (
        place.member("nia").await,
        place.member_by_application("omar").await,
        place.pat().await,
    );
    let mut gil = place.somebody("guest:gil".parse().unwrap(), Some("Gil")).await;
    for person in [&mut nia, &mut omar, &mut pat, &mut gil] {
        person.enter(link_of(&meeting)).await;
    }
    let roster = nia.until("meeting.roster", |roster| roster["total"] == 4).await;
    drop(roster);
    let path = format!(
        "/v1/organisations/acme/meetings/{}/participants",
        meeting["id"].as_str().unwrap()
    );
    let listed = place.admin.get(&path).await.expect(200);
    let kinds: Vec<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["member", "member_by_application", "external_user", "anonymous"]
    );
    // Everyone hears everyone.
    hears(&mut nia, &mut pat).await;
    hears(&mut omar, &mut pat).await;
    hears(&mut gil, &mut omar).await;
    hears(&mut pat, &mut gil).await;
    // What Pat's role does not allow.
    let (call, at_omar) = (pat.call().call, participants(&[&omar])[0]);
    for request in [
        Request::MeetingAdd(wire::Add {
            call,
            to: place.external("eve"),
        }),
        Request::MeetingRemove(wire::Remove {
            call,
            participant: at_omar,
        }),
        Request::Notice(sidetone_signaling::protocol::SetNotice {
            call,
            kind: sidetone_signaling::protocol::NoticeKind::Recording,
            state: sidetone_signaling::protocol::NoticeState::Active,
            consent: false,
        }),
    ] {
        let refused = pat.ask(request).await.unwrap_err();
        assert!(refused.is(&Reason::ROLE_RESTRICTED), "{refused}");
    }
    let token = place
        .server
        .issue_token(sidetone_server::TokenRequest::new(place.external("pat")))
        .unwrap();
    let pat_writes = crate::client::Caller::new(&place.server, token.token.into_exposed());
    crate::support::until("Pat writes", async || {
        let said = pat_writes.post(&messages, json!({ "content": "it hurts" })).await;
        said.status == 201
    })
    .await;
    // Out: nothing to send, to read, or to be told; back under the same name.
    pat.ask(Request::MeetingLeave(pat.call())).await.unwrap();
    crate::support::until("Pat reads no more", async || {
        pat_writes.get(&messages).await.status == 403
    })
    .await;
    let said = pat_writes.post(&messages, json!({ "content": "hello?" })).await;
    assert_eq!(said.status, 403, "{}", said.body);
    let again = pat.enter(link_of(&meeting)).await;
    assert_eq!(again.display_name, "Pat (External)");
    hears(&mut nia, &mut pat).await;
    nia.ask(Request::MeetingEnd(nia.call())).await.unwrap();
    let ended = pat.until("meeting.ended", |_| true).await;
    assert_eq!(ended["reason"]["subcode"], 4097);
    crate::support::until("Pat is out of the conversation", async || {
        let said = pat_writes.post(&messages, json!({ "content": "late" })).await;
        said.status == 403 && pat_writes.get(&messages).await.status == 403
    })
    .await;
    place.server.shutdown().await;
}
