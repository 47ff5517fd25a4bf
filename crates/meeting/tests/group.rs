//! Group calls: begun by an application's user, joined by link (L31), people asked to come, and the call between two that
//! becomes one of more without ending (L3).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Instant;

use sidetone_meeting::{Fact, Place};
use sidetone_organisation::Setting;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{self as wire, Joined, Locator, ParticipantState, Passage, Role};
use sidetone_signaling::protocol::{CallId, Event, Request, SessionId};
use sidetone_signaling::switchboard::{Ask, End, Pair, Way};
use support::*;
use uuid::Uuid;

fn call_id(n: u128) -> CallId {
    CallId(Uuid::from_u128(n))
}

fn group(invite: &[&str]) -> Locator {
    Locator::Group {
        call: call_id(77),
        invite: invite.iter().map(|raw| id(raw)).collect(),
    }
}

fn rings(bench: &Bench, session: SessionId) -> bool {
    bench
        .events(session)
        .iter()
        .any(|event| matches!(event, Event::MeetingIncoming(_)))
}

#[test]
fn eve_begins_a_group_call_and_bob_comes_by_its_link() {
    let mut bench = Bench::new();
    let eve = bench.open(EVE);
    let joined = bench.join_by(eve, group(&[])).unwrap();
    assert_eq!((joined.call, joined.role), (call_id(77), Role::Organiser));
    assert_eq!(joined.passage, Passage::Connected);
    let link = joined.link.clone().unwrap();
    let bob = bench.open(BOB);
    let bob_joined = bench.join_by(bob, Locator::Link(link)).unwrap();
    assert_eq!(bob_joined.call, joined.call);
    bench.pass(seconds(1));
    assert_eq!(bench.roster(bob), ["The alpha app (External)", "BOB"]);
    assert!(bench.rights(&bob_joined).audio && bench.rights(&bob_joined).share);
    bench.assert_nothing_left();
}

#[test]
fn l31_in_the_source_members_come_to_no_call_that_an_application_began() {
    let mut bench = Bench::new();
    bench.edit_organisation(|organisation| organisation.switches.group_call_members = Setting::Source);
    let eve = bench.open(EVE);
    let link = bench.join_by(eve, group(&[])).unwrap().link.unwrap();
    let bob = bench.open(BOB);
    assert_refused(
        bench.join_by(bob, Locator::Link(link.clone())),
        &Reason::GROUP_CALL_MEMBERS_DISABLED,
    );
    let eli = bench.open(ELI);
    bench.join_by(eli, Locator::Link(link)).unwrap();
    bench.assert_nothing_left();
}

#[test]
fn the_id_of_a_call_is_no_invitation() {
    let mut bench = Bench::new();
    let eve = bench.open(EVE);
    bench.join_by(eve, group(&[])).unwrap();
    let bob = bench.open(BOB);
    assert_refused(
        bench.join_by(bob, Locator::Call(call_id(77))),
        &Reason::NOT_INVITED,
    );
    assert_refused(
        bench.join_by(bob, Locator::Call(call_id(78))),
        &Reason::NO_SUCH_CALL,
    );
    assert_refused(bench.join_by(bob, group(&[])), &Reason::CALL_EXISTS);
    bench.assert_nothing_left();
}

#[test]
fn people_are_asked_to_come_and_one_endpoint_answers() {
    let mut bench = Bench::new();
    let bob = bench.open(BOB);
    let elsewhere = bench.open(BOB);
    let eve = bench.open(EVE);
    let joined = bench.join_by(eve, group(&[BOB])).unwrap();
    assert!(rings(&bench, bob) && rings(&bench, elsewhere));
    // One that opens while it rings rings too.
    let late = bench.open(BOB);
    assert!(rings(&bench, late));
    bench.pass(seconds(1));
    let roster = bench.views[&eve].roster[&joined.call].clone();
    let entry = roster.values().find(|entry| entry.identity == id(BOB)).unwrap();
    assert_eq!(entry.state, ParticipantState::Ringing);
    let answer = bench.join_by(bob, Locator::Call(joined.call)).unwrap();
    assert_eq!(answer.participant, entry.participant);
    for session in [elsewhere, late] {
        bench.assert_ended(session, &Reason::ANSWERED_ELSEWHERE);
    }
    bench.pass(seconds(1));
    assert_eq!(bench.roster(eve).len(), 2);
    bench.assert_nothing_left();
}

#[test]
fn whoever_says_no_or_does_not_answer_leaves_the_roster() {
    for declines in [true, false] {
        let mut bench = Bench::new();
        let bob = bench.open(BOB);
        let elsewhere = bench.open(BOB);
        let eve = bench.open(EVE);
        let joined = bench.join_by(eve, group(&[BOB])).unwrap();
        bench.pass(seconds(1));
        assert_eq!(bench.roster(eve).len(), 2);
        let reason = if declines {
            bench
                .ask(bob, Request::MeetingDecline(wire::Call { call: joined.call }))
                .unwrap();
            Reason::DECLINED
        } else {
            bench.pass(seconds(121));
            Reason::NO_ANSWER
        };
        bench.assert_ended(elsewhere, &reason);
        bench.pass(seconds(1));
        assert_eq!(bench.roster(eve).len(), 1);
        bench.assert_nothing_left();
    }
}

#[test]
fn whoever_asks_may_take_it_back_and_nobody_rings_for_a_call_that_is_over() {
    let mut bench = Bench::new();
    let (bob, carol) = (bench.open(BOB), bench.open(CAROL));
    let eve = bench.open(EVE);
    let joined = bench.join_by(eve, group(&[BOB, CAROL])).unwrap();
    bench.pass(seconds(1));
    let roster = &bench.views[&eve].roster[&joined.call];
    let participant = roster
        .values()
        .find(|entry| entry.identity == id(BOB))
        .unwrap()
        .participant;
    let remove = Request::MeetingRemove(wire::Remove {
        call: joined.call,
        participant,
    });
    bench.ask(eve, remove).unwrap();
    bench.assert_ended(bob, &Reason::CANCELLED);
    bench.ask(eve, Request::MeetingLeave(call(&joined))).unwrap();
    bench.assert_ended(carol, &Reason::CANCELLED);
    assert!(bench.meetings.is_empty());
    bench.assert_nothing_left();
}

#[test]
fn asking_somebody_into_a_meeting_lets_them_in() {
    let mut bench = Bench::new();
    let (olga, olga_joined) = bench.enters(OLGA);
    let eve = bench.open(EVE);
    let add = |to: &str| {
        Request::MeetingAdd(wire::Add {
            call: olga_joined.call,
            to: id(to),
        })
    };
    assert_refused(bench.ask(olga, add(ELI)), &Reason::NO_ENDPOINT);
    assert_refused(
        bench.ask(olga, add("phone:+15550100")),
        &Reason::NOT_IN_THIS_CALL_TYPE,
    );
    bench.ask(olga, add(EVE)).unwrap();
    assert_refused(bench.ask(olga, add(EVE)), &Reason::ALREADY_INVITED);
    let joined = bench.join_by(eve, Locator::Call(olga_joined.call)).unwrap();
    assert_eq!(joined.passage, Passage::Connected);
    // Who waits already is let in.
    let (eli, eli_joined) = bench.comes(ELI);
    assert!(matches!(eli_joined.unwrap().passage, Passage::InLobby { .. }));
    bench.ask(olga, add(ELI)).unwrap();
    assert_eq!(bench.passage(eli), Some(Passage::Connected));
    bench.assert_nothing_left();
}

fn end_of(session: SessionId, raw: &str) -> End {
    End {
        session,
        identity: id(raw),
        display_name: String::new(),
        application: None,
        attached: true,
    }
}

/// Eve and Bob talk; Bob asks somebody to come.
fn escalate(bench: &mut Bench, to: &str) -> ((SessionId, SessionId), Result<serde_json::Value, Reason>) {
    let (eve, bob) = (bench.open(EVE), bench.open(BOB));
    let pair = Pair {
        caller: end_of(eve, EVE),
        callee: end_of(bob, BOB),
        asked_by_caller: false,
        placed: Instant::now(),
        thread: None,
    };
    let add = Request::MeetingAdd(wire::Add {
        call: call_id(5),
        to: id(to),
    });
    let result = bench.ask_with(bob, add, |ask| ask.pair = Some(pair));
    ((eve, bob), result)
}

#[test]
fn a_call_between_two_becomes_one_of_more_in_place() {
    let mut bench = Bench::new();
    let carol = bench.open(CAROL);
    let ((eve, bob), result) = escalate(&mut bench, CAROL);
    result.unwrap();
    assert_eq!(bench.moved, [call_id(5)]);
    assert!(rings(&bench, carol));
    for session in [eve, bob] {
        assert!(
            bench
                .events(session)
                .iter()
                .any(|event| matches!(event, Event::MeetingMoved(moved) if moved.call == call_id(5)))
        );
    }
    let join =
        |bench: &mut Bench, session| -> Joined { bench.join_by(session, Locator::Call(call_id(5))).unwrap() };
    let (first, second, third) = (
        join(&mut bench, eve),
        join(&mut bench, bob),
        join(&mut bench, carol),
    );
    assert_eq!(
        [first.participant.0, second.participant.0, third.participant.0],
        [1, 2, 3]
    );
    bench.pass(seconds(1));
    assert_eq!(bench.roster(carol).len(), 3);
    // It began before: nobody is told that it begins, or that the two joined.
    let started = bench
        .facts
        .iter()
        .filter(|fact| matches!(fact, Fact::Started { .. }))
        .count();
    let joined: Vec<_> = bench
        .facts
        .iter()
        .filter(|fact| matches!(fact, Fact::Joined { .. }))
        .collect();
    assert_eq!((started, joined.len()), (0, 1), "{joined:?}");
    assert!(matches!(bench.facts[0], Fact::Escalated { .. }));
    bench.assert_nothing_left();
}

#[test]
fn an_end_that_does_not_move_is_gone_in_bounded_time() {
    let mut bench = Bench::new();
    bench.open(CAROL);
    let ((eve, bob), result) = escalate(&mut bench, CAROL);
    result.unwrap();
    bench.join_by(eve, Locator::Call(call_id(5))).unwrap();
    bench.pass(seconds(61));
    bench.assert_ended(bob, &Reason::MEDIA_SETUP_FAILED);
    let places: Vec<Place> = bench
        .meetings
        .roster(call_id(5))
        .unwrap()
        .iter()
        .map(|stay| stay.place)
        .collect();
    assert!(places.contains(&Place::Gone) && places.contains(&Place::Inside));
    bench.assert_nothing_left();
}

#[test]
fn l3_a_call_that_stays_one_of_two_and_one_that_nobody_can_come_to() {
    let mut bench = Bench::new();
    let (_, result) = escalate(&mut bench, CAROL);
    assert_refused(result, &Reason::NO_ENDPOINT);
    assert!(bench.moved.is_empty(), "nothing has changed");
    let mut bench = Bench::new();
    bench.edit_organisation(|organisation| organisation.switches.escalation = Setting::Source);
    bench.open(CAROL);
    let (_, result) = escalate(&mut bench, CAROL);
    assert_refused(result, &Reason::ESCALATION_DISABLED);
    assert!(bench.moved.is_empty() && bench.meetings.is_empty());
}

#[test]
fn a_call_to_somebody_goes_where_their_rules_send_it_and_whoever_answers_comes_in() {
    let mut bench = Bench::new();
    let (olga, olga_joined) = bench.enters(OLGA);
    let (bob, carol, elsewhere) = (bench.open(BOB), bench.open(CAROL), bench.open(CAROL));
    let add = Request::MeetingAdd(wire::Add {
        call: olga_joined.call,
        to: id(BOB),
    });
    let busy = |ask: &mut Ask| {
        ask.ways.insert(id(BOB), Err(Reason::BUSY));
    };
    assert_refused(bench.ask_with(olga, add.clone(), busy), &Reason::BUSY);
    let forwarded = |ask: &mut Ask| {
        let way = Way {
            identities: vec![id(CAROL)],
            sessions: [carol, elsewhere].into(),
            give_up_after: Some(seconds(20)),
        };
        ask.ways.insert(id(BOB), Ok(way));
    };
    let added = bench.ask_with(olga, add.clone(), forwarded).unwrap();
    assert!(!rings(&bench, bob) && rings(&bench, carol) && rings(&bench, elsewhere));
    let told = bench
        .events(carol)
        .into_iter()
        .rev()
        .find_map(|event| match event {
            Event::MeetingIncoming(incoming) => incoming.on_behalf_of.clone(),
            _ => None,
        });
    assert_eq!(told, Some(id(BOB)));
    // One more endpoint of theirs rings too, and none of Bob's does.
    let (late, bob_again) = (bench.open(CAROL), bench.open(BOB));
    assert!(rings(&bench, late) && !rings(&bench, bob_again));
    let joined = bench.join_by(carol, Locator::Call(olga_joined.call)).unwrap();
    assert_eq!(added["participant"], joined.participant.0);
    assert_eq!(joined.display_name, "CAROL");
    bench.assert_ended(elsewhere, &Reason::ANSWERED_ELSEWHERE);
    bench.pass(seconds(1));
    assert_eq!(bench.roster(olga), ["OLGA", "CAROL"]);
    assert!(
        matches!(bench.join_by(bob, Locator::Call(olga_joined.call)), Err(reason) if reason.is(&Reason::NOT_INVITED))
    );

    // It rings there as long as the rules say.
    let dave = bench.open("member:contoso:gus");
    let forwarded = |ask: &mut Ask| {
        let way = Way {
            identities: vec![id(GUS)],
            sessions: [dave].into(),
            give_up_after: Some(seconds(20)),
        };
        ask.ways.insert(id(BOB), Ok(way));
    };
    bench.ask_with(olga, add, forwarded).unwrap();
    bench.pass(seconds(21));
    bench.assert_ended(dave, &Reason::NO_ANSWER);
    bench.assert_nothing_left();
}

#[test]
fn an_endpoint_is_in_a_call_from_when_it_knocks_until_it_is_gone() {
    let mut bench = Bench::new();
    let (eve, _) = bench.waits(EVE, wire::LobbyReason::WaitingForMember);
    assert!(bench.occupied.contains(&eve), "before the door");
    let (olga, joined) = bench.enters(OLGA);
    let bob = bench.open(BOB);
    let add = Request::MeetingAdd(wire::Add {
        call: joined.call,
        to: id(BOB),
    });
    bench.ask(olga, add).unwrap();
    assert!(!bench.occupied.contains(&bob), "it only rings");
    // Another call of the same endpoint, and out of the first: it is in one all the same.
    bench.join_by(olga, group(&[])).unwrap();
    bench.ask(olga, Request::MeetingLeave(call(&joined))).unwrap();
    assert_eq!(bench.occupied.iter().copied().collect::<Vec<_>>(), [eve, olga]);
    let second = Request::MeetingLeave(wire::Call { call: call_id(77) });
    bench.ask(olga, second).unwrap();
    assert!(!bench.occupied.contains(&olga));
    bench.assert_nothing_left();
}
