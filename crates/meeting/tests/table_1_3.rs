//! Spec table 1.3, lobby and admission: one test for each row, and the ways in which the rows could be got round.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use sidetone_organisation::{Bypass, Setting};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{LobbyReason, Lock, Passage, Role, UnlobbiedWhy};
use sidetone_signaling::protocol::{Event, Request};
use support::*;

const FOR_MEMBER: LobbyReason = LobbyReason::WaitingForMember;
const FOR_ADMISSION: LobbyReason = LobbyReason::WaitingForAdmission;
const WAITS_FOR_ADMISSION: Option<Passage> = Some(Passage::InLobby {
    reason: FOR_ADMISSION,
});

/// Every value that is not Everyone.
const NARROWER: [Bypass; 5] = [
    Bypass::OrganizerOnly,
    Bypass::InvitedUsers,
    Bypass::EveryoneInCompanyExcludingGuests,
    Bypass::EveryoneInCompany,
    Bypass::EveryoneInSameAndFederatedCompany,
];

#[test]
fn row_a_without_a_member_an_external_user_waits_for_one() {
    for bypass in NARROWER {
        for raw in [EVE, PAT] {
            let mut bench = Bench::new();
            bench.bypass(bypass);
            let (_, joined) = bench.waits(raw, FOR_MEMBER);
            assert_eq!(bench.rights(&joined), sidetone_meeting::Rights::NONE);
            assert_eq!(joined.link, None, "nothing of what is inside");
            bench.assert_nothing_left();
        }
    }
}

#[test]
fn row_b_without_a_member_everyone_waits_for_one_too() {
    // As the meeting's option and as the organisation's policy.
    for by_policy in [false, true] {
        let mut bench = Bench::new();
        if by_policy {
            bench.edit_organisation(|organisation| organisation.meetings.bypass = Bypass::Everyone);
        } else {
            bench.bypass(Bypass::Everyone);
        }
        bench.waits(EVE, FOR_MEMBER);
        bench.assert_nothing_left();
    }
}

#[test]
fn row_c_the_first_member_lets_in_everyone_who_waits() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let (eve, joined) = bench.waits(EVE, FOR_MEMBER);
    let (pat, _) = bench.waits(PAT, FOR_MEMBER);
    let (olga, _) = bench.enters(OLGA);
    for session in [eve, pat] {
        assert_eq!(bench.passage(session), Some(Passage::Connected));
    }
    assert!(bench.rights(&joined).receive && bench.rights(&joined).audio);
    bench.pass(seconds(1));
    assert_eq!(
        bench.roster(olga),
        ["The alpha app (External)", "Unnamed (External)", "OLGA"]
    );
    assert_eq!(bench.roster(eve), bench.roster(olga));
    bench.assert_nothing_left();
}

#[test]
fn row_d_the_first_member_lets_in_nobody_by_coming() {
    for bypass in NARROWER {
        let mut bench = Bench::new();
        bench.bypass(bypass);
        let (eve, _) = bench.waits(EVE, FOR_MEMBER);
        let (olga, _) = bench.enters(OLGA);
        assert_eq!(bench.passage(eve), WAITS_FOR_ADMISSION, "{bypass:?}");
        bench.pass(seconds(1));
        assert_eq!(bench.lobby(olga).len(), 1, "and a member sees them");
        bench.assert_nothing_left();
    }
}

#[test]
fn row_e_with_a_member_everyone_comes_in_at_once() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    bench.enters(BOB);
    bench.enters(EVE);
    bench.enters(PAT);
    bench.assert_nothing_left();
}

#[test]
fn row_f_with_a_member_an_external_user_waits_until_let_in() {
    for bypass in NARROWER {
        let mut bench = Bench::new();
        bench.bypass(bypass);
        let (olga, olga_joined) = bench.enters(OLGA);
        let (eve, eve_joined) = bench.waits(EVE, FOR_ADMISSION);
        bench.pass(seconds(600));
        assert_eq!(bench.passage(eve), WAITS_FOR_ADMISSION);
        bench.ask(olga, admit(&olga_joined, &[&eve_joined])).unwrap();
        assert_eq!(bench.passage(eve), Some(Passage::Connected));
        assert!(bench.rights(&eve_joined).receive);
        bench.pass(seconds(1));
        assert!(bench.lobby(olga).is_empty());
        assert_eq!(bench.unlobbied(olga), [UnlobbiedWhy::Admitted]);
        assert_eq!(bench.roster(eve).len(), 2);
        bench.assert_nothing_left();
    }
}

#[test]
fn row_g_whoever_is_turned_away_may_try_again() {
    let mut bench = Bench::new();
    let (olga, olga_joined) = bench.enters(OLGA);
    let (eli, eli_joined) = bench.waits(ELI, FOR_ADMISSION);
    bench.pass(seconds(1));
    bench.ask(olga, reject(&olga_joined, &[&eli_joined])).unwrap();
    bench.assert_ended(eli, &Reason::LOBBY_DENIED);
    bench.pass(seconds(1));
    assert_eq!(bench.unlobbied(olga), [UnlobbiedWhy::Rejected]);
    let again = bench.join(eli).unwrap();
    assert_eq!(
        again.passage,
        Passage::InLobby {
            reason: FOR_ADMISSION
        }
    );
    assert_ne!(again.participant, eli_joined.participant);
    bench.ask(olga, admit(&olga_joined, &[&again])).unwrap();
    assert_eq!(bench.passage(eli), Some(Passage::Connected));
    bench.assert_nothing_left();
}

#[test]
fn row_h_nobody_waits_for_ever() {
    for lobby_seconds in [1_800, 90] {
        let mut bench = Bench::new();
        bench.edit_organisation(|organisation| organisation.meetings.lobby_seconds = lobby_seconds);
        let (olga, _) = bench.enters(OLGA);
        let (eve, _) = bench.waits(EVE, FOR_ADMISSION);
        bench.pass(seconds(u64::from(lobby_seconds) - 1));
        assert_eq!(bench.ended(eve), None);
        bench.pass(seconds(2));
        bench.assert_ended(eve, &Reason::LOBBY_TIMEOUT);
        assert_eq!(bench.unlobbied(olga), [UnlobbiedWhy::TimedOut]);
        assert_eq!(bench.media.values().next().unwrap().len(), 1, "its media is gone");
        bench.assert_nothing_left();
    }
}

#[test]
fn row_i_the_end_of_the_meeting_is_the_end_of_waiting() {
    let mut bench = Bench::new();
    let (olga, olga_joined) = bench.enters(OLGA);
    let (bob, _) = bench.enters(BOB);
    let (eve, _) = bench.waits(EVE, FOR_ADMISSION);
    bench.ask(olga, Request::MeetingEnd(call(&olga_joined))).unwrap();
    bench.assert_ended(eve, &Reason::MEETING_ENDED);
    bench.assert_ended(bob, &Reason::ENDED_FOR_ALL);
    bench.assert_nothing_left();
}

#[test]
fn row_j_where_nobody_comes_from_outside_nobody_waits() {
    for member_present in [false, true] {
        let mut bench = Bench::new();
        bench.edit_organisation(|organisation| organisation.meetings.anonymous_join = false);
        if member_present {
            bench.enters(OLGA);
        }
        for raw in [EVE, PAT] {
            let (session, joined) = bench.comes(raw);
            assert_refused(joined, &Reason::ANONYMOUS_JOIN_DISABLED);
            bench.end(session, Reason::SESSION_CLOSED);
        }
        bench.assert_nothing_left();
    }
}

#[test]
fn row_j_switched_off_while_somebody_waits() {
    let mut bench = Bench::new();
    bench.enters(OLGA);
    let (eve, _) = bench.waits(EVE, FOR_ADMISSION);
    bench.edit_organisation(|organisation| organisation.meetings.anonymous_join = false);
    bench.assert_ended(eve, &Reason::ANONYMOUS_JOIN_DISABLED);
    bench.assert_nothing_left();
}

#[test]
fn row_k_a_locked_meeting_refuses() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let (olga, joined) = bench.enters(OLGA);
    let lock = |locked| {
        Request::MeetingLock(Lock {
            call: joined.call,
            locked,
        })
    };
    bench.ask(olga, lock(true)).unwrap();
    for raw in [EVE, PAT, BOB] {
        let (session, joined) = bench.comes(raw);
        assert_refused(joined, &Reason::MEETING_LOCKED);
        bench.end(session, Reason::SESSION_CLOSED);
    }
    bench.ask(olga, lock(false)).unwrap();
    bench.enters(EVE);
    bench.assert_nothing_left();
}

#[test]
fn row_l_when_the_last_member_leaves_those_inside_stay_and_new_ones_wait() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let (olga, _) = bench.enters(OLGA);
    let (eve, eve_joined) = bench.enters(EVE);
    bench.end(olga, Reason::SESSION_CLOSED);
    assert_eq!(bench.ended(eve), None);
    assert!(bench.rights(&eve_joined).receive, "she stays");
    let (pat, _) = bench.waits(PAT, FOR_MEMBER);
    bench.pass(seconds(1));
    assert_eq!(bench.roster(eve).len(), 1);
    bench.enters(BOB);
    assert_eq!(bench.passage(pat), Some(Passage::Connected));
    bench.assert_nothing_left();
}

#[test]
fn row_l_those_who_waited_to_be_let_in_wait_for_a_member_again() {
    let mut bench = Bench::new();
    let (olga, olga_joined) = bench.enters(OLGA);
    let (eve, eve_joined) = bench.waits(EVE, FOR_ADMISSION);
    bench.ask(olga, admit(&olga_joined, &[&eve_joined])).unwrap();
    let (pat, _) = bench.waits(PAT, FOR_ADMISSION);
    bench.end(olga, Reason::SESSION_CLOSED);
    assert_eq!(bench.passage(pat), Some(Passage::InLobby { reason: FOR_MEMBER }));
    assert_eq!(bench.passage(eve), Some(Passage::Connected));
    bench.assert_nothing_left();
}

#[test]
fn row_m_where_anonymous_people_may_start_a_meeting_they_come_in_without_a_member() {
    for raw in [EVE, PAT] {
        let mut bench = Bench::new();
        bench.bypass(Bypass::Everyone);
        bench.edit_organisation(|organisation| organisation.meetings.anonymous_start = true);
        bench.enters(raw);
        bench.assert_nothing_left();
    }
}

#[test]
fn row_m_is_no_way_round_the_lobby() {
    // Who would wait once a member is there does not come in before, merely because they came early.
    let mut bench = Bench::new();
    bench.edit_organisation(|organisation| organisation.meetings.anonymous_start = true);
    bench.waits(EVE, FOR_MEMBER);
    bench.assert_nothing_left();
}

#[test]
fn row_m_l33_the_source_lets_nobody_in_before_a_member() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    bench.edit_organisation(|organisation| {
        organisation.meetings.anonymous_start = true;
        organisation.switches.early_admission = Setting::Source;
    });
    let (eve, _) = bench.waits(EVE, FOR_MEMBER);
    bench.enters(BOB);
    assert_eq!(bench.passage(eve), Some(Passage::Connected));
    bench.assert_nothing_left();
}

#[test]
fn row_n_whoever_presides_may_let_people_in_and_nobody_else() {
    let mut bench = Bench::new();
    bench.edit_meeting(|meeting| {
        meeting.options.presenters = Some(sidetone_organisation::Presenters::NamedOnly);
        meeting.co_organisers.insert(id("member:contoso:carol"));
        meeting.presenters.insert(id(ELI));
    });
    let (olga, olga_joined) = bench.enters(OLGA);
    let (carol, carol_joined) = bench.enters("member:contoso:carol");
    let (bob, bob_joined) = bench.enters(BOB);
    // An external presenter passes as whoever was named does.
    let (eli, eli_joined) = bench.enters(ELI);
    assert_eq!(
        [&olga_joined, &carol_joined, &bob_joined, &eli_joined].map(|joined| joined.role),
        [
            Role::Organiser,
            Role::CoOrganiser,
            Role::Attendee,
            Role::Presenter
        ]
    );
    let (eve, eve_joined) = bench.waits(EVE, FOR_ADMISSION);
    bench.pass(seconds(1));
    assert!(
        bench.lobby(bob).is_empty(),
        "who may not let in is not told who waits"
    );
    assert_refused(
        bench.ask(bob, admit(&bob_joined, &[&eve_joined])),
        &Reason::ROLE_RESTRICTED,
    );
    assert_refused(
        bench.ask(eve, admit(&eve_joined, &[&eve_joined])),
        &Reason::NOT_ADMITTED,
    );
    for (session, joined) in [(olga, &olga_joined), (carol, &carol_joined), (eli, &eli_joined)] {
        let (waiting, waiting_joined) = bench.waits(PAT, FOR_ADMISSION);
        bench.pass(seconds(1));
        assert_eq!(bench.lobby(session).len(), 2);
        bench.ask(session, admit(joined, &[&waiting_joined])).unwrap();
        assert_eq!(bench.passage(waiting), Some(Passage::Connected));
        bench.end(waiting, Reason::SESSION_CLOSED);
    }
    bench.assert_nothing_left();
}

#[test]
fn whoever_was_put_out_comes_in_only_if_somebody_lets_them() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let (olga, olga_joined) = bench.enters(OLGA);
    let (eve, eve_joined) = bench.enters(EVE);
    let remove = Request::MeetingRemove(sidetone_signaling::protocol::meeting::Remove {
        call: olga_joined.call,
        participant: eve_joined.participant,
    });
    bench.ask(olga, remove).unwrap();
    bench.assert_ended(eve, &Reason::REMOVED);
    let again = bench.join(eve).unwrap();
    assert_eq!(
        again.passage,
        Passage::InLobby {
            reason: FOR_ADMISSION
        }
    );
    bench
        .ask(olga, Request::MeetingAdmitAll(call(&olga_joined)))
        .unwrap();
    assert_eq!(bench.passage(eve), Some(Passage::Connected));
    bench.assert_nothing_left();
}

#[test]
fn members_wait_where_the_lobby_is_for_them_too() {
    for (bypass, own, guest, federated) in [
        (Bypass::OrganizerOnly, false, false, false),
        (Bypass::InvitedUsers, false, false, false),
        (Bypass::EveryoneInCompanyExcludingGuests, true, false, false),
        (Bypass::EveryoneInCompany, true, true, false),
        (Bypass::EveryoneInSameAndFederatedCompany, true, true, true),
        (Bypass::Everyone, true, true, true),
    ] {
        let mut bench = Bench::new();
        bench.bypass(bypass);
        bench.enters(OLGA);
        for (raw, passes) in [(BOB, own), (GUS, guest), (ANN, federated)] {
            let (_, joined) = bench.comes(raw);
            let expected = if passes {
                Passage::Connected
            } else {
                Passage::InLobby {
                    reason: FOR_ADMISSION,
                }
            };
            assert_eq!(joined.unwrap().passage, expected, "{raw} at {bypass:?}");
        }
        bench.assert_nothing_left();
    }
}

#[test]
fn whoever_was_invited_passes_where_the_invited_do() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::InvitedUsers);
    bench.edit_meeting(|meeting| {
        meeting.attendees.insert(id(EVE));
        meeting.attendees.insert(id(BOB));
    });
    let (eve, _) = bench.waits(EVE, FOR_MEMBER);
    bench.enters(BOB);
    assert_eq!(bench.passage(eve), Some(Passage::Connected));
    bench.waits(ELI, FOR_ADMISSION);
    bench.assert_nothing_left();
}

#[test]
fn what_changes_while_media_comes_up_counts() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    bench.enters(OLGA);
    bench.media_mode = MediaMode::Silent;
    let eve = bench.open(EVE);
    let request = bench.ask_only(eve, Request::MeetingJoin(join(link())));
    // Meanwhile the door is narrowed.
    bench.bypass(Bypass::OrganizerOnly);
    bench.media_answers();
    let joined = bench.answers.remove(&(eve, request)).unwrap().unwrap();
    assert_eq!(joined["state"], "in_lobby");
    bench.assert_nothing_left();
}

#[test]
fn who_is_let_in_is_told_what_everyone_inside_knows() {
    let mut bench = Bench::new();
    bench.edit_meeting(|meeting| meeting.thread = Some("the conversation".into()));
    let (eve, waiting) = bench.waits(EVE, LobbyReason::WaitingForMember);
    assert_eq!((waiting.link.clone(), waiting.thread.clone()), (None, None));
    let (olga, joined) = bench.enters(OLGA);
    assert_eq!(joined.thread.as_deref(), Some("the conversation"));
    bench.ask(olga, admit(&joined, &[&waiting])).unwrap();
    let states: Vec<_> = bench
        .events(eve)
        .into_iter()
        .filter_map(|event| match event {
            Event::MeetingState(state) => Some(state.clone()),
            _ => None,
        })
        .collect();
    let [waits, inside] = &states[..] else {
        panic!("{states:?}")
    };
    assert_eq!((&waits.link, &waits.thread), (&None, &None));
    assert_eq!((&inside.link, &inside.thread), (&joined.link, &joined.thread));
    bench.assert_nothing_left();
}
