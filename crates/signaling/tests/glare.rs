//! Both call each other at once: one call results, both are in it, and nothing rings.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod support;

use std::time::{Duration, Instant};

use sidetone_signaling::agent::Command;
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::sim::{ClientId, World};
use sidetone_signaling::{Reason, switchboard::Record};
use support::*;

/// The one call that both are in.
fn surviving(world: &World, a: (ClientId, CallId), b: (ClientId, CallId)) -> CallId {
    let goes_on = |(client, call): (ClientId, CallId)| world.view(client, call).merged_into.unwrap_or(call);
    assert_eq!(goes_on(a), goes_on(b), "both are in the same call");
    goes_on(a)
}

#[test]
fn whatever_the_timing_one_call_results() {
    for seed in 0..300 {
        let mut world = World::new(seed, Default::default(), Default::default(), Instant::now());
        let (alice, bob) = (world.add(ALICE), world.add(BOB));
        world.run_for(seconds(1));
        let from_alice = world.start_call(alice, BOB).unwrap();
        world.run_for(Duration::from_millis(seed % 100));
        let from_bob = world.start_call(bob, ALICE).unwrap();
        world.run_for(seconds(2));
        let call = surviving(&world, (alice, from_alice), (bob, from_bob));
        assert_talking(&world, alice, bob, call);
        let void = if call == from_alice { from_bob } else { from_alice };
        for client in [alice, bob] {
            assert!(
                world.view(client, void).ends.is_empty(),
                "seed {seed}: the void call has no end of its own"
            );
            assert!(world.view(client, call).ends.is_empty());
        }
        let ends = world
            .records
            .iter()
            .filter(|(_, r)| matches!(r, Record::CallEnded { .. }))
            .count();
        assert_eq!((world.switchboard.stats().active_calls, ends), (1, 0));
        command(&mut world, bob, Command::HangUp { call });
        world.run_for(seconds(1));
        assert_ended(&world, alice, call, &Reason::HUNG_UP);
        assert_ended(&world, bob, call, &Reason::HUNG_UP);
        assert_nothing_left(world);
    }
}

#[test]
fn calls_that_cross_do_not_ring() {
    let (mut world, alice, bob) = pair();
    world.start_call(alice, BOB).unwrap();
    world.start_call(bob, ALICE).unwrap();
    world.run_for(seconds(2));
    for client in [alice, bob] {
        assert_eq!(world.incoming(client), None);
    }
}

#[test]
fn calling_back_who_rings_here_is_an_answer() {
    let (mut world, alice, bob) = pair();
    let call = ring(&mut world, alice, &[bob]);
    world.run_for(seconds(5));
    let back = world.start_call(bob, ALICE).unwrap();
    world.run_for(seconds(1));
    assert_eq!(world.view(bob, back).merged_into, Some(call));
    assert_talking(&world, alice, bob, call);
}

#[test]
fn other_endpoints_stop_ringing_when_calls_cross() {
    let mut world = world();
    let alice = world.add(ALICE);
    let bobs = [world.add(BOB), world.add(BOB)];
    world.run_for(seconds(1));
    let call = ring(&mut world, alice, &bobs);
    let back = world.start_call(bobs[0], ALICE).unwrap();
    world.run_for(seconds(1));
    assert_eq!(world.view(bobs[0], back).merged_into, Some(call));
    assert_ended(&world, bobs[1], call, &Reason::ANSWERED_ELSEWHERE);
    assert_talking(&world, alice, bobs[0], call);
}

#[test]
fn an_endpoint_that_had_declined_may_call_back() {
    let mut world = world();
    let alice = world.add(ALICE);
    let bobs = [world.add(BOB), world.add(BOB)];
    world.run_for(seconds(1));
    let call = ring(&mut world, alice, &bobs);
    command(&mut world, bobs[0], Command::Decline { call });
    world.run_for(seconds(1));
    let back = world.start_call(bobs[0], ALICE).unwrap();
    world.run_for(seconds(3));
    // The id that it declined is spent there, so this one is told how that ended.
    let view = world.view(bobs[0], back);
    assert!(view.merged_into.is_some() || view.ends.len() == 1, "{view:?}");
    assert_eq!(
        world.switchboard.stats().active_calls + world.switchboard.stats().ringing_calls,
        1
    );
}

#[test]
fn hanging_up_a_crossing_call_ends_the_one_that_came_of_it() {
    for seed in 0..200 {
        let mut world = World::new(seed, Default::default(), Default::default(), Instant::now());
        let (alice, bob) = (world.add(ALICE), world.add(BOB));
        world.run_for(seconds(1));
        let from_alice = world.start_call(alice, BOB).unwrap();
        let from_bob = world.start_call(bob, ALICE).unwrap();
        world.run_for(Duration::from_millis(seed / 2));
        let call = world.view(bob, from_bob).merged_into.unwrap_or(from_bob);
        command(&mut world, bob, Command::HangUp { call });
        world.run_for(seconds(3));
        let ends: usize = [from_alice, from_bob]
            .iter()
            .map(|c| world.view(bob, *c).ends.len())
            .sum();
        assert_eq!(ends, 1, "seed {seed}");
        assert_eq!(world.switchboard.stats().active_calls, 0, "seed {seed}");
        // Where Bob's call was over before Alice's reached the service, hers rings like any other.
        let rings = state(&world, bob, from_alice) == CallState::Ringing;
        assert_eq!(
            world.switchboard.stats().ringing_calls,
            usize::from(rings),
            "seed {seed}"
        );
        command(&mut world, alice, Command::HangUp { call: from_alice });
        command(&mut world, alice, Command::HangUp { call: from_bob });
        world.run_for(seconds(3));
        assert_nothing_left(world);
    }
}

#[test]
fn two_endpoints_of_one_identity_can_call_each_other() {
    let mut world = world();
    let (desk, pocket) = (world.add(ALICE), world.add(ALICE));
    world.run_for(seconds(1));
    let call = world.start_call(desk, ALICE).unwrap();
    world.run_for(seconds(1));
    assert_eq!((world.incoming(desk), world.incoming(pocket)), (None, Some(call)));
    command(&mut world, pocket, Command::Accept { call });
    world.run_for(seconds(1));
    assert_talking(&world, desk, pocket, call);
}
