//! Recording and transcription of a meeting: everyone is told at once and whoever comes late as well, and where consent is
//! asked nobody is heard before they have agreed (spec R55 to R58, R78).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use sidetone_meeting::Fact;
use sidetone_organisation::{Bypass, RecordingConsent};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::Joined;
use sidetone_signaling::protocol::{
    Consent, Event, NoticeKind, NoticeState, Notices, Request, SessionId, SetNotice,
};
use support::*;

fn told(bench: &Bench, session: SessionId) -> Option<Notices> {
    bench
        .events(session)
        .into_iter()
        .rev()
        .find_map(|event| match event {
            Event::Notices(notices) => Some(notices.clone()),
            _ => None,
        })
}

fn record(of: &Joined, state: NoticeState) -> Request {
    Request::Notice(SetNotice {
        call: of.call,
        kind: NoticeKind::Recording,
        state,
        consent: false,
    })
}

#[test]
fn everyone_is_told_also_who_comes_late_and_whoever_records_ends_it_by_going() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let (olga, olga_joined) = bench.enters(OLGA);
    let (eve, eve_joined) = bench.enters(EVE);
    assert_refused(
        bench.ask(eve, record(&eve_joined, NoticeState::Active)),
        &Reason::ROLE_RESTRICTED,
    );
    bench
        .ask(olga, record(&olga_joined, NoticeState::Active))
        .unwrap();
    let (late, _) = bench.enters(BOB);
    for session in [olga, eve, late] {
        let told = told(&bench, session).unwrap();
        assert_eq!(told.notices.len(), 1);
        assert_eq!(
            (told.notices[0].display_name.as_str(), told.consent_needed),
            ("OLGA", false)
        );
    }
    bench
        .ask(olga, record(&olga_joined, NoticeState::Paused))
        .unwrap();
    assert!(told(&bench, eve).unwrap().notices[0].paused);
    bench.end(olga, Reason::SESSION_CLOSED);
    assert!(told(&bench, eve).unwrap().notices.is_empty());
    let states: Vec<NoticeState> = bench
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Noticed { state, .. } => Some(*state),
            _ => None,
        })
        .collect();
    assert_eq!(
        states,
        [NoticeState::Active, NoticeState::Paused, NoticeState::Inactive]
    );
    bench.assert_nothing_left();
}

#[test]
fn where_consent_is_asked_nobody_is_heard_before_they_agree() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    bench.edit_organisation(|organisation| organisation.recording_consent = RecordingConsent::Always);
    let (olga, olga_joined) = bench.enters(OLGA);
    let (eve, eve_joined) = bench.enters(EVE);
    assert!(bench.rights(&eve_joined).audio);
    bench
        .ask(olga, record(&olga_joined, NoticeState::Active))
        .unwrap();
    let rights = bench.rights(&eve_joined);
    assert!(!rights.audio && !rights.video && rights.receive);
    assert!(bench.rights(&olga_joined).audio, "who records has agreed");
    assert!(told(&bench, eve).unwrap().consent_needed);
    assert_eq!(told(&bench, olga).unwrap().consent_missing, [id(EVE)]);
    // They hear why before they hear that they may not, and that they may before they hear that they need not wait.
    let order = |bench: &Bench| -> Vec<bool> {
        let events = bench.events(eve).into_iter();
        let told = events.filter_map(|event| match event {
            Event::Notices(_) => Some(true),
            Event::MeetingCapabilities(_) => Some(false),
            _ => None,
        });
        told.collect()
    };
    assert!(order(&bench).ends_with(&[true, false]));
    let agree = Request::Consent(Consent {
        call: eve_joined.call,
        given: true,
    });
    bench.ask(eve, agree).unwrap();
    assert!(told(&bench, olga).unwrap().consent_missing.is_empty());
    assert!(order(&bench).ends_with(&[false, true]));
    let unmute = Request::MeetingMute(sidetone_signaling::protocol::meeting::Mute {
        call: eve_joined.call,
        muted: false,
    });
    bench.ask(eve, unmute).unwrap();
    assert!(bench.rights(&eve_joined).audio && bench.rights(&eve_joined).video);
    bench.assert_nothing_left();
}
