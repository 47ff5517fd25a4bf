//! Tokens: refused, refreshed, replaced. And services that are not there.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sidetone::{
    AgentEvent, AudioInput, CallClient, ConnectionState, Credential, Error, Reason, StartCallOptions,
};
use sidetone_server::{Scope, ServerConfig, TokenRequest};

use crate::support::{Phone, Service, await_some, call_between, end_of, identifier, phone, plain, until};

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

/// A token with this scope alone.
fn scoped(service: &Service, name: &str, scope: Scope) -> String {
    let mut request = TokenRequest::new(identifier(name));
    request.scopes = vec![scope];
    service.server.issue_token(request).unwrap().token.into_exposed()
}

/// How an agent with this credential is refused.
fn refusal(service: &Service, credential: Credential) -> Reason {
    let client = CallClient::new().unwrap();
    let outcome = client
        .create_call_agent(&service.server.url(), credential, plain())
        .wait();
    match outcome {
        Err(Error::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_expired_token_and_the_wrong_scope_are_told_apart() {
    let service = Service::with(short_lives());
    let short = service.token_for("ann", Some(Duration::from_secs(1)));
    std::thread::sleep(Duration::from_secs(1));
    let reason = await_some("the token has ended", || {
        let reason = refusal(&service, Credential::new(short.clone()));
        reason.message.contains("expired").then_some(reason)
    });
    assert!(reason.is(&Reason::INVALID_TOKEN), "{reason}");

    // A token for chat opens a session, and places no call. Nobody is asked for another: it would have the same scopes.
    let chat = scoped(&service, "ann", Scope::Chat);
    let credential = Credential::new(chat).refreshed_by(|| panic!("asked"));
    let silence = AudioInput::Silence;
    let ann = Phone::with(&service.server.url(), credential, silence, plain());
    let reason = end_of(&ann.call("bob"));
    assert!(
        reason.is(&Reason::SCOPE_MISSING) && reason.message.contains("voip"),
        "{reason}"
    );
}

#[test]
fn a_token_that_is_refused_is_replaced_by_the_refresher() {
    let service = Arc::new(Service::start());
    for first in ["nonsense".to_owned(), service.token("ann")[1..].to_owned()] {
        let fetched = Arc::new(AtomicUsize::new(0));
        let credential = Credential::new(first).refreshed_by({
            let (service, fetched) = (service.clone(), fetched.clone());
            // The backend stumbles once, and then has one that is no better.
            move || match fetched.fetch_add(1, Ordering::Relaxed) {
                0 => Err("busy".to_owned()),
                1 => Ok("nonsense too".to_owned()),
                _ => Ok(service.token("ann")),
            }
        });
        let client = CallClient::new().unwrap();
        let agent = client
            .create_call_agent(&service.server.url(), credential, plain())
            .wait()
            .unwrap();
        assert_eq!(agent.identity(), Some(identifier("ann")));
        assert_eq!(fetched.load(Ordering::Relaxed), 3);
    }
}

#[test]
fn a_refresher_that_brings_nothing_good_is_no_token() {
    let service = Service::start();
    let (release, hung) = std::sync::mpsc::channel::<()>();
    let hung = std::sync::Mutex::new(hung);
    let bad = || Credential::new("nonsense");
    let credentials = [
        bad().refreshed_by(|| Err("down".to_owned())),
        bad().refreshed_by(|| Ok("nonsense too".to_owned())),
        bad().refreshed_by(|| panic!("a refresher that panics")),
        bad().refreshed_by(move || {
            let _ = hung.lock().unwrap().recv();
            Err("hung".to_owned())
        }),
    ];
    std::thread::scope(|scope| {
        for credential in credentials {
            scope.spawn(|| {
                let client = CallClient::new().unwrap();
                let outcome = client
                    .create_call_agent(&service.server.url(), credential, plain())
                    .wait();
                assert!(
                    matches!(&outcome, Err(Error::Refused(reason)) if reason.is(&Reason::NO_TOKEN)),
                    "{outcome:?}"
                );
                // Dropping the client waits for a refresher that hangs, but not for ever.
                drop(client);
            });
        }
    });
    drop(release);
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

#[test]
fn without_a_token_calls_end_and_later_ones_are_refused() {
    let service = Arc::new(Service::with(short_lives()));
    let lifetime = Some(Duration::from_secs(4));
    let down = Arc::new(AtomicUsize::new(1));
    let asked = Arc::new(AtomicUsize::new(0));
    let credential = Credential::new(service.token_for("ann", lifetime)).refreshed_by({
        let (service, down, asked) = (service.clone(), down.clone(), asked.clone());
        move || {
            asked.fetch_add(1, Ordering::Relaxed);
            match down.load(Ordering::Relaxed) {
                0 => Ok(service.token("ann")),
                _ => Err("down".to_owned()),
            }
        }
    });
    let mut ann = Phone::with(&service.server.url(), credential, AudioInput::Silence, plain());
    let mut bob = phone(&service, "bob");
    let (call, answered) = call_between(&ann, &mut bob);
    let end_then = ann.told("the app hears of it", |event| {
        matches!(event, AgentEvent::TokenExpiring).then(|| call.end_reason())
    });
    assert_eq!(end_then, None, "before the end");
    assert!(end_of(&call).is(&Reason::NO_TOKEN), "{:?}", call.end_reason());
    assert!(end_of(&answered).is(&Reason::PEER_GONE));
    until("it is asked again and again", || {
        asked.load(Ordering::Relaxed) >= 4
    });
    let refused = ConnectionState::Refused(Reason::NO_TOKEN);
    until("the service is left", || ann.agent.connection_state() == refused);
    let later = ann.call("bob");
    assert!(end_of(&later).is(&Reason::NO_TOKEN), "{:?}", later.end_reason());
    down.store(0, Ordering::Relaxed);
    until("ann is there again", || {
        ann.agent.connection_state() == ConnectionState::Online
    });
    call_between(&ann, &mut bob);
}

#[test]
fn the_next_operation_goes_by_the_new_token() {
    let service = Service::start();
    let joining = scoped(&service, "ann", Scope::VoipJoin);
    let ann = Phone::new(&service.server.url(), joining, AudioInput::Silence, plain());
    let mut bob = phone(&service, "bob");
    let refused = ann.call("bob");
    let reason = end_of(&refused);
    assert!(reason.is(&Reason::SCOPE_MISSING), "{reason}");
    ann.agent.update_token(service.token("ann")).unwrap();
    await_some("the new token is taken", || {
        let call = ann
            .agent
            .start_call(identifier("bob"), StartCallOptions::default())
            .wait()
            .unwrap();
        until("it rings or not", || {
            call.end_reason().is_some() || call.state() == sidetone::CallState::Ringing
        });
        match call.end_reason() {
            None => Some(()),
            Some(reason) => {
                assert!(reason.is(&Reason::SCOPE_MISSING), "{reason}");
                None
            }
        }
    });
    bob.answers();
}
