//! AC9: that a meeting or group call is recorded or transcribed is known to everyone in it at once, and to whoever comes
//! late; where consent is asked nobody passes anything before they agreed (R55 to R58, R78).

use serde_json::{Value, json};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{self as wire, Capability, Locator, Standing};
use sidetone_signaling::protocol::{CallId, Consent, NoticeKind, NoticeState, Request, SetNotice};
use uuid::Uuid;

use crate::person::{Person, Place, hears, link_of, place};

fn notice(of: &Person, kind: NoticeKind, state: NoticeState, consent: bool) -> Request {
    Request::Notice(SetNotice {
        call: of.call().call,
        kind,
        state,
        consent,
    })
}

/// What somebody is told next of what is kept.
async fn told(person: &mut Person, count: usize) -> Value {
    let of = |notices: &Value| {
        notices["notices"]
            .as_array()
            .is_some_and(|list| list.len() == count)
    };
    person.until("call.notices", of).await
}

/// Goes through it where the first may record and the second may not, and a third comes late.
async fn recorded_and_written_down(
    place: &Place,
    locator: &Locator,
    first: &mut Person,
    second: &mut Person,
) {
    let started = first
        .ask(notice(first, NoticeKind::Recording, NoticeState::Active, false))
        .await
        .unwrap();
    let at_second = told(second, 1).await;
    told(first, 1).await;
    let seen = &at_second["notices"][0];
    assert_eq!(seen["id"], started["id"], "the recording's own id");
    assert_eq!(seen["kind"], "recording");
    assert_eq!(
        seen["display_name"],
        first.joined.as_ref().unwrap().display_name.as_str()
    );
    assert_eq!(seen["by"], json!(first.opened.identity), "{seen}");
    first
        .ask(notice(
            first,
            NoticeKind::Transcription,
            NoticeState::Active,
            false,
        ))
        .await
        .unwrap();
    told(second, 2).await;
    // Who comes late knows at once.
    let mut late = place.member("omar").await;
    late.enter(locator.clone()).await;
    let at_late = told(&mut late, 2).await;
    assert_eq!(at_late["notices"][0]["id"], started["id"]);
    first
        .ask(notice(first, NoticeKind::Recording, NoticeState::Paused, false))
        .await
        .unwrap();
    let paused = second
        .until("call.notices", |notices| notices["notices"][0]["paused"] == true)
        .await;
    assert_eq!(
        paused["notices"][0]["id"], started["id"],
        "interrupted, not another"
    );
    first
        .ask(notice(first, NoticeKind::Recording, NoticeState::Active, false))
        .await
        .unwrap();
    second
        .until("call.notices", |notices| {
            notices["notices"][0]["paused"].as_bool() != Some(true)
        })
        .await;
    for kind in [NoticeKind::Recording, NoticeKind::Transcription] {
        first
            .ask(notice(first, kind, NoticeState::Inactive, false))
            .await
            .unwrap();
    }
    told(second, 0).await;
    told(&mut late, 0).await;
    late.ask(Request::MeetingLeave(late.call())).await.unwrap();
}

#[tokio::test]
async fn ac9_everyone_knows_what_is_kept_and_nobody_is_kept_who_did_not_agree() {
    let place = place().await;
    // In a meeting, with somebody from outside.
    let meeting = place
        .meeting(json!({ "options": { "bypass": "everyone", "presenters": "everyoneInCompany" } }))
        .await;
    let link = link_of(&meeting);
    let (mut nia, mut pat) = (place.member("nia").await, place.pat().await);
    nia.enter(link.clone()).await;
    let joined = pat.enter(link.clone()).await;
    // R78: an attendee from outside begins neither.
    for kind in [NoticeKind::Recording, NoticeKind::Transcription] {
        let refused = pat
            .ask(notice(&pat, kind, NoticeState::Active, false))
            .await
            .unwrap_err();
        assert!(refused.is(&Reason::ROLE_RESTRICTED), "{refused}");
    }
    for capability in [Capability::Record, Capability::Transcribe] {
        assert_eq!(joined.capabilities[&capability], Standing::RoleRestricted);
    }
    recorded_and_written_down(&place, &link, &mut nia, &mut pat).await;

    // Where everyone must agree first.
    let mut omar = place.member("omar").await;
    omar.enter(link.clone()).await;
    hears(&mut nia, &mut pat).await;
    nia.ask(notice(&nia, NoticeKind::Recording, NoticeState::Active, true))
        .await
        .unwrap();
    let asked = told(&mut pat, 1).await;
    assert_eq!(asked["consent_needed"], true);
    pat.until("meeting.capabilities", |changed| {
        ["unmute_mic", "turn_video_on"]
            .iter()
            .all(|capability| changed["new"][capability] == "meeting_restricted")
    })
    .await;
    let mute = |muted| {
        let call = pat.call().call;
        Request::MeetingMute(wire::Mute { call, muted })
    };
    let (unmute, again) = (mute(false), mute(false));
    let refused = pat.ask(unmute).await.unwrap_err();
    assert!(refused.is(&Reason::MEETING_RESTRICTED), "{refused}");
    // Not the client's manners: what it sends all the same reaches nobody. Nia, who records, is heard.
    let consent = |of: &Person, given| {
        let call = of.call().call;
        Request::Consent(Consent { call, given })
    };
    omar.ask(consent(&omar, true)).await.unwrap();
    // What Pat said before is heard when Nia is, who speaks after.
    hears(&mut omar, &mut nia).await;
    let before = omar.heard.get(&pat.number()).copied().unwrap_or_default();
    for _ in 0..10 {
        pat.talk();
        hears(&mut omar, &mut nia).await;
    }
    assert_eq!(omar.heard.get(&pat.number()).copied().unwrap_or_default(), before);
    pat.ask(consent(&pat, true)).await.unwrap();
    pat.until("call.notices", |notices| {
        notices["consent_needed"].as_bool() != Some(true)
    })
    .await;
    pat.ask(again).await.unwrap();
    hears(&mut omar, &mut pat).await;
    // No longer: silent again.
    pat.ask(consent(&pat, false)).await.unwrap();
    hears(&mut omar, &mut nia).await;
    let before = omar.heard[&pat.number()];
    for _ in 0..10 {
        pat.talk();
        hears(&mut omar, &mut nia).await;
    }
    assert_eq!(omar.heard[&pat.number()], before);
    nia.ask(Request::MeetingEnd(nia.call())).await.unwrap();

    // And in a group call, which an external user began.
    let mut eve = place.somebody(place.external("eve"), Some("Eve")).await;
    let call = CallId(Uuid::new_v4());
    let invite = Vec::new();
    let group = eve.enter(Locator::Group { call, invite }).await;
    let link = Locator::Link(group.link.unwrap());
    let mut nia = place.member("nia").await;
    nia.enter(link.clone()).await;
    recorded_and_written_down(&place, &link, &mut eve, &mut nia).await;
    place.server.shutdown().await;
}
