//! What the scenario tests share.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::time::{Duration, Instant};

use sidetone_signaling::Reason;
use sidetone_signaling::agent::Command;
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::sim::{ClientId, Conditions, Happening, World};
use sidetone_signaling::switchboard::{Record, SwitchboardConfig};

pub const ALICE: &str = "external:dev:alice";
pub const BOB: &str = "member:contoso:bob";
pub const CAROL: &str = "guest:carol";

pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub fn world_with(config: SwitchboardConfig) -> World {
    World::new(7, config, Conditions::default(), Instant::now())
}

pub fn world() -> World {
    world_with(SwitchboardConfig::default())
}

/// Alice and Bob, both online.
pub fn pair() -> (World, ClientId, ClientId) {
    let mut world = world();
    let (alice, bob) = (world.add(ALICE), world.add(BOB));
    world.run_for(seconds(1));
    (world, alice, bob)
}

pub fn command(world: &mut World, client: ClientId, command: Command) {
    world.happen(client, Happening::Command(command));
}

/// Alice calls Bob, whose clients all ring.
pub fn ring(world: &mut World, alice: ClientId, bobs: &[ClientId]) -> CallId {
    let call = world.start_call(alice, BOB).unwrap();
    world.run_for(seconds(1));
    for bob in bobs {
        assert_eq!(world.incoming(*bob), Some(call), "{bob:?} does not ring");
        assert_eq!(state(world, *bob, call), CallState::Ringing);
    }
    assert_eq!(state(world, alice, call), CallState::Ringing);
    call
}

/// Alice and Bob talk.
pub fn talk(world: &mut World, alice: ClientId, bob: ClientId) -> CallId {
    let call = ring(world, alice, &[bob]);
    command(world, bob, Command::Accept { call });
    world.run_for(seconds(2));
    assert_talking(world, alice, bob, call);
    call
}

pub fn state(world: &World, client: ClientId, call: CallId) -> CallState {
    world.view(client, call).state().unwrap_or(CallState::None)
}

#[track_caller]
pub fn assert_talking(world: &World, a: ClientId, b: ClientId, call: CallId) {
    for client in [a, b] {
        assert_eq!(
            world.view(client, call).states.last(),
            Some(&(CallState::Connected, false)),
            "{client:?}"
        );
    }
    let legs = world.talking_legs(a, call);
    assert_eq!(legs.len(), 1, "the caller talks on one leg");
    assert_eq!(world.talking_legs(b, call), legs, "both talk on the same leg");
}

/// The call ended at this client, once, for this reason, and nothing of its media is left.
#[track_caller]
pub fn assert_ended(world: &World, client: ClientId, call: CallId, reason: &Reason) {
    let view = world.view(client, call);
    assert_eq!(view.ends.len(), 1, "{client:?}: {view:?}");
    assert!(
        view.ends[0].is(reason),
        "{client:?}: expected {reason}, got {}",
        view.ends[0]
    );
    assert_eq!(view.state(), Some(CallState::Disconnected));
    assert!(
        !world.clients[client.0].media.keys().any(|(of, _)| *of == call),
        "{client:?} kept media"
    );
}

/// What the service recorded as the end of a call.
#[track_caller]
pub fn assert_recorded_end(world: &World, call: CallId, reason: &Reason) {
    let ends: Vec<_> = world
        .records
        .iter()
        .filter_map(|(_, record)| match record {
            Record::CallEnded { call: id, reason, .. } | Record::CallRefused { call: id, reason, .. }
                if *id == call =>
            {
                Some(reason)
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert!(ends[0].is(reason), "expected {reason}, got {}", ends[0]);
}

/// Everybody leaves; nothing may be left behind.
#[track_caller]
pub fn assert_nothing_left(mut world: World) {
    world.restore_all();
    world.run_for(seconds(30));
    for client in 0..world.clients.len() {
        if let Some(agent) = &world.clients[client].agent {
            assert!(agent.is_idle(), "{client} is not idle");
        }
        command(&mut world, ClientId(client), Command::Close);
    }
    world.run_for(seconds(300));
    assert!(world.switchboard.is_idle(), "{:?}", world.switchboard.stats());
    assert!(
        world.clients.iter().all(|client| client.media.is_empty()),
        "media was left"
    );
}
