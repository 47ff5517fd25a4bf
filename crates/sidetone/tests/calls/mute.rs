//! Mute: the far end hears nothing and is told; each call has its own switch.

use sidetone::{AcceptOptions, CallEvent};

use crate::support::speech::{MAN, WOMAN};
use crate::support::{Service, call_between, connected, in_state, talker, until};

#[test]
fn a_muted_microphone_is_not_heard() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    let mut events = call.events();
    bob.hears(WOMAN);
    call.mute().unwrap();
    call.mute().unwrap();
    until("it is muted", || call.is_muted());
    until("the far end knows", || answered.remote_participant().is_muted);
    bob.hears_nothing();
    call.unmute().unwrap();
    until("the far end knows", || !answered.remote_participant().is_muted);
    bob.hears(WOMAN);
    let mut switched: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
    // That she speaks in vain is told as well.
    switched.retain(|event| matches!(event, CallEvent::IsMutedChanged(_)));
    assert_eq!(
        switched,
        [CallEvent::IsMutedChanged(true), CallEvent::IsMutedChanged(false)]
    );

    call.mute_incoming_audio(true).unwrap();
    ann.hears_nothing();
    call.mute_incoming_audio(false).unwrap();
    ann.hears(MAN);
}

#[test]
fn an_answer_can_be_muted_from_the_start() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let call = ann.call("bob");
    let answered = bob
        .rings()
        .accept(AcceptOptions {
            muted: true,
            ..AcceptOptions::default()
        })
        .wait()
        .unwrap();
    connected(&[&call, &answered]);
    until("the far end knows", || call.remote_participant().is_muted);
    ann.hears_nothing();
    bob.hears(WOMAN);
}

#[test]
fn a_mute_belongs_to_its_call() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let mut carol = talker(&service, "carol", MAN);
    let (with_bob, _at_bob) = call_between(&ann, &mut bob);
    with_bob.mute().unwrap();
    until("it is muted", || with_bob.is_muted());
    let (with_carol, _at_carol) = call_between(&ann, &mut carol);
    assert!(!with_carol.is_muted());
    carol.hears(WOMAN);
    with_bob.resume().unwrap();
    in_state(&with_bob, sidetone::CallState::Connected);
    bob.hears_nothing();
    with_bob.unmute().unwrap();
    bob.hears(WOMAN);
}
