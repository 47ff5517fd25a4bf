use std::time::Duration;

use sidetone_media::voice::{Heard, LinkId, Speaking};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::*;
use sidetone_signaling::protocol::{CallId, Event};

use super::Meeting;
use crate::call::CallEvent;

fn call() -> CallId {
    CallId(uuid::Uuid::nil())
}

fn meeting() -> Meeting {
    Meeting::new(Joined {
        call: call(),
        participant: ParticipantId(1),
        passage: Passage::InLobby {
            reason: LobbyReason::WaitingForMember,
        },
        answer: String::new(),
        kind: Kind::Meeting,
        subject: "Visit".into(),
        link: None,
        thread: None,
        breakout_of: None,
        display_name: "Eve (External)".into(),
        role: Role::Attendee,
        capabilities: [(Capability::UnmuteMic, Standing::NotAdmitted)].into(),
    })
}

fn somebody(number: u32, name: &str) -> Participant {
    Participant {
        participant: ParticipantId(number),
        identity: format!("external:dev:u{number}").parse().unwrap(),
        display_name: name.into(),
        kind: PersonKind::ExternalUser,
        role: Role::Attendee,
        state: ParticipantState::Connected,
        muted: false,
        pictures: sidetone_signaling::protocol::Pictures::NONE,
        audio_forbidden: false,
        video_forbidden: false,
        breakout: None,
    }
}

fn roster(snapshot: bool, present: Vec<Participant>, left: Vec<u32>) -> Event {
    Event::MeetingRoster(Roster {
        call: call(),
        snapshot,
        total: 40,
        present,
        left: left
            .into_iter()
            .map(|number| Left {
                participant: ParticipantId(number),
                reason: Reason::HUNG_UP,
            })
            .collect(),
    })
}

fn numbers(numbers: &[u32]) -> Vec<ParticipantId> {
    numbers.iter().copied().map(ParticipantId).collect()
}

#[test]
fn the_roster_tells_who_came_changed_and_left_and_why() {
    let mut meeting = meeting();
    let told = meeting.apply(roster(
        true,
        vec![somebody(1, "Eve"), somebody(2, "Ann"), somebody(3, "Bob")],
        vec![],
    ));
    type Gone<'a> = (u32, &'a str, Option<Reason>);
    let changes = |told: &[CallEvent]| match told {
        [
            CallEvent::ParticipantsUpdated {
                added,
                changed,
                removed,
            },
        ] => {
            let gone = removed.iter().cloned();
            let gone = gone.map(|(one, why)| (one.participant, one.display_name, why));
            (added.clone(), changed.clone(), gone.collect::<Vec<_>>())
        }
        other => panic!("{other:?}"),
    };
    let expected = |added: &[u32], changed: &[u32], gone: &[Gone<'_>]| {
        let gone = gone.iter().cloned();
        let gone = gone.map(|(number, name, why)| (ParticipantId(number), name.to_owned(), why));
        (numbers(added), numbers(changed), gone.collect::<Vec<_>>())
    };
    assert_eq!(changes(&told), expected(&[1, 2, 3], &[], &[]));
    let muted = Participant {
        muted: true,
        ..somebody(2, "Ann")
    };
    let told = meeting.apply(roster(false, vec![muted, somebody(4, "Cyd")], vec![3]));
    assert_eq!(
        changes(&told),
        expected(&[4], &[2], &[(3, "Bob", Some(Reason::HUNG_UP))])
    );
    // Back after an outage: who is the same is no news, and who went is.
    let told = meeting.apply(roster(true, vec![somebody(1, "Eve"), somebody(2, "Ann")], vec![]));
    assert_eq!(changes(&told), expected(&[], &[2], &[(4, "Cyd", None)]));
    let again = roster(true, vec![somebody(1, "Eve"), somebody(2, "Ann")], vec![]);
    assert!(meeting.apply(again).is_empty(), "what is known is no news");
    assert_eq!(
        meeting.roster.number_of(&"external:dev:u2".parse().unwrap()),
        Some(ParticipantId(2))
    );
}

#[test]
fn hands_are_in_the_order_they_went_up_and_begin_with_nobodys_after_a_snapshot() {
    let mut meeting = meeting();
    let hand = |number, order| HandRaised {
        participant: ParticipantId(number),
        order,
    };
    let hands = |raised, lowered: &[u32]| {
        Event::MeetingHands(Hands {
            call: call(),
            raised,
            lowered: numbers(lowered),
        })
    };
    meeting.apply(hands(vec![hand(3, 9), hand(2, 5)], &[]));
    meeting.apply(hands(vec![hand(2, 12)], &[]));
    let order =
        |meeting: &Meeting| -> Vec<u32> { meeting.hands.iter().map(|hand| hand.participant.0).collect() };
    assert_eq!(order(&meeting), [3, 2], "down and up again is the last");
    meeting.apply(hands(vec![], &[3]));
    assert_eq!(order(&meeting), [2]);
    meeting.apply(roster(true, vec![somebody(2, "Ann")], vec![]));
    assert!(meeting.hands.is_empty());
}

#[test]
fn the_lobby_tells_what_became_of_those_who_waited() {
    let mut meeting = meeting();
    let entry = |number: u32| LobbyEntry {
        participant: ParticipantId(number),
        identity: format!("external:dev:u{number}").parse().unwrap(),
        display_name: String::new(),
        kind: PersonKind::Anonymous,
        waited_ms: Duration::from_secs(3).into(),
    };
    let lobby = |added: &[u32], removed: &[(u32, UnlobbiedWhy)]| {
        Event::MeetingLobby(Lobby {
            call: call(),
            snapshot: false,
            added: added.iter().copied().map(entry).collect(),
            removed: removed
                .iter()
                .map(|(number, why)| Unlobbied {
                    participant: ParticipantId(*number),
                    why: *why,
                })
                .collect(),
        })
    };
    meeting.apply(lobby(&[5, 6], &[]));
    let told = meeting.apply(lobby(
        &[],
        &[(5, UnlobbiedWhy::Rejected), (9, UnlobbiedWhy::Left)],
    ));
    let [CallEvent::LobbyUpdated { added, removed }] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(added.is_empty() && removed.len() == 1);
    assert_eq!(
        (removed[0].0.participant, removed[0].1),
        (ParticipantId(5), UnlobbiedWhy::Rejected)
    );
    assert_eq!(meeting.lobby.len(), 1);
}

#[test]
fn being_let_in_changes_what_may_be_done() {
    let mut meeting = meeting();
    assert_eq!(meeting.waits, Some(LobbyReason::WaitingForMember));
    let state = Event::MeetingState(State {
        call: call(),
        passage: Passage::Connected,
        link: Some("link".into()),
        thread: Some("thread".into()),
    });
    let told = meeting.apply(state);
    let info = meeting.info.clone();
    assert_eq!(
        (info.link.as_deref(), info.thread.as_deref()),
        (Some("link"), Some("thread"))
    );
    assert_eq!(
        told,
        [
            CallEvent::LobbyReasonChanged(None),
            CallEvent::MeetingChanged(info)
        ]
    );
    let old: Capabilities = [(Capability::UnmuteMic, Standing::NotAdmitted)].into();
    let new: Capabilities = [(Capability::UnmuteMic, Standing::Capable)].into();
    let told = meeting.apply(Event::MeetingCapabilities(CapabilitiesChanged {
        call: call(),
        role: Role::Presenter,
        new: new.clone(),
        old: old.clone(),
        cause: CapabilityCause::Admitted,
    }));
    let cause = CapabilityCause::Admitted;
    assert_eq!(
        told,
        [
            CallEvent::RoleChanged(Role::Presenter),
            CallEvent::CapabilitiesChanged { old, new, cause },
        ]
    );
    assert_eq!(meeting.capabilities[&Capability::UnmuteMic], Standing::Capable);
}

#[test]
fn who_is_heard_is_told_when_it_changes_and_levels_are_there_to_be_read() {
    let mut meeting = meeting();
    let one = |slot, source, audio_level| Speaking {
        link: LinkId(1),
        slot,
        source,
        audio_level,
    };
    let heard = |speaking| Heard {
        speaking,
        audio_level: 0.2,
    };
    let now = heard(vec![
        one(0, Some(3), 0.1),
        one(1, Some(2), 0.3),
        one(2, None, 0.5),
    ]);
    let told = meeting.speakers.hear(&now);
    assert_eq!(told, Some(CallEvent::SpeakingChanged(numbers(&[2, 3]))));
    // One who goes from slot to slot is one.
    let told = meeting.speakers.hear(&heard(vec![
        one(1, Some(3), 0.4),
        one(2, Some(2), 0.2),
        one(0, Some(3), 0.1),
    ]));
    assert_eq!(told, None);
    assert!(meeting.speakers.is_heard(ParticipantId(3)));
    assert_eq!(
        meeting.speakers.hear(&heard(vec![])),
        Some(CallEvent::SpeakingChanged(vec![]))
    );
}

#[test]
fn joined_again_it_knows_what_it_knew() {
    let mut meeting = meeting();
    meeting.apply(roster(true, vec![somebody(2, "Ann")], vec![]));
    meeting.apply(Event::MeetingChanged(Changed {
        call: call(),
        locked: true,
        attendee_audio: false,
        attendee_video: true,
    }));
    let again = Joined {
        passage: Passage::Connected,
        role: Role::Presenter,
        ..joined_again()
    };
    meeting.rejoined(again);
    assert!(meeting.info.is_locked && !meeting.info.attendee_audio);
    assert_eq!((meeting.info.role, meeting.waits), (Role::Presenter, None));
    assert!(
        meeting
            .roster
            .number_of(&"external:dev:u2".parse().unwrap())
            .is_some()
    );
}

fn joined_again() -> Joined {
    Joined {
        call: call(),
        participant: ParticipantId(1),
        passage: Passage::Connected,
        answer: String::new(),
        kind: Kind::Meeting,
        subject: String::new(),
        link: None,
        thread: None,
        breakout_of: None,
        display_name: String::new(),
        role: Role::Attendee,
        capabilities: Capabilities::default(),
    }
}
