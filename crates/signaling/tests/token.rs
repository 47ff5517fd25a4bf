//! Tokens: refused, expiring, refreshed, expired.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod support;

use sidetone_signaling::Reason;
use sidetone_signaling::agent::{AgentConfig, AgentEvent, Command, ConnectionState};
use sidetone_signaling::protocol::IceServer;
use sidetone_signaling::sim::{ClientId, Happening, World};
use sidetone_signaling::switchboard::{Switchboard, SwitchboardConfig};
use support::*;

fn count(world: &World, client: ClientId, matches: impl Fn(&AgentEvent) -> bool) -> usize {
    world.clients[client.0]
        .events
        .iter()
        .filter(|(_, event)| matches(event))
        .count()
}

fn expiring(event: &AgentEvent) -> bool {
    matches!(event, AgentEvent::TokenExpiring { .. })
}

#[test]
fn a_bad_token_is_refused_and_not_tried_again() {
    let mut world = world();
    for token in ["", "nonsense", "phone:+3906123 100", "external:dev:eve 0"] {
        let client = world.add_with(AgentConfig::new(token));
        world.run_for(seconds(60));
        let refused = ConnectionState::Refused(Reason::INVALID_TOKEN);
        assert_eq!(world.clients[client.0].connection, Some(refused.clone()));
        assert_eq!(
            count(&world, client, |e| *e == AgentEvent::Connection(refused.clone())),
            1
        );
        command(
            &mut world,
            client,
            Command::RefreshToken {
                token: World::token(ALICE, 100),
            },
        );
        world.run_for(seconds(1));
        assert_eq!(world.clients[client.0].connection, Some(ConnectionState::Online));
    }
}

#[test]
fn a_token_is_refreshed_in_time() {
    let mut world = world();
    let alice = world.add_with(AgentConfig::new(World::token(ALICE, 600)));
    world.run_for(seconds(530));
    assert_eq!(count(&world, alice, expiring), 0);
    world.run_for(seconds(15));
    assert_eq!(count(&world, alice, expiring), 1);
    command(
        &mut world,
        alice,
        Command::RefreshToken {
            token: World::token(ALICE, 600),
        },
    );
    world.run_for(seconds(1));
    assert_eq!(count(&world, alice, |e| *e == AgentEvent::TokenRefreshed), 1);
    world.run_for(seconds(400));
    assert_eq!(world.clients[alice.0].connection, Some(ConnectionState::Online));
    world.run_for(seconds(150));
    assert_eq!(
        count(&world, alice, expiring),
        2,
        "the new token's end is told too"
    );
}

#[test]
fn an_expired_token_ends_the_session_and_its_calls() {
    let mut world = world();
    let (alice, bob) = (
        world.add_with(AgentConfig::new(World::token(ALICE, 300))),
        world.add(BOB),
    );
    world.run_for(seconds(1));
    let call = talk(&mut world, alice, bob);
    world.run_for(seconds(300));
    assert_ended(&world, alice, call, &Reason::NO_TOKEN);
    assert_ended(&world, bob, call, &Reason::PEER_GONE);
    assert_eq!(
        world.clients[alice.0].connection,
        Some(ConnectionState::Refused(Reason::NO_TOKEN))
    );
    // Nothing is asked of a service that would refuse.
    let later = world.start_call(alice, BOB).unwrap();
    world.run_for(seconds(1));
    assert_ended(&world, alice, later, &Reason::NO_TOKEN);
    assert_eq!(
        count(&world, alice, |e| matches!(e, AgentEvent::SessionLost { .. })),
        1
    );
    command(
        &mut world,
        alice,
        Command::RefreshToken {
            token: World::token(ALICE, 300),
        },
    );
    world.run_for(seconds(1));
    talk(&mut world, alice, bob);
}

#[test]
fn a_token_that_ends_while_the_network_is_away_is_no_token_all_the_same() {
    let mut world = world();
    let (alice, bob) = (
        world.add_with(AgentConfig::new(World::token(ALICE, 300))),
        world.add(BOB),
    );
    world.run_for(seconds(270));
    let call = talk(&mut world, alice, bob);
    world.run_for(seconds(20));
    world.happen(alice, Happening::CutSignaling);
    world.run_for(seconds(20));
    world.happen(alice, Happening::Restore);
    world.run_for(seconds(20));
    assert_ended(&world, alice, call, &Reason::NO_TOKEN);
}

#[test]
fn a_refresh_that_is_refused_does_not_make_the_token_in_use_a_better_one() {
    let mut world = world();
    let alice = world.add_with(AgentConfig::new(World::token(ALICE, 300)));
    world.run_for(seconds(290));
    for token in ["nonsense", CAROL] {
        let token = World::token(token, 600);
        command(&mut world, alice, Command::RefreshToken { token });
        world.run_for(seconds(2));
        assert_eq!(world.clients[alice.0].connection, Some(ConnectionState::Online));
    }
    world.run_for(seconds(10));
    let refused = |reason| Some(ConnectionState::Refused(reason));
    assert_eq!(world.clients[alice.0].connection, refused(Reason::NO_TOKEN));
    // What comes then is judged by itself.
    let token = "nonsense".to_owned();
    command(&mut world, alice, Command::RefreshToken { token });
    world.run_for(seconds(2));
    assert_eq!(world.clients[alice.0].connection, refused(Reason::INVALID_TOKEN));
}

#[test]
fn someone_elses_token_is_refused_and_the_session_goes_on() {
    let (mut world, alice, _) = pair();
    command(
        &mut world,
        alice,
        Command::RefreshToken {
            token: World::token(CAROL, 600),
        },
    );
    world.run_for(seconds(1));
    let refused = AgentEvent::TokenRefused {
        reason: Reason::IDENTITY_CHANGED,
    };
    assert_eq!(count(&world, alice, |event| *event == refused), 1);
    assert_eq!(world.clients[alice.0].connection, Some(ConnectionState::Online));
}

#[test]
fn a_refresh_survives_a_broken_socket() {
    for millis in 0..80 {
        let (mut world, alice, _) = pair();
        command(
            &mut world,
            alice,
            Command::RefreshToken {
                token: World::token(ALICE, 600),
            },
        );
        world.run_for(std::time::Duration::from_millis(millis));
        world.happen(alice, Happening::DropSocket);
        world.run_for(seconds(2));
        assert_eq!(
            count(&world, alice, |e| *e == AgentEvent::TokenRefreshed),
            1,
            "{millis}"
        );
    }
}

#[test]
fn every_session_and_token_has_relays_of_its_own() {
    let mut world = world();
    let shared = IceServer {
        urls: vec!["stun:stun.example".into()],
        username: String::new(),
        credential: String::new(),
    };
    world.switchboard = Switchboard::new(
        SwitchboardConfig {
            ice_servers: vec![shared.clone()],
            ..SwitchboardConfig::default()
        },
        [7; 32],
    );
    world.switchboard.set_relays(Box::new(|session, life| {
        vec![IceServer {
            urls: vec!["turn:turn.example".into()],
            username: format!("{session:?} {}", life.as_secs()),
            credential: "secret".into(),
        }]
    }));
    let alice = world.add_with(AgentConfig::new(World::token(ALICE, 600)));
    let bob = world.add(BOB);
    world.run_for(seconds(1));

    let talk_and_look = |world: &mut World| {
        let call = talk(world, alice, bob);
        let servers = |client: ClientId| {
            let media = &world.clients[client.0].media;
            media.values().next().unwrap().ice_servers.clone()
        };
        let (of_alice, of_bob) = (servers(alice), servers(bob));
        command(world, alice, Command::HangUp { call });
        world.run_for(seconds(2));
        (of_alice, of_bob)
    };
    let (of_alice, of_bob) = talk_and_look(&mut world);
    assert_eq!((&of_alice[0], of_alice.len()), (&shared, 2));
    assert!(of_alice[1].username.ends_with(" 600"), "{of_alice:?}");
    assert_ne!(of_alice[1].username, of_bob[1].username);

    command(
        &mut world,
        alice,
        Command::RefreshToken {
            token: World::token(ALICE, 900),
        },
    );
    world.run_for(seconds(1));
    let (renewed, of_bob_then) = talk_and_look(&mut world);
    assert_eq!((&renewed[0], renewed.len()), (&shared, 2));
    assert!(renewed[1].username.ends_with(" 900"), "{renewed:?}");
    assert_eq!(of_bob_then, of_bob, "his token is the same");
}
