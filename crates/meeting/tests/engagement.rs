//! Hands, reactions, the spotlight and speakers (spec 3.4): what each does, and what everyone is told, together and not too
//! often.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use sidetone_meeting::{Input, MediaEvent};
use sidetone_organisation::{Bypass, Setting};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{self as wire, Joined, ParticipantId, Reaction};
use sidetone_signaling::protocol::{Event, Request, SessionId};
use support::*;

fn three() -> (Bench, [(SessionId, Joined); 3]) {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let people = [bench.enters(OLGA), bench.enters(BOB), bench.enters(EVE)];
    bench.pass(seconds(1));
    (bench, people)
}

fn hand(of: &Joined, raised: bool) -> Request {
    Request::MeetingHand(wire::SetHand {
        call: of.call,
        raised,
    })
}

fn react(of: &Joined, reaction: Reaction) -> Request {
    Request::MeetingReact(wire::React {
        call: of.call,
        reaction,
    })
}

#[test]
fn hands_have_an_order_and_whoever_comes_late_sees_them() {
    let (mut bench, [(olga, olga_joined), (bob, bob_joined), (eve, eve_joined)]) = three();
    bench.ask(eve, hand(&eve_joined, true)).unwrap();
    bench.ask(bob, hand(&bob_joined, true)).unwrap();
    bench.ask(eve, hand(&eve_joined, true)).unwrap();
    bench.pass(seconds(1));
    let (carol, _) = bench.enters("member:contoso:carol");
    bench.pass(seconds(1));
    let call = olga_joined.call;
    for session in [olga, bob, eve, carol] {
        let hands = &bench.views[&session].hands[&call];
        assert!(hands[&eve_joined.participant] < hands[&bob_joined.participant]);
    }
    bench
        .ask(
            olga,
            Request::MeetingLowerHands(wire::LowerHands {
                call,
                participants: vec![eve_joined.participant],
            }),
        )
        .unwrap();
    bench
        .ask(bob, Request::MeetingLeave(wire::Call { call }))
        .unwrap();
    bench.pass(seconds(1));
    assert!(
        bench.views[&carol].hands[&call].is_empty(),
        "who leaves lowers theirs"
    );
    bench.assert_nothing_left();
}

#[test]
fn reactions_are_told_together_and_no_faster_than_allowed() {
    let (mut bench, [(olga, _), (bob, bob_joined), (eve, eve_joined)]) = three();
    for _ in 0..5 {
        bench.ask(eve, react(&eve_joined, Reaction::Love)).unwrap();
    }
    assert_refused(
        bench.ask(eve, react(&eve_joined, Reaction::Love)),
        &Reason::TOO_MANY_REACTIONS,
    );
    bench.ask(bob, react(&bob_joined, Reaction::Applause)).unwrap();
    bench.pass(seconds(1));
    let told: u32 = bench
        .events(olga)
        .iter()
        .filter_map(|event| match event {
            Event::MeetingReactions(told) if told.reaction == Reaction::Love => Some(told.count),
            _ => None,
        })
        .sum();
    assert_eq!(told, 5);
    let names: Vec<ParticipantId> = bench
        .events(olga)
        .iter()
        .filter_map(|event| match event {
            Event::MeetingReactions(told) if told.reaction == Reaction::Applause => {
                Some(told.participants[0])
            }
            _ => None,
        })
        .collect();
    assert_eq!(names, [bob_joined.participant]);
    bench.edit_meeting(|meeting| meeting.options.reactions_forbidden = true);
    assert_refused(
        bench.ask(bob, react(&bob_joined, Reaction::Like)),
        &Reason::MEETING_RESTRICTED,
    );
    bench.assert_nothing_left();
}

#[test]
fn l25_in_the_source_hands_and_reactions_are_for_members() {
    for setting in [Setting::Open, Setting::Source] {
        let (mut bench, [_, (bob, bob_joined), (eve, eve_joined)]) = three();
        bench.edit_organisation(|organisation| organisation.switches.engagement = setting);
        for request in [hand(&eve_joined, true), react(&eve_joined, Reaction::Like)] {
            match setting {
                Setting::Open => drop(bench.ask(eve, request).unwrap()),
                Setting::Source => assert_refused(bench.ask(eve, request), &Reason::POLICY_RESTRICTED),
            }
        }
        bench.ask(bob, hand(&bob_joined, true)).unwrap();
        bench.assert_nothing_left();
    }
}

#[test]
fn the_spotlight_has_an_order_and_ends_with_whoever_is_in_it() {
    let (mut bench, [(olga, olga_joined), (bob, bob_joined), (eve, eve_joined)]) = three();
    let call = olga_joined.call;
    let spotlight = |participants: Vec<ParticipantId>, on| {
        Request::MeetingSpotlight(wire::SetSpotlight {
            call,
            participants,
            on,
        })
    };
    let lit = |bench: &Bench, session: SessionId| {
        bench.events(session).iter().rev().find_map(|event| match event {
            Event::MeetingSpotlight(told) => Some(told.participants.clone()),
            _ => None,
        })
    };
    bench
        .ask(
            olga,
            spotlight(vec![eve_joined.participant, bob_joined.participant], true),
        )
        .unwrap();
    assert_eq!(
        lit(&bench, bob),
        Some(vec![eve_joined.participant, bob_joined.participant])
    );
    assert_refused(
        bench.ask(olga, spotlight(vec![ParticipantId(99)], true)),
        &Reason::NO_SUCH_PARTICIPANT,
    );
    bench
        .ask(eve, Request::MeetingLeave(wire::Call { call }))
        .unwrap();
    assert_eq!(lit(&bench, bob), Some(vec![bob_joined.participant]));
    bench.ask(olga, spotlight(vec![], false)).unwrap();
    assert_eq!(lit(&bench, bob), Some(vec![]));
    bench.assert_nothing_left();
}

#[test]
fn speakers_are_told_at_the_pace_of_the_meeting() {
    let (mut bench, [(olga, olga_joined), (_, bob), (_, eve)]) = three();
    let mut changes = 0;
    for n in 0..100 {
        let speakers = if n % 2 == 0 {
            vec![bob.participant, eve.participant]
        } else {
            vec![eve.participant, ParticipantId(99)]
        };
        bench.input(Input::Media(olga_joined.call, MediaEvent::Speakers(speakers)));
        bench.pass(Duration::from_millis(10));
        changes += 1;
    }
    let told: Vec<_> = bench
        .events(olga)
        .into_iter()
        .filter_map(|event| match event {
            Event::MeetingSpeakers(told) => Some(told.speakers.clone()),
            _ => None,
        })
        .collect();
    assert!(
        told.len() <= 11 && changes == 100,
        "{} times in a second",
        told.len()
    );
    assert!(
        told.iter().flatten().all(|id| id.0 != 99),
        "only those who are in"
    );
    bench.assert_nothing_left();
}

#[test]
fn a_thousand_who_come_are_told_in_a_bounded_number_of_events() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    bench.checking = false;
    let (olga, joined) = bench.enters(OLGA);
    for number in 1..1_000 {
        bench.enters(&format!("guest:g{number}"));
        bench.pass(Duration::from_millis(5));
    }
    bench.pass(seconds(2));
    assert_eq!(bench.roster(olga).len(), 1_000);
    let rosters: Vec<_> = bench
        .events(olga)
        .into_iter()
        .filter_map(|event| match event {
            Event::MeetingRoster(roster) => Some(roster.clone()),
            _ => None,
        })
        .collect();
    assert!(rosters.len() < 60, "{} events in five seconds", rosters.len());
    assert!(rosters.iter().all(|roster| roster.present.len() <= 100));
    // The last to come sees everyone, in pages.
    let last = *bench.views.keys().last().unwrap();
    assert_eq!(bench.roster(last).len(), 1_000);
    assert_eq!(bench.views[&last].total[&joined.call], 1_000);
    bench.meetings.check(bench.now).unwrap();
    bench.assert_nothing_left();
}
