//! Calls that are placed as a member, by whom the member let do so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use sidetone_signaling::agent::{AgentEvent, Command, StartOptions};
use sidetone_signaling::sim::{ClientId, World};
use sidetone_signaling::switchboard::{CallRequest, Policy, Reaches, Record, Route};
use sidetone_signaling::{Identifier, Reason};
use support::*;

#[test]
fn delegates_call_as_the_member_where_they_may() {
    struct Delegation;
    impl Policy for Delegation {
        fn route(&self, request: CallRequest<'_>, _: Reaches<'_>) -> Result<Route, Reason> {
            assert_eq!(request.from.raw_id(), BOB, "the rules of whom the call is from");
            Ok(Route::direct(request.to.clone()))
        }

        fn act_for(&self, actor: &Identifier, member: &Identifier) -> Result<(), Reason> {
            let may = (actor.raw_id(), member.raw_id()) == (ALICE.into(), BOB.into());
            may.then_some(()).ok_or(Reason::NOT_DELEGATED)
        }

        fn display_name(&self, identity: &Identifier, _: &str) -> String {
            format!("the name of {identity}")
        }
    }
    let (mut world, alice, _) = pair();
    let carol = world.add(CAROL);
    world.run_for(seconds(1));
    world.switchboard.set_policy(Box::new(Delegation));
    let call_as = |world: &mut World, client: ClientId, member: &str| {
        let (call, options) = (
            world.draw_call(),
            StartOptions {
                on_behalf_of: Some(member.parse().unwrap()),
                ..Default::default()
            },
        );
        let to = CAROL.parse().unwrap();
        command(world, client, Command::StartCall { call, to, options });
        world.run_for(seconds(1));
        call
    };
    let refused = call_as(&mut world, alice, "member:contoso:dan");
    assert_ended(&world, alice, refused, &Reason::NOT_DELEGATED);
    assert_eq!(world.incoming(carol), None);
    let call = call_as(&mut world, alice, BOB);
    let told = world.clients[carol.0]
        .events
        .iter()
        .find_map(|(_, event)| match event {
            AgentEvent::IncomingCall {
                from,
                placed_by,
                display_name,
                ..
            } => Some((from.raw_id(), placed_by.clone(), display_name.clone())),
            _ => None,
        });
    let (from, by, name) = told.unwrap();
    assert_eq!((from, name), (BOB.into(), format!("the name of {BOB}")));
    assert_eq!(by.unwrap().raw_id(), ALICE);
    let recorded = world.records.iter().any(|(_, record)| {
        matches!(record, Record::CallStarted { call: id, from, on_behalf_of: Some(member), .. }
            if *id == call && from.raw_id() == ALICE && member.raw_id() == BOB)
    });
    assert!(recorded, "who really called is on record");
}
