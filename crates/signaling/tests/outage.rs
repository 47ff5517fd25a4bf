//! Sockets, networks and processes go away: sessions resume, missed events come in order, calls go on or end once.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod support;

use sidetone_signaling::Reason;
use sidetone_signaling::agent::{AgentEvent, Command, ConnectionState};
use sidetone_signaling::call::CallState;
use sidetone_signaling::sim::Happening;
use sidetone_signaling::switchboard::Record;
use support::*;

#[test]
fn a_broken_socket_is_resumed_and_the_call_goes_on() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.happen(bob, Happening::DropSocket);
    world.run_for(seconds(1));
    assert_eq!(world.clients[bob.0].connection, Some(ConnectionState::Online));
    assert_talking(&world, alice, bob, call);
    let resumed = world
        .records
        .iter()
        .filter(|(_, r)| matches!(r, Record::SessionResumed { .. }))
        .count();
    assert_eq!(resumed, 1);
    let sessions = world
        .records
        .iter()
        .filter(|(_, r)| matches!(r, Record::SessionOpened { .. }))
        .count();
    assert_eq!(sessions, 2, "no new session was needed");
}

#[test]
fn events_missed_while_away_come_in_order() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.happen(bob, Happening::Cut);
    for muted in [true, false, true] {
        command(&mut world, alice, Command::Mute { call, muted });
        world.run_for(std::time::Duration::from_millis(500));
    }
    command(&mut world, alice, Command::Hold { call });
    world.run_for(seconds(18));
    world.happen(bob, Happening::Restore);
    world.run_for(seconds(20));
    let told: Vec<bool> = world.clients[bob.0]
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            AgentEvent::RemoteMuted { muted, .. } => Some(*muted),
            _ => None,
        })
        .collect();
    assert_eq!(told, [true, false, true]);
    assert_eq!(state(&world, bob, call), CallState::RemoteHold);
    assert_eq!(state(&world, alice, call), CallState::LocalHold);
}

#[test]
fn twenty_seconds_without_a_network() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.happen(alice, Happening::Cut);
    world.run_for(seconds(20));
    assert_eq!(
        world.view(alice, call).states.last(),
        Some(&(CallState::Connected, true))
    );
    assert_eq!(
        world.view(bob, call).states.last(),
        Some(&(CallState::Connected, true))
    );
    world.happen(alice, Happening::Restore);
    command(&mut world, alice, Command::NetworkChanged);
    world.run_for(seconds(12));
    assert_talking(&world, alice, bob, call);
    let added = world
        .records
        .iter()
        .filter(|(_, r)| matches!(r, Record::ParticipantAdded { .. }))
        .count();
    assert_eq!(added, 2, "the same participants, no duplicate");
}

#[test]
fn a_request_whose_answer_was_lost_is_carried_out_once() {
    // The socket breaks at every moment around a start and an accept.
    for millis in 0..120 {
        let (mut world, alice, bob) = pair();
        let call = world.start_call(alice, BOB).unwrap();
        world.run_for(std::time::Duration::from_millis(millis));
        world.happen(alice, Happening::DropSocket);
        world.run_for(seconds(3));
        assert_eq!(world.incoming(bob), Some(call), "{millis}");
        command(&mut world, bob, Command::Accept { call });
        world.run_for(std::time::Duration::from_millis(millis));
        world.happen(bob, Happening::DropSocket);
        world.run_for(seconds(4));
        assert_talking(&world, alice, bob, call);
        let started = world
            .records
            .iter()
            .filter(|(_, r)| matches!(r, Record::CallStarted { .. }))
            .count();
        assert_eq!(started, 1);
    }
}

#[test]
fn hanging_up_offline_works_at_once_and_is_told_later() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.happen(alice, Happening::Cut);
    world.run_for(seconds(2));
    command(&mut world, alice, Command::HangUp { call });
    assert_ended(&world, alice, call, &Reason::HUNG_UP);
    world.run_for(seconds(5));
    world.happen(alice, Happening::Restore);
    world.run_for(seconds(20));
    assert_ended(&world, bob, call, &Reason::HUNG_UP);
    assert_nothing_left(world);
}

#[test]
fn a_peer_that_is_killed_is_noticed() {
    for who in [0, 1] {
        let (mut world, alice, bob) = pair();
        let call = talk(&mut world, alice, bob);
        let (killed, other) = if who == 0 { (alice, bob) } else { (bob, alice) };
        world.happen(killed, Happening::Kill);
        world.run_for(seconds(20));
        assert_eq!(
            world.view(other, call).states.last(),
            Some(&(CallState::Connected, true))
        );
        world.run_for(seconds(60));
        assert_ended(&world, other, call, &Reason::PEER_GONE);
        assert_recorded_end(&world, call, &Reason::PEER_GONE);
        assert_nothing_left(world);
    }
}

#[test]
fn media_survives_a_signaling_outage() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.happen(bob, Happening::CutSignaling);
    // Longer than the media lease, which does not run while media does.
    world.run_for(seconds(100));
    assert_eq!(
        world.view(alice, call).states.last(),
        Some(&(CallState::Connected, true))
    );
    assert_eq!(
        world.view(bob, call).states.last(),
        Some(&(CallState::Connected, false))
    );
    assert_eq!(world.talking_legs(alice, call), world.talking_legs(bob, call));
    assert_eq!(world.talking_legs(alice, call).len(), 1);
    world.happen(bob, Happening::Restore);
    world.run_for(seconds(20));
    assert_talking(&world, alice, bob, call);
}

#[test]
fn a_signaling_outage_past_the_window_ends_the_call_at_both_ends() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.happen(bob, Happening::CutSignaling);
    world.run_for(seconds(160));
    assert_ended(&world, alice, call, &Reason::PEER_GONE);
    assert_ended(&world, bob, call, &Reason::NETWORK_LOST);
    assert_nothing_left(world);
}

#[test]
fn away_for_longer_than_the_window_loses_the_session_and_its_calls() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.happen(alice, Happening::Cut);
    world.run_for(seconds(200));
    let view = world.view(alice, call);
    assert_eq!(view.ends.len(), 1, "{view:?}");
    assert_eq!(world.view(bob, call).ends.len(), 1);
    let lost = |e: &AgentEvent| matches!(e, AgentEvent::SessionLost { .. });
    assert_eq!(
        world.clients[alice.0]
            .events
            .iter()
            .filter(|(_, event)| lost(event))
            .count(),
        1
    );
    // It comes back as a new session, and can call again.
    world.happen(alice, Happening::Restore);
    world.run_for(seconds(30));
    talk(&mut world, alice, bob);
}

#[test]
fn the_service_stops_and_media_goes_on() {
    use sidetone_signaling::switchboard::ServerInput;
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.switchboard.handle(ServerInput::Shutdown, world.now);
    // Someone else's input lets the world see what the service wants sent.
    command(&mut world, alice, Command::Mute { call, muted: true });
    world.run_for(seconds(10));
    assert_eq!(
        world.clients[alice.0].connection,
        Some(ConnectionState::Reconnecting)
    );
    assert_eq!(world.talking_legs(alice, call).len(), 1);
    assert!(world.view(alice, call).ends.is_empty() && world.view(bob, call).ends.is_empty());
}
