//! Thousands of seeded calls in virtual time, with lost sockets, cut networks, killed clients and messages that
//! overtake each other across sockets. Whatever happens: every call ends exactly once at every end, none is stuck
//! past its timers, both ends agree on what is connected, and nothing is left.
//!
//! A failing seed is printed; `SIDETONE_SEED=<seed> cargo test -p sidetone-signaling --test chaos` replays it.
//! `SIDETONE_WORLDS=<count>` runs more.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_signaling::Reason;
use sidetone_signaling::agent::{AgentConfig, AgentEvent, Command, StartOptions, TransferState};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::{CallId, EndpointOptions, NoticeKind, NoticeState, TransferTarget};
use sidetone_signaling::sim::{ClientId, Conditions, Happening, World};
use sidetone_signaling::switchboard::{CallRequest, Policy, Reaches, Record, Route, SwitchboardConfig};
use support::{command, seconds};

const IDENTITIES: [&str; 5] = [
    "external:dev:alice",
    "member:contoso:bob",
    "member:contoso:carol",
    "guest:dave",
    "external:dev:eve",
];
/// Every call may be taken by everybody.
struct Anybody;

impl Policy for Anybody {
    fn route(&self, request: CallRequest<'_>, _: Reaches<'_>) -> Result<Route, Reason> {
        let mut route = Route::direct(request.to.clone());
        route.pickup = IDENTITIES.iter().map(|who| who.parse().unwrap()).collect();
        Ok(route)
    }
}

const TURMOIL: Duration = Duration::from_secs(400);

/// Prints the seed when a check fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failing seed: {} (SIDETONE_SEED={} replays it)", self.0, self.0);
        }
    }
}

#[test]
fn no_call_is_stuck_and_nothing_is_left() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse::<u64>().ok())
    };
    let mut totals = Totals::default();
    match number("SIDETONE_SEED") {
        Some(seed) => run(seed, &mut totals),
        None => (0..number("SIDETONE_WORLDS").unwrap_or(300)).for_each(|seed| run(seed, &mut totals)),
    }
    println!("{totals:#?}");
    assert!(
        number("SIDETONE_SEED").is_some() || totals.answered > 100,
        "the chaos left too few calls to talk"
    );
}

#[derive(Debug, Default)]
struct Totals {
    placed: usize,
    answered: usize,
    merged: usize,
    picked_up: usize,
    transferred: usize,
    transfers_failed: usize,
    resumed: usize,
    killed: usize,
    ends: BTreeMap<String, usize>,
}

fn run(seed: u64, totals: &mut Totals) {
    let _seed = Seed(seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut world = build(seed, &mut rng);
    plan(&mut world, &mut rng);
    turmoil(&mut world, &mut rng, totals);
    calm(&mut world);
    agreement(&world);
    transfers(&world, totals);
    everybody_hangs_up(&mut world);
    bookkeeping(&world, totals);
    nothing_left(&mut world);
}

fn build(seed: u64, rng: &mut ChaCha8Rng) -> World {
    let longest = Duration::from_millis(rng.random_range(10..800));
    let conditions = Conditions {
        delay: Duration::from_millis(1)..longest,
        ..Conditions::default()
    };
    let mut config = SwitchboardConfig::default();
    config.limits.warm_legs = rng.random_range(0..4);
    let mut world = World::new(seed, config, conditions, Instant::now());
    world.switchboard.set_policy(Box::new(Anybody));
    for identity in IDENTITIES {
        for _ in 0..rng.random_range(1..4) {
            let mut config = AgentConfig::new(World::token(identity, 86_400));
            config.hide_addresses = rng.random_bool(0.3);
            config.options = EndpointOptions {
                busy_when_in_call: rng.random_bool(0.2),
                ..EndpointOptions::default()
            };
            config.warm_legs = rng.random_range(0..4);
            world.add_with(config);
        }
    }
    world.run_for(seconds(6));
    world
}

/// Calls, and trouble, at random times.
fn plan(world: &mut World, rng: &mut ChaCha8Rng) {
    let at = |rng: &mut ChaCha8Rng| Duration::from_millis(rng.random_range(0..TURMOIL.as_millis() as u64));
    let clients = world.clients.len();
    let any = |rng: &mut ChaCha8Rng| ClientId(rng.random_range(0..clients));
    for _ in 0..rng.random_range(5..25) {
        let (client, call, when) = (any(rng), world.draw_call(), at(rng));
        let to = IDENTITIES[rng.random_range(0..IDENTITIES.len())].parse().unwrap();
        let start = Command::StartCall {
            call,
            to,
            options: StartOptions::default(),
        };
        world.happen_in(when, client, Happening::Command(start));
        if rng.random_bool(0.4) {
            let patience = Duration::from_millis(rng.random_range(0..60_000));
            world.happen_in(
                when + patience,
                client,
                Happening::Command(Command::HangUp { call }),
            );
        }
    }
    // Pairs that call each other at nearly the same moment.
    for _ in 0..rng.random_range(0..4) {
        let (one, two) = (any(rng), any(rng));
        let when = at(rng);
        for (from, to) in [(one, two), (two, one)] {
            let call = world.draw_call();
            let to = identity_of(world, to).parse().unwrap();
            let start = Command::StartCall {
                call,
                to,
                options: StartOptions::default(),
            };
            let when = when + Duration::from_millis(rng.random_range(0..300));
            world.happen_in(when, from, Happening::Command(start));
        }
    }
    for _ in 0..rng.random_range(0..12) {
        world.happen_in(at(rng), any(rng), Happening::DropSocket);
    }
    for _ in 0..rng.random_range(0..6) {
        let (client, when) = (any(rng), at(rng));
        let cut = if rng.random_bool(0.7) {
            Happening::Cut
        } else {
            Happening::CutSignaling
        };
        world.happen_in(when, client, cut);
        let outage = Duration::from_millis(rng.random_range(100..200_000));
        world.happen_in(when + outage, client, Happening::Restore);
    }
    for _ in 0..rng.random_range(0..3) {
        world.happen_in(at(rng), any(rng), Happening::Kill);
    }
}

fn identity_of(world: &World, client: ClientId) -> String {
    let registered = |event: &AgentEvent| match event {
        AgentEvent::Registered { identity } => Some(identity.raw_id()),
        _ => None,
    };
    world.clients[client.0]
        .events
        .iter()
        .find_map(|(_, event)| registered(event))
        .unwrap()
}

/// Time passes, and people react to what their applications tell them.
fn turmoil(world: &mut World, rng: &mut ChaCha8Rng, totals: &mut Totals) {
    let end = world.now + TURMOIL;
    while world.now < end && world.step() {
        for (client, event) in world.take_events() {
            react(world, rng, client, &event);
        }
    }
    totals.killed += world
        .clients
        .iter()
        .filter(|client| client.agent.is_none())
        .count();
}

fn react(world: &mut World, rng: &mut ChaCha8Rng, client: ClientId, event: &AgentEvent) {
    let soon = Duration::from_millis(rng.random_range(0..8000));
    let later = Duration::from_millis(rng.random_range(0..90_000));
    match event {
        AgentEvent::IncomingCall { call, .. } => {
            let call = *call;
            match rng.random_range(0..10) {
                0..6 => world.happen_in(soon, client, Happening::Command(Command::Accept { call })),
                6..8 => world.happen_in(soon, client, Happening::Command(Command::Decline { call })),
                _ => {}
            }
        }
        AgentEvent::CallStateChanged {
            call,
            state: CallState::Connected,
            ..
        } => {
            let call = *call;
            let wish = match rng.random_range(0..14) {
                0..4 => Command::HangUp { call },
                4..6 => Command::Hold { call },
                6..8 => Command::Mute {
                    call,
                    muted: rng.random_bool(0.5),
                },
                8..10 => Command::Transfer {
                    call,
                    to: TransferTarget::Identity(
                        IDENTITIES[rng.random_range(0..IDENTITIES.len())].parse().unwrap(),
                    ),
                    target_only: rng.random_bool(0.5),
                },
                10 => {
                    // To any other call of this client's, were it over or none of its own.
                    let calls: Vec<CallId> = world.clients[client.0].calls.keys().copied().collect();
                    let to = TransferTarget::Call(calls[rng.random_range(0..calls.len())]);
                    let target_only = false;
                    Command::Transfer {
                        call,
                        to,
                        target_only,
                    }
                }
                11 => Command::SetNotice {
                    call,
                    kind: NoticeKind::Recording,
                    state: NoticeState::Active,
                    consent: rng.random_bool(0.5),
                },
                _ => return,
            };
            world.happen_in(later, client, Happening::Command(wish));
        }
        AgentEvent::PickupOffered(offer) if rng.random_bool(0.1) => {
            world.happen_in(
                soon,
                client,
                Happening::Command(Command::PickUp { call: offer.call }),
            );
        }
        AgentEvent::CallStateChanged {
            call,
            state: CallState::LocalHold,
            ..
        } => {
            world.happen_in(later, client, Happening::Command(Command::Resume { call: *call }));
        }
        _ => {}
    }
}

/// The trouble is over; every timer that a call can wait for runs out.
fn calm(world: &mut World) {
    world.restore_all();
    world.run_for(seconds(300));
    for client in &world.clients {
        for (call, view) in &client.calls {
            assert!(view.ends.len() <= 1, "{call:?} ended twice: {view:?}");
            if client.agent.is_some() && view.ends.is_empty() && view.merged_into.is_none() {
                let state = view.state();
                let settled = [CallState::Connected, CallState::LocalHold, CallState::RemoteHold];
                assert!(
                    state.is_some_and(|state| settled.contains(&state)),
                    "{call:?} is stuck: {view:?}"
                );
            }
        }
    }
}

/// What one end believes, the other end and the service believe too.
fn agreement(world: &World) {
    let mut live: BTreeMap<CallId, Vec<ClientId>> = BTreeMap::new();
    for (index, client) in world
        .clients
        .iter()
        .enumerate()
        .filter(|(_, client)| client.agent.is_some())
    {
        for (call, view) in &client.calls {
            if view.ends.is_empty() && view.merged_into.is_none() {
                live.entry(*call).or_default().push(ClientId(index));
            }
        }
    }
    assert_eq!(world.switchboard.stats().active_calls, live.len());
    assert_eq!(world.switchboard.stats().ringing_calls, 0);
    for (call, ends) in live {
        assert_eq!(ends.len(), 2, "{call:?} is in progress at {ends:?}");
        let (one, two) = (world.view(ends[0], call), world.view(ends[1], call));
        let held = |state| [Some(CallState::LocalHold), Some(CallState::RemoteHold)].contains(&state);
        assert_eq!(held(one.state()), held(two.state()), "{one:?} {two:?}");
        assert!(
            !one.states.last().unwrap().1 && !two.states.last().unwrap().1,
            "{one:?} {two:?}"
        );
        if !held(one.state()) {
            let legs = world.talking_legs(ends[0], call);
            assert_eq!(legs.len(), 1, "{call:?}");
            assert_eq!(
                legs,
                world.talking_legs(ends[1], call),
                "{call:?} talks on different legs"
            );
        }
    }
}

/// Whoever began to hand a call over was told how it went, unless the call ended first.
fn transfers(world: &World, totals: &mut Totals) {
    for client in world.clients.iter().filter(|client| client.agent.is_some()) {
        let mut open: BTreeMap<CallId, i32> = BTreeMap::new();
        for (_, event) in &client.events {
            match event {
                AgentEvent::CallPickedUp { .. } => totals.picked_up += 1,
                AgentEvent::TransferChanged { call, state } => match state {
                    TransferState::Transferring => *open.entry(*call).or_default() += 1,
                    TransferState::Transferred => {
                        *open.entry(*call).or_default() -= 1;
                        totals.transferred += 1;
                    }
                    TransferState::Failed(_) => {
                        *open.entry(*call).or_default() -= 1;
                        totals.transfers_failed += 1;
                    }
                    TransferState::None => {}
                },
                _ => {}
            }
        }
        for (call, begun) in open {
            let over = client.calls.get(&call).is_some_and(|view| !view.ends.is_empty());
            assert!(
                begun == 0 || over,
                "{call:?}: the transferor was left without an outcome"
            );
        }
    }
}

fn everybody_hangs_up(world: &mut World) {
    for index in 0..world.clients.len() {
        let calls: Vec<CallId> = world.clients[index].calls.keys().copied().collect();
        for call in calls {
            command(world, ClientId(index), Command::HangUp { call });
        }
    }
    world.run_for(seconds(20));
    for client in world.clients.iter().filter(|client| client.agent.is_some()) {
        assert!(client.agent.as_ref().unwrap().is_idle());
        for (call, view) in &client.calls {
            let expected = usize::from(view.merged_into.is_none());
            assert_eq!(view.ends.len(), expected, "{call:?}: {view:?}");
            // A call that could not be picked up never was in any state.
            if expected == 1 && !view.states.is_empty() {
                assert_eq!(view.state(), Some(CallState::Disconnected));
            }
        }
    }
}

/// The records of each call make a whole.
fn bookkeeping(world: &World, totals: &mut Totals) {
    let mut started: BTreeMap<CallId, [i32; 4]> = BTreeMap::new();
    let mut refused = 0;
    for (_, record) in &world.records {
        match record {
            Record::CallStarted { call, .. } => started.entry(*call).or_default()[0] += 1,
            Record::ParticipantAdded { call, .. } => started.entry(*call).or_default()[1] += 1,
            Record::ParticipantRemoved { call, .. } => started.entry(*call).or_default()[2] += 1,
            Record::CallEnded { call, reason, .. } => {
                match started.get_mut(call) {
                    Some(counts) => counts[3] += 1,
                    None => refused += 1,
                }
                *totals.ends.entry(reason.to_string()).or_default() += 1;
            }
            Record::CallAnswered { .. } => totals.answered += 1,
            Record::CallsMerged { .. } => totals.merged += 1,
            Record::SessionResumed { .. } => totals.resumed += 1,
            _ => {}
        }
    }
    totals.placed += started.len() + refused;
    for (call, [begun, added, removed, ended]) in started {
        assert_eq!((begun, ended), (1, 1), "{call:?}");
        assert!(
            added == removed && (added == 0 || added == 2),
            "{call:?}: {added} came, {removed} went"
        );
    }
}

fn nothing_left(world: &mut World) {
    assert_eq!(
        world.switchboard.stats().active_calls + world.switchboard.stats().ringing_calls,
        0
    );
    for client in 0..world.clients.len() {
        command(world, ClientId(client), Command::Close);
    }
    world.run_for(seconds(200));
    assert!(world.switchboard.is_idle(), "{:?}", world.switchboard.stats());
    for client in world.clients.iter().filter(|client| client.agent.is_some()) {
        assert!(client.media.is_empty(), "media was left: {:?}", client.media);
    }
}
