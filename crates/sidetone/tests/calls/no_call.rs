//! Calls that do not come about, each for its own reason.

use std::time::Duration;

use sidetone::{AcceptOptions, CallState, Error, Reason, StartCallOptions};

use crate::support::{
    Phone, Service, call_between, connected, end_of, identifier, in_state, phone, plain, until,
};

#[test]
fn declined() {
    let service = Service::start();
    let (ann, mut bob) = (phone(&service, "ann"), phone(&service, "bob"));
    let call = ann.call("bob");
    let ringing = bob.rings();
    in_state(&call, CallState::Ringing);
    ringing.reject().unwrap();
    assert_eq!(end_of(&call), Reason::DECLINED);
    until("it no longer rings", || ringing.end_reason().is_some());
    let late = ringing.accept(AcceptOptions::default()).wait();
    assert!(matches!(late, Err(Error::State(_))), "{late:?}");
}

#[test]
fn cancelled() {
    let service = Service::start();
    let (ann, mut bob) = (phone(&service, "ann"), phone(&service, "bob"));
    let call = ann.call("bob");
    let ringing = bob.rings();
    call.hang_up().unwrap();
    assert_eq!(end_of(&call), Reason::CANCELLED);
    until("it no longer rings", || {
        ringing.end_reason() == Some(Reason::CANCELLED)
    });
    assert!(ringing.reject().is_err());
    assert!(bob.agent.calls().is_empty());
}

#[test]
fn not_answered() {
    let service = Service::start();
    let (ann, mut bob) = (phone(&service, "ann"), phone(&service, "bob"));
    let options = StartCallOptions {
        context: Some("about lunch".into()),
        ring_for: Some(Duration::from_millis(300)),
        ..StartCallOptions::default()
    };
    let call = ann.agent.start_call(identifier("bob"), options).wait().unwrap();
    let ringing = bob.rings();
    assert_eq!(ringing.context().as_deref(), Some("about lunch"));
    assert_eq!(end_of(&call), Reason::NO_ANSWER);
    until("it no longer rings", || ringing.end_reason().is_some());
}

#[test]
fn busy() {
    let service = Service::start();
    let mut options = plain();
    options.busy_when_in_call = true;
    let input = sidetone::AudioInput::Silence;
    let mut bob = Phone::new(&service.server.url(), service.token("bob"), input, options);
    let (ann, carol) = (phone(&service, "ann"), phone(&service, "carol"));
    let (first, answered) = call_between(&ann, &mut bob);
    let second = carol.call("bob");
    assert_eq!(end_of(&second), Reason::BUSY);
    connected(&[&first, &answered]);
}

#[test]
fn nobody_there() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let call = ann.call("nobody");
    assert_eq!(end_of(&call), Reason::NO_ENDPOINT);
    assert_eq!(call.state(), CallState::Disconnected);
}
