//! A call out of a chat (L15): of two a call between them, of more a group call; the thread is named at every end.

use sidetone::{AcceptOptions, Call, Identifier, JoinOptions, NewThread};

use crate::clinic::Clinic;
use crate::support::speech::MAN;
use crate::support::{Phone, connected, end_of, until};

fn member(id: &str) -> Identifier {
    Identifier::member("acme", id).unwrap()
}

fn begin(phone: &Phone, with: &[&str]) -> sidetone::ChatThreadClient {
    let new = NewThread::with(with.iter().map(|id| member(id)));
    phone.agent.chat().create_thread(new).wait().unwrap()
}

fn call(thread: &sidetone::ChatThreadClient) -> Call {
    thread.call(JoinOptions::default()).wait().unwrap()
}

#[test]
fn a_thread_of_more_becomes_a_group_call() {
    let clinic = Clinic::open();
    let pat = clinic.outsider("pat", "Pat", Some(MAN));
    let mut nia = clinic.member("nia", None);
    let omar = clinic.member("omar", None);
    let thread = begin(&pat, &["nia", "omar"]);
    let at_pat = call(&thread);
    let ringing = nia.rings();
    assert_eq!(ringing.thread(), Some(thread.id()));
    let at_nia = ringing.accept(AcceptOptions::default()).wait().unwrap();
    connected(&[&at_pat, &at_nia]);
    // Omar did not hear it ring, and presses the button himself.
    let at_omar = call(&omar.agent.chat().thread(thread.id()));
    connected(&[&at_omar]);
    until("all are there", || {
        [&at_pat, &at_nia, &at_omar]
            .iter()
            .all(|call| call.participants().len() == 2)
    });
    for end in [&at_pat, &at_nia, &at_omar] {
        assert_eq!((end.id(), end.thread()), (at_pat.id(), Some(thread.id())));
        assert_eq!(end.meeting().unwrap().thread, Some(thread.id().to_string()));
    }
    nia.hears(MAN);
}

#[test]
fn a_thread_of_two_becomes_a_call_between_them() {
    let clinic = Clinic::open();
    let mut pat = clinic.outsider("pat", "Pat", None);
    let nia = clinic.member("nia", None);
    let thread = begin(&pat, &["nia"]);
    let at_nia = call(&nia.agent.chat().thread(thread.id()));
    let ringing = pat.rings();
    assert_eq!(ringing.thread(), Some(thread.id()));
    let at_pat = ringing.accept(AcceptOptions::default()).wait().unwrap();
    connected(&[&at_pat, &at_nia]);
    assert!(at_pat.meeting().is_none() && at_nia.meeting().is_none());
    assert_eq!(
        (at_nia.thread(), at_pat.thread()),
        (Some(thread.id()), Some(thread.id()))
    );
    at_pat.hang_up().unwrap();
    end_of(&at_pat);
    end_of(&at_nia);
}
