//! What happens within a call: mute, hold and resume, media that is lost and comes back, hang-up.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod support;

use sidetone_signaling::Reason;
use sidetone_signaling::agent::{AgentEvent, AgentInput, Command, MediaEvent};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::{Extent, MediaFailure, Pictures, Request, Watch};
use sidetone_signaling::sim::{ClientId, Happening, World};
use support::*;

fn muted(world: &World, client: ClientId) -> Vec<bool> {
    let muted = |event: &AgentEvent| match event {
        AgentEvent::RemoteMuted { muted, .. } => Some(*muted),
        _ => None,
    };
    world.clients[client.0]
        .events
        .iter()
        .filter_map(|(_, event)| muted(event))
        .collect()
}

#[test]
fn mute_is_told_to_the_peer_once() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    for on in [true, true, false] {
        command(&mut world, alice, Command::Mute { call, muted: on });
        world.run_for(seconds(1));
    }
    assert_eq!(muted(&world, bob), [true, false]);
    assert!(muted(&world, alice).is_empty());
}

#[test]
fn muted_before_the_answer_is_told_after_it() {
    let (mut world, alice, bob) = pair();
    let call = ring(&mut world, alice, &[bob]);
    command(&mut world, alice, Command::Mute { call, muted: true });
    world.run_for(seconds(1));
    assert!(muted(&world, bob).is_empty());
    command(&mut world, bob, Command::Accept { call });
    world.run_for(seconds(1));
    assert_eq!(muted(&world, bob), [true]);
}

#[test]
fn pictures_are_told_to_the_peer_once_and_before_the_answer_after_it() {
    let (mut world, alice, bob) = pair();
    let call = ring(&mut world, alice, &[bob]);
    let camera = |on| Pictures {
        camera: on,
        share: false,
    };
    let shown = |world: &World| -> Vec<bool> {
        let events = world.clients[bob.0].events.iter();
        let shows = |event: &AgentEvent| match event {
            AgentEvent::RemoteShows { pictures, .. } => Some(pictures.camera),
            _ => None,
        };
        events.filter_map(|(_, event)| shows(event)).collect()
    };
    let show = |world: &mut World, on| {
        let pictures = camera(on);
        command(world, alice, Command::Show { call, pictures });
        world.run_for(seconds(1));
    };
    show(&mut world, true);
    assert!(shown(&world).is_empty());
    command(&mut world, bob, Command::Accept { call });
    world.run_for(seconds(1));
    assert_eq!(shown(&world), [true]);
    show(&mut world, true);
    show(&mut world, false);
    assert_eq!(shown(&world), [true, false]);
}

#[test]
fn what_is_looked_at_is_told_to_the_peer_and_what_cannot_be_is_refused() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    let watch = |camera| Watch {
        call,
        camera,
        share: Some(Extent::HIDDEN),
    };
    let small = Extent {
        width: 320,
        height: 180,
    };
    let flat = Extent {
        width: 320,
        height: 0,
    };
    for (number, camera) in [Some(small), Some(flat), None].into_iter().enumerate() {
        let ask = Command::Ask {
            ask: number as u64,
            call,
            request: Box::new(Request::Watch(watch(camera))),
        };
        command(&mut world, bob, ask);
        world.run_for(seconds(1));
    }
    let events = |who: ClientId| world.clients[who.0].events.iter().map(|(_, event)| event);
    let told = events(alice).filter_map(|event| match event {
        AgentEvent::RemoteWatches(watch) => Some(*watch),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [watch(Some(small)), watch(None)]);
    let refused = events(bob).filter_map(|event| match event {
        AgentEvent::Answered { result, .. } => result.as_ref().err(),
        _ => None,
    });
    let refused: Vec<_> = refused.collect();
    assert!(
        refused.len() == 1 && refused[0].is(&Reason::BAD_PARAMETERS),
        "{refused:?}"
    );
}

#[test]
fn hold_and_resume() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    command(&mut world, alice, Command::Hold { call });
    assert_eq!(state(&world, alice, call), CallState::LocalHold);
    world.run_for(seconds(1));
    assert_eq!(state(&world, bob, call), CallState::RemoteHold);
    assert!(world.talking_legs(alice, call).is_empty() && world.talking_legs(bob, call).is_empty());
    command(&mut world, alice, Command::Resume { call });
    world.run_for(seconds(1));
    assert_talking(&world, alice, bob, call);
}

#[test]
fn held_by_both_needs_both_to_resume() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    command(&mut world, alice, Command::Hold { call });
    command(&mut world, bob, Command::Hold { call });
    world.run_for(seconds(1));
    assert_eq!(state(&world, alice, call), CallState::LocalHold);
    assert_eq!(state(&world, bob, call), CallState::LocalHold);
    command(&mut world, alice, Command::Resume { call });
    world.run_for(seconds(1));
    assert_eq!(state(&world, alice, call), CallState::RemoteHold);
    assert_eq!(state(&world, bob, call), CallState::LocalHold);
    assert!(world.talking_legs(alice, call).is_empty());
    command(&mut world, bob, Command::Resume { call });
    world.run_for(seconds(1));
    assert_talking(&world, alice, bob, call);
}

#[test]
fn either_end_hangs_up() {
    for caller_hangs_up in [true, false] {
        let (mut world, alice, bob) = pair();
        let call = talk(&mut world, alice, bob);
        let who = if caller_hangs_up { alice } else { bob };
        command(&mut world, who, Command::HangUp { call });
        world.run_for(seconds(1));
        assert_ended(&world, alice, call, &Reason::HUNG_UP);
        assert_ended(&world, bob, call, &Reason::HUNG_UP);
        assert_nothing_left(world);
    }
}

#[test]
fn both_hang_up_at_once() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    command(&mut world, alice, Command::HangUp { call });
    command(&mut world, bob, Command::HangUp { call });
    world.run_for(seconds(1));
    assert_ended(&world, alice, call, &Reason::HUNG_UP);
    assert_ended(&world, bob, call, &Reason::HUNG_UP);
    assert_recorded_end(&world, call, &Reason::HUNG_UP);
    assert_nothing_left(world);
}

#[test]
fn failed_media_is_restarted_by_either_end() {
    // Long enough for media to fail, short enough for the call to live.
    for who_is_cut in [true, false] {
        let (mut world, alice, bob) = pair();
        let call = talk(&mut world, alice, bob);
        let (cut, other) = if who_is_cut { (alice, bob) } else { (bob, alice) };
        world.happen(cut, Happening::Cut);
        world.run_for(seconds(30));
        assert_eq!(
            world.view(other, call).states.last(),
            Some(&(CallState::Connected, true))
        );
        world.happen(cut, Happening::Restore);
        world.run_for(seconds(15));
        assert_talking(&world, alice, bob, call);
        let restarts: u32 = world.clients[bob.0]
            .media
            .values()
            .map(|media| media.restarts)
            .sum();
        assert!(restarts >= 1, "the callee's endpoint offers restarts");
        assert!(world.view(alice, call).ends.is_empty());
    }
}

#[test]
fn a_short_loss_heals_without_a_restart() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.happen(bob, Happening::Cut);
    world.run_for(seconds(4));
    world.happen(bob, Happening::Restore);
    world.run_for(seconds(15));
    assert_talking(&world, alice, bob, call);
    assert_eq!(
        world.clients[bob.0]
            .media
            .values()
            .map(|media| media.restarts)
            .sum::<u32>(),
        0
    );
}

#[test]
fn media_that_does_not_come_back_ends_the_call() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.media_blocked = true;
    world.check_all_peers();
    world.run_for(seconds(30));
    assert_eq!(
        world.view(alice, call).states.last(),
        Some(&(CallState::Connected, true))
    );
    world.run_for(seconds(40));
    assert_ended(&world, alice, call, &Reason::MEDIA_DROPPED);
    assert_ended(&world, bob, call, &Reason::MEDIA_DROPPED);
    assert_nothing_left(world);
}

#[test]
fn an_end_without_a_network_gives_up_by_itself() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    world.happen(bob, Happening::Cut);
    world.run_for(seconds(100));
    assert_ended(&world, bob, call, &Reason::MEDIA_DROPPED);
    assert_ended(&world, alice, call, &Reason::PEER_GONE);
    assert_nothing_left(world);
}

#[test]
fn media_that_cannot_be_made_ends_the_call() {
    let (mut world, alice, bob) = pair();
    let call = talk(&mut world, alice, bob);
    let (_, leg) = *world.clients[bob.0].media.keys().next().unwrap();
    let now = world.now;
    let event = MediaEvent::Error(MediaFailure::Description);
    let agent = world.clients[bob.0].agent.as_mut().unwrap();
    agent.handle(AgentInput::Media { call, leg, event }, now);
    command(&mut world, bob, Command::NetworkChanged);
    world.run_for(seconds(5));
    assert_ended(&world, bob, call, &Reason::OFFER_FAILED);
    assert_ended(&world, alice, call, &Reason::OFFER_FAILED);
}

#[test]
fn media_that_never_comes_up_ends_the_call() {
    let (mut world, alice, bob) = pair();
    world.media_blocked = true;
    let call = ring(&mut world, alice, &[bob]);
    command(&mut world, bob, Command::Accept { call });
    world.run_for(seconds(29));
    assert_eq!(state(&world, alice, call), CallState::Connecting);
    assert_eq!(state(&world, bob, call), CallState::Connecting);
    world.run_for(seconds(2));
    assert_ended(&world, alice, call, &Reason::MEDIA_SETUP_FAILED);
    assert_ended(&world, bob, call, &Reason::MEDIA_SETUP_FAILED);
    assert_nothing_left(world);
}
