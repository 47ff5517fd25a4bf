//! Both call each other at once: one call, and both are in it.

use sidetone::{CallState, StartCallOptions};

use crate::support::speech::{MAN, WOMAN};
use crate::support::{Service, end_of, identifier, talker, until};

#[test]
fn two_calls_that_cross_become_one() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let bob = talker(&service, "bob", MAN);
    let options = StartCallOptions::default;
    let from_ann = ann.agent.start_call(identifier("bob"), options());
    let from_bob = bob.agent.start_call(identifier("ann"), options());
    let (at_ann, at_bob) = (from_ann.wait().unwrap(), from_bob.wait().unwrap());
    // The object that each app holds goes on, under one id.
    until("both are in one call", || {
        let both = [&at_ann, &at_bob]
            .iter()
            .all(|call| call.state() == CallState::Connected);
        both && at_ann.id() == at_bob.id()
    });
    assert_eq!(service.calls(), (0, 1));
    assert_eq!((ann.agent.calls().len(), bob.agent.calls().len()), (1, 1));
    bob.hears(WOMAN);
    ann.hears(MAN);
    at_bob.hang_up().unwrap();
    end_of(&at_ann);
    end_of(&at_bob);
    until("nothing is left", || service.calls() == (0, 0));
}

#[test]
fn a_mute_made_before_the_calls_crossed_holds() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let bob = talker(&service, "bob", MAN);
    let muted = StartCallOptions {
        muted: true,
        ..StartCallOptions::default()
    };
    let from_ann = ann.agent.start_call(identifier("bob"), muted);
    let from_bob = bob
        .agent
        .start_call(identifier("ann"), StartCallOptions::default());
    let (at_ann, at_bob) = (from_ann.wait().unwrap(), from_bob.wait().unwrap());
    until("both are in one call", || {
        let both = [&at_ann, &at_bob]
            .iter()
            .all(|call| call.state() == CallState::Connected);
        both && at_ann.id() == at_bob.id()
    });
    until("the mute is known", || at_bob.remote_participant().is_muted);
    bob.hears_nothing();
    at_ann.unmute().unwrap();
    until("the mute is off", || !at_bob.remote_participant().is_muted);
    bob.hears(WOMAN);
}
