//! A service that was cut off: its meetings go on, with everyone who was in on the roster, and who comes back is the same
//! participant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use sidetone_meeting::{Fact, Memory, Place};
use sidetone_organisation::Bypass;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{Join, Joined, Locator, Passage, Role};
use sidetone_signaling::protocol::{Request, SessionId};
use support::*;

/// Olga and Bob are in, and Olga made Bob co-organiser; Ann was put out; Eve waits.
fn before() -> (Memory, [Joined; 2]) {
    let mut bench = Bench::new();
    bench.bypass(Bypass::EveryoneInSameAndFederatedCompany);
    let (olga, olga_joined) = bench.enters(OLGA);
    let (_, bob) = bench.enters(BOB);
    let (_, ann) = bench.enters(ANN);
    bench.comes(EVE).1.unwrap();
    bench
        .ask(olga, set_role(&olga_joined, &bob, Role::CoOrganiser))
        .unwrap();
    let remove = sidetone_signaling::protocol::meeting::Remove {
        call: olga_joined.call,
        participant: ann.participant,
    };
    bench.ask(olga, Request::MeetingRemove(remove)).unwrap();
    bench.pass(seconds(60));
    let memory = bench.meetings.memory(olga_joined.call).unwrap();
    (memory, [olga_joined, bob])
}

/// The same people at a service that was started anew.
fn after(memory: &Memory) -> Bench {
    let mut bench = Bench::new();
    bench.bypass(Bypass::EveryoneInSameAndFederatedCompany);
    bench.restore(memory.clone(), &[]);
    bench
}

fn back(bench: &mut Bench, raw: &str, was: &Joined) -> (SessionId, Joined) {
    let session = bench.open(raw);
    let join = Join {
        rejoin: Some(was.participant),
        ..join(Locator::Call(was.call))
    };
    let answer = bench.ask(session, Request::MeetingJoin(join)).unwrap();
    (session, serde_json::from_value(answer).unwrap())
}

#[test]
fn who_comes_back_is_the_same_participant_and_the_roster_has_them_once() {
    let (memory, [olga, bob]) = before();
    let mut bench = after(&memory);
    let places = |bench: &Bench| -> Vec<Place> {
        let roster = bench.meetings.roster(memory.call).unwrap();
        roster.iter().map(|stay| stay.place).collect()
    };
    assert_eq!(
        places(&bench),
        [Place::Reconnecting, Place::Reconnecting, Place::Gone, Place::Gone]
    );
    let (at_olga, olga_again) = back(&mut bench, OLGA, &olga);
    let (_, bob_again) = back(&mut bench, BOB, &bob);
    for (again, was) in [(&olga_again, &olga), (&bob_again, &bob)] {
        assert_eq!((again.call, again.participant), (was.call, was.participant));
        assert_eq!(again.passage, Passage::Connected);
    }
    assert_eq!(bob_again.role, Role::CoOrganiser, "as it was made");
    assert_eq!(
        places(&bench),
        [Place::Inside, Place::Inside, Place::Gone, Place::Gone]
    );
    let before: Vec<_> = memory.stays.iter().map(|stay| stay.joined).collect();
    let now = bench.meetings.roster(memory.call).unwrap();
    assert_eq!(now.iter().map(|stay| stay.joined).collect::<Vec<_>>(), before);
    // Whoever is new has a number that nobody had.
    let (_, carol) = bench.enters("member:contoso:carol");
    assert_eq!(carol.participant.0, 5);
    // Who was put out still is.
    let (_, ann) = bench.comes(ANN);
    assert!(matches!(ann.unwrap().passage, Passage::InLobby { .. }));
    bench.pass(seconds(1));
    assert_eq!(bench.roster(at_olga), ["OLGA", "BOB", "CAROL"]);
    // To those who count it began anew, and nobody joined twice.
    let joined = bench
        .facts
        .iter()
        .filter(|fact| matches!(fact, Fact::Joined { .. }));
    assert_eq!(joined.count(), 3);
    assert!(matches!(bench.facts[0], Fact::Started { .. }));
    bench.assert_nothing_left();
}

#[test]
fn by_its_link_they_are_the_same_too() {
    let (memory, [olga, _]) = before();
    let mut bench = after(&memory);
    let (_, again) = bench.enters(OLGA);
    assert_eq!((again.call, again.participant), (olga.call, olga.participant));
    bench.assert_nothing_left();
}

#[test]
fn who_does_not_come_back_is_gone_in_bounded_time_and_the_meeting_is_over() {
    let (memory, [olga, _]) = before();
    let mut bench = after(&memory);
    back(&mut bench, OLGA, &olga);
    bench.pass(seconds(61));
    let roster = bench.meetings.roster(memory.call).unwrap();
    let left = roster.iter().find(|stay| stay.identity == id(BOB)).unwrap();
    assert!(left.left.as_ref().unwrap().1.is(&Reason::PEER_GONE));
    bench.assert_nothing_left();
    let mut bench = after(&memory);
    bench.pass(seconds(61));
    let Some(Fact::Ended { stays, .. }) = bench.facts.last() else {
        panic!("{:?}", bench.facts)
    };
    assert!(stays.len() == 4 && stays.iter().all(|stay| stay.left.is_some()));
    bench.assert_nothing_left();
}

#[test]
fn one_that_nobody_was_in_and_one_that_is_gone_do_not_go_on() {
    let (mut memory, _) = before();
    memory.meeting = "482193507113".parse().unwrap();
    let bench = after(&memory);
    assert!(bench.meetings.is_empty());
    let (mut memory, _) = before();
    for stay in &mut memory.stays {
        stay.place = Place::InLobby(sidetone_signaling::protocol::meeting::LobbyReason::WaitingForMember);
        stay.left = None;
    }
    let bench = after(&memory);
    assert!(bench.meetings.is_empty());
    bench.assert_nothing_left();
}
