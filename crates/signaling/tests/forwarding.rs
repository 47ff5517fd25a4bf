//! Calls that ring elsewhere: a policy sends them on, in its order, until someone answers or there is nowhere left.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use sidetone_signaling::agent::{AgentEvent, Command};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::{CallId, EndpointOptions};
use sidetone_signaling::sim::{ClientId, Happening, World};
use sidetone_signaling::switchboard::{
    Availability, CallRequest, Onward, Policy, Reaches, Record, Route, ServerInput, Target, Unanswered,
};
use sidetone_signaling::{Identifier, Reason};
use support::*;

const DAN: &str = "member:contoso:dan";

/// The stops after the first, each `(targets with their delays, how long it rings)`.
type Stops = Vec<(Vec<(&'static str, u64)>, Option<u64>)>;

/// Sends every call along the same stops, the callee first.
#[derive(Clone, Debug)]
struct Along {
    callee_rings_for: Option<u64>,
    rings_along: Vec<(&'static str, u64)>,
    stops: Stops,
}

#[derive(Debug)]
struct Rest {
    callee: Identifier,
    stops: Stops,
    /// What the call ends with when nothing is left.
    reason: Reason,
}

fn targets(list: &[(&str, u64)]) -> Vec<Target> {
    let target = |(identity, after): &(&str, u64)| Target {
        identity: identity.parse().unwrap(),
        after: seconds(*after),
    };
    list.iter().map(target).collect()
}

impl Rest {
    fn after(&self) -> Option<Box<dyn Onward>> {
        Some(Box::new(Self {
            callee: self.callee.clone(),
            stops: self.stops[1..].to_vec(),
            reason: self.reason.clone(),
        }))
    }
}

impl Onward for Rest {
    fn reroute(self: Box<Self>, why: Unanswered, _: Reaches<'_>) -> Result<Route, Reason> {
        let Some((list, rings_for)) = self.stops.first() else {
            return Err(if why == Unanswered::NoAnswer {
                Reason::NO_ANSWER
            } else {
                self.reason
            });
        };
        Ok(Route {
            targets: targets(list),
            on_behalf_of: Some(self.callee.clone()),
            give_up_after: rings_for.map(seconds),
            onward: self.after(),
            ..Route::direct(self.callee.clone())
        })
    }
}

impl Policy for Along {
    fn route(&self, request: CallRequest<'_>, reach: Reaches<'_>) -> Result<Route, Reason> {
        let mut route = Route::direct(request.to.clone());
        assert!(reach(request.to).availability >= Availability::NotRegistered);
        route.targets.extend(targets(&self.rings_along));
        route.give_up_after = self.callee_rings_for.map(seconds);
        route.onward = Some(Box::new(Rest {
            callee: request.to.clone(),
            stops: self.stops.clone(),
            reason: Reason::UNREACHABLE,
        }));
        Ok(route)
    }

    fn display_name(&self, identity: &Identifier, wanted: &str) -> String {
        format!("{wanted}<{identity}>")
    }
}

/// Bob rings for 20 s, then Carol.
fn carol_after_bob() -> Along {
    Along {
        callee_rings_for: Some(20),
        rings_along: vec![],
        stops: vec![(vec![(CAROL, 0)], None)],
    }
}

fn with(policy: Along, identities: &[&str]) -> (World, Vec<ClientId>) {
    let mut world = world();
    world.switchboard.set_policy(Box::new(policy));
    let clients = identities.iter().map(|identity| world.add(identity)).collect();
    world.run_for(seconds(1));
    (world, clients)
}

fn rings(world: &World, client: ClientId, call: CallId) -> bool {
    state(world, client, call) == CallState::Ringing
}

/// Alice's call to Bob, after a second.
fn call_bob(world: &mut World, alice: ClientId) -> CallId {
    let call = world.start_call(alice, BOB).unwrap();
    world.run_for(seconds(1));
    call
}

fn forwarded(world: &World) -> Vec<Unanswered> {
    let whys = world.records.iter().filter_map(|(_, record)| match record {
        Record::CallForwarded { why, .. } => Some(*why),
        _ => None,
    });
    whys.collect()
}

#[test]
fn a_call_that_nobody_answers_rings_at_the_next() {
    let (mut world, clients) = with(carol_after_bob(), &[ALICE, BOB, CAROL]);
    let [alice, bob, carol] = clients[..] else {
        panic!()
    };
    let call = call_bob(&mut world, alice);
    assert!(rings(&world, bob, call) && !rings(&world, carol, call));
    world.run_for(seconds(20));
    assert_ended(&world, bob, call, &Reason::NO_ANSWER);
    assert!(rings(&world, carol, call) && rings(&world, alice, call));
    assert_eq!(world.clients[alice.0].media.len(), 1, "the leg to Bob is closed");
    let told = world.clients[carol.0]
        .events
        .iter()
        .find_map(|(_, event)| match event {
            AgentEvent::IncomingCall {
                on_behalf_of,
                display_name,
                ..
            } => Some((on_behalf_of.clone(), display_name.clone())),
            _ => None,
        });
    let name = format!("{ALICE} by token<{ALICE}>");
    assert_eq!(told, Some((BOB.parse().ok(), name)));
    command(&mut world, carol, Command::Accept { call });
    world.run_for(seconds(2));
    assert_talking(&world, alice, carol, call);
    assert_eq!(forwarded(&world), [Unanswered::NoAnswer]);
    command(&mut world, alice, Command::HangUp { call });
    world.run_for(seconds(1));
    assert_nothing_left(world);
}

#[test]
fn nobody_there_and_everybody_busy_go_on_at_once() {
    let (mut world, clients) = with(carol_after_bob(), &[ALICE, CAROL, DAN]);
    let [alice, carol, dan] = clients[..] else {
        panic!()
    };
    let call = call_bob(&mut world, alice);
    assert!(rings(&world, carol, call), "Bob has no endpoint");
    command(&mut world, alice, Command::HangUp { call });
    world.run_for(seconds(1));

    let mut busy = sidetone_signaling::agent::AgentConfig::new(World::token(BOB, 3600));
    busy.options = EndpointOptions {
        busy_when_in_call: true,
        ..EndpointOptions::default()
    };
    let bob = world.add_with(busy);
    world.run_for(seconds(1));
    let first = world.start_call(bob, DAN).unwrap();
    world.run_for(seconds(1));
    assert!(rings(&world, dan, first));
    let second = call_bob(&mut world, alice);
    assert!(rings(&world, carol, second), "Bob is in a call");
    assert_eq!(world.view(bob, second).state(), None);
}

#[test]
fn an_endpoint_that_is_lost_while_ringing_sends_the_call_on() {
    let policy = Along {
        callee_rings_for: None,
        ..carol_after_bob()
    };
    let (mut world, clients) = with(policy, &[ALICE, BOB, CAROL]);
    let [alice, bob, carol] = clients[..] else {
        panic!()
    };
    let call = call_bob(&mut world, alice);
    world.happen(bob, Happening::Kill);
    // The service notices the silent socket, then waits for it to come back.
    world.run_for(seconds(15 + 10 + 1));
    assert!(rings(&world, carol, call) && rings(&world, alice, call));
    assert_eq!(forwarded(&world), [Unanswered::Unreachable]);
    command(&mut world, carol, Command::Decline { call });
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::DECLINED);
    assert_nothing_left(world);
}

#[test]
fn a_person_who_declines_has_answered() {
    let (mut world, clients) = with(carol_after_bob(), &[ALICE, BOB, CAROL]);
    let [alice, bob, carol] = clients[..] else {
        panic!()
    };
    let call = call_bob(&mut world, alice);
    command(&mut world, bob, Command::Decline { call });
    world.run_for(seconds(30));
    assert_ended(&world, alice, call, &Reason::DECLINED);
    assert_eq!(world.view(carol, call).state(), None);
    assert_nothing_left(world);
}

#[test]
fn others_ring_along_when_their_time_has_come() {
    let policy = Along {
        callee_rings_for: None,
        rings_along: vec![(DAN, 10), (CAROL, 5)],
        stops: vec![],
    };
    let (mut world, clients) = with(policy, &[ALICE, BOB, CAROL, DAN]);
    let [alice, bob, carol, dan] = clients[..] else {
        panic!()
    };
    let call = call_bob(&mut world, alice);
    assert_eq!(
        [bob, carol, dan].map(|who| rings(&world, who, call)),
        [true, false, false]
    );
    world.run_for(seconds(5));
    assert_eq!(
        [bob, carol, dan].map(|who| rings(&world, who, call)),
        [true, true, false]
    );
    world.run_for(seconds(5));
    assert_eq!(
        [bob, carol, dan].map(|who| rings(&world, who, call)),
        [true, true, true]
    );
    command(&mut world, dan, Command::Accept { call });
    world.run_for(seconds(2));
    assert_talking(&world, alice, dan, call);
    for other in [bob, carol] {
        assert_ended(&world, other, call, &Reason::ANSWERED_ELSEWHERE);
    }
    command(&mut world, dan, Command::HangUp { call });
    world.run_for(seconds(1));
    assert_nothing_left(world);
}

#[test]
fn who_rings_second_waits_for_nobody() {
    let policy = Along {
        callee_rings_for: None,
        rings_along: vec![(CAROL, 30)],
        stops: vec![],
    };
    let (mut world, clients) = with(policy, &[ALICE, BOB, CAROL]);
    let [alice, bob, carol] = clients[..] else {
        panic!()
    };
    let call = call_bob(&mut world, alice);
    command(&mut world, bob, Command::Decline { call });
    world.run_for(seconds(1));
    assert!(rings(&world, carol, call), "Bob said no, Carol was not asked");
    command(&mut world, carol, Command::Decline { call });
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::DECLINED_EVERYWHERE);
    assert_nothing_left(world);
}

#[test]
fn whoever_comes_online_rings_where_the_call_is() {
    let (mut world, clients) = with(carol_after_bob(), &[ALICE, BOB, CAROL]);
    let [alice, _, carol] = clients[..] else { panic!() };
    let call = call_bob(&mut world, alice);
    world.run_for(seconds(21));
    assert!(rings(&world, carol, call));
    let (late_carol, late_bob) = (world.add(CAROL), world.add(BOB));
    world.run_for(seconds(1));
    assert!(rings(&world, late_carol, call));
    assert_eq!(world.view(late_bob, call).state(), None, "the call has left Bob");
    command(&mut world, late_carol, Command::Accept { call });
    world.run_for(seconds(2));
    assert_talking(&world, alice, late_carol, call);
}

#[test]
fn at_the_end_of_the_way_the_policy_says_why() {
    let policy = Along {
        callee_rings_for: Some(5),
        rings_along: vec![],
        stops: vec![(vec![(CAROL, 0)], Some(5)), (vec![(DAN, 0)], Some(5))],
    };
    let (mut world, clients) = with(policy, &[ALICE, BOB, CAROL]);
    let [alice, ..] = clients[..] else { panic!() };
    let call = call_bob(&mut world, alice);
    world.run_for(seconds(11));
    // Dan has no endpoint, and after him there is nobody.
    assert_ended(&world, alice, call, &Reason::UNREACHABLE);
    assert_nothing_left(world);
}

/// Goes round for ever, without anyone who could ring.
#[derive(Debug)]
struct Circle;

impl Onward for Circle {
    fn reroute(self: Box<Self>, _: Unanswered, _: Reaches<'_>) -> Result<Route, Reason> {
        Ok(Route {
            onward: Some(self),
            ..Route::direct(DAN.parse().unwrap())
        })
    }
}

impl Policy for Circle {
    fn route(&self, _: CallRequest<'_>, _: Reaches<'_>) -> Result<Route, Reason> {
        Box::new(Self).reroute(Unanswered::NoAnswer, &|_| panic!("not asked"))
    }
}

#[test]
fn a_policy_that_goes_in_circles_ends_the_call() {
    let (mut world, alice, _) = pair();
    world.switchboard.set_policy(Box::new(Circle));
    let call = call_bob(&mut world, alice);
    assert_ended(&world, alice, call, &Reason::UNREACHABLE);
    assert_nothing_left(world);
}

#[test]
fn cancelling_ends_whatever_rings_and_was_to_ring() {
    let policy = Along {
        callee_rings_for: Some(20),
        rings_along: vec![(CAROL, 10)],
        stops: vec![(vec![(DAN, 0)], None)],
    };
    for wait in [1, 12, 25] {
        let (mut world, clients) = with(policy.clone(), &[ALICE, BOB, CAROL, DAN]);
        let call = call_bob(&mut world, clients[0]);
        world.run_for(Duration::from_secs(wait));
        command(&mut world, clients[0], Command::HangUp { call });
        world.run_for(seconds(60));
        assert_ended(&world, clients[0], call, &Reason::CANCELLED);
        for other in &clients[1..] {
            assert!(!rings(&world, *other, call));
        }
        assert_nothing_left(world);
    }
}

#[test]
fn an_identity_whose_access_is_taken_away_is_gone_at_once() {
    let (mut world, alice, bob) = pair();
    let second_bob = world.add(BOB);
    world.run_for(seconds(1));
    let call = ring(&mut world, alice, &[bob, second_bob]);
    command(&mut world, bob, Command::Accept { call });
    world.run_for(seconds(2));
    world.tell_server(ServerInput::EndIdentity {
        identity: BOB.parse().unwrap(),
        reason: Reason::INVALID_TOKEN,
    });
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::PEER_GONE);
    assert_ended(&world, bob, call, &Reason::INVALID_TOKEN);
    assert_eq!(world.switchboard.stats().sessions, 1, "Alice's");
}

#[test]
fn an_endpoint_that_rang_rings_again_when_the_call_comes_back_to_it() {
    let policy = Along {
        callee_rings_for: Some(5),
        rings_along: vec![],
        stops: vec![(vec![(CAROL, 0)], Some(5)), (vec![(BOB, 0)], None)],
    };
    let (mut world, clients) = with(policy, &[ALICE, BOB, CAROL]);
    let [alice, bob, carol] = clients[..] else {
        panic!()
    };
    let call = call_bob(&mut world, alice);
    world.run_for(seconds(5));
    assert_ended(&world, bob, call, &Reason::NO_ANSWER);
    world.run_for(seconds(5));
    assert_ended(&world, carol, call, &Reason::NO_ANSWER);
    assert!(rings(&world, bob, call));
    command(&mut world, bob, Command::Accept { call });
    world.run_for(seconds(2));
    assert_talking(&world, alice, bob, call);
}

#[test]
fn a_callee_who_is_lost_while_ringing_is_named_so_when_nobody_follows() {
    let policy = Along {
        callee_rings_for: None,
        rings_along: vec![],
        stops: vec![],
    };
    let (mut world, clients) = with(policy, &[ALICE, BOB]);
    let call = call_bob(&mut world, clients[0]);
    assert!(rings(&world, clients[1], call));
    world.happen(clients[1], Happening::Kill);
    world.run_for(seconds(60));
    assert_ended(&world, clients[0], call, &Reason::CALLEE_LOST);
}
