//! Addresses are not told before the answer, when the app wants that.

use sidetone::media::transport::ConnectionState;
use sidetone::{AcceptOptions, AudioInput, CallState};

use crate::support::speech::WOMAN;
use crate::support::{Phone, Proxy, Service, connected, in_state, plain, recorded, until};

/// What every host candidate has in it (RFC 8839 section 5.1).
const ADDRESS: &str = "typ host";

#[test]
fn hidden_addresses_are_told_after_the_answer() {
    let service = Service::start();
    // Bob hides, too: his offer reaches ann by way of the service.
    let (to_ann, to_bob) = (Proxy::to(&service), Proxy::to(&service));
    let mut hidden = plain();
    hidden.network.hide_addresses = true;
    let ann = Phone::new(
        &to_ann.url(),
        service.token("ann"),
        recorded(WOMAN),
        hidden.clone(),
    );
    let mut bob = Phone::new(&to_bob.url(), service.token("bob"), AudioInput::Silence, hidden);
    let call = ann.call("bob");
    let ringing = bob.rings();
    in_state(&call, CallState::Ringing);
    until("ann has bob's offer", || to_ann.said("a=fingerprint"));
    until("bob has ann's answer", || to_bob.said("a=fingerprint"));
    assert!(
        !to_ann.said(ADDRESS) && !to_bob.said(ADDRESS),
        "an address was told while it rang"
    );
    assert_ne!(
        call.stats().wait().unwrap().connection_state,
        Some(ConnectionState::Connected)
    );

    let answered = ringing.accept(AcceptOptions::default()).wait().unwrap();
    connected(&[&call, &answered]);
    // One address is enough to connect; the other may still be on its way.
    until("both addresses are told", || {
        to_ann.said(ADDRESS) && to_bob.said(ADDRESS)
    });
    bob.hears(WOMAN);
}

#[test]
fn without_the_switch_media_is_up_before_the_answer() {
    let service = Service::start();
    let to_bob = Proxy::to(&service);
    let ann = Phone::new(
        &service.server.url(),
        service.token("ann"),
        recorded(WOMAN),
        plain(),
    );
    let mut bob = Phone::new(&to_bob.url(), service.token("bob"), AudioInput::Silence, plain());
    let call = ann.call("bob");
    let ringing = bob.rings();
    until("the connection is up", || {
        let state = call.stats().wait().ok().and_then(|stats| stats.connection_state);
        state == Some(ConnectionState::Connected)
    });
    assert!(to_bob.said(ADDRESS));
    // Up, and silent: nothing is sent before the answer.
    assert_eq!(call.state(), CallState::Ringing);
    assert_eq!(call.stats().wait().unwrap().transport.packets_sent, 0);
    let answered = ringing.accept(AcceptOptions::default()).wait().unwrap();
    connected(&[&call, &answered]);
    bob.hears(WOMAN);
}
