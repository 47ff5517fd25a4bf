//! Devices that change, vanish, or cannot be opened.

use sidetone::media::device::{DeviceError, Direction};
use sidetone::{AcceptOptions, AudioInput, CallEvent, Error, Reason, StartCallOptions};

use crate::support::speech::{MAN, WOMAN};
use crate::support::{
    Microphone, Phone, Service, await_some, call_between, connected, end_of, events_from_now, identifier,
    phone, plain, recorded, talker, until,
};

#[test]
fn another_microphone_in_mid_call() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = phone(&service, "bob");
    let (_call, _answered) = call_between(&ann, &mut bob);
    bob.hears(WOMAN);
    ann.client.device_manager().select_microphone(recorded(MAN));
    bob.hears(MAN);
    // Two picks in a row: the last one counts.
    ann.client.device_manager().select_microphone(AudioInput::Silence);
    ann.client.device_manager().select_microphone(recorded(WOMAN));
    bob.hears(WOMAN);
}

#[test]
fn a_microphone_that_vanishes_is_told_and_the_call_goes_on() {
    let service = Service::start();
    let microphone = Microphone::default();
    let ann = Phone::new(
        &service.server.url(),
        service.token("ann"),
        microphone.input(),
        plain(),
    );
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    let mut events = events_from_now(&call);
    microphone.unplug();
    let lost = await_some("the loss is told", || events.try_next());
    assert_eq!(lost, CallEvent::DeviceLost(Direction::Input));
    connected(&[&call, &answered]);
    ann.hears(MAN);
    ann.client.device_manager().select_microphone(recorded(WOMAN));
    bob.hears(WOMAN);
}

fn broken() -> AudioInput {
    AudioInput::custom(|| Err(DeviceError::NotFound("unplugged".into())))
}

#[test]
fn a_pick_that_cannot_be_opened_changes_nothing() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = phone(&service, "bob");
    let (call, _answered) = call_between(&ann, &mut bob);
    let mut events = events_from_now(&call);
    ann.client.device_manager().select_microphone(broken());
    let told = await_some("the failure is told", || events.try_next());
    assert!(
        matches!(&told, CallEvent::DeviceFailed(words) if words.contains("unplugged")),
        "{told:?}"
    );
    bob.hears(WOMAN);
}

#[test]
fn no_microphone_no_call() {
    let service = Service::start();
    let ann = Phone::new(&service.server.url(), service.token("ann"), broken(), plain());
    let mut bob = phone(&service, "bob");
    let outcome = ann
        .agent
        .start_call(identifier("bob"), StartCallOptions::default())
        .wait();
    assert!(
        matches!(outcome, Err(Error::Device(DeviceError::NotFound(_)))),
        "{outcome:?}"
    );
    assert!(ann.agent.calls().is_empty());
    assert_eq!(service.calls(), (0, 0));

    // An incoming call rings on until there is a microphone to answer with.
    let call = bob.call("ann");
    let mut ann = ann;
    let ringing = ann.rings();
    let outcome = ringing.accept(AcceptOptions::default()).wait();
    assert!(matches!(outcome, Err(Error::Device(_))), "{outcome:?}");
    assert_eq!(ringing.end_reason(), None);
    ann.client.device_manager().select_microphone(recorded(WOMAN));
    let answered = ringing.accept(AcceptOptions::default()).wait().unwrap();
    connected(&[&call, &answered]);
    let again = ringing.accept(AcceptOptions::default()).wait();
    assert!(matches!(again, Err(Error::State(_))), "{again:?}");
    bob.hears(WOMAN);
    answered.hang_up().unwrap();
    assert_eq!(end_of(&call), Reason::HUNG_UP);
    until("nothing is left", || {
        bob.agent.calls().is_empty() && service.calls() == (0, 0)
    });
    let _ = &mut bob;
}
