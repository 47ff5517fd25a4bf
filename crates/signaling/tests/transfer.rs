//! Calls that are handed over: to a person, to someone who was asked first, to voicemail; and what becomes of the old
//! call when that fails.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::sync::{Arc, Mutex};

use sidetone_signaling::Reason;
use sidetone_signaling::agent::{AgentEvent, Command, TransferState};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::{CallId, EndpointOptions, Request, Start, TransferTarget};
use sidetone_signaling::sim::{ClientId, Happening, World};
use sidetone_signaling::switchboard::{
    CallRequest, Policy, Purpose, Reaches, Record, Route, TransferRequest,
};
use support::*;

/// What the policy was asked.
type Asked = Arc<Mutex<Vec<(String, String, Purpose)>>>;

/// Lets everything through, but for transfers to Mallory. Messages go to the voicemail application.
#[derive(Clone, Default)]
struct Watched(Asked);

const MALLORY: &str = "external:bad:mallory";
const VOICEMAIL: &str = "application:contoso:voicemail";

impl Policy for Watched {
    fn route(&self, request: CallRequest<'_>, _: Reaches<'_>) -> Result<Route, Reason> {
        let (from, to) = (request.from.raw_id(), request.to.raw_id());
        self.0.lock().unwrap().push((from, to, request.purpose));
        if request.purpose == Purpose::LeaveMessage {
            return Ok(Route {
                on_behalf_of: Some(request.to.clone()),
                ..Route::direct(VOICEMAIL.parse().unwrap())
            });
        }
        Ok(Route::direct(request.to.clone()))
    }

    fn transfer(&self, request: TransferRequest<'_>) -> Result<(), Reason> {
        if request.target.raw_id() == MALLORY {
            return Err(Reason::EXTERNAL_TARGET_DISABLED);
        }
        Ok(())
    }
}

fn trio() -> (World, ClientId, ClientId, ClientId, Asked) {
    let (mut world, alice, bob) = pair();
    let policy = Watched::default();
    let asked = policy.0.clone();
    world.switchboard.set_policy(Box::new(policy));
    let carol = world.add(CAROL);
    world.run_for(seconds(1));
    (world, alice, bob, carol, asked)
}

fn transfer(world: &mut World, client: ClientId, call: CallId, to: TransferTarget) {
    let transfer = Command::Transfer {
        call,
        to,
        target_only: false,
    };
    command(world, client, transfer);
}

fn to(identity: &str) -> TransferTarget {
    TransferTarget::Identity(identity.parse().unwrap())
}

fn outcomes(world: &World, client: ClientId, of: CallId) -> Vec<TransferState> {
    let events = world.clients[client.0].events.iter();
    let states = events.filter_map(|(_, event)| match event {
        AgentEvent::TransferChanged { call, state } if *call == of => Some(state.clone()),
        _ => None,
    });
    states.collect()
}

/// The call that took, or is to take, the place of another at a client.
fn successor(world: &World, client: ClientId, of: CallId) -> Option<CallId> {
    let events = world.clients[client.0].events.iter().rev();
    events
        .filter_map(|(_, event)| match event {
            AgentEvent::TransferRequested { call, into, .. } if *call == of => Some(*into),
            AgentEvent::CallReplaced { call, by, .. } if *call == of => Some(*by),
            _ => None,
        })
        .next()
}

fn was_replaced(world: &World, client: ClientId, of: CallId) -> bool {
    world.clients[client.0]
        .events
        .iter()
        .any(|(_, event)| matches!(event, AgentEvent::CallReplaced { call, .. } if *call == of))
}

#[test]
fn the_other_end_goes_on_with_the_target() {
    for caller_hands_over in [true, false] {
        let (mut world, alice, bob, carol, _) = trio();
        let call = talk(&mut world, alice, bob);
        let (transferor, transferee) = if caller_hands_over {
            (alice, bob)
        } else {
            (bob, alice)
        };
        transfer(&mut world, transferor, call, to(CAROL));
        world.run_for(seconds(1));
        assert_eq!(outcomes(&world, transferor, call), [TransferState::Transferring]);
        let new = successor(&world, transferee, call).unwrap();
        assert_eq!(state(&world, carol, new), CallState::Ringing);
        assert_eq!(state(&world, transferee, call), CallState::LocalHold);
        let by = world.clients[carol.0]
            .events
            .iter()
            .find_map(|(_, event)| match event {
                AgentEvent::IncomingCall { transferred_by, .. } => transferred_by.clone(),
                _ => None,
            });
        let identity = if caller_hands_over { ALICE } else { BOB };
        assert_eq!(by.unwrap().raw_id(), identity);
        command(&mut world, carol, Command::Accept { call: new });
        world.run_for(seconds(2));
        assert_talking(&world, transferee, carol, new);
        assert!(was_replaced(&world, transferee, call));
        for end in [alice, bob] {
            assert_ended(&world, end, call, &Reason::TRANSFERRED);
        }
        assert_eq!(
            outcomes(&world, transferor, call).last(),
            Some(&TransferState::Transferred)
        );
        assert_recorded_end(&world, call, &Reason::TRANSFERRED);
        let chained = world.records.iter().any(|(_, record)| {
            matches!(record, Record::CallStarted { call: id, replaces, .. } if *id == new && *replaces == Some(call))
        });
        assert!(chained);
        command(&mut world, carol, Command::HangUp { call: new });
        world.run_for(seconds(1));
        assert_nothing_left(world);
    }
}

#[test]
fn a_target_that_declines_leaves_the_call_as_it_was() {
    let (mut world, alice, bob, carol, _) = trio();
    let call = talk(&mut world, alice, bob);
    transfer(&mut world, bob, call, to(CAROL));
    world.run_for(seconds(1));
    let new = successor(&world, alice, call).unwrap();
    command(&mut world, carol, Command::Decline { call: new });
    world.run_for(seconds(2));
    assert_eq!(
        outcomes(&world, bob, call),
        [
            TransferState::Transferring,
            TransferState::Failed(Reason::DECLINED)
        ]
    );
    assert_talking(&world, alice, bob, call);
    assert_ended(&world, alice, new, &Reason::DECLINED);
    // And it can be tried again.
    transfer(&mut world, bob, call, to(CAROL));
    world.run_for(seconds(1));
    let again = successor(&world, alice, call).unwrap();
    assert_ne!(again, new);
    command(&mut world, carol, Command::Accept { call: again });
    world.run_for(seconds(2));
    assert_talking(&world, alice, carol, again);
}

#[test]
fn refused_transfers_change_nothing() {
    let (mut world, alice, bob, _, _) = trio();
    let call = talk(&mut world, alice, bob);
    let refusals = [
        (to(MALLORY), Reason::EXTERNAL_TARGET_DISABLED),
        (to("phone:+4930123456"), Reason::NO_SUCH_CALLEE),
        (TransferTarget::Call(call), Reason::WRONG_STATE),
        (TransferTarget::Call(world.draw_call()), Reason::NO_SUCH_CALL),
    ];
    for (target, reason) in refusals {
        transfer(&mut world, bob, call, target);
        world.run_for(seconds(1));
        assert_eq!(
            outcomes(&world, bob, call).last(),
            Some(&TransferState::Failed(reason))
        );
        assert_talking(&world, alice, bob, call);
    }
    assert_eq!(successor(&world, alice, call), None);
}

#[test]
fn a_target_that_is_not_there_fails_with_its_reason() {
    let (mut world, alice, bob, _, _) = trio();
    let call = talk(&mut world, alice, bob);
    transfer(&mut world, alice, call, to("guest:nobody"));
    world.run_for(seconds(2));
    assert_eq!(
        outcomes(&world, alice, call).last(),
        Some(&TransferState::Failed(Reason::NO_ENDPOINT))
    );
    assert_talking(&world, alice, bob, call);
}

#[test]
fn one_transfer_at_a_time() {
    let (mut world, alice, bob, _, _) = trio();
    let call = talk(&mut world, alice, bob);
    transfer(&mut world, alice, call, to(CAROL));
    world.run_for(seconds(1));
    transfer(&mut world, bob, call, to(CAROL));
    world.run_for(seconds(1));
    assert_eq!(
        outcomes(&world, bob, call).last(),
        Some(&TransferState::Failed(Reason::TRANSFER_PENDING))
    );
}

/// Bob asks Carol in a second call, and then hands Alice over to that.
#[test]
fn a_target_that_was_asked_first_goes_on_at_once() {
    for carol_is_busy in [false, true] {
        let (mut world, alice, bob) = pair();
        world.switchboard.set_policy(Box::new(Watched::default()));
        let config = sidetone_signaling::agent::AgentConfig {
            options: EndpointOptions {
                busy_when_in_call: carol_is_busy,
                ..EndpointOptions::default()
            },
            ..sidetone_signaling::agent::AgentConfig::new(World::token(CAROL, 86_400))
        };
        let carol = world.add_with(config);
        let other_carol = world.add(CAROL);
        world.run_for(seconds(1));
        let call = talk(&mut world, alice, bob);
        let asking = world.start_call(bob, CAROL).unwrap();
        world.run_for(seconds(1));
        command(&mut world, carol, Command::Accept { call: asking });
        world.run_for(seconds(2));
        assert_eq!(state(&world, alice, call), CallState::RemoteHold);
        transfer(&mut world, bob, call, TransferTarget::Call(asking));
        world.run_for(seconds(2));
        let new = successor(&world, alice, call).unwrap();
        assert_eq!(successor(&world, carol, asking), Some(new));
        assert_talking(&world, alice, carol, new);
        assert_eq!(
            world.incoming(other_carol),
            Some(asking),
            "her other client does not ring again"
        );
        for (client, call) in [(alice, call), (bob, call), (bob, asking), (carol, asking)] {
            assert_ended(&world, client, call, &Reason::TRANSFERRED);
        }
        assert_eq!(
            outcomes(&world, bob, call).last(),
            Some(&TransferState::Transferred)
        );
        command(&mut world, alice, Command::HangUp { call: new });
        world.run_for(seconds(1));
        assert_nothing_left(world);
    }
}

#[test]
fn a_consultation_that_ended_fails_the_transfer() {
    let (mut world, alice, bob, carol, _) = trio();
    let call = talk(&mut world, alice, bob);
    let asking = world.start_call(bob, CAROL).unwrap();
    world.run_for(seconds(1));
    command(&mut world, carol, Command::Accept { call: asking });
    world.run_for(seconds(2));
    transfer(&mut world, bob, call, TransferTarget::Call(asking));
    command(&mut world, carol, Command::HangUp { call: asking });
    world.run_for(seconds(3));
    let outcome = outcomes(&world, bob, call).pop().unwrap();
    // By the race, Carol may have been asked before she hung up; then she declined nothing and rings.
    if let TransferState::Failed(reason) = &outcome {
        assert!(reason.is(&Reason::NO_SUCH_CALL), "{reason}");
    }
    command(&mut world, bob, Command::HangUp { call });
    world.run_for(seconds(200));
    assert_nothing_left(world);
}

#[test]
fn a_call_is_handed_over_to_voicemail() {
    let (mut world, alice, bob, _, asked) = trio();
    let voicemail = world.add(VOICEMAIL);
    world.run_for(seconds(1));
    let call = talk(&mut world, alice, bob);
    transfer(
        &mut world,
        bob,
        call,
        TransferTarget::Voicemail(BOB.parse().unwrap()),
    );
    world.run_for(seconds(1));
    let new = successor(&world, alice, call).unwrap();
    let mailbox = world.clients[voicemail.0]
        .events
        .iter()
        .find_map(|(_, event)| match event {
            AgentEvent::IncomingCall { on_behalf_of, .. } => on_behalf_of.clone(),
            _ => None,
        });
    assert_eq!(mailbox.unwrap().raw_id(), BOB);
    assert_eq!(asked.lock().unwrap().last().unwrap().2, Purpose::LeaveMessage);
    command(&mut world, voicemail, Command::Accept { call: new });
    world.run_for(seconds(2));
    assert_talking(&world, alice, voicemail, new);
    assert_ended(&world, bob, call, &Reason::TRANSFERRED);
}

#[test]
fn who_hands_over_and_leaves_at_once_need_not_wait() {
    let (mut world, alice, bob, carol, _) = trio();
    let call = talk(&mut world, alice, bob);
    transfer(&mut world, bob, call, to(CAROL));
    world.run_for(seconds(1));
    command(&mut world, bob, Command::HangUp { call });
    world.run_for(seconds(1));
    let new = successor(&world, alice, call).unwrap();
    assert_ended(&world, alice, call, &Reason::HUNG_UP);
    command(&mut world, carol, Command::Accept { call: new });
    world.run_for(seconds(2));
    assert_talking(&world, alice, carol, new);
}

#[test]
fn a_transferee_who_cannot_be_asked_fails_the_transfer_in_time() {
    let (mut world, alice, bob, _, _) = trio();
    let call = talk(&mut world, alice, bob);
    world.happen(alice, Happening::CutSignaling);
    transfer(&mut world, bob, call, to(CAROL));
    world.run_for(seconds(12));
    assert_eq!(
        outcomes(&world, bob, call).last(),
        Some(&TransferState::Failed(Reason::TRANSFER_FAILED))
    );
    // What she is told when she is back comes too late, and the call goes on.
    world.happen(alice, Happening::Restore);
    world.run_for(seconds(20));
    assert_talking(&world, alice, bob, call);
    let late = successor(&world, alice, call).unwrap();
    assert!(world.view(alice, late).ends[0].is(&Reason::WRONG_STATE));
}

/// Nobody can place a call by a transfer that is not theirs.
#[test]
fn only_the_transferee_carries_a_transfer_out() {
    let (mut world, alice, bob, carol, asked) = trio();
    let call = talk(&mut world, alice, bob);
    // Bob and Carol say that they replace the call, which nobody hands over.
    for client in [bob, carol] {
        let start = Start {
            replaces: Some(call),
            ..Start::new(world.draw_call(), CAROL.parse().unwrap())
        };
        world.send_raw(client, &Request::Start(start));
        world.run_for(seconds(1));
    }
    assert_eq!(asked.lock().unwrap().len(), 1, "only the first call was routed");
    assert_eq!(world.switchboard.stats().ringing_calls, 0);
}
