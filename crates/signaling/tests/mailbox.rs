//! What another part of the service tells to an identity reaches each of its endpoints once, also one that was away.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod support;

use sidetone_signaling::agent::AgentEvent;
use sidetone_signaling::protocol::{Event, MailboxChanged};
use sidetone_signaling::sim::{ClientId, Happening, World};
use sidetone_signaling::switchboard::ServerInput;
use support::*;

fn told(world: &World, client: ClientId) -> Vec<(u32, u32)> {
    world.clients[client.0]
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            AgentEvent::MailboxChanged { unheard, heard } => Some((*unheard, *heard)),
            _ => None,
        })
        .collect()
}

#[test]
fn every_endpoint_of_the_identity_is_told_once() {
    let (mut world, alice, bob) = pair();
    let elsewhere = world.add(BOB);
    world.run_for(seconds(1));
    let tell = |world: &mut World, unheard| {
        let input = ServerInput::Tell {
            identity: BOB.parse().unwrap(),
            event: Box::new(Event::MailboxChanged(MailboxChanged { unheard, heard: 3 })),
        };
        let now = world.now;
        world.switchboard.handle(input, now);
    };
    tell(&mut world, 1);
    world.run_for(seconds(11));
    world.happen(elsewhere, Happening::Cut);
    world.run_for(seconds(1));
    tell(&mut world, 2);
    world.run_for(seconds(11));
    assert_eq!(told(&world, bob), [(1, 3), (2, 3)]);
    assert_eq!(told(&world, elsewhere), [(1, 3)]);
    world.restore_all();
    world.run_for(seconds(30));
    assert_eq!(told(&world, elsewhere), [(1, 3), (2, 3)], "told when it is back");
    assert!(told(&world, alice).is_empty());
    assert_nothing_left(world);
}
