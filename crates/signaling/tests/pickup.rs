//! Calls that ring at one member and are taken by another of the same pickup group.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use sidetone_signaling::agent::{AgentConfig, AgentEvent, Command};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::{CallId, PickupOffered};
use sidetone_signaling::sim::{ClientId, World};
use sidetone_signaling::switchboard::{CallRequest, Policy, Reaches, Record, Route};
use sidetone_signaling::{Identifier, Reason};
use support::*;

const DAN: &str = "member:contoso:dan";
const EVE: &str = "member:contoso:eve";

/// Dan and Eve may take whatever rings at Bob.
struct Group;

impl Policy for Group {
    fn route(&self, request: CallRequest<'_>, _: Reaches<'_>) -> Result<Route, Reason> {
        let mut route = Route::direct(request.to.clone());
        if request.to.raw_id() == BOB {
            route.pickup = [DAN, EVE].map(|who| who.parse().unwrap()).into();
        }
        Ok(route)
    }

    fn display_name(&self, _: &Identifier, wanted: &str) -> String {
        format!("{wanted}!")
    }
}

fn office(identities: &[&str]) -> (World, Vec<ClientId>) {
    let mut world = world();
    world.switchboard.set_policy(Box::new(Group));
    let clients = identities.iter().map(|identity| world.add(identity)).collect();
    world.run_for(seconds(1));
    (world, clients)
}

fn offers(world: &World, client: ClientId) -> Vec<PickupOffered> {
    let events = world.clients[client.0].events.iter();
    let offers = events.filter_map(|(_, event)| match event {
        AgentEvent::PickupOffered(offer) => Some(offer.clone()),
        _ => None,
    });
    offers.collect()
}

fn withdrawn(world: &World, client: ClientId) -> Vec<CallId> {
    let events = world.clients[client.0].events.iter();
    let gone = events.filter_map(|(_, event)| match event {
        AgentEvent::PickupWithdrawn { call } => Some(*call),
        _ => None,
    });
    gone.collect()
}

#[test]
fn a_colleague_takes_the_call() {
    let (mut world, clients) = office(&[ALICE, BOB, DAN, EVE]);
    let [alice, bob, dan, eve] = clients[..] else {
        panic!()
    };
    let call = ring(&mut world, alice, &[bob]);
    let offer = &offers(&world, dan)[0];
    assert_eq!(
        (offer.call, offer.from.raw_id(), offer.at.raw_id()),
        (call, ALICE.into(), BOB.into())
    );
    assert_eq!(world.incoming(dan), None, "it does not ring at Dan");
    command(&mut world, dan, Command::PickUp { call });
    world.run_for(seconds(2));
    assert_talking(&world, alice, dan, call);
    assert_ended(&world, bob, call, &Reason::ANSWERED_ELSEWHERE);
    for colleague in [dan, eve] {
        assert_eq!(withdrawn(&world, colleague), [call]);
    }
    let told = world.clients[dan.0]
        .events
        .iter()
        .find_map(|(_, event)| match event {
            AgentEvent::CallPickedUp {
                from, on_behalf_of, ..
            } => Some((from.raw_id(), on_behalf_of.clone())),
            _ => None,
        });
    assert_eq!(told, Some((ALICE.into(), Some(BOB.parse().unwrap()))));
    let joined: Vec<String> = world
        .records
        .iter()
        .filter_map(|(_, record)| match record {
            Record::ParticipantAdded { identity, .. } => Some(identity.raw_id()),
            _ => None,
        })
        .collect();
    assert_eq!(joined, [ALICE, DAN]);
    command(&mut world, dan, Command::HangUp { call });
    world.run_for(seconds(1));
    assert_nothing_left(world);
}

#[test]
fn the_first_to_ask_has_it() {
    let (mut world, clients) = office(&[ALICE, BOB, DAN, EVE]);
    let [alice, bob, dan, eve] = clients[..] else {
        panic!()
    };
    let call = ring(&mut world, alice, &[bob]);
    for client in [dan, eve] {
        command(&mut world, client, Command::PickUp { call });
    }
    command(&mut world, bob, Command::Accept { call });
    world.run_for(seconds(2));
    let states = [bob, dan, eve].map(|client| world.view(client, call).state());
    let talking = states
        .iter()
        .filter(|state| **state == Some(CallState::Connected))
        .count();
    assert_eq!(talking, 1, "{states:?}");
    for client in [bob, dan, eve] {
        if state(&world, client, call) != CallState::Connected {
            assert_eq!(
                world.view(client, call).ends.len(),
                1,
                "{client:?} is told that it came too late"
            );
        }
    }
    command(&mut world, alice, Command::HangUp { call });
    world.run_for(seconds(1));
    assert_nothing_left(world);
}

#[test]
fn who_is_not_in_the_group_cannot_take_it() {
    let (mut world, clients) = office(&[ALICE, BOB, CAROL]);
    let [alice, bob, carol] = clients[..] else {
        panic!()
    };
    let call = ring(&mut world, alice, &[bob]);
    assert!(offers(&world, carol).is_empty());
    command(&mut world, carol, Command::PickUp { call });
    world.run_for(seconds(1));
    assert!(world.view(carol, call).ends[0].is(&Reason::NOT_IN_PICKUP_GROUP));
    assert_eq!(state(&world, bob, call), CallState::Ringing, "it rings on");
    let void = world.draw_call();
    command(&mut world, carol, Command::PickUp { call: void });
    world.run_for(seconds(1));
    assert!(world.view(carol, void).ends[0].is(&Reason::NO_SUCH_CALL));
}

#[test]
fn a_colleague_who_comes_late_is_told_and_a_call_that_ends_is_withdrawn() {
    let (mut world, clients) = office(&[ALICE, BOB]);
    let call = ring(&mut world, clients[0], &[clients[1]]);
    let dan = world.add(DAN);
    world.run_for(seconds(1));
    assert_eq!(offers(&world, dan).len(), 1);
    command(&mut world, clients[0], Command::HangUp { call });
    world.run_for(seconds(1));
    assert_eq!(withdrawn(&world, dan), [call]);
    assert_nothing_left(world);
}

/// One that chats only, or that its owner told to take no calls.
fn deaf(world: &mut World, identity: &str) -> ClientId {
    let mut config = AgentConfig::new(World::token(identity, 86_400));
    config.options.no_calls = true;
    let client = world.add_with(config);
    world.run_for(seconds(1));
    client
}

#[test]
fn an_endpoint_that_takes_no_calls_is_offered_none() {
    let (mut world, clients) = office(&[ALICE, BOB]);
    let early = deaf(&mut world, DAN);
    let call = ring(&mut world, clients[0], &[clients[1]]);
    let late = deaf(&mut world, EVE);
    assert!(offers(&world, early).is_empty() && offers(&world, late).is_empty());
    // Another endpoint of the same colleague is.
    let dan = world.add(DAN);
    world.run_for(seconds(1));
    assert_eq!(offers(&world, dan).len(), 1);
    command(&mut world, clients[0], Command::HangUp { call });
    world.run_for(seconds(1));
    assert!(withdrawn(&world, early).is_empty() && withdrawn(&world, late).is_empty());
    assert_nothing_left(world);
}

#[test]
fn a_pickup_that_was_given_up_leaves_nothing() {
    let (mut world, clients) = office(&[ALICE, BOB, DAN]);
    let [alice, bob, dan] = clients[..] else { panic!() };
    let call = ring(&mut world, alice, &[bob]);
    command(&mut world, dan, Command::PickUp { call });
    command(&mut world, dan, Command::HangUp { call });
    world.run_for(seconds(2));
    assert_eq!(world.view(dan, call).ends.len(), 1);
    assert_ended(&world, alice, call, &Reason::HUNG_UP);
    assert_nothing_left(world);
}

#[test]
fn the_call_at_hand_goes_on_hold() {
    let (mut world, clients) = office(&[ALICE, BOB, DAN, CAROL]);
    let [alice, bob, dan, carol] = clients[..] else {
        panic!()
    };
    let with_carol = world.start_call(dan, CAROL).unwrap();
    world.run_for(seconds(1));
    command(&mut world, carol, Command::Accept { call: with_carol });
    world.run_for(seconds(2));
    let call = ring(&mut world, alice, &[bob]);
    command(&mut world, dan, Command::PickUp { call });
    world.run_for(seconds(2));
    assert_eq!(state(&world, dan, with_carol), CallState::LocalHold);
    assert_talking(&world, alice, dan, call);
}
