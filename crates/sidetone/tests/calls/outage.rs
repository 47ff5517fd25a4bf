//! The service, or the way to it, is away in mid-call.

use sidetone::{ConnectionState, Reason};
use sidetone_server::{Server, ServerConfig};

use crate::support::speech::{MAN, WOMAN};
use crate::support::{
    Phone, Proxy, Service, call_between, connected, end_of, in_state, plain, recorded, talker, until,
};

#[test]
fn the_call_outlives_the_connection_to_the_service() {
    let service = Service::start();
    let wire = Proxy::to(&service);
    let ann = Phone::new(&wire.url(), service.token("ann"), recorded(WOMAN), plain());
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    let id = call.id();
    wire.cut();
    until("ann's connection is lost", || {
        ann.agent.connection_state() == ConnectionState::Reconnecting
    });
    bob.hears(WOMAN);
    ann.hears(MAN);
    // What is said meanwhile arrives later, in order.
    answered.mute().unwrap();
    answered.unmute().unwrap();
    answered.hold().unwrap();
    wire.mend();
    until("ann is back", || {
        ann.agent.connection_state() == ConnectionState::Online
    });
    in_state(&call, sidetone::CallState::RemoteHold);
    answered.resume().unwrap();
    connected(&[&call, &answered]);
    assert_eq!((call.id(), call.end_reason()), (id, None));
    assert!(!call.remote_participant().is_muted);
    answered.hang_up().unwrap();
    assert_eq!(end_of(&call), Reason::HUNG_UP);
}

#[test]
fn a_hang_up_while_the_service_is_away_is_told_later() {
    let service = Service::start();
    let wire = Proxy::to(&service);
    let ann = Phone::new(&wire.url(), service.token("ann"), recorded(WOMAN), plain());
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    wire.cut();
    until("ann's connection is lost", || {
        ann.agent.connection_state() == ConnectionState::Reconnecting
    });
    call.hang_up().unwrap();
    assert_eq!(end_of(&call), Reason::HUNG_UP, "here it is over at once");
    wire.mend();
    assert_eq!(end_of(&answered), Reason::HUNG_UP);
}

/// A new process knows nothing of the sessions of the one before. Until it is there the call goes on; then both
/// agents come back by themselves, with the tokens they have.
#[test]
fn agents_come_back_to_a_service_that_was_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let config = |bind| ServerConfig {
        bind,
        data_dir: Some(folder.path().to_owned()),
        ..ServerConfig::default()
    };
    let mut service = Service::with(config("127.0.0.1:0".parse().unwrap()));
    let address = service.server.local_addr();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);

    let Service { runtime, server } = service;
    runtime.block_on(server.shutdown());
    until("the service is gone", || {
        ann.agent.connection_state() == ConnectionState::Reconnecting
    });
    bob.hears(WOMAN);
    ann.hears(MAN);
    assert_eq!((call.end_reason(), answered.end_reason()), (None, None));

    let server = runtime.block_on(Server::start(config(address))).unwrap();
    service = Service { runtime, server };
    for phone in [&ann, &bob] {
        until("back", || {
            phone.agent.connection_state() == ConnectionState::Online
        });
    }
    assert_eq!(end_of(&call), end_of(&answered), "both are told the same");
    let (_call, _answered) = call_between(&ann, &mut bob);
    bob.hears(WOMAN);
    drop(service);
}
