//! A virtual visit (spec AC7, AC8): a lobby, somebody who lets in, voices that reach those inside, who is who, the end for
//! everyone.

use serde_json::json;
use sidetone::{
    CallEvent, CallState, Capability, LobbyReason, MeetingKind, PersonKind, Reason, Role, Standing,
};

use crate::clinic::{Clinic, join};
use crate::support::speech::{MAN, WOMAN};
use crate::support::{connected, end_of, in_state, until};

#[test]
fn whoever_waits_is_let_in_and_they_hear_each_other() {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "subject": "Visit" }));
    let pat = clinic.outsider("pat", "Pat", Some(MAN));
    let at_pat = join(&pat, &link);
    in_state(&at_pat, CallState::InLobby);
    assert_eq!(at_pat.lobby_reason(), Some(LobbyReason::WaitingForMember));
    let meeting = at_pat.meeting().unwrap();
    assert_eq!(
        (meeting.kind, meeting.display_name.as_str()),
        (MeetingKind::Meeting, "Pat (External)")
    );
    assert_eq!(
        at_pat.capabilities().get(Capability::RaiseHand),
        Standing::NotAdmitted
    );

    let nia = clinic.member("nia", Some(WOMAN));
    let at_nia = join(&nia, &link);
    connected(&[&at_nia]);
    assert_eq!(at_nia.id(), at_pat.id());
    assert_eq!(at_nia.meeting().unwrap().role, Role::Organiser);
    until("Pat waits to be let in", || {
        at_pat.lobby_reason() == Some(LobbyReason::WaitingForAdmission)
    });
    until("Nia sees who waits", || at_nia.lobby().participants().len() == 1);
    let waiting = at_nia.lobby().participants().remove(0);
    assert_eq!(
        (waiting.display_name.as_str(), waiting.kind),
        ("Pat (External)", PersonKind::ExternalUser)
    );
    nia.hears_nothing();

    let events = at_pat.events();
    at_nia.lobby().admit(waiting.participant).wait().unwrap();
    connected(&[&at_pat]);
    nia.hears(MAN);
    pat.hears(WOMAN);
    until("each is on the other's roster", || {
        at_nia.participants().len() == 1 && at_pat.participants().len() == 1
    });
    let (seen, number) = (
        at_nia.participants().remove(0),
        at_pat.meeting().unwrap().participant,
    );
    assert_eq!(
        (seen.participant, seen.identifier),
        (number, clinic.external("pat"))
    );
    assert_eq!(at_pat.participants()[0].display_name, "Nia Nurse");
    assert_eq!(at_pat.total_participants(), 2);
    assert_eq!(
        at_pat.capabilities().get(Capability::RaiseHand),
        Standing::Capable
    );
    assert_eq!(
        at_pat.capabilities().get(Capability::RemoveParticipant),
        Standing::RoleRestricted
    );
    // The label comes with the sound.
    until("Pat is seen to speak", || at_nia.participants()[0].is_speaking);
    until("and heard", || {
        let heard = at_nia.dominant_speakers().heard();
        heard
            .iter()
            .any(|one| one.participant == number && one.audio_level > 0.01)
    });
    until("and by the service's word", || {
        at_nia.dominant_speakers().list().contains(&number)
    });
    let stats = at_nia.stats().wait().unwrap();
    let [inbound] = &stats.voice.inbound[..] else {
        panic!("{stats:?}")
    };
    assert_eq!(inbound.source, Some(number.0));
    assert_eq!(
        (stats.transport.packets_lost, inbound.jitter.resets),
        (0, 0),
        "{stats:?}"
    );

    at_nia.hang_up_for_everyone().wait().unwrap();
    assert_eq!(end_of(&at_pat), Reason::ENDED_FOR_ALL);
    assert_eq!(end_of(&at_nia), Reason::ENDED_FOR_ALL);
    let told: Vec<_> = events.into_iter().collect();
    assert!(told.contains(&CallEvent::LobbyReasonChanged(None)), "{told:?}");
    assert_eq!(told.last(), Some(&CallEvent::Ended(Reason::ENDED_FOR_ALL)));
}

#[test]
fn what_cannot_be_joined_says_why() {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({}));
    let pat = clinic.outsider("pat", "Pat", None);
    let nowhere = sidetone::Locator::Link("https://meet.example/1/x".into());
    assert_eq!(end_of(&join(&pat, &nowhere)), Reason::NO_SUCH_MEETING);
    let at_pat = join(&pat, &link);
    in_state(&at_pat, CallState::InLobby);
    let nia = clinic.member("nia", None);
    let at_nia = join(&nia, &link);
    until("Pat is seen", || !at_nia.lobby().participants().is_empty());
    at_nia
        .lobby()
        .reject(at_nia.lobby().participants()[0].participant)
        .wait()
        .unwrap();
    assert_eq!(end_of(&at_pat), Reason::LOBBY_DENIED);
    clinic.allow(&json!({ "meetings": { "anonymousJoin": false } }));
    assert_eq!(end_of(&join(&pat, &link)), Reason::ANONYMOUS_JOIN_DISABLED);
    // Left is left: nobody is on the roster as a ghost.
    until("nobody else is there", || {
        at_nia.participants().is_empty() && at_nia.total_participants() == 1
    });
    at_nia.hang_up().unwrap();
    assert_eq!(end_of(&at_nia), Reason::HUNG_UP);
}
