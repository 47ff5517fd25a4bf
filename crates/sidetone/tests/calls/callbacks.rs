//! Events as callbacks: an app that only reacts.

use std::sync::mpsc;

use sidetone::{AcceptOptions, AgentEvent, CallEvent, CallState, Reason};

use crate::support::{STUCK, Service, connected, phone};

#[test]
fn an_app_of_callbacks_answers_and_hears_of_the_end() {
    let service = Service::start();
    let (ann, bob) = (phone(&service, "ann"), phone(&service, "bob"));
    let (sender, told) = mpsc::channel();
    // Callbacks run on threads of their own: they may wait, and ask for more.
    bob.agent.on_event(move |event| {
        if let AgentEvent::IncomingCall(ringing) = event {
            let sender = sender.clone();
            let call = ringing.accept(AcceptOptions::default()).wait().unwrap();
            call.on_event(move |event| {
                let _ = sender.send(event);
            });
        }
    });
    let call = ann.call("bob");
    connected(&[&call]);
    call.hang_up().unwrap();
    let told: Vec<CallEvent> = std::iter::from_fn(|| told.recv_timeout(STUCK).ok())
        .take_while(|event| {
            !matches!(
                event,
                CallEvent::StateChanged {
                    state: CallState::Disconnected,
                    ..
                }
            )
        })
        .collect();
    assert!(
        told.iter().all(|event| !matches!(event, CallEvent::Ended(_))),
        "the end is told last: {told:?}"
    );
    assert_eq!(call.end_reason(), Some(Reason::HUNG_UP));
}
