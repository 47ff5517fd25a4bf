//! Credentials for TURN servers: each session has its own, and new ones with each new token.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sidetone_server::{Secret, Server, ServerConfig, TurnConfig};
use sidetone_signaling::protocol::{IceServer, Refresh, Refreshed, Request};
use support::{Client, server, token};

const SECRET: &str = "north";

fn config() -> ServerConfig {
    ServerConfig {
        turn: Some(TurnConfig {
            urls: vec!["turn:turn.example:3478".to_owned()],
            secret: Secret::new(SECRET),
        }),
        ..ServerConfig::default()
    }
}

/// Checks credentials as a TURN server does; gives when they end, in seconds since 1970.
fn checked(server: &IceServer) -> u64 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let code = STANDARD.decode(&server.credential).unwrap();
    hmac::verify(&key, server.username.as_bytes(), &code).expect("the password belongs to the name");
    server.username.split(':').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn credentials_are_of_one_session_and_as_old_as_its_token() {
    let server = server(config()).await;
    let (mut ann, of_ann) = Client::open(&server, "ann").await;
    let (_bob, of_bob) = Client::open(&server, "bob").await;
    let (one, other) = (&of_ann.ice_servers[0], &of_bob.ice_servers[0]);
    assert_eq!(one.urls, ["turn:turn.example:3478"]);
    assert_ne!(
        (&one.username, &one.credential),
        (&other.username, &other.credential)
    );
    assert!(
        !one.username.contains("ann"),
        "names stay out of the clear: {}",
        one.username
    );

    // A day, as the token, and a little more.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let left = checked(one) - now;
    assert!((86_000..90_000).contains(&left), "{left} s");

    let refresh = Request::Refresh(Refresh {
        token: token(&server, "ann"),
    });
    let refreshed: Refreshed = serde_json::from_value(ann.call(&refresh).await.unwrap()).unwrap();
    assert!(checked(&refreshed.ice_servers[0]) >= checked(one));
    server.shutdown().await;
}

#[tokio::test]
async fn what_cannot_work_is_refused_at_the_start() {
    let with = |url: &str, secret: &str| ServerConfig {
        turn: Some(TurnConfig {
            urls: vec![url.to_owned()],
            secret: Secret::new(secret),
        }),
        ..ServerConfig::default()
    };
    for (url, secret) in [
        ("turn.example", "s"),
        ("stun:turn.example", "s"),
        ("turn:turn.example", ""),
    ] {
        assert!(
            Server::start(with(url, secret)).await.is_err(),
            "{url} {secret:?}"
        );
    }
    let none = IceServer {
        urls: vec!["http://stun.example".to_owned()],
        username: String::new(),
        credential: String::new(),
    };
    let config = ServerConfig {
        ice_servers: vec![none],
        ..ServerConfig::default()
    };
    assert!(Server::start(config).await.is_err());
}
