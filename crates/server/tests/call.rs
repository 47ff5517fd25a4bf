//! Two clients on real sockets complete a signaling call; metrics and call records tell the same story.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use futures_util::SinkExt;
use serde_json::json;
use sidetone_ledger::What;
use sidetone_server::{ServerConfig, ServerHandle};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::{
    CallId, CandidateLine, Candidates, ClientFrame, Close, Decline, DeclineReason, DescriptionType, Extent,
    HangUp, Hold, IncomingLeg, LegId, MediaReport, MediaState, Mute, Pictures, Request, SessionDescription,
    Show, Watch,
};
use sidetone_store::Sequence;
use support::{Client, get, member, metric, server, until};
use tokio_tungstenite::tungstenite::Message;

fn description(call: CallId, leg: LegId, kind: DescriptionType) -> Request {
    let sdp = format!("v=0\r\no=- 1 1 IN IP4 203.0.113.77\r\ns={kind:?}\r\n");
    Request::Description(SessionDescription { call, leg, kind, sdp })
}

fn candidate(call: CallId, leg: LegId) -> Request {
    let line = CandidateLine {
        candidate: "candidate:1 1 udp 2130706431 203.0.113.77 50000 typ host".to_owned(),
        mid: "0".to_owned(),
        username_fragment: String::new(),
    };
    Request::Candidates(Candidates {
        call,
        leg,
        candidates: vec![line],
        end: true,
    })
}

/// Ann calls Bob, who answers; returns with both in the call.
async fn connect(server: &ServerHandle) -> (Client, Client, CallId) {
    let (mut ann, _) = Client::open(server, "ann").await;
    let (mut bob, _) = Client::open(server, "bob").await;
    let call = ann.start("bob").await;

    let incoming = bob.event("call.incoming").await;
    assert_eq!(
        (&incoming["call"], &incoming["from"]),
        (&json!(call), &json!(member("ann")))
    );
    assert_eq!(incoming["display_name"], "ann");
    let leg: LegId = serde_json::from_value(incoming["leg"].clone()).unwrap();
    let this = IncomingLeg { call, leg };
    bob.call(&Request::Ring(this)).await.unwrap();
    ann.event("call.ringing").await;

    bob.call(&description(call, leg, DescriptionType::Offer))
        .await
        .unwrap();
    bob.call(&candidate(call, leg)).await.unwrap();
    let offer = ann.event("call.description").await;
    assert!(offer["sdp"].as_str().unwrap().contains("s=Offer"), "{offer}");
    ann.event("call.candidates").await;
    ann.call(&description(call, leg, DescriptionType::Answer))
        .await
        .unwrap();
    ann.call(&candidate(call, leg)).await.unwrap();
    assert!(
        bob.event("call.description").await["sdp"]
            .as_str()
            .unwrap()
            .contains("s=Answer")
    );
    bob.event("call.candidates").await;

    bob.call(&Request::Accept(this)).await.unwrap();
    let accepted = ann.event("call.accepted").await;
    assert_eq!(accepted["by"], json!(member("bob")));
    for end in [&mut ann, &mut bob] {
        end.call(&Request::Media(MediaReport {
            call,
            state: MediaState::Connected,
        }))
        .await
        .unwrap();
    }
    (ann, bob, call)
}

#[tokio::test]
async fn two_clients_complete_a_call() {
    let server = server(ServerConfig::default()).await;
    let (mut ann, mut bob, call) = connect(&server).await;
    assert_eq!(server.stats().await.unwrap().active_calls, 1);
    assert_eq!(metric(&server, "sidetone_calls_active").await, Some(1.0));

    bob.call(&Request::Mute(Mute { call, muted: true }))
        .await
        .unwrap();
    assert_eq!(ann.event("call.muted").await["muted"], true);
    let pictures = Pictures {
        camera: true,
        share: false,
    };
    bob.call(&Request::Show(Show { call, pictures })).await.unwrap();
    assert_eq!(
        ann.event("call.shown").await["pictures"],
        serde_json::json!({ "camera": true, "share": false })
    );
    let watch = |height| Watch {
        call,
        camera: Some(Extent { width: 320, height }),
        share: None,
    };
    ann.call(&Request::Watch(watch(180))).await.unwrap();
    assert_eq!(
        bob.event("call.watched").await["camera"],
        serde_json::json!({ "width": 320, "height": 180 })
    );
    let absurd = ann.call(&Request::Watch(watch(0))).await.unwrap_err();
    assert!(absurd.is(&Reason::BAD_PARAMETERS), "{absurd}");
    ann.call(&Request::Hold(Hold { call, held: true })).await.unwrap();
    assert_eq!(bob.event("call.held").await["held"], true);

    // Who hangs up is told by the response, the other end by the event.
    ann.call(&Request::HangUp(HangUp { call, failure: None }))
        .await
        .unwrap();
    let ended = bob.event("call.ended").await;
    let reason: Reason = serde_json::from_value(ended["reason"].clone()).unwrap();
    assert!(reason.is(&Reason::HUNG_UP), "{reason}");

    let mut records = Vec::new();
    until("the facts are written", async || {
        records = server.call_facts(Sequence::FIRST, 100).await.unwrap();
        records
            .iter()
            .any(|(_, fact)| matches!(fact.what, What::Ended { .. }))
    })
    .await;
    let facts: Vec<&What> = records
        .iter()
        .map(|(_, fact)| {
            assert_eq!(fact.call, call);
            &fact.what
        })
        .collect();
    assert!(matches!(facts[0], What::Started { by, to, .. }
            if by.identity == member("ann") && to[0].identity == member("bob")));
    assert!(facts.iter().any(|fact| matches!(fact, What::Answered)));
    let joined = facts.iter().filter(|fact| matches!(fact, What::Joined { .. }));
    let left = facts.iter().filter(|fact| matches!(fact, What::Left { .. }));
    assert_eq!((joined.count(), left.count()), (2, 2), "{facts:?}");
    let last = facts.last().unwrap();
    assert!(
        matches!(last, What::Ended { reason } if reason.is(&Reason::HUNG_UP)),
        "{last:?}"
    );

    assert_eq!(metric(&server, "sidetone_calls_started_total").await, Some(1.0));
    assert_eq!(metric(&server, "sidetone_calls_answered_total").await, Some(1.0));
    assert_eq!(
        metric(&server, r#"sidetone_calls_ended_total{code="0",subcode="0"}"#).await,
        Some(1.0)
    );
    assert_eq!(
        metric(&server, "sidetone_call_answer_seconds_count").await,
        Some(1.0)
    );
    assert_eq!(metric(&server, "sidetone_calls_active").await, Some(0.0));
    assert_eq!(metric(&server, "sidetone_sessions").await, Some(2.0));
    server.shutdown().await;
}

#[tokio::test]
async fn an_operator_can_end_a_call() {
    let server = server(ServerConfig::default()).await;
    let (mut ann, mut bob, call) = connect(&server).await;
    server.end_call(call).await;
    for end in [&mut ann, &mut bob] {
        let ended = end.event("call.ended").await;
        assert_eq!(ended["reason"]["subcode"], Reason::ENDED_BY_SERVICE.subcode);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn calling_nobody_ends_with_a_reason() {
    let server = server(ServerConfig::default()).await;
    let (mut ann, _) = Client::open(&server, "ann").await;
    let call = CallId(uuid::Uuid::new_v4());
    let start = sidetone_signaling::protocol::Start::new(call, member("nobody"));
    match ann.call(&Request::Start(start)).await {
        Err(refused) => assert!(refused.is(&Reason::NO_ENDPOINT), "{refused}"),
        Ok(_) => {
            let ended = ann.event("call.ended").await;
            assert_eq!(ended["reason"]["subcode"], Reason::NO_ENDPOINT.subcode);
        }
    }
    server.shutdown().await;
}

/// A client that says everything and leaves at once, reading nothing, has said it.
#[tokio::test]
async fn the_last_words_before_a_client_leaves_count() {
    let server = server(ServerConfig::default()).await;
    let (mut ann, _) = Client::open(&server, "ann").await;
    for round in 0..20 {
        let (mut bob, _) = Client::open(&server, "bob").await;
        let call = ann.start("bob").await;
        let incoming = bob.event("call.incoming").await;
        let leg: LegId = serde_json::from_value(incoming["leg"].clone()).unwrap();
        let this = IncomingLeg { call, leg };
        let words = [
            Request::Ring(this),
            Request::Decline(Decline {
                call,
                leg,
                reason: DeclineReason::default(),
            }),
            Request::Close(Close {}),
        ];
        for (id, request) in (100..).zip(&words) {
            let frame = Message::text(ClientFrame::request(id, request));
            bob.socket.feed(frame).await.unwrap();
        }
        bob.socket.feed(Message::Close(None)).await.unwrap();
        bob.socket.flush().await.unwrap();
        drop(bob);
        ann.event("call.ringing").await;
        let ended = ann.event("call.ended").await;
        assert_eq!(
            ended["reason"]["code"],
            Reason::DECLINED.code,
            "round {round}: {ended}"
        );
    }
    server.shutdown().await;
}

/// Every line is a comment or `name{labels} number`, and every sample belongs to a declared family.
fn assert_metrics_parse(page: &str) {
    assert!(page.ends_with("# EOF\n"), "{page}");
    let mut families = Vec::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            families.push(rest.split(' ').next().unwrap().to_owned());
        }
        if line.starts_with('#') {
            continue;
        }
        let (series, value) = line
            .rsplit_once(' ')
            .unwrap_or_else(|| panic!("no value: {line}"));
        value
            .parse::<f64>()
            .unwrap_or_else(|_| panic!("no number: {line}"));
        let name = series.split('{').next().unwrap();
        assert!(
            name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
            "{line}"
        );
        assert!(series == name || series.ends_with('}'), "{line}");
        assert!(
            families.iter().any(|family| name.starts_with(family.as_str())),
            "{line}"
        );
    }
    assert!(families.len() > 20, "{families:?}");
}

#[tokio::test]
async fn health_and_metrics_can_be_read() {
    let server = server(ServerConfig::default()).await;
    let address = server.local_addr();
    assert_eq!(get(address, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(address, "/readyz").await, (200, "ready\n".to_owned()));
    let (mut ann, _) = Client::open(&server, "ann").await;
    ann.send("garbage").await;
    ann.end().await;
    let (status, page) = get(address, "/metrics").await;
    assert_eq!(status, 200);
    assert_metrics_parse(&page);
    let (status, keys) = get(address, "/.well-known/jwks.json").await;
    assert_eq!(status, 200);
    let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
    assert_eq!(keys["keys"][0]["kty"], "OKP");
    server.shutdown().await;
}
