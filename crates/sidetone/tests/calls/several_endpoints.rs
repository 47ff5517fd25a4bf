//! One person with two devices: both ring, one answers.

use sidetone::{AcceptOptions, Reason};

use crate::support::{Service, connected, phone, until};

#[test]
fn the_first_to_accept_has_the_call() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let (mut desk, mut mobile) = (phone(&service, "bob"), phone(&service, "bob"));
    let call = ann.call("bob");
    let (at_desk, at_mobile) = (desk.rings(), mobile.rings());
    assert_eq!(at_desk.id(), at_mobile.id());
    let answered = at_mobile.accept(AcceptOptions::default()).wait().unwrap();
    connected(&[&call, &answered]);
    until("the other stops", || {
        at_desk.end_reason() == Some(Reason::ANSWERED_ELSEWHERE)
    });
    assert!(desk.agent.calls().is_empty());
    assert_eq!(mobile.agent.calls().len(), 1);
}

#[test]
fn both_accept_and_one_has_the_call() {
    let service = Service::start();
    let ann = phone(&service, "ann");
    let (mut desk, mut mobile) = (phone(&service, "bob"), phone(&service, "bob"));
    let call = ann.call("bob");
    let (at_desk, at_mobile) = (desk.rings(), mobile.rings());
    let answers = [at_desk, at_mobile].map(|ringing| (ringing.accept(AcceptOptions::default()), ringing));
    let answers = answers.map(|(answer, ringing)| (answer.wait(), ringing));
    connected(&[&call]);
    until("one is told that it came too late", || {
        answers
            .iter()
            .filter(|(_, ringing)| ringing.end_reason().is_some())
            .count()
            == 1
    });
    let (_, late) = answers
        .iter()
        .find(|(_, ringing)| ringing.end_reason().is_some())
        .unwrap();
    assert_eq!(late.end_reason(), Some(Reason::ANSWERED_ELSEWHERE));
    let (won, _) = answers
        .iter()
        .find(|(_, ringing)| ringing.end_reason().is_none())
        .unwrap();
    connected(&[won.as_ref().unwrap()]);
}
