//! Opening a session over a real socket: good tokens work, each bad one is refused in the protocol's words.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sidetone_server::{Scope, ServerConfig, TokenRequest};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::{CallId, Close, Ping, Refresh, Request, Start};
use support::{Client, in_time, member, server, token, until};
use uuid::Uuid;

#[tokio::test]
async fn a_good_token_opens_a_session() {
    let server = server(ServerConfig::default()).await;
    let (mut client, opened) = Client::open(&server, "ann").await;
    assert_eq!(opened.identity, member("ann"));
    assert_eq!(
        Duration::from(opened.resume_window_ms),
        ServerConfig::default().resume_window
    );
    client.call(&Request::Ping(Ping {})).await.unwrap();
    assert_eq!(server.stats().await.unwrap().sessions, 1);
    let refresh = Refresh {
        token: token(&server, "ann"),
    };
    client.call(&Request::Refresh(refresh)).await.unwrap();
    let other = Refresh {
        token: token(&server, "bob"),
    };
    let refused = client.call(&Request::Refresh(other)).await.unwrap_err();
    assert!(refused.is(&Reason::IDENTITY_CHANGED), "{refused}");
    client.call(&Request::Close(Close {})).await.unwrap();
    client.end().await;
    assert_eq!(client.close_code, Some(1000));
    until("the session is gone", async || {
        server.stats().await.unwrap().sessions == 0
    })
    .await;
    server.shutdown().await;
}

/// Tokens of every bad kind, and a word their refusal must contain.
fn bad_tokens(good: &str, of_other_deployment: &str) -> Vec<(String, &'static str)> {
    let parts: Vec<_> = good.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let hmac = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    vec![
        (String::new(), "malformed"),
        ("not a token".to_owned(), "malformed"),
        (format!("{}.{}.{zeros}", parts[0], parts[1]), "signature"),
        (format!("{none}.{}.", parts[1]), "EdDSA"),
        (format!("{hmac}.{}.{}", parts[1], parts[2]), "EdDSA"),
        (of_other_deployment.to_owned(), "unknown key"),
    ]
}

#[tokio::test]
async fn bad_tokens_are_refused_with_a_typed_reason_within_five_seconds() {
    let server = server(ServerConfig::default()).await;
    let other = support::server(ServerConfig::default()).await;
    for (bad, word) in bad_tokens(&token(&server, "ann"), &token(&other, "ann")) {
        let mut client = Client::connect(&server.url()).await;
        let open = tokio::time::timeout(Duration::from_secs(5), client.open_with(&bad));
        let refused = open.await.expect("an answer within five seconds").unwrap_err();
        assert!(refused.is(&Reason::INVALID_TOKEN), "{refused}");
        assert!(refused.message.contains(word), "{refused}");
        client.end().await;
        assert_eq!(client.close_code, Some(4401));
    }
    assert_eq!(server.stats().await.unwrap().sessions, 0);
    server.shutdown().await;
}

#[tokio::test]
async fn a_session_ends_when_its_token_expires() {
    let second = Duration::from_secs(1);
    let config = ServerConfig {
        token_lifetimes: second..=60 * second,
        ..ServerConfig::default()
    };
    let server = server(config).await;
    let request = TokenRequest {
        lifetime: Some(second),
        ..TokenRequest::new(member("ann"))
    };
    let expired = server.issue_token(request.clone()).unwrap().token.into_exposed();
    tokio::time::sleep(second).await;
    let mut late = Client::connect(&server.url()).await;
    let refused = late.open_with(&expired).await.unwrap_err();
    assert!(
        refused.is(&Reason::INVALID_TOKEN) && refused.message.contains("expired"),
        "{refused}"
    );

    let request = TokenRequest {
        lifetime: Some(2 * second),
        ..request
    };
    let short = server.issue_token(request).unwrap().token.into_exposed();
    let mut client = Client::connect(&server.url()).await;
    client.open_with(&short).await.unwrap();
    let bye = client.end().await.unwrap();
    assert!(bye.is(&Reason::INVALID_TOKEN), "{bye}");
    assert_eq!(server.stats().await.unwrap().sessions, 0);
    server.shutdown().await;
}

#[tokio::test]
async fn a_token_without_a_calling_scope_places_no_calls() {
    let server = server(ServerConfig::default()).await;
    let request = TokenRequest {
        scopes: vec![Scope::Chat],
        ..TokenRequest::new(member("ann"))
    };
    let chat = server.issue_token(request).unwrap().token.into_exposed();
    let mut client = Client::connect(&server.url()).await;
    client.open_with(&chat).await.unwrap();
    let start = Request::Start(Start::new(CallId(Uuid::new_v4()), member("bob")));
    let refused = client.call(&start).await.unwrap_err();
    assert!(
        refused.is(&Reason::SCOPE_MISSING) && refused.message.contains("voip"),
        "{refused}"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_connection_without_a_session_is_closed() {
    let config = ServerConfig {
        open_timeout: Duration::from_millis(200),
        ..ServerConfig::default()
    };
    let server = server(config).await;
    let mut client = Client::connect(&server.url()).await;
    let bye = in_time("the end", client.end()).await.unwrap();
    assert!(bye.is(&Reason::OPEN_TIMEOUT), "{bye}");
    server.shutdown().await;
}
