//! Calls that do not come about: each ends with its own reason, at every endpoint, and the next call works at once.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod support;

use sidetone_signaling::Reason;
use sidetone_signaling::agent::{AgentConfig, Command, StartOptions};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::EndpointOptions;
use sidetone_signaling::sim::{ClientId, Happening, World};
use sidetone_signaling::switchboard::{CallRequest, Policy, Reaches, Route, SwitchboardConfig};
use support::*;

fn bobs(world: &mut World, count: usize) -> Vec<ClientId> {
    (0..count).map(|_| world.add(BOB)).collect()
}

#[test]
fn declined_by_the_only_endpoint() {
    let (mut world, alice, bob) = pair();
    let call = ring(&mut world, alice, &[bob]);
    command(&mut world, bob, Command::Decline { call });
    assert_ended(&world, bob, call, &Reason::DECLINED);
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::DECLINED);
    talk(&mut world, alice, bob);
}

#[test]
fn declined_by_one_of_several_rings_on() {
    let mut world = world();
    let alice = world.add(ALICE);
    let bobs = bobs(&mut world, 2);
    world.run_for(seconds(1));
    let call = ring(&mut world, alice, &bobs);
    command(&mut world, bobs[0], Command::Decline { call });
    world.run_for(seconds(1));
    assert_ended(&world, bobs[0], call, &Reason::DECLINED);
    assert_eq!(state(&world, alice, call), CallState::Ringing);
    assert_eq!(state(&world, bobs[1], call), CallState::Ringing);
    assert_eq!(
        world.clients[alice.0].media.len(),
        1,
        "the declined leg's connection is closed"
    );
    command(&mut world, bobs[1], Command::Decline { call });
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::DECLINED_EVERYWHERE);
    assert_nothing_left(world);
}

#[test]
fn cancelled_while_ringing() {
    let mut world = world();
    let alice = world.add(ALICE);
    let bobs = bobs(&mut world, 2);
    world.run_for(seconds(1));
    let call = ring(&mut world, alice, &bobs);
    command(&mut world, alice, Command::HangUp { call });
    assert_ended(&world, alice, call, &Reason::CANCELLED);
    world.run_for(seconds(1));
    bobs.iter()
        .for_each(|bob| assert_ended(&world, *bob, call, &Reason::CANCELLED));
    assert_nothing_left(world);
}

#[test]
fn cancelled_at_once() {
    let (mut world, alice, bob) = pair();
    let call = world.start_call(alice, BOB).unwrap();
    command(&mut world, alice, Command::HangUp { call });
    assert_ended(&world, alice, call, &Reason::CANCELLED);
    world.run_for(seconds(1));
    assert_ended(&world, bob, call, &Reason::CANCELLED);
    assert_nothing_left(world);
}

#[test]
fn cancelled_while_the_answer_is_on_its_way() {
    for seed in 0..50 {
        let mut world = World::new(
            seed,
            Default::default(),
            Default::default(),
            std::time::Instant::now(),
        );
        let (alice, bob) = (world.add(ALICE), world.add(BOB));
        world.run_for(seconds(1));
        let call = ring(&mut world, alice, &[bob]);
        command(&mut world, alice, Command::HangUp { call });
        command(&mut world, bob, Command::Accept { call });
        world.run_for(seconds(1));
        assert_ended(&world, alice, call, &Reason::CANCELLED);
        let view = world.view(bob, call);
        assert!(
            view.ends.len() == 1 && [Reason::CANCELLED, Reason::HUNG_UP].contains(&view.ends[0]),
            "{view:?}"
        );
        assert_nothing_left(world);
    }
}

#[test]
fn nobody_answers() {
    let (mut world, alice, bob) = pair();
    let call = ring(&mut world, alice, &[bob]);
    world.run_for(seconds(117));
    assert_eq!(state(&world, alice, call), CallState::Ringing);
    world.run_for(seconds(3));
    assert_ended(&world, alice, call, &Reason::NO_ANSWER);
    assert_ended(&world, bob, call, &Reason::NO_ANSWER);
    talk(&mut world, alice, bob);
}

#[test]
fn a_caller_may_ring_for_less() {
    let (mut world, alice, bob) = pair();
    let call = world.draw_call();
    let options = StartOptions {
        ring_for: Some(seconds(15)),
        ..Default::default()
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
    world.run_for(seconds(16));
    assert_ended(&world, alice, call, &Reason::NO_ANSWER);
    assert_ended(&world, bob, call, &Reason::NO_ANSWER);
}

#[test]
fn nobody_is_registered() {
    let (mut world, alice, _) = pair();
    let call = world.start_call(alice, CAROL).unwrap();
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::NO_ENDPOINT);
    assert_recorded_end(&world, call, &Reason::NO_ENDPOINT);
    // Oneself, with no other endpoint, is nobody either.
    let call = world.start_call(alice, ALICE).unwrap();
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::NO_ENDPOINT);
}

#[test]
fn what_cannot_be_called() {
    let (mut world, alice, _) = pair();
    for to in ["phone:+390612345", "robot:r2d2"] {
        let call = world.start_call(alice, to).unwrap();
        world.run_for(seconds(1));
        assert_ended(&world, alice, call, &Reason::NO_SUCH_CALLEE);
    }
}

#[test]
fn registered_but_offline() {
    let (mut world, alice, bob) = pair();
    world.happen(bob, Happening::Kill);
    world.run_for(seconds(30));
    let call = world.start_call(alice, BOB).unwrap();
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::OFFLINE);
    // When the session's window is over there is no endpoint at all.
    world.run_for(seconds(120));
    let call = world.start_call(alice, BOB).unwrap();
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::NO_ENDPOINT);
}

#[test]
fn an_endpoint_that_is_away_for_a_moment_still_rings() {
    let (mut world, alice, bob) = pair();
    world.happen(bob, Happening::DropSocket);
    world.run_for(std::time::Duration::from_millis(45));
    let call = world.start_call(alice, BOB).unwrap();
    world.run_for(seconds(3));
    assert_eq!(world.incoming(bob), Some(call));
    assert_eq!(state(&world, alice, call), CallState::Ringing);
}

#[test]
fn lost_while_ringing() {
    let (mut world, alice, bob) = pair();
    let call = ring(&mut world, alice, &[bob]);
    world.happen(bob, Happening::Kill);
    // The service notices the silent socket, then waits for it to come back.
    world.run_for(seconds(15 + 10 + 1));
    assert_ended(&world, alice, call, &Reason::CALLEE_LOST);
    assert_nothing_left(world);
}

#[test]
fn lost_while_ringing_elsewhere_too() {
    let mut world = world();
    let alice = world.add(ALICE);
    let bobs = bobs(&mut world, 2);
    world.run_for(seconds(1));
    let call = ring(&mut world, alice, &bobs);
    world.happen(bobs[0], Happening::Kill);
    world.run_for(seconds(30));
    assert_eq!(state(&world, alice, call), CallState::Ringing);
    command(&mut world, bobs[1], Command::Accept { call });
    world.run_for(seconds(1));
    assert_talking(&world, alice, bobs[1], call);
}

#[test]
fn the_caller_is_killed_while_it_rings() {
    let (mut world, alice, bob) = pair();
    let call = ring(&mut world, alice, &[bob]);
    world.happen(alice, Happening::Kill);
    world.run_for(seconds(140));
    let view = world.view(bob, call);
    assert_eq!(view.ends.len(), 1);
    assert!(view.ends[0].is(&Reason::NO_ANSWER) || view.ends[0].is(&Reason::PEER_GONE));
    assert_nothing_left(world);
}

#[test]
fn busy_when_in_a_call() {
    let mut world = world();
    let mut config = AgentConfig::new(World::token(BOB, 3600));
    config.options = EndpointOptions {
        busy_when_in_call: true,
        ..EndpointOptions::default()
    };
    let (alice, bob, carol) = (world.add(ALICE), world.add_with(config), world.add(CAROL));
    world.run_for(seconds(1));
    let first = talk(&mut world, alice, bob);
    let second = world.start_call(carol, BOB).unwrap();
    world.run_for(seconds(1));
    assert_ended(&world, carol, second, &Reason::BUSY);
    assert_eq!(
        world.incoming(bob),
        Some(first),
        "the busy endpoint was not disturbed"
    );
    assert_talking(&world, alice, bob, first);
    command(&mut world, alice, Command::HangUp { call: first });
    world.run_for(seconds(1));
    let third = world.start_call(carol, BOB).unwrap();
    world.run_for(seconds(1));
    assert_eq!(world.incoming(bob), Some(third));
}

#[test]
fn without_the_option_a_second_call_rings() {
    let mut world = world();
    let (alice, bob, carol) = (world.add(ALICE), world.add(BOB), world.add(CAROL));
    world.run_for(seconds(1));
    talk(&mut world, alice, bob);
    let second = world.start_call(carol, BOB).unwrap();
    world.run_for(seconds(1));
    assert_eq!(state(&world, bob, second), CallState::Ringing);
}

struct NoGuests;

impl Policy for NoGuests {
    fn route(&self, request: CallRequest<'_>, _: Reaches<'_>) -> Result<Route, Reason> {
        if request.from.raw_id().starts_with("guest:") {
            Err(Reason::NOT_ALLOWED)
        } else {
            Ok(Route::direct(request.to.clone()))
        }
    }
}

#[test]
fn the_policy_says_no() {
    let mut world = world();
    world.switchboard.set_policy(Box::new(NoGuests));
    let (alice, bob, carol) = (world.add(ALICE), world.add(BOB), world.add(CAROL));
    world.run_for(seconds(1));
    let call = world.start_call(carol, BOB).unwrap();
    world.run_for(seconds(1));
    assert_ended(&world, carol, call, &Reason::NOT_ALLOWED);
    assert_eq!(world.incoming(bob), None);
    talk(&mut world, alice, bob);
}

#[test]
fn an_endpoint_has_only_so_many_calls() {
    let mut config = SwitchboardConfig::default();
    config.limits.calls_per_session = 2;
    let mut world = world_with(config);
    let (alice, bob, _) = (world.add(ALICE), world.add(BOB), world.add(CAROL));
    world.run_for(seconds(1));
    for _ in 0..2 {
        let call = world.start_call(alice, CAROL).unwrap();
        world.run_for(seconds(1));
        assert_eq!(state(&world, alice, call), CallState::Ringing);
    }
    let call = world.start_call(alice, BOB).unwrap();
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::TOO_MANY_CALLS);
    // Carol's endpoint is full as well: to a third caller it is busy.
    let call = world.start_call(bob, CAROL).unwrap();
    world.run_for(seconds(1));
    assert_ended(&world, bob, call, &Reason::BUSY);
}
