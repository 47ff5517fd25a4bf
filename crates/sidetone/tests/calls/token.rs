//! Tokens: refused, refreshed, replaced. And services that are not there.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sidetone::{AgentEvent, AudioInput, CallClient, ConnectionState, Credential, Error, Reason};
use sidetone_server::ServerConfig;

use crate::support::{Phone, Service, identifier, plain, until};

#[test]
fn a_bad_token_is_refused() {
    let service = Service::start();
    let client = CallClient::new().unwrap();
    for token in ["", "nonsense", &service.token("ann")[1..], &"a".repeat(100_000)] {
        let outcome = client
            .create_call_agent(&service.server.url(), Credential::new(token), plain())
            .wait();
        match outcome {
            Err(Error::Refused(reason)) => assert!(reason.is(&Reason::INVALID_TOKEN), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_service_that_is_not_there_is_an_error_and_not_a_wait() {
    let client = CallClient::new().unwrap();
    // A port where nobody listens, and one where nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [closed, silent.local_addr().unwrap()] {
        let url = format!("ws://{address}");
        let outcome = client
            .create_call_agent(&url, Credential::new("token"), plain())
            .wait();
        assert!(matches!(outcome, Err(Error::Network(_))), "{outcome:?}");
    }
    let outcome = client
        .create_call_agent("http://127.0.0.1", Credential::new("token"), plain())
        .wait();
    assert!(matches!(outcome, Err(Error::Argument(_))), "{outcome:?}");
}

fn short_lives() -> ServerConfig {
    ServerConfig {
        token_lifetimes: Duration::from_secs(1)..=Duration::from_secs(3600),
        ..ServerConfig::default()
    }
}

#[test]
fn a_refresher_keeps_the_agent_there() {
    let service = Arc::new(Service::with(short_lives()));
    let fetched = Arc::new(AtomicUsize::new(0));
    let lifetime = Some(Duration::from_secs(2));
    let first = service.token_for("ann", lifetime);
    let credential = Credential::new(first).refreshed_by({
        let (service, fetched) = (service.clone(), fetched.clone());
        move || {
            fetched.fetch_add(1, Ordering::Relaxed);
            Ok(service.token_for("ann", lifetime))
        }
    });
    let client = CallClient::new().unwrap();
    let agent = client
        .create_call_agent(&service.server.url(), credential, plain())
        .wait()
        .unwrap();
    let mut events = agent.events();
    // The third is fetched after the first has ended.
    until("tokens are fetched", || fetched.load(Ordering::Relaxed) >= 3);
    assert_eq!(agent.connection_state(), ConnectionState::Online);
    assert_eq!(agent.identity(), Some(identifier("ann")));
    while let Some(event) = events.try_next() {
        assert!(
            !matches!(event, AgentEvent::ConnectionStateChanged(_)),
            "{event:?}"
        );
    }
    drop((agent, client));
}

#[test]
fn without_a_refresher_the_app_is_asked() {
    let service = Service::with(short_lives());
    let token = service.token_for("ann", Some(Duration::from_secs(2)));
    let mut ann = Phone::new(&service.server.url(), token, AudioInput::Silence, plain());
    ann.told("the token ends soon", |event| {
        matches!(event, AgentEvent::TokenExpiring).then_some(())
    });
    // Somebody else's token will not do, and the app hears so.
    ann.agent.update_token(service.token("bob")).unwrap();
    ann.told("that token is refused", |event| {
        matches!(event, AgentEvent::TokenExpiring).then_some(())
    });
    ann.agent.update_token(service.token("ann")).unwrap();
    // If the old token ended first, the agent comes back with the new one; either way it is there.
    until("ann is there", || {
        ann.agent.connection_state() == ConnectionState::Online
    });
}
