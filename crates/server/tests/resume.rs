//! A client that loses its socket comes back, gets what it missed in order, and its call goes on.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use serde_json::json;
use sidetone_server::ServerConfig;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::{HangUp, IncomingLeg, MediaReport, MediaState, Mute, Request};
use support::{Client, metric, server, until};

#[tokio::test]
async fn missed_events_are_replayed_in_order_and_the_call_goes_on() {
    let server = server(ServerConfig::default()).await;
    let (mut ann, opened) = Client::open(&server, "ann").await;
    let (mut bob, _) = Client::open(&server, "bob").await;
    let call = ann.start("bob").await;
    let incoming = bob.event("call.incoming").await;
    let leg = serde_json::from_value(incoming["leg"].clone()).unwrap();
    bob.call(&Request::Ring(IncomingLeg { call, leg })).await.unwrap();
    ann.event("call.ringing").await;
    let seen = ann.last_seq;

    drop(ann);
    until("the loss is noticed", async || {
        server.stats().await.unwrap().detached_sessions == 1
    })
    .await;
    bob.call(&Request::Accept(IncomingLeg { call, leg }))
        .await
        .unwrap();
    for muted in [true, false, true] {
        bob.call(&Request::Mute(Mute { call, muted })).await.unwrap();
    }

    let mut ann = Client::connect(&server.url()).await;
    let wrong = ann.resume(opened.session, "wrong", seen).await.unwrap_err();
    assert!(wrong.is(&Reason::NO_SUCH_SESSION), "{wrong}");

    let mut ann = Client::connect(&server.url()).await;
    let resumed = ann
        .resume(opened.session, &opened.resume_token, seen)
        .await
        .unwrap();
    assert_eq!(resumed.replayed, 4);
    // The client checks that sequence numbers follow on from what it had seen.
    assert_eq!(ann.event("call.accepted").await["call"], json!(call));
    for muted in [true, false, true] {
        assert_eq!(ann.event("call.muted").await["muted"], muted);
    }
    for end in [&mut ann, &mut bob] {
        end.call(&Request::Media(MediaReport {
            call,
            state: MediaState::Connected,
        }))
        .await
        .unwrap();
    }
    ann.call(&Request::HangUp(HangUp { call, failure: None }))
        .await
        .unwrap();
    for presence in ["reconnecting", "present"] {
        assert_eq!(bob.event("call.peer").await["presence"], presence);
    }
    bob.event("call.ended").await;
    assert_eq!(
        metric(&server, "sidetone_sessions_resumed_total").await,
        Some(1.0)
    );
    assert_eq!(metric(&server, "sidetone_events_replayed_total").await, Some(4.0));
    server.shutdown().await;
}

#[tokio::test]
async fn the_newer_connection_wins() {
    let server = server(ServerConfig::default()).await;
    let (mut old, opened) = Client::open(&server, "ann").await;
    let mut new = Client::connect(&server.url()).await;
    new.resume(opened.session, &opened.resume_token, 0).await.unwrap();
    let bye = old.end().await.unwrap();
    assert!(bye.is(&Reason::SESSION_REPLACED), "{bye}");
    assert_eq!(server.stats().await.unwrap().sessions, 1);
    server.shutdown().await;
}

#[tokio::test]
async fn a_session_that_stays_away_too_long_is_over() {
    let config = ServerConfig {
        resume_window: std::time::Duration::from_millis(100),
        ..ServerConfig::default()
    };
    let server = server(config).await;
    let (ann, opened) = Client::open(&server, "ann").await;
    drop(ann);
    until("the session ends", async || {
        server.stats().await.unwrap().sessions == 0
    })
    .await;
    let mut late = Client::connect(&server.url()).await;
    let refused = late
        .resume(opened.session, &opened.resume_token, 0)
        .await
        .unwrap_err();
    assert!(refused.is(&Reason::NO_SUCH_SESSION), "{refused}");
    server.shutdown().await;
}
