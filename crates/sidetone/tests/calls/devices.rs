//! Devices that change, vanish, or cannot be opened.

use sidetone::media::device::headless::{Rack, Silence};
use sidetone::media::device::{DeviceError, Direction};
use sidetone::{
    AcceptOptions, AudioInput, AudioOutput, CallEvent, DeviceEvent, Diagnostic, DiagnosticValue, Error,
    Events, Reason, StartCallOptions,
};

use crate::support::rack::{MONO, PHONE, reads};
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

/// Somebody whose devices are those of a rack: a microphone of the machine that hears a man, and a headset that hears a
/// woman, which was picked.
fn racked(service: &Service) -> (Phone, Rack) {
    let ann = phone(service, "ann");
    let rack = Rack::default();
    rack.plug_microphone("built in", MONO, reads(MAN));
    rack.plug_microphone("headset", MONO, reads(WOMAN));
    let devices = ann.client.device_manager();
    devices.set_platform(rack.clone());
    devices.select_microphone(AudioInput::Device(Rack::id("headset")));
    (ann, rack)
}

/// The microphone that is told to be used next.
fn next_microphone(events: &mut Events<DeviceEvent>) -> Option<String> {
    await_some("another microphone", || match events.try_next()? {
        DeviceEvent::SelectedMicrophoneChanged(device) => Some(device.map(|device| device.name)),
        _ => None,
    })
}

fn named(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn a_headset_that_is_pulled_out_is_replaced_until_it_is_back() {
    let service = Service::start();
    let (ann, rack) = racked(&service);
    let devices = ann.client.device_manager();
    let mut events = devices.events();
    let mut bob = phone(&service, "bob");
    let (call, answered) = call_between(&ann, &mut bob);
    let mut told = events_from_now(&call);
    assert_eq!(next_microphone(&mut events), named("headset"));
    bob.hears(WOMAN);
    rack.unplug("headset");
    assert_eq!(next_microphone(&mut events), None);
    assert_eq!(next_microphone(&mut events), named("built in"));
    assert_eq!(
        await_some("the loss is told", || told.try_next()),
        CallEvent::DeviceLost(Direction::Input)
    );
    bob.hears(MAN);
    rack.plug_microphone("headset", MONO, reads(WOMAN));
    assert_eq!(next_microphone(&mut events), named("headset"));
    bob.hears(WOMAN);
    // One that comes back with another profile is the same one.
    rack.reformat("headset", PHONE);
    assert_eq!(next_microphone(&mut events), None);
    assert_eq!(next_microphone(&mut events), named("headset"));
    bob.hears(WOMAN);
    connected(&[&call, &answered]);
    assert_eq!(
        devices.selected_microphone().map(|device| device.name),
        named("headset")
    );
    call.hang_up().unwrap();
    until("nothing is in use", || devices.selected_microphone().is_none());
    assert_eq!(rack.streams("headset") + rack.streams("built in"), 0);
}

#[test]
fn a_call_outlives_the_last_microphone() {
    let service = Service::start();
    let (ann, rack) = racked(&service);
    let mut events = ann.client.device_manager().events();
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    let none = |value| {
        let latest = || {
            call.diagnostics()
                .latest(Diagnostic::NoMicrophoneDevicesEnumerated)
        };
        until("it is told that there is none, or one again", || {
            latest() == DiagnosticValue::Flag(value)
        });
    };
    rack.unplug("built in");
    rack.unplug("headset");
    none(true);
    bob.hears_nothing();
    ann.hears(MAN);
    rack.plug_microphone("webcam", MONO, reads(WOMAN));
    while next_microphone(&mut events) != named("webcam") {}
    none(false);
    bob.hears(WOMAN);
    connected(&[&call, &answered]);
}

#[test]
fn the_default_microphone_is_followed() {
    let service = Service::start();
    let (ann, rack) = racked(&service);
    ann.client.device_manager().select_microphone(AudioInput::Default);
    let mut bob = phone(&service, "bob");
    let (_call, _answered) = call_between(&ann, &mut bob);
    bob.hears(MAN);
    rack.set_default(Direction::Input, "headset");
    bob.hears(WOMAN);
}

#[test]
fn a_headset_that_another_program_has_is_tried_again() {
    let service = Service::start();
    let (ann, rack) = racked(&service);
    rack.refuse(
        "headset",
        Some(DeviceError::Unavailable {
            id: "headset".into(),
            reason: "in use".into(),
        }),
    );
    let mut events = ann.client.device_manager().events();
    let mut bob = phone(&service, "bob");
    let (_call, _answered) = call_between(&ann, &mut bob);
    assert_eq!(next_microphone(&mut events), named("built in"));
    bob.hears(MAN);
    rack.refuse("headset", None);
    assert_eq!(next_microphone(&mut events), named("headset"));
    bob.hears(WOMAN);
    // Where all refuse there is no call, and it says why.
    let error = DeviceError::Denied {
        id: "all".into(),
        reason: "not allowed".into(),
    };
    let (eve, rack) = racked(&service);
    for name in ["headset", "built in"] {
        rack.refuse(name, Some(error.clone()));
    }
    let outcome = eve
        .agent
        .start_call(identifier("bob"), StartCallOptions::default())
        .wait();
    assert!(
        matches!(&outcome, Err(Error::Device(DeviceError::Denied { .. }))),
        "{outcome:?}"
    );
}

#[test]
fn a_speaker_that_is_pulled_out_is_replaced_too() {
    let service = Service::start();
    let (ann, rack) = racked(&service);
    for name in ["loudspeaker", "earphones"] {
        rack.plug_speaker(name, MONO, |_| Box::new(Silence));
    }
    let devices = ann.client.device_manager();
    devices.select_speaker(AudioOutput::Device(Rack::id("earphones")));
    let mut events = devices.events();
    let mut bob = phone(&service, "bob");
    let (call, answered) = call_between(&ann, &mut bob);
    assert_eq!((rack.streams("earphones"), rack.streams("loudspeaker")), (1, 0));
    rack.unplug("earphones");
    let mut used = Vec::new();
    while used.last() != Some(&named("loudspeaker")) {
        used.push(await_some("another speaker", || match events.try_next()? {
            DeviceEvent::SelectedSpeakerChanged(device) => Some(device.map(|device| device.name)),
            _ => None,
        }));
    }
    assert_eq!(used, [named("earphones"), None, named("loudspeaker")]);
    assert_eq!(rack.streams("loudspeaker"), 1);
    bob.hears(WOMAN);
    connected(&[&call, &answered]);
}
