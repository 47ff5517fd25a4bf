//! Events at their receivers.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use sidetone_server::{DeliveryConfig, ServerConfig};

use crate::receiver::{Receiver, Taken};
use crate::rest::Caller;
use crate::stage::{Stage, config, until_answer};
use crate::support::{http, raw};

/// Events of one answered call.
const EVENTS: usize = 6;

/// Checks what arrived of each call: every event, in order, joined before left. First arrivals count.
pub fn check_order(taken: &[Taken], complete: bool) {
    let mut seen = HashSet::new();
    let mut calls: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for delivery in taken
        .iter()
        .filter(|delivery| seen.insert(delivery.id().to_owned()))
    {
        calls.entry(delivery.call()).or_default().push(delivery);
    }
    for (call, events) in calls {
        let kinds: Vec<&str> = events.iter().map(|event| event.kind()).collect();
        assert!(
            events.is_sorted_by(|a, b| a.sequence() < b.sequence()),
            "{call}: {kinds:?}"
        );
        assert_eq!(kinds[0], "CallStarted", "{call}");
        let mut present = BTreeSet::new();
        for event in &events {
            let who = event.event["data"]["participantId"].as_str();
            match event.kind() {
                "CallParticipantAdded" => assert!(present.insert(who)),
                "CallParticipantRemoved" => assert!(present.remove(&who), "{call}: left before joined"),
                "CallEnded" => assert!(present.is_empty(), "{call}: ended before all had left"),
                _ => {}
            }
        }
        if complete {
            assert_eq!(kinds.last(), Some(&"CallEnded"), "{call}: {kinds:?}");
        }
    }
}

#[tokio::test]
async fn an_outage_of_the_receiver_loses_nothing_and_keeps_the_order() {
    let stage = Stage::set().await;
    let receiver = Receiver::start(StatusCode::SERVICE_UNAVAILABLE).await;
    let (_, secret) = stage.tenants.subscribe(&receiver, json!([])).await;
    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    for _ in 0..4 {
        stage.tenants.call(&mut eve, &mut bob).await;
    }
    receiver.until_turned_away(8).await;
    assert!(receiver.taken().is_empty());

    receiver.answers(StatusCode::NO_CONTENT);
    let taken = receiver
        .until("all events", |taken| taken.len() >= 4 * EVENTS)
        .await;
    assert_eq!(taken.len(), 4 * EVENTS, "each came once");
    check_order(&taken, true);
    assert!(taken.iter().all(|delivery| delivery.is_signed_with(&secret)));
    let kind = taken[0].headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/cloudevents+json"), "{kind}");
    let first = &taken[0].event;
    assert_eq!(first["specversion"], "1.0");
    assert_eq!(first["source"], format!("/resources/{}", stage.tenants.resource));
    let names: BTreeSet<&str> = taken
        .iter()
        .filter_map(|delivery| delivery.event["data"]["displayName"].as_str())
        .collect();
    assert_eq!(names, BTreeSet::from(["Bob", "Eve (External)"]));
    stage.server.shutdown().await;
}

#[tokio::test]
async fn each_tenant_has_its_own_events_and_may_choose() {
    let stage = Stage::set().await;
    let receiver = Receiver::start(StatusCode::OK).await;
    let only = json!(["sidetone.calling.CallEnded"]);
    stage.tenants.subscribe(&receiver, only).await;
    let theirs = Receiver::start(StatusCode::OK).await;
    let wish = json!({ "url": theirs.url });
    let path = "/v1/organisations/acme/subscriptions";
    stage.tenants.administrator.post(path, wish).await.is(201);

    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    stage.tenants.call(&mut eve, &mut bob).await;
    let taken = theirs
        .until("the organisation's events", |taken| taken.len() > EVENTS)
        .await;
    check_order(&taken, true);
    // Only those who are called are told of it.
    assert!(taken.iter().any(|delivery| delivery.kind() == "IncomingCall"));
    let taken = receiver.until("the end", |taken| !taken.is_empty()).await;
    assert_eq!(taken.iter().map(Taken::kind).collect::<Vec<_>>(), ["CallEnded"]);
    stage.server.shutdown().await;
}

#[tokio::test]
async fn events_are_sent_again_from_a_number_or_a_time_on() {
    let stage = Stage::set().await;
    let receiver = Receiver::start(StatusCode::OK).await;
    let (id, _) = stage.tenants.subscribe(&receiver, json!([])).await;
    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    stage.tenants.call(&mut eve, &mut bob).await;
    let first = receiver.until("the events", |taken| taken.len() == EVENTS).await;

    let owner = &stage.tenants.owner;
    let path = stage.tenants.resource_path(&format!("subscriptions/{id}/replay"));
    let again = owner.post(&path, json!({ "fromSequence": 3 })).await.is(202);
    assert_eq!(again["fromSequence"], 3);
    let taken = receiver
        .until("events again", |taken| taken.len() >= 2 * EVENTS - 2)
        .await;
    let ids = |taken: &[Taken]| taken.iter().map(|t| t.id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&taken[EVENTS..]), ids(&first[2..]));

    let start = first[0].event["time"].clone();
    let again = owner.post(&path, json!({ "fromTime": start })).await.is(202);
    assert_eq!(again["fromSequence"], 1);
    receiver
        .until("all again", |taken| taken.len() >= 3 * EVENTS - 2)
        .await;
    let later = json!({ "fromTime": "9999-01-01T00:00:00Z" });
    let none = owner.post(&path, later).await.is(202);
    assert_eq!(none["fromSequence"], EVENTS as u64 + 1);
    for wrong in [
        json!({}),
        json!({ "fromSequence": 1, "fromTime": "2026-03-01T00:00:00Z" }),
    ] {
        owner.post(&path, wrong).await.problem(422, "invalid");
    }

    // The same without a receiver: reading.
    let page = owner
        .get(&stage.tenants.resource_path("events?limit=2&after=1"))
        .await
        .is(200);
    assert_eq!(page["next"], 3);
    assert_eq!(page["items"][0]["id"], first[1].id());
    stage.server.shutdown().await;
}

#[tokio::test]
async fn what_nobody_takes_is_laid_aside() {
    let stage = Stage::with(ServerConfig {
        deliveries: DeliveryConfig {
            first_retry: Duration::from_millis(1),
            give_up_after: Duration::ZERO,
            ..DeliveryConfig::default()
        },
        ..config()
    })
    .await;
    let receiver = Receiver::start(StatusCode::INTERNAL_SERVER_ERROR).await;
    let (id, _) = stage.tenants.subscribe(&receiver, json!([])).await;
    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    stage.tenants.call(&mut eve, &mut bob).await;
    let path = stage
        .tenants
        .resource_path(&format!("subscriptions/{id}/dead-letters"));
    let all = |body: &Value| body["items"].as_array().unwrap().len() == EVENTS;
    let dead = until_answer(&stage.tenants.owner, &path, all).await;
    assert_eq!(dead["items"][0]["attempts"], 2);
    let reason = dead["items"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("500"), "{reason}");
    assert_eq!(dead["items"][0]["event"]["type"], "sidetone.calling.CallStarted");

    // The receiver is well again; what is new arrives.
    receiver.answers(StatusCode::OK);
    stage.tenants.call(&mut eve, &mut bob).await;
    let taken = receiver
        .until("the next call", |taken| taken.len() == EVENTS)
        .await;
    check_order(&taken, true);
    stage.server.shutdown().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone_until_it_is_enabled() {
    let stage = Stage::set().await;
    let receiver = Receiver::start(StatusCode::GONE).await;
    let (id, _) = stage.tenants.subscribe(&receiver, json!([])).await;
    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    stage.tenants.call(&mut eve, &mut bob).await;
    let path = stage.tenants.resource_path(&format!("subscriptions/{id}"));
    let owner = &stage.tenants.owner;
    let shown = until_answer(owner, &path, |body| body["enabled"] == false).await;
    assert_eq!(shown["health"], Value::Null);

    receiver.answers(StatusCode::OK);
    let changed = owner
        .send("PATCH", &path, json!({ "enabled": true }))
        .await
        .is(200);
    assert_eq!(changed["enabled"], true);
    let taken = receiver
        .until("what was kept", |taken| taken.len() >= EVENTS)
        .await;
    check_order(&taken, true);
    stage.server.shutdown().await;
}

#[tokio::test]
async fn a_secret_is_shown_once_and_can_be_made_anew() {
    let stage = Stage::set().await;
    let receiver = Receiver::start(StatusCode::OK).await;
    let (id, secret) = stage.tenants.subscribe(&receiver, json!([])).await;
    let path = stage.tenants.resource_path(&format!("subscriptions/{id}"));
    let owner = &stage.tenants.owner;
    let list = stage.tenants.resource_path("subscriptions");
    for path in [&path, &list] {
        let shown = owner.get(path).await.is(200).to_string();
        assert!(shown.contains(&id) && !shown.contains("secret"), "{shown}");
    }
    let renewed = owner.post(&format!("{path}/secret"), Value::Null).await;
    assert_eq!(renewed.header("cache-control"), Some("no-store"));
    let renewed = renewed.is(200);
    let renewed = renewed["secret"].as_str().unwrap();

    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    stage.tenants.call(&mut eve, &mut bob).await;
    let taken = receiver.until("the events", |taken| taken.len() == EVENTS).await;
    assert!(taken.iter().all(|delivery| delivery.is_signed_with(renewed)));
    assert!(!taken.iter().any(|delivery| delivery.is_signed_with(&secret)));

    owner.delete(&path).await.is(204);
    owner.get(&path).await.problem(404, "not-found");
    stage.tenants.call(&mut eve, &mut bob).await;
    let events = stage.tenants.resource_path("events");
    let all = |body: &Value| body["items"].as_array().unwrap().len() == 2 * EVENTS;
    until_answer(owner, &events, all).await;
    assert_eq!(receiver.taken().len(), EVENTS, "nobody is told any more");
    stage.server.shutdown().await;
}

#[tokio::test]
async fn events_go_to_the_internet_only() {
    let stage = Stage::with(ServerConfig {
        outbound: sidetone_server::OutboundConfig::default(),
        ..config()
    })
    .await;
    let path = stage.tenants.resource_path("subscriptions");
    for url in [
        "http://127.0.0.1:9/hook",
        "https://127.0.0.1/hook",
        "https://10.0.0.7/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/hook",
        "http://app.example/hook",
        "ftp://app.example/hook",
        "https://user:word@app.example/hook",
        "nonsense",
    ] {
        let refused = stage.tenants.owner.post(&path, json!({ "url": url })).await;
        refused.problem(422, "invalid");
    }
    let wish = json!({ "url": "https://app.example/hook", "description": "fine" });
    stage.tenants.owner.post(&path, wish).await.is(201);
    stage.server.shutdown().await;
}

#[tokio::test]
async fn a_deleted_tenant_leaves_nothing_to_a_later_one_of_its_name() {
    let stage = Stage::set().await;
    let receiver = Receiver::start(StatusCode::OK).await;
    let (subscriptions, events) = (
        "/v1/organisations/acme/subscriptions",
        "/v1/organisations/acme/events",
    );
    let administrator = &stage.tenants.administrator;
    let wish = json!({ "url": receiver.url });
    administrator.post(subscriptions, wish).await.is(201);
    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    stage.tenants.call(&mut eve, &mut bob).await;
    receiver.until("the events", |taken| taken.len() > EVENTS).await;

    let operator = Caller::operator(&stage.server);
    operator.delete("/v1/organisations/acme").await.is(204);
    let wish = json!({ "id": "acme", "name": "Another Acme" });
    let made = operator.post("/v1/organisations", wish).await.is(201);
    let another = operator.with_key(&made["keys"][0]["secret"]);
    let none = |body: &Value| body["items"].as_array().unwrap().is_empty();
    until_answer(&another, subscriptions, none).await;
    until_answer(&another, events, none).await;
    until_answer(&another, "/v1/organisations/acme/calls", none).await;
    stage.server.shutdown().await;
}

#[tokio::test]
async fn subscriptions_are_the_tenants_own() {
    let stage = Stage::set().await;
    let receiver = Receiver::start(StatusCode::OK).await;
    let (id, _) = stage.tenants.subscribe(&receiver, json!([])).await;
    let path = stage.tenants.resource_path(&format!("subscriptions/{id}"));
    let stranger = &stage.tenants.administrator;
    stranger.get(&path).await.problem(403, "missing-role");
    stranger.delete(&path).await.problem(403, "missing-role");
    // Its id under another tenant's name is nobody's.
    let theirs = format!("/v1/organisations/acme/subscriptions/{id}");
    stranger.get(&theirs).await.problem(404, "not-found");
    stranger.delete(&theirs).await.problem(404, "not-found");
    // There are bounds.
    let many = stage.tenants.resource_path("subscriptions");
    let wish = json!({ "url": receiver.url });
    for _ in 1..20 {
        stage.tenants.owner.post(&many, wish.clone()).await.is(201);
    }
    stage
        .tenants
        .owner
        .post(&many, wish)
        .await
        .problem(409, "conflict");
    stage.server.shutdown().await;
}

#[tokio::test]
async fn a_voice_message_is_announced_behind_the_end_of_its_call() {
    let stage = Stage::set().await;
    let receiver = Receiver::start(StatusCode::OK).await;
    let tenants = &stage.tenants;
    let organisation = "/v1/organisations/acme";
    let wish = json!({ "url": receiver.url, "types": [] });
    let made = tenants
        .administrator
        .post(&format!("{organisation}/subscriptions"), wish)
        .await
        .is(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    let mail = json!({ "name": "Mail", "kind": "voicemail" });
    tenants
        .administrator
        .put(&format!("{organisation}/applications/mail"), mail)
        .await
        .is(201);
    let (mut eve, mut bob) = (tenants.eve().await, tenants.bob().await);
    let hang_up = tenants.talk(&mut eve, &mut bob).await;
    eve.call(&hang_up).await.unwrap();
    bob.event("call.ended").await;
    let ended = receiver
        .until("the end", |taken| {
            taken.iter().any(|event| event.kind() == "CallEnded")
        })
        .await;
    let call = ended[0].call().to_owned();

    let kind = "content-type: application/json\r\n";
    let token = r#"{"identity": "application:acme:mail"}"#;
    let (_, body) = http(tenants.address, "POST", "/v1/dev/token", kind, token).await;
    let token: Value = serde_json::from_str(&body).unwrap();
    let sound = message();
    let head = format!(
        "POST {organisation}/members/bob/voicemail/messages?call={call}&from=external:{}:eve&displayName=Eve HTTP/1.1\r\n\
         host: localhost\r\nconnection: close\r\nauthorization: Bearer {}\r\ncontent-type: audio/ogg\r\n\
         content-length: {}\r\n\r\n",
        tenants.resource,
        token["token"].as_str().unwrap(),
        sound.len()
    );
    let answer = raw(tenants.address, &[head.as_bytes(), &sound].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(
        bob.event("mailbox.changed").await,
        json!({ "unheard": 1, "heard": 0 })
    );
    let taken = receiver
        .until("the message", |taken| {
            taken.iter().any(|event| event.kind() == "VoicemailReceived")
        })
        .await;
    let event = taken.last().unwrap();
    assert!(event.is_signed_with(&secret));
    assert_eq!(event.call(), call);
    assert!(ended.iter().all(|earlier| earlier.sequence() < event.sequence()));
    assert_eq!(event.event["source"], organisation.trim_start_matches("/v1"));
    assert_eq!(event.event["data"]["messageDurationMs"], 1_000);
    assert_eq!(event.event["data"]["callerDisplayName"], "Eve (External)");
    assert_eq!(event.event["data"]["mailbox"]["rawId"], "member:acme:bob");
    // The caller's application is not told that there are mailboxes.
    let events = tenants
        .owner
        .get(&tenants.resource_path("events?limit=200"))
        .await
        .is(200);
    assert!(!events.to_string().contains("VoicemailReceived"));
    stage.server.shutdown().await;
}

/// A second of Ogg Opus.
fn message() -> Vec<u8> {
    use ogg::{PacketWriteEndInfo, PacketWriter};
    let mut bytes = Vec::new();
    let mut writer = PacketWriter::new(&mut bytes);
    let mut put = |packet: &[u8], end, granule| {
        writer.write_packet(packet.to_vec(), 1, end, granule).unwrap();
    };
    put(
        b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0",
        PacketWriteEndInfo::EndPage,
        0,
    );
    put(b"OpusTags\0\0\0\0\0\0\0\0", PacketWriteEndInfo::EndPage, 0);
    put(&[0xfc; 40], PacketWriteEndInfo::EndStream, 312 + 48_000);
    bytes
}
