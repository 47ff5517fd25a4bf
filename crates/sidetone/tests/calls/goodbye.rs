//! Leaving: every call is hung up, every reader comes to its end.

use sidetone::{ConnectionState, Error, Reason, StartCallOptions};

use crate::support::{Service, call_between, connected, end_of, identifier, phone, until};

#[test]
fn dispose_hangs_up_and_ends_everything() {
    let service = Service::start();
    let (ann, mut bob) = (phone(&service, "ann"), phone(&service, "bob"));
    let (call, answered) = call_between(&ann, &mut bob);
    let (of_agent, of_call) = (ann.agent.events(), call.events());
    ann.agent.dispose().wait().unwrap();
    assert_eq!(end_of(&call), Reason::HUNG_UP);
    assert_eq!(end_of(&answered), Reason::HUNG_UP);
    assert_eq!(ann.agent.connection_state(), ConnectionState::Closed);
    assert!(ann.agent.calls().is_empty());
    assert!(
        of_agent.into_iter().last().is_some() && of_call.into_iter().last().is_some(),
        "readers come to the end"
    );
    let late = ann
        .agent
        .start_call(identifier("bob"), StartCallOptions::default())
        .wait();
    assert!(matches!(late, Err(Error::Closed)), "{late:?}");
    assert!(matches!(ann.agent.dispose().wait(), Err(Error::Closed)));
    assert!(matches!(call.stats().wait(), Err(Error::Closed)));
    until("the service knows", || service.calls() == (0, 0));
    // The client is still good for another agent.
    let again = ann.client.create_call_agent(
        &service.server.url(),
        sidetone::Credential::new(service.token("ann")),
        crate::support::plain(),
    );
    assert_eq!(again.wait().unwrap().identity(), Some(identifier("ann")));
}

#[test]
fn dropping_everything_hangs_up() {
    let service = Service::start();
    let (ann, mut bob) = (phone(&service, "ann"), phone(&service, "bob"));
    let (call, answered) = call_between(&ann, &mut bob);
    drop(ann);
    // A handle to a call alone keeps nothing going: the network thread went with the client.
    assert_eq!(end_of(&call), Reason::HUNG_UP);
    assert_eq!(end_of(&answered), Reason::HUNG_UP);
}

#[test]
fn an_agent_goes_with_its_last_handle_while_the_client_stays() {
    let service = Service::start();
    let (ann, mut bob) = (phone(&service, "ann"), phone(&service, "bob"));
    let (call, answered) = call_between(&ann, &mut bob);
    let crate::support::Phone { agent, client, .. } = ann;
    drop(agent);
    // A call is a handle to its agent.
    connected(&[&call, &answered]);
    drop(call);
    assert_eq!(end_of(&answered), Reason::HUNG_UP);
    drop(client);
}
