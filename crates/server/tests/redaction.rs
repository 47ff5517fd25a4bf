//! The log of a whole call, at every level, holds no token, no session description and no address.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use sidetone_server::{LIBRARY_LOG_CEILING, Secret, ServerConfig, TurnConfig};
use sidetone_signaling::protocol::{
    CandidateLine, Candidates, DescriptionType, HangUp, IncomingLeg, Request, SessionDescription,
};
use support::{Client, raw, server, token};
use tracing_subscriber::EnvFilter;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const SDP_ADDRESS: &str = "203.0.113.77";
const TURN_SECRET: &str = "shared-with-the-relay";
const FORWARDED_ADDRESS: &str = "198.51.100.23";

#[test]
fn a_whole_call_leaves_no_secret_in_the_log() {
    let captured = Captured::default();
    let writer = captured.clone();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("trace,{LIBRARY_LOG_CEILING}")))
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let secrets = runtime.block_on(whole_call());

    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    for expected in [
        "session opened",
        "call started",
        "call ended",
        "connection refused",
        "peer-",
    ] {
        assert!(log.contains(expected), "the log should say {expected:?}:\n{log}");
    }
    for secret in secrets {
        assert!(!log.contains(&secret), "the log holds {secret:?}");
    }
}

/// Runs a call with everything that could leak, and returns what must not be in the log.
async fn whole_call() -> Vec<String> {
    let config = ServerConfig {
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        dev_tokens: sidetone_server::DevTokens::Loopback,
        turn: Some(TurnConfig {
            urls: vec!["turn:turn.example".to_owned()],
            secret: Secret::new(TURN_SECRET),
        }),
        ..ServerConfig::default()
    };
    let server = server(config).await;
    let (mut ann, ann_opened) = Client::open(&server, "ann").await;
    let (mut bob, bob_opened) = Client::open(&server, "bob").await;
    let call = ann.start("bob").await;
    let incoming = bob.event("call.incoming").await;
    let leg = serde_json::from_value(incoming["leg"].clone()).unwrap();
    let this = IncomingLeg { call, leg };
    bob.call(&Request::Ring(this)).await.unwrap();
    let kind = DescriptionType::Offer;
    let sdp = format!("v=0\r\nc=IN IP4 {SDP_ADDRESS}\r\na=ice-pwd:secretpassword\r\n");
    bob.call(&Request::Description(SessionDescription { call, leg, kind, sdp }))
        .await
        .unwrap();
    let line = CandidateLine {
        candidate: format!("candidate:1 1 udp 1 {SDP_ADDRESS} 50000 typ host"),
        mid: "0".to_owned(),
        username_fragment: String::new(),
    };
    let candidates = Candidates {
        call,
        leg,
        candidates: vec![line],
        end: false,
    };
    bob.call(&Request::Candidates(candidates)).await.unwrap();
    bob.call(&Request::Accept(this)).await.unwrap();

    let seen = ann.last_seq;
    drop(ann);
    let mut ann = Client::connect(&server.url()).await;
    ann.resume(ann_opened.session, &ann_opened.resume_token, seen)
        .await
        .unwrap();
    bob.call(&Request::HangUp(HangUp { call, failure: None }))
        .await
        .unwrap();

    // Failures log too: a bad token, a bad frame, a frame with an address in it, a forwarded client, broken HTTP.
    let good = token(&server, "ann");
    let tampered = good.replace('.', ".A");
    Client::connect(&server.url())
        .await
        .open_with(&tampered)
        .await
        .unwrap_err();
    let mut garbage = Client::connect(&server.url()).await;
    garbage
        .send(format!(
            "{{\"type\":\"request\",\"id\":0,\"method\":\"{good} {SDP_ADDRESS}\""
        ))
        .await;
    garbage.end().await;
    let mut large = Client::connect(&server.url()).await;
    large.send(SDP_ADDRESS.repeat(10_000)).await;
    large.end().await;
    raw(
        server.local_addr(),
        format!("GET /{good} HTTP/9\r\n\r\n").as_bytes(),
    )
    .await;
    let headers = format!("content-type: application/json\r\nx-forwarded-for: {FORWARDED_ADDRESS}\r\n");
    support::http(server.local_addr(), "POST", "/v1/dev/token", &headers, "{}").await;
    let body = r#"{"identity":"member:acme:eve"}"#;
    let (_, issued) = support::http(
        server.local_addr(),
        "POST",
        "/v1/dev/token",
        "content-type: application/json\r\n",
        body,
    )
    .await;
    let issued: serde_json::Value = serde_json::from_str(&issued).unwrap();
    server.shutdown().await;

    vec![
        good,
        tampered,
        issued["token"].as_str().unwrap().to_owned(),
        "eyJ".to_owned(),
        ann_opened.ice_servers[0].credential.clone(),
        TURN_SECRET.to_owned(),
        ann_opened.resume_token,
        bob_opened.resume_token,
        SDP_ADDRESS.to_owned(),
        FORWARDED_ADDRESS.to_owned(),
        "127.0.0.1".to_owned(),
        "secretpassword".to_owned(),
        "member:acme".to_owned(),
    ]
}
