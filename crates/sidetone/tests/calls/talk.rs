//! Two people talk, and each hears the other.

use sidetone::media::transport::ConnectionState;
use sidetone::{CallDirection, CallEvent, CallState, Reason};

use crate::support::speech::{MAN, WOMAN};
use crate::support::{Service, call_between, end_of, identifier, talker, until};

#[test]
fn each_hears_the_other() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    assert_eq!(call.direction(), CallDirection::Outgoing);
    assert_eq!(answered.direction(), CallDirection::Incoming);
    assert_eq!(answered.remote_participant().identifier, identifier("ann"));
    assert_eq!(answered.remote_participant().display_name, "ann");
    assert_eq!(call.remote_participant().display_name, "bob");
    bob.hears(WOMAN);
    ann.hears(MAN);

    let stats = call.stats().wait().unwrap();
    assert_eq!(stats.connection_state, Some(ConnectionState::Connected));
    assert!(
        stats.transport.packets_sent > 100 && stats.transport.packets_received > 100,
        "{stats:?}"
    );
    assert_eq!(service.calls(), (0, 1));

    let events = answered.events();
    call.hang_up().unwrap();
    assert_eq!(end_of(&call), Reason::HUNG_UP);
    assert_eq!(end_of(&answered), Reason::HUNG_UP);
    assert_eq!(
        events.into_iter().last(),
        Some(CallEvent::Ended(Reason::HUNG_UP)),
        "nothing comes after the end"
    );
    assert_eq!(call.state(), CallState::Disconnected);
    assert!(call.hang_up().is_err() && call.mute().is_err() && call.hold().is_err());
    until("nothing is left", || service.calls() == (0, 0));
    until("the agents have no calls", || {
        ann.agent.calls().is_empty() && bob.agent.calls().is_empty()
    });
}

#[test]
fn a_second_call_finds_everything_as_the_first_did() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    for _ in 0..3 {
        let (call, answered) = call_between(&ann, &mut bob);
        answered.hang_up().unwrap();
        assert_eq!(end_of(&call), Reason::HUNG_UP);
        // At once again: the devices of the call before may still be closing.
    }
    let (_call, _answered) = call_between(&ann, &mut bob);
    bob.hears(WOMAN);
    ann.hears(MAN);
}
