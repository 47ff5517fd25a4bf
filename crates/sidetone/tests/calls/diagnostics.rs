//! What people are told is wrong, and when it is right again.

use sidetone::media::device::DeviceError;
use sidetone::media::device::headless::{Rack, Silence};
use sidetone::{
    AgentEvent, AgentOptions, AudioInput, Call, CallEvent, Diagnostic, DiagnosticChanged, DiagnosticValue,
    Error, Events, NetworkQuality, StartCallOptions,
};
use sidetone_netsim::relay::{Relay, free_address};
use sidetone_netsim::{Config, Loss};
use sidetone_server::ServerConfig;
use sidetone_signaling::protocol::IceServer;

use crate::support::rack::MONO;
use crate::support::speech::{MAN, WOMAN};
use crate::support::{
    Microphone, Phone, Proxy, Service, await_some, call_between, identifier, phone, plain, recorded, talker,
    until,
};

const ON: DiagnosticValue = DiagnosticValue::Flag(true);
const OFF: DiagnosticValue = DiagnosticValue::Flag(false);

/// Waits for a diagnostic of a call to stand so, and looks it up.
fn told(call: &Call, events: &mut Events<CallEvent>, name: Diagnostic, value: DiagnosticValue) {
    let wanted = CallEvent::DiagnosticChanged(DiagnosticChanged { name, value });
    await_some(&format!("{name:?} is {value}"), || {
        events.try_next().filter(|event| *event == wanted)
    });
    assert_eq!(call.diagnostics().latest(name), value);
}

#[test]
fn who_speaks_into_a_muted_microphone_is_told() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    let mut events = call.events();
    call.mute().unwrap();
    told(&call, &mut events, Diagnostic::SpeakingWhileMicrophoneIsMuted, ON);
    assert_eq!(
        answered
            .diagnostics()
            .latest(Diagnostic::SpeakingWhileMicrophoneIsMuted),
        OFF,
        "the other end is not muted"
    );
    call.unmute().unwrap();
    told(
        &call,
        &mut events,
        Diagnostic::SpeakingWhileMicrophoneIsMuted,
        OFF,
    );
}

#[test]
fn a_microphone_that_is_gone_is_missed_until_there_is_another() {
    let service = Service::start();
    let microphone = Microphone::default();
    let ann = Phone::new(
        &service.server.url(),
        service.token("ann"),
        microphone.input(),
        plain(),
    );
    let rack = Rack::default();
    rack.plug_speaker("loudspeaker", MONO, |_| Box::new(Silence));
    ann.client.device_manager().set_platform(rack.clone());
    let mut bob = phone(&service, "bob");
    let (call, _answered) = call_between(&ann, &mut bob);
    let mut events = call.events();
    microphone.unplug();
    told(&call, &mut events, Diagnostic::NoMicrophoneDevicesEnumerated, ON);
    until("it does not work", || {
        call.diagnostics().latest(Diagnostic::MicrophoneNotFunctioning) == ON
    });
    assert_eq!(
        ann.agent
            .diagnostics()
            .latest(Diagnostic::NoSpeakerDevicesEnumerated),
        OFF
    );
    rack.plug_microphone("headset", MONO, |_| Box::new(Silence));
    told(&call, &mut events, Diagnostic::NoMicrophoneDevicesEnumerated, OFF);
    ann.client.device_manager().select_microphone(recorded(WOMAN));
    told(&call, &mut events, Diagnostic::MicrophoneNotFunctioning, OFF);
}

#[test]
fn a_microphone_that_brings_nothing_does_not_work() {
    let service = Service::start();
    let microphone = Microphone::default();
    let ann = Phone::new(
        &service.server.url(),
        service.token("ann"),
        microphone.input(),
        plain(),
    );
    // Nobody is expected at hers: it may be silent for as long as it likes.
    let mut bob = phone(&service, "bob");
    let (call, answered) = call_between(&ann, &mut bob);
    let mut events = call.events();
    told(&call, &mut events, Diagnostic::MicrophoneNotFunctioning, ON);
    let here = ann.agent.diagnostics();
    assert_eq!(
        here.latest(Diagnostic::MicrophoneNotFunctioning),
        ON,
        "with or without a call"
    );
    assert_eq!(
        answered
            .diagnostics()
            .latest(Diagnostic::MicrophoneNotFunctioning),
        OFF
    );
    ann.client.device_manager().select_microphone(recorded(WOMAN));
    told(&call, &mut events, Diagnostic::MicrophoneNotFunctioning, OFF);
}

#[test]
fn a_microphone_that_is_denied_is_told_without_a_call() {
    let service = Service::start();
    let denied = AudioInput::custom(|| {
        Err(DeviceError::Denied {
            id: "microphone".into(),
            reason: "not now".into(),
        })
    });
    let mut ann = Phone::new(&service.server.url(), service.token("ann"), denied, plain());
    let mut bob = phone(&service, "bob");
    let outcome = ann
        .agent
        .start_call(identifier("bob"), StartCallOptions::default())
        .wait();
    assert!(
        matches!(outcome, Err(Error::Device(DeviceError::Denied { .. }))),
        "{outcome:?}"
    );
    let name = Diagnostic::MicrophonePermissionDenied;
    let hears = |ann: &mut Phone, value| {
        ann.told("the diagnostic", |event| match event {
            AgentEvent::DiagnosticChanged(changed) => {
                (changed == DiagnosticChanged { name, value }).then_some(())
            }
            _ => None,
        });
    };
    hears(&mut ann, ON);
    ann.client.device_manager().select_microphone(recorded(WOMAN));
    call_between(&ann, &mut bob);
    hears(&mut ann, OFF);
    assert_eq!(ann.agent.diagnostics().raised().count(), 0);
}

#[test]
fn a_service_that_is_away_is_told_and_its_return() {
    let service = Service::start();
    let wire = Proxy::to(&service);
    let ann = Phone::new(&wire.url(), service.token("ann"), recorded(WOMAN), plain());
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    let mut events = call.events();
    wire.cut();
    let name = Diagnostic::NetworkReconnect;
    told(
        &call,
        &mut events,
        name,
        DiagnosticValue::Quality(NetworkQuality::Poor),
    );
    // She hears him on: of the two ways one is there.
    assert_eq!(call.diagnostics().latest(Diagnostic::NoNetwork), OFF);
    until("without the other way there is none", || {
        ann.agent.diagnostics().latest(Diagnostic::NoNetwork) == ON
    });
    assert!(answered.diagnostics().latest(name).is_good());
    wire.mend();
    told(
        &call,
        &mut events,
        name,
        DiagnosticValue::Quality(NetworkQuality::Good),
    );
    until("it is cleared", || ann.agent.diagnostics().raised().count() == 0);
}

/// A way between Ann and Bob that can be made bad, and the two ends of it.
fn way() -> (Relay, [AgentOptions; 2]) {
    let bind = [free_address().unwrap(), free_address().unwrap()];
    let relay = Relay::start(Config::IDEAL, Config::IDEAL, 7, bind[0], bind[1]).unwrap();
    let announced = [relay.toward_a(), relay.toward_b()];
    let options = [0, 1].map(|side| {
        let mut options = plain();
        options.network.bind = vec![bind[side]];
        options.network.advertise = Some(announced[side]);
        options
    });
    (relay, options)
}

#[test]
fn a_bad_way_and_none_at_all_are_told() {
    let service = Service::start();
    let (relay, [at_ann, at_bob]) = way();
    let url = service.server.url();
    let ann = Phone::new(&url, service.token("ann"), recorded(WOMAN), at_ann);
    let mut bob = Phone::new(&url, service.token("bob"), recorded(MAN), at_bob);
    let (call, answered) = call_between(&ann, &mut bob);
    let stand = |call: &Call, name: Diagnostic, quality: NetworkQuality| {
        until(&format!("{name:?} is {quality:?}"), || {
            call.diagnostics().latest(name) == DiagnosticValue::Quality(quality)
        });
    };
    let qualities = [Diagnostic::NetworkReceiveQuality, Diagnostic::NetworkSendQuality];

    // What Ann sends is lost: she knows by Bob's reports, and he by what does not come.
    relay.set_config(
        Config::IDEAL.loss(Loss::Uniform { probability: 0.25 }),
        Config::IDEAL,
    );
    stand(&call, Diagnostic::NetworkSendQuality, NetworkQuality::Bad);
    stand(&answered, Diagnostic::NetworkReceiveQuality, NetworkQuality::Bad);
    relay.set_config(Config::IDEAL, Config::IDEAL);

    relay.set_blackout(true);
    for call in [&call, &answered] {
        for name in [Diagnostic::NetworkReconnect, qualities[0], qualities[1]] {
            stand(call, name, NetworkQuality::Bad);
        }
        // The service is there, so the network is.
        assert_eq!(call.diagnostics().latest(Diagnostic::NoNetwork), OFF);
    }
    relay.set_blackout(false);
    // How soon the qualities are good again is the machine's affair as well; the monitor's own tests have that.
    for call in [&call, &answered] {
        stand(call, Diagnostic::NetworkReconnect, NetworkQuality::Good);
    }
    bob.hears(WOMAN);
}

#[test]
fn a_relay_that_does_not_answer_is_told() {
    // Nobody listens there.
    let closed = free_address().unwrap();
    let service = Service::with(ServerConfig {
        ice_servers: vec![IceServer {
            urls: vec![format!("turn:{closed}")],
            username: "ann".into(),
            credential: "secret".into(),
        }],
        ..ServerConfig::default()
    });
    let ann = phone(&service, "ann");
    let mut bob = phone(&service, "bob");
    let (call, _answered) = call_between(&ann, &mut bob);
    until("the relay is missed", || {
        call.diagnostics().latest(Diagnostic::NetworkRelaysNotReachable) == ON
    });
}
