//! A call is handed over: the far end goes on with somebody else, and is heard there.

use sidetone::{AcceptOptions, Call, CallEvent, CallState, Events, Reason, TransferState, TransferTarget};

use crate::support::speech::{MAN, WOMAN};
use crate::support::{
    Service, await_some, call_between, connected, end_of, identifier, in_state, phone, talker, until,
};

fn told<T>(events: &mut Events<CallEvent>, what: &str, mut pick: impl FnMut(CallEvent) -> Option<T>) -> T {
    await_some(what, || events.try_next().and_then(&mut pick))
}

fn successor(events: &mut Events<CallEvent>) -> Call {
    told(events, "the call that takes its place", |event| match event {
        CallEvent::TransferRequested(call) | CallEvent::Replaced(call) => Some(call),
        _ => None,
    })
}

#[test]
fn the_far_end_goes_on_with_whom_the_call_is_handed_to() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = phone(&service, "bob");
    let mut carol = talker(&service, "carol", MAN);
    let (at_ann, at_bob) = call_between(&ann, &mut bob);
    let mut anns = at_ann.events();
    at_ann.mute().unwrap();
    at_bob
        .transfer(TransferTarget::Identity(identifier("carol")), false)
        .unwrap();
    let new = successor(&mut anns);
    assert!(new.is_muted(), "who was muted stays muted");
    let rings = carol.rings();
    assert_eq!(rings.transferred_by(), Some(identifier("bob")));
    assert_eq!(rings.caller().identifier, identifier("ann"));
    in_state(&at_ann, CallState::LocalHold);
    let at_carol = rings.accept(AcceptOptions::default()).wait().unwrap();
    connected(&[&new, &at_carol]);
    assert_eq!(successor(&mut anns), new);
    for old in [&at_ann, &at_bob] {
        assert!(end_of(old).is(&Reason::TRANSFERRED));
    }
    until("the transferor knows", || {
        at_bob.transfer_state() == TransferState::Transferred
    });
    assert_eq!(ann.agent.calls(), std::slice::from_ref(&new));
    ann.hears(MAN);
    until("Carol knows that Ann is muted", || {
        at_carol.remote_participant().is_muted
    });
    new.unmute().unwrap();
    carol.hears(WOMAN);
}

#[test]
fn a_call_that_the_target_declines_goes_on_as_it_was() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let mut carol = phone(&service, "carol");
    let (at_ann, at_bob) = call_between(&ann, &mut bob);
    let mut anns = at_ann.events();
    at_ann
        .transfer(TransferTarget::Identity(identifier("carol")), true)
        .unwrap();
    carol.rings().reject().unwrap();
    until(
        "the transferor knows",
        || matches!(at_ann.transfer_state(), TransferState::Failed(reason) if reason.is(&Reason::DECLINED)),
    );
    drop(anns.try_next());
    connected(&[&at_ann, &at_bob]);
    bob.hears(WOMAN);
    ann.hears(MAN);
}

#[test]
fn whoever_was_asked_first_takes_over_without_ringing() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = phone(&service, "bob");
    let mut carol = talker(&service, "carol", MAN);
    let (at_ann, first) = call_between(&ann, &mut bob);
    let (second, at_carol) = call_between(&bob, &mut carol);
    let (mut anns, mut carols) = (at_ann.events(), at_carol.events());
    first.transfer(TransferTarget::Call(second.id()), false).unwrap();
    let (anns_new, carols_new) = (successor(&mut anns), successor(&mut carols));
    assert_eq!(anns_new.id(), carols_new.id());
    connected(&[&anns_new, &carols_new]);
    assert_eq!(carols_new.remote_participant().identifier, identifier("ann"));
    for old in [&at_ann, &first, &second, &at_carol] {
        assert!(end_of(old).is(&Reason::TRANSFERRED));
    }
    assert!(bob.agent.calls().is_empty());
    carol.hears(WOMAN);
    ann.hears(MAN);
}
