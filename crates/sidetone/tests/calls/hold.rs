//! Hold and resume; of two calls, one at a time.

use sidetone::CallState::{Connected, LocalHold, RemoteHold};

use crate::support::speech::{MAN, WOMAN};
use crate::support::{Service, call_between, in_state, talker};

#[test]
fn a_call_on_hold_is_silent_both_ways_and_comes_back() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let (call, answered) = call_between(&ann, &mut bob);
    call.hold().unwrap();
    in_state(&call, LocalHold);
    in_state(&answered, RemoteHold);
    ann.hears_nothing();
    bob.hears_nothing();
    // Both hold; it is on again when both have resumed.
    answered.hold().unwrap();
    in_state(&answered, LocalHold);
    call.resume().unwrap();
    in_state(&call, RemoteHold);
    answered.resume().unwrap();
    in_state(&call, Connected);
    in_state(&answered, Connected);
    bob.hears(WOMAN);
    ann.hears(MAN);
}

#[test]
fn a_second_call_puts_the_first_on_hold() {
    let service = Service::start();
    let ann = talker(&service, "ann", WOMAN);
    let mut bob = talker(&service, "bob", MAN);
    let mut carol = talker(&service, "carol", MAN);
    let (with_bob, at_bob) = call_between(&ann, &mut bob);
    let (with_carol, at_carol) = call_between(&ann, &mut carol);
    in_state(&with_bob, LocalHold);
    in_state(&at_bob, RemoteHold);
    carol.hears(WOMAN);
    bob.hears_nothing();

    with_bob.resume().unwrap();
    in_state(&with_bob, Connected);
    in_state(&with_carol, LocalHold);
    in_state(&at_carol, RemoteHold);
    bob.hears(WOMAN);
    carol.hears_nothing();

    with_bob.hang_up().unwrap();
    with_carol.resume().unwrap();
    in_state(&with_carol, Connected);
    carol.hears(WOMAN);
    ann.hears(MAN);
}
