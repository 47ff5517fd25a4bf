//! A call that is answered: ringing everywhere, one connection warmed up for each endpoint, first answer wins.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod support;

use sidetone_signaling::agent::{AgentConfig, AgentEvent, Command, StartOptions};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::sim::{ClientId, Happening, World};
use sidetone_signaling::switchboard::Record;
use sidetone_signaling::{Identifier, Reason};
use std::time::Duration;
use support::*;

#[test]
fn start_ring_answer_talk_hang_up() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    let states = |world: &World, client| -> Vec<CallState> {
        world
            .view(client, call)
            .states
            .iter()
            .map(|(state, _)| *state)
            .collect()
    };
    assert_eq!(
        states(&world, alice),
        [CallState::Connecting, CallState::Ringing, CallState::Connected]
    );
    assert_eq!(
        states(&world, bob),
        [CallState::Ringing, CallState::Connecting, CallState::Connected]
    );
    command(&mut world, alice, Command::HangUp { call });
    assert_ended(&world, alice, call, &Reason::HUNG_UP);
    world.run_for(seconds(1));
    assert_ended(&world, bob, call, &Reason::HUNG_UP);
    assert_recorded_end(&world, call, &Reason::HUNG_UP);
    assert_nothing_left(world);
}

#[test]
fn the_callee_sees_who_calls_and_the_context() {
    let (mut world, alice, bob) = pair();
    let call = world.draw_call();
    let thread = ThreadId(uuid::Uuid::from_u128(7));
    let options = StartOptions {
        display_name: Some("Eve (External)".into()),
        context: Some("order 17".into()),
        ring_for: None,
        on_behalf_of: None,
        thread: Some(thread),
    };
    command(
        &mut world,
        alice,
        Command::StartCall {
            call,
            to: BOB.parse().unwrap(),
            options,
        },
    );
    world.run_for(seconds(1));
    let expected = AgentEvent::IncomingCall {
        call,
        from: ALICE.parse().unwrap(),
        display_name: "Eve (External)".into(),
        context: Some("order 17".into()),
        on_behalf_of: None,
        placed_by: None,
        transferred_by: None,
        thread: Some(thread),
    };
    assert!(
        world.clients[bob.0]
            .events
            .iter()
            .any(|(_, event)| *event == expected)
    );
}

#[test]
fn media_is_up_before_the_answer_so_that_answering_only_opens_it() {
    let (mut world, alice, bob) = pair();
    let call = ring(&mut world, alice, &[bob]);
    let warm = |world: &World, client: ClientId| {
        world.clients[client.0]
            .media
            .values()
            .filter(|media| media.is_connected())
            .count()
    };
    assert_eq!((warm(&world, alice), warm(&world, bob)), (1, 1));
    assert!(world.talking_legs(alice, call).is_empty() && world.talking_legs(bob, call).is_empty());
    command(&mut world, bob, Command::Accept { call });
    // The callee speaks at once; the caller after one way through the service.
    assert_eq!(world.talking_legs(bob, call).len(), 1);
    world.run_for(Duration::from_millis(100));
    assert_talking(&world, alice, bob, call);
}

#[test]
fn every_endpoint_rings_and_the_first_answer_wins() {
    let mut world = world();
    let alice = world.add(ALICE);
    let bobs: Vec<ClientId> = (0..3).map(|_| world.add(BOB)).collect();
    world.run_for(seconds(1));
    let call = ring(&mut world, alice, &bobs);
    assert_eq!(world.clients[alice.0].media.len(), 3, "one connection a leg");
    command(&mut world, bobs[1], Command::Accept { call });
    world.run_for(seconds(1));
    assert_talking(&world, alice, bobs[1], call);
    for bob in [bobs[0], bobs[2]] {
        assert_ended(&world, bob, call, &Reason::ANSWERED_ELSEWHERE);
    }
    assert_eq!(
        world.clients[alice.0].media.len(),
        1,
        "the other legs' connections are gone"
    );
    command(&mut world, bobs[1], Command::HangUp { call });
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::HUNG_UP);
    assert_nothing_left(world);
}

#[test]
fn two_answers_at_the_same_moment_make_one_call() {
    for seed in 0..50 {
        let mut world = World::new(
            seed,
            Default::default(),
            Default::default(),
            std::time::Instant::now(),
        );
        let alice = world.add(ALICE);
        let bobs = [world.add(BOB), world.add(BOB)];
        world.run_for(seconds(1));
        let call = ring(&mut world, alice, &bobs);
        bobs.iter()
            .for_each(|bob| command(&mut world, *bob, Command::Accept { call }));
        world.run_for(seconds(1));
        let (winner, loser) = if world.view(bobs[0], call).ends.is_empty() {
            (bobs[0], bobs[1])
        } else {
            (bobs[1], bobs[0])
        };
        assert_talking(&world, alice, winner, call);
        assert_ended(&world, loser, call, &Reason::ANSWERED_ELSEWHERE);
    }
}

#[test]
fn more_endpoints_than_warm_legs_answer_all_the_same() {
    let mut world = world();
    let alice = world.add(ALICE);
    let bobs: Vec<ClientId> = (0..7).map(|_| world.add(BOB)).collect();
    world.run_for(seconds(1));
    let call = ring(&mut world, alice, &bobs);
    assert_eq!(world.clients[alice.0].media.len(), 4);
    let cold = *bobs
        .iter()
        .find(|bob| world.clients[bob.0].media.is_empty())
        .unwrap();
    command(&mut world, cold, Command::Accept { call });
    world.run_for(seconds(2));
    assert_talking(&world, alice, cold, call);
    assert_eq!(world.clients[alice.0].media.len(), 1);
}

#[test]
fn a_caller_that_wants_fewer_warm_legs_answers_the_others_later() {
    let mut world = world();
    let mut config = AgentConfig::new(World::token(ALICE, 3600));
    config.warm_legs = 1;
    let alice = world.add_with(config);
    let bobs: Vec<ClientId> = (0..3).map(|_| world.add(BOB)).collect();
    world.run_for(seconds(1));
    let call = ring(&mut world, alice, &bobs);
    assert_eq!(world.clients[alice.0].media.len(), 1);
    let warm = *world.clients[alice.0].media.keys().next().unwrap();
    let parked = *bobs
        .iter()
        .find(|bob| !world.clients[bob.0].media.contains_key(&warm))
        .unwrap();
    command(&mut world, parked, Command::Accept { call });
    world.run_for(seconds(2));
    assert_talking(&world, alice, parked, call);
}

#[test]
fn hidden_addresses_stay_hidden_until_the_answer() {
    for (hide_alice, hide_bob) in [(true, false), (false, true), (true, true)] {
        let mut world = world();
        let mut client = |identity, hide_addresses| {
            let mut config = AgentConfig::new(World::token(identity, 3600));
            config.hide_addresses = hide_addresses;
            world.add_with(config)
        };
        let (alice, bob) = (client(ALICE, hide_alice), client(BOB, hide_bob));
        world.run_for(seconds(1));
        let call = ring(&mut world, alice, &[bob]);
        world.run_for(seconds(20));
        let connected = |client: ClientId| world.clients[client.0].media.values().any(|m| m.is_connected());
        assert!(
            !connected(alice) && !connected(bob),
            "nothing can connect without addresses"
        );
        command(&mut world, bob, Command::Accept { call });
        world.run_for(seconds(5));
        assert_talking(&world, alice, bob, call);
    }
}

#[test]
fn an_endpoint_that_comes_late_rings_too() {
    let (mut world, alice, bob) = pair();
    let call = ring(&mut world, alice, &[bob]);
    let late = world.add(BOB);
    world.run_for(seconds(1));
    assert_eq!(world.incoming(late), Some(call));
    command(&mut world, late, Command::Accept { call });
    world.run_for(seconds(1));
    assert_talking(&world, alice, late, call);
    assert_ended(&world, bob, call, &Reason::ANSWERED_ELSEWHERE);
}

#[test]
fn the_records_tell_the_call_once() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    command(&mut world, bob, Command::HangUp { call });
    world.run_for(seconds(1));
    let of_call = |id: CallId| -> Vec<&'static str> {
        let name = |record: &Record| match record {
            Record::CallStarted { call, .. } if *call == id => Some("started"),
            Record::CallRinging { call, .. } if *call == id => Some("ringing"),
            Record::CallAnswered { call, .. } if *call == id => Some("answered"),
            Record::ParticipantAdded { call, .. } if *call == id => Some("added"),
            Record::ParticipantRemoved { call, .. } if *call == id => Some("removed"),
            Record::CallEnded { call, .. } if *call == id => Some("ended"),
            _ => None,
        };
        world
            .records
            .iter()
            .filter_map(|(_, record)| name(record))
            .collect()
    };
    let expected = [
        "started", "ringing", "answered", "added", "added", "removed", "removed", "ended",
    ];
    assert_eq!(of_call(call), expected);
}

#[test]
fn a_call_placed_before_the_session_is_open_goes_out_when_it_is() {
    let mut world = world();
    let bob = world.add(BOB);
    world.run_for(seconds(1));
    let alice = world.add(ALICE);
    world.happen(alice, Happening::Cut);
    let call = world.start_call(alice, BOB).unwrap();
    assert_eq!(world.view(alice, call).state(), Some(CallState::None));
    world.run_for(seconds(5));
    world.happen(alice, Happening::Restore);
    world.run_for(seconds(20));
    assert_eq!(world.incoming(bob), Some(call));
    assert_eq!(state(&world, alice, call), CallState::Ringing);
}

#[test]
fn one_call_is_active_the_others_are_held() {
    let mut world = world();
    let (alice, bob, carol) = (world.add(ALICE), world.add(BOB), world.add(CAROL));
    world.run_for(seconds(1));
    let first = talk(&mut world, alice, bob);
    let second = world.draw_call();
    let to: Identifier = ALICE.parse().unwrap();
    command(
        &mut world,
        carol,
        Command::StartCall {
            call: second,
            to,
            options: Default::default(),
        },
    );
    world.run_for(seconds(1));
    command(&mut world, alice, Command::Accept { call: second });
    world.run_for(seconds(1));
    assert_talking(&world, carol, alice, second);
    assert_eq!(state(&world, alice, first), CallState::LocalHold);
    assert_eq!(state(&world, bob, first), CallState::RemoteHold);
    command(&mut world, alice, Command::Resume { call: first });
    world.run_for(seconds(1));
    assert_talking(&world, alice, bob, first);
    assert_eq!(state(&world, carol, second), CallState::RemoteHold);
}
