//! The app changes its mind while the devices are still being opened.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use sidetone::media::device::InputDevice;
use sidetone::media::device::headless::Silence;
use sidetone::{AcceptOptions, AudioInput, Error, Reason, StartCallOptions};

use crate::support::{Phone, Service, connected, end_of, identifier, phone, plain, recorded, speech, until};

/// A microphone that takes as long as it takes: each opening waits for a word.
fn slow() -> (AudioInput, mpsc::Sender<()>, Arc<AtomicUsize>) {
    let (go, gate) = mpsc::channel();
    let (gate, opened) = (Mutex::new(gate), Arc::new(AtomicUsize::new(0)));
    let count = opened.clone();
    let input = AudioInput::custom(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let _ = gate.lock().unwrap().recv();
        Ok(Box::new(Silence::input()) as Box<dyn InputDevice>)
    });
    (input, go, opened)
}

#[test]
fn a_call_hung_up_before_the_microphone_is_open_never_rings() {
    let service = Service::start();
    let (input, go, opened) = slow();
    let ann = Phone::new(&service.server.url(), service.token("ann"), input, plain());
    let mut bob = phone(&service, "bob");
    let outcome = ann
        .agent
        .start_call(identifier("bob"), StartCallOptions::default());
    until("the call is listed", || ann.agent.calls().len() == 1);
    ann.agent.calls()[0].hang_up().unwrap();
    let call = outcome.wait().unwrap();
    assert_eq!(end_of(&call), Reason::CANCELLED);

    // Another one, while the same microphone is still being opened.
    let second = ann
        .agent
        .start_call(identifier("bob"), StartCallOptions::default());
    until("the call is listed", || ann.agent.calls().len() == 1);
    go.send(()).unwrap();
    let second = second.wait().unwrap();
    let ringing = bob.rings();
    assert_eq!(ringing.id(), second.id(), "the first call was never heard of");
    let answered = ringing.accept(AcceptOptions::default()).wait().unwrap();
    connected(&[&second, &answered]);
    assert_eq!(opened.load(Ordering::Relaxed), 1, "one microphone, opened once");
    // A pick from before it was open would be lost as well.
    ann.client
        .device_manager()
        .select_microphone(recorded(speech::WOMAN));
    bob.hears(speech::WOMAN);
}

#[test]
fn a_pick_made_while_the_microphone_is_being_opened_counts() {
    let service = Service::start();
    let (input, go, _) = slow();
    let ann = Phone::new(&service.server.url(), service.token("ann"), input, plain());
    let mut bob = phone(&service, "bob");
    let outcome = ann
        .agent
        .start_call(identifier("bob"), StartCallOptions::default());
    until("the call is listed", || ann.agent.calls().len() == 1);
    ann.client
        .device_manager()
        .select_microphone(recorded(speech::MAN));
    go.send(()).unwrap();
    let call = outcome.wait().unwrap();
    let answered = bob.answers();
    connected(&[&call, &answered]);
    bob.hears(speech::MAN);
}

#[test]
fn an_answer_that_comes_too_late_is_an_error() {
    let service = Service::start();
    let (input, go, _) = slow();
    let mut ann = Phone::new(&service.server.url(), service.token("ann"), input, plain());
    let bob = phone(&service, "bob");
    let call = bob.call("ann");
    let ringing = ann.rings();
    let answer = ringing.accept(AcceptOptions::default());
    until("it is being answered", || ann.agent.calls().len() == 1);
    call.hang_up().unwrap();
    // At once: the app does not wait for the microphone to learn it.
    let outcome = answer.wait();
    assert!(matches!(outcome, Err(Error::State("over"))), "{outcome:?}");
    assert_eq!(ringing.end_reason(), Some(Reason::CANCELLED));
    assert!(ann.agent.calls().is_empty());
    go.send(()).unwrap();
}

#[test]
fn dispose_does_not_wait_for_the_microphone() {
    let service = Service::start();
    let (input, go, _) = slow();
    let ann = Phone::new(&service.server.url(), service.token("ann"), input, plain());
    let outcome = ann
        .agent
        .start_call(identifier("bob"), StartCallOptions::default());
    until("the call is listed", || ann.agent.calls().len() == 1);
    let call = ann.agent.calls().remove(0);
    ann.agent.dispose().wait().unwrap();
    let outcome = outcome.wait();
    assert!(matches!(outcome, Err(Error::Closed)), "{outcome:?}");
    assert_eq!(call.end_reason(), Some(Reason::CANCELLED));
    go.send(()).unwrap();
}
