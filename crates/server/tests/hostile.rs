//! Bytes that no honest client sends: each gets a typed refusal, and everyone else goes on.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use futures_util::SinkExt as _;
use proptest::prelude::*;
use sidetone_server::{ConnectionLimits, DevTokens, ServerConfig};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::{ClientFrame, HangUp, Ping, Request};
use sidetone_signaling::switchboard::CloseCode;
use support::{Client, get, http, metric, raw, server, until};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message;

#[tokio::test]
async fn each_kind_of_bad_frame_closes_its_own_connection_only() {
    let server = server(ServerConfig::default()).await;
    let (mut bystander, _) = Client::open(&server, "bob").await;
    let limit = ServerConfig::default().limits.frame;
    let nested = "[".repeat(limit - 10);
    let cases = [
        (
            Message::text("x".repeat(limit + 1)),
            Reason::FRAME_TOO_LARGE,
            CloseCode::TooLarge,
        ),
        (
            Message::text("x".repeat(limit * 100)),
            Reason::FRAME_TOO_LARGE,
            CloseCode::TooLarge,
        ),
        (
            Message::binary(vec![0; 100]),
            Reason::BAD_FRAME,
            CloseCode::Protocol,
        ),
        (Message::text("garbage"), Reason::BAD_FRAME, CloseCode::Protocol),
        (Message::text(""), Reason::BAD_FRAME, CloseCode::Protocol),
        (Message::text("{}"), Reason::BAD_FRAME, CloseCode::Protocol),
        (Message::text(nested), Reason::BAD_FRAME, CloseCode::Protocol),
    ];
    for (message, reason, code) in cases {
        let (mut client, _) = Client::open(&server, "ann").await;
        // The server may close before the last byte of a huge frame is out.
        let _ = client.socket.send(message).await;
        let bye = client.end().await;
        assert!(
            bye.as_ref().is_some_and(|bye| bye.is(&reason)),
            "{bye:?}, expected {reason}"
        );
        assert_eq!(client.close_code, Some(code.code()));
        bystander.call(&Request::Ping(Ping {})).await.unwrap();
    }
    let refused = |r: Reason| {
        format!(
            r#"sidetone_frames_refused_total{{code="{}",subcode="{}"}}"#,
            r.code, r.subcode
        )
    };
    assert_eq!(
        metric(&server, &refused(Reason::FRAME_TOO_LARGE)).await,
        Some(2.0)
    );
    server.shutdown().await;
}

#[tokio::test]
async fn without_a_session_nothing_is_done() {
    let server = server(ServerConfig::default()).await;
    let call = sidetone_signaling::protocol::CallId(uuid::Uuid::new_v4());
    let close = Request::Close(sidetone_signaling::protocol::Close {});
    for request in [close, Request::HangUp(HangUp { call, failure: None })] {
        let mut client = Client::connect(&server.url()).await;
        let refused = client.call(&request).await.unwrap_err();
        assert!(refused.is(&Reason::NOT_AUTHENTICATED), "{refused}");
    }
    assert_eq!(server.stats().await.unwrap().sessions, 0);
    server.shutdown().await;
}

#[tokio::test]
async fn unknown_requests_are_answered_and_the_session_goes_on() {
    let server = server(ServerConfig::default()).await;
    let (mut client, _) = Client::open(&server, "ann").await;
    client
        .send(r#"{"type":"request","id":1,"method":"call.sing","params":{"loud":true}}"#)
        .await;
    let refused = client.call_as(2, &Request::Ping(Ping {})).await;
    assert!(refused.is_ok());
    server.shutdown().await;
}

#[tokio::test]
async fn malformed_http_is_refused_and_the_server_goes_on() {
    let server = server(ServerConfig::default()).await;
    let address = server.local_addr();
    let long_path = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(5_000));
    let cases: [&[u8]; 9] = [
        b"\x00\x01\x02\x03\xff\xfe\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/dev/token HTTP/1.1\r\nhost: a\r\ncontent-length: banana\r\n\r\n",
        b"POST /v1/dev/token HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nzzzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        long_path.as_bytes(),
        many_headers.as_bytes(),
    ];
    for case in cases {
        let answer = tokio::time::timeout(Duration::from_secs(15), raw(address, case))
            .await
            .unwrap();
        let shown = String::from_utf8_lossy(&case[..case.len().min(40)]).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{shown}: {answer}"
        );
    }
    assert_eq!(get(address, "/healthz").await.0, 200);
    server.shutdown().await;
}

#[tokio::test]
async fn wrong_upgrades_are_refused_as_http() {
    let server = server(ServerConfig::default()).await;
    let address = server.local_addr();
    let (status, body) = get(address, "/v1/ws").await;
    assert_eq!(status, 400, "{body}");
    assert_eq!(get(address, "/nothing").await.0, 404);
    assert_eq!(http(address, "DELETE", "/v1/ws", "", "").await.0, 405);
    for protocol in [None, Some("chat"), Some("sidetone.v2")] {
        let mut request = server.url().into_client_request().unwrap();
        if let Some(protocol) = protocol {
            request
                .headers_mut()
                .insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let error = tokio_tungstenite::connect_async(request).await.unwrap_err();
        let tokio_tungstenite::tungstenite::Error::Http(response) = error else {
            panic!("{error}")
        };
        assert_eq!(response.status(), 400);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn who_sends_no_request_is_disconnected() {
    let connections = ConnectionLimits {
        header_timeout: Duration::from_millis(200),
        ..ConnectionLimits::default()
    };
    let server = server(ServerConfig {
        connections,
        ..ServerConfig::default()
    })
    .await;
    // `raw` returns only once the server has closed.
    raw(server.local_addr(), b"").await;
    raw(server.local_addr(), b"GET /healthz HTTP/1.1\r\nhost:").await;
    server.shutdown().await;
}

#[tokio::test]
async fn development_tokens_are_given_only_where_allowed() {
    let body = r#"{"identity":"member:acme:ann","name":"Ann","lifetime":3600}"#;
    let json = "content-type: application/json\r\n";
    let off = server(ServerConfig::default()).await;
    assert_eq!(
        http(off.local_addr(), "POST", "/v1/dev/token", json, body)
            .await
            .0,
        404
    );
    off.shutdown().await;

    let on = server(ServerConfig {
        dev_tokens: DevTokens::Loopback,
        ..ServerConfig::default()
    })
    .await;
    let ask =
        async |headers: &str, body: &str| http(on.local_addr(), "POST", "/v1/dev/token", headers, body).await;
    let (status, answer) = ask(json, body).await;
    assert_eq!(status, 200, "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let mut client = Client::connect(&on.url()).await;
    let opened = client.open_with(answer["token"].as_str().unwrap()).await.unwrap();
    assert_eq!(opened.identity, support::member("ann"));

    let forwarded = format!("{json}x-forwarded-for: 203.0.113.5\r\n");
    assert_eq!(ask(&forwarded, body).await.0, 403);
    assert_eq!(ask("", body).await.0, 415);
    assert_eq!(ask(json, "{").await.0, 400);
    assert_eq!(ask(json, r#"{"identity":"nobody"}"#).await.0, 422);
    assert_eq!(ask(json, r#"{"identity":"phone:+39123456"}"#).await.0, 400);
    assert_eq!(
        ask(json, r#"{"identity":"member:acme:ann","lifetime":1}"#)
            .await
            .0,
        400
    );
    let huge = format!(
        r#"{{"identity":"member:acme:ann","name":"{}"}}"#,
        "x".repeat(20_000)
    );
    assert_eq!(ask(json, &huge).await.0, 413);
    on.shutdown().await;
}

fn hostile_text() -> impl Strategy<Value = String> {
    let good = ClientFrame::request(3, &Request::Ping(Ping {}));
    let mutated = (any::<prop::sample::Index>(), "\\PC{0,8}").prop_map(move |(at, with)| {
        let at = at.index(good.len());
        let mut text = good.clone();
        text.replace_range(at..=at, &with);
        text
    });
    prop_oneof!["\\PC{0,200}", mutated]
}

#[test]
fn random_frames_never_hurt_anyone_else() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (server, bystander) = runtime.block_on(async {
        let server = server(ServerConfig::default()).await;
        let (bystander, _) = Client::open(&server, "bob").await;
        (server, tokio::sync::Mutex::new(bystander))
    });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 40,
        ..Default::default()
    });
    let frames = prop::collection::vec(hostile_text(), 1..6);
    runner
        .run(&frames, |frames| {
            runtime.block_on(async {
                let (mut client, _) = Client::open(&server, "ann").await;
                for frame in frames {
                    if client.socket.send(Message::text(frame)).await.is_err() {
                        break;
                    }
                }
                drop(client);
                bystander
                    .lock()
                    .await
                    .call(&Request::Ping(Ping {}))
                    .await
                    .unwrap();
            });
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        until("only the bystander is connected", async || {
            server.stats().await.unwrap().connections == 1
        })
        .await;
        server.shutdown().await;
    });
}
