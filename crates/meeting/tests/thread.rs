//! A call out of a conversation (L15): everyone who takes part in it is rung, whoever comes late finds it by the
//! conversation, and nobody else is told that there is one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Instant;

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{self as wire, Incoming, Kind, Locator};
use sidetone_signaling::protocol::{CallId, Event, Request, SessionId};
use sidetone_signaling::switchboard::{End, Pair};
use support::*;
use uuid::Uuid;

fn call_id(n: u128) -> CallId {
    CallId(Uuid::from_u128(n))
}

fn of_thread(call: u128) -> Locator {
    Locator::Thread {
        thread: THREAD,
        call: call_id(call),
    }
}

fn incoming(bench: &Bench, session: SessionId) -> Option<Incoming> {
    bench.events(session).into_iter().find_map(|event| match event {
        Event::MeetingIncoming(incoming) => Some(incoming.clone()),
        _ => None,
    })
}

fn named(thread: ThreadId) -> Option<String> {
    Some(thread.to_string())
}

#[test]
fn everyone_in_the_conversation_is_rung_and_told_which_it_is() {
    let mut bench = Bench::new();
    let (bob, carol, stranger) = (bench.open(BOB), bench.open(CAROL), bench.open(GUS));
    let eve = bench.open(EVE);
    let joined = bench.join_by(eve, of_thread(1)).unwrap();
    assert_eq!((joined.call, joined.kind), (call_id(1), Kind::GroupCall));
    assert_eq!(
        (joined.thread, joined.subject.as_str()),
        (named(THREAD), "Order 17")
    );
    for session in [bob, carol] {
        let incoming = incoming(&bench, session).unwrap();
        assert_eq!((incoming.call, incoming.thread), (call_id(1), Some(THREAD)));
    }
    assert!(incoming(&bench, stranger).is_none());
    let bobs = bench.join_by(bob, Locator::Call(call_id(1))).unwrap();
    assert_eq!(bobs.thread, named(THREAD));
    bench.assert_nothing_left();
}

#[test]
fn who_comes_late_joins_the_call_that_runs() {
    let mut bench = Bench::new();
    let bob = bench.open(BOB);
    bench.join_by(bob, of_thread(1)).unwrap();
    let carol = bench.open(CAROL);
    // She rings, and calls out of the conversation herself: it is the same call, and the same place in it.
    let carols = bench.join_by(carol, of_thread(2)).unwrap();
    assert_eq!((carols.call, carols.thread), (call_id(1), named(THREAD)));
    bench.pass(seconds(1));
    assert_eq!(bench.roster(bob).len(), 2);
    // When it is over, the next one is a new one.
    for session in [bob, carol] {
        bench
            .ask(session, Request::MeetingLeave(wire::Call { call: call_id(1) }))
            .unwrap();
    }
    assert_eq!(bench.join_by(bob, of_thread(3)).unwrap().call, call_id(3));
    bench.assert_nothing_left();
}

#[test]
fn strangers_have_no_conversation_to_call_out_of() {
    let mut bench = Bench::new();
    let gus = bench.open(GUS);
    assert_refused(bench.join_by(gus, of_thread(1)), &Reason::NO_SUCH_THREAD);
    let bob = bench.open(BOB);
    bench.join_by(bob, of_thread(1)).unwrap();
    assert_refused(bench.join_by(gus, of_thread(1)), &Reason::NO_SUCH_THREAD);
    // Asked to come by somebody inside, they are in the call and not in the conversation.
    let add = Request::MeetingAdd(wire::Add {
        call: call_id(1),
        to: id(GUS),
    });
    bench.ask(bob, add).unwrap();
    assert_eq!(incoming(&bench, gus).unwrap().thread, None);
    assert_eq!(
        bench.join_by(gus, Locator::Call(call_id(1))).unwrap().thread,
        None
    );
    bench.assert_nothing_left();
}

#[test]
fn an_endpoint_that_takes_no_calls_is_not_asked_to_come() {
    let mut bench = Bench::new();
    let deaf = bench.open_where(BOB, false);
    let eve = bench.open(EVE);
    bench.join_by(eve, of_thread(1)).unwrap();
    let late = bench.open_where(CAROL, false);
    assert!(incoming(&bench, deaf).is_none() && incoming(&bench, late).is_none());
    bench.assert_nothing_left();
}

#[test]
fn a_call_of_two_that_grows_keeps_its_conversation() {
    let mut bench = Bench::new();
    let (eve, bob, gus) = (bench.open(EVE), bench.open(BOB), bench.open(GUS));
    let end = |session, raw: &str| End {
        session,
        identity: id(raw),
        display_name: String::new(),
        application: None,
        attached: true,
    };
    let pair = Pair {
        caller: end(eve, EVE),
        callee: end(bob, BOB),
        asked_by_caller: false,
        placed: Instant::now(),
        thread: Some(THREAD),
    };
    let add = Request::MeetingAdd(wire::Add {
        call: call_id(5),
        to: id(GUS),
    });
    bench.ask_with(bob, add, |ask| ask.pair = Some(pair)).unwrap();
    for (session, thread) in [(eve, named(THREAD)), (bob, named(THREAD)), (gus, None)] {
        let joined = bench.join_by(session, Locator::Call(call_id(5))).unwrap();
        assert_eq!(joined.thread, thread);
    }
    // Carol finds it by the conversation.
    let carol = bench.open(CAROL);
    assert_eq!(bench.join_by(carol, of_thread(9)).unwrap().call, call_id(5));
    bench.assert_nothing_left();
}
