//! `sidetone doctor`, with each hop broken for real.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::proxy::{self, Authority, BlackHole};
use support::turn::{SECRET, TurnServer, free_port};
use support::{Folder, Program, Service, answering};

const OPERATOR: &str = "operator-key-for-tests-0123456789abcdef";
const ALICE: [&str; 2] = ["--identity", "external:dev:alice"];

/// What it said.
struct Diagnosis {
    code: i32,
    said: Value,
    text: String,
}

impl Diagnosis {
    /// The check of a hop.
    #[track_caller]
    fn hop(&self, hop: &str) -> &Value {
        let checks = self.said["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["hop"] == hop);
        found.unwrap_or_else(|| panic!("no {hop} in {}", self.text))
    }

    /// The first broken hop is this one, with this code, these words, and advice.
    #[track_caller]
    fn broken(&self, hop: &str, code: i32, words: &str) {
        assert_eq!(self.code, code, "{}", self.text);
        let broken = &self.said["broken"];
        assert_eq!(broken["hop"], hop, "{}", self.text);
        assert!(broken["found"].as_str().unwrap().contains(words), "{}", self.text);
        assert!(broken["advice"].as_str().is_some_and(|advice| !advice.is_empty()));
    }

    #[track_caller]
    fn well(&self) {
        assert_eq!(self.code, 0, "{}", self.text);
        assert!(self.said["broken"].is_null(), "{}", self.text);
    }
}

fn command(arguments: &[&str], authority: Option<&Path>) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidetone"));
    command
        .args(["doctor", "--patience", "1500ms"])
        .args(arguments)
        .stdin(Stdio::null());
    for variable in [
        "SIDETONE_LOG",
        "SIDETONE_SERVER",
        "SIDETONE_TOKEN",
        "SIDETONE_OPERATOR_KEY",
        "SSL_CERT_FILE",
    ] {
        command.env_remove(variable);
    }
    if let Some(authority) = authority {
        command.env("SSL_CERT_FILE", authority);
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn doctor_believing(server: &str, more: &[&str], authority: Option<&Path>) -> Diagnosis {
    let (code, out, complaints) = command(&[&["--json", "--server", server], more].concat(), authority);
    let said = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{complaints}"));
    Diagnosis {
        code,
        said,
        text: out + &complaints,
    }
}

fn doctor(server: &str, more: &[&str]) -> Diagnosis {
    doctor_believing(server, more, None)
}

#[test]
fn nothing_is_broken_where_all_is_well() {
    let turn = TurnServer::start();
    let service = Service::start(&[
        "--operator-key",
        OPERATOR,
        "--stun",
        &turn.stun,
        "--turn",
        &turn.url,
        "--turn-secret",
        SECRET,
    ]);
    let found = doctor(
        &service.url,
        &[&ALICE[..], &["--operator-key", OPERATOR]].concat(),
    );
    found.well();
    for hop in [
        "name", "port", "http", "clock", "socket", "token", "session", "scopes", "stun", "turn", "media",
        "relay", "service",
    ] {
        assert_eq!(found.hop(hop)["outcome"], "passed", "{hop}: {}", found.text);
    }
    assert!(
        found.hop("relay")["found"]
            .as_str()
            .unwrap()
            .contains("relay to relay")
    );
    assert!(!found.text.contains(SECRET), "{}", found.text);

    // For people: a table, and no more than that.
    let (code, table, _) = command(&["--server", &service.url], None);
    assert_eq!(code, 0, "{table}");
    assert!(
        table.contains("TCP port") && table.contains("Nothing is broken"),
        "{table}"
    );
}

#[test]
fn the_way_to_the_service() {
    let closed = format!("ws://127.0.0.1:{}", free_port());
    doctor(&closed, &ALICE).broken("port", 11, "nothing listens");
    doctor("ws://no-such-name.invalid:7480", &[]).broken("name", 10, "no-such-name.invalid");
    let hole = BlackHole::new();
    doctor(&format!("ws://{}", hole.address), &[]).broken("port", 11, "no answer in");
    let (code, words, _) = command(&["--server", &closed], None);
    assert_eq!(code, 11);
    assert!(
        words.contains("broken  TCP port") && words.contains("do      start the service"),
        "{words}"
    );
}

#[test]
fn certificates() {
    let service = Service::start(&[]);
    let authority = Authority::new();
    let folder = Folder::new();
    let file = folder.path("ca.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    let through = |identity, name: &str| {
        let proxy = proxy::tls(&service.address(), identity);
        format!("wss://{name}:{}", proxy.port())
    };
    let believing = |url: &str| doctor_believing(url, &[], Some(&file));

    let good = through(authority.identity("localhost", None), "localhost");
    believing(&good).well();
    // Who does not know the authority does not believe it.
    doctor(&good, &[]).broken("tls", 12, "issuer is not known");
    let expired = through(authority.identity("localhost", Some(2021)), "localhost");
    believing(&expired).broken("tls", 12, "has expired");
    let other = through(authority.identity("other.example", None), "localhost");
    believing(&other).broken("tls", 12, "not for `localhost`");
    let itself = through(proxy::self_signed("localhost"), "localhost");
    believing(&itself).broken("tls", 12, "issuer is not known");
    // No TLS at all where TLS is asked for, and the other way round.
    let plain = service.url.replace("ws://", "wss://");
    doctor(&plain, &[]).broken("tls", 12, "does not speak TLS");
    doctor(&good.replace("wss://", "ws://"), &[]).broken("http", 13, "no answer over HTTP");
}

#[test]
fn a_call_goes_through_a_proxy_with_a_private_authority() {
    let service = Service::start(&[]);
    let authority = Authority::new();
    let folder = Folder::new();
    std::fs::write(folder.path("ca.pem"), &authority.pem).unwrap();
    let proxy = proxy::tls(&service.address(), authority.identity("localhost", None));
    let _bob = answering(&service.url, &["--once"]);
    let ask = [
        "token",
        "--json",
        "--identity",
        "external:dev:alice",
        "--server",
        &service.url,
    ];
    let issued = Program::start(&ask).end();
    let token = issued.events[0]["token"].as_str().unwrap().to_owned();
    let url = format!("wss://localhost:{}", proxy.port());
    let alice = Program::start_with(
        &[
            "call",
            "external:dev:bob",
            "--json",
            "--no-processing",
            "--media-bind",
            "127.0.0.1:0",
            "--server",
            &url,
            "--token",
            &token,
            "--input",
            "silence",
            "--output",
            "null",
            "--duration",
            "500ms",
        ],
        &[("SSL_CERT_FILE".to_owned(), folder.file("ca.pem"))],
    );
    alice.end().assert_code(0);
}

#[test]
fn servers_that_are_not_ours() {
    let other = proxy::http(|_| (200, "<html>It works!</html>"));
    doctor(&format!("ws://{other}"), &[]).broken("http", 13, "not a sidetone service");
    let gateway = proxy::http(|_| (502, "bad gateway"));
    doctor(&format!("ws://{gateway}"), &[]).broken("http", 13, "does not reach the service");
    // A proxy that passes the API on and knows nothing of WebSockets.
    let half = proxy::http(|path| match path {
        "/v1/capabilities" => (200, r#"{"service":"sidetone","version":"0.1.0","items":[]}"#),
        _ => (404, "not found"),
    });
    doctor(&format!("ws://{half}"), &[]).broken("socket", 14, "404");
    let starting = proxy::http(|path| match path {
        "/v1/capabilities" => (200, r#"{"service":"sidetone","version":"0.1.0","items":[]}"#),
        _ => (503, r#"{"code":503,"message":"the store cannot be read"}"#),
    });
    doctor(&format!("ws://{starting}"), &[]).broken("http", 13, "the store cannot be read");
}

/// Sends JSON with a key; gives the answer.
fn post(url: &str, key: &str, body: &Value) -> Value {
    let mut answer = ureq::post(url)
        .header("authorization", format!("Bearer {key}"))
        .send_json(body)
        .unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap_or_default()
}

#[test]
fn tokens() {
    let service = Service::start(&["--operator-key", OPERATOR]);
    let with = |token: &str| doctor(&service.url, &["--token", token]);
    with("garbage").broken("token", 15, "three parts");
    // `{"iat":1,"exp":2,"sub":"external:dev:a","scopes":["voip"]}`
    let old = "e30.eyJpYXQiOjEsImV4cCI6Miwic3ViIjoiZXh0ZXJuYWw6ZGV2OmEiLCJzY29wZXMiOlsidm9pcCJdfQ.AA";
    with(old).broken("token", 15, "expired");

    let elsewhere = Service::start(&[]);
    let ask = [
        "token",
        "--json",
        "--identity",
        "external:dev:a",
        "--server",
        &elsewhere.url,
    ];
    let token = Program::start(&ask).end().events[0]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = with(&token);
    refused.broken("session", 15, "unknown key");
    assert!(!refused.text.contains(&token), "tokens are secrets");

    // One that was good, and is taken back.
    let http = service.url.replace("ws://", "http://");
    let made = post(
        &format!("{http}/v1/resources"),
        OPERATOR,
        &json!({ "name": "Shop" }),
    );
    let (id, key) = (
        made["resource"]["id"].as_str().unwrap(),
        made["keys"][0]["secret"].as_str().unwrap(),
    );
    let identities = format!("{http}/v1/resources/{id}/identities");
    let made = post(&identities, key, &json!({ "token": { "scopes": ["voip"] } }));
    let who = made["id"].as_str().unwrap().rsplit(':').next().unwrap();
    let token = made["token"]["token"].as_str().unwrap();
    with(token).well();
    post(&format!("{identities}/{who}/revoke-tokens"), key, &json!({}));
    with(token).broken("session", 15, "revoked");
}

#[test]
fn servers_for_media() {
    let dead = format!("stun:127.0.0.1:{}", free_port());
    let service = Service::start(&["--stun", &dead]);
    let found = doctor(&service.url, &ALICE);
    found.broken("stun", 17, "nothing listens");
    assert_eq!(found.hop("media")["outcome"], "passed", "media itself is well");
    drop(service);

    let mut turn = TurnServer::start();
    let service = Service::start(&["--turn", &turn.url, "--turn-secret", "not-the-same"]);
    doctor(&service.url, &ALICE).broken("turn", 18, "401");
    drop(service);
    let service = Service::start(&["--turn", &turn.url, "--turn-secret", SECRET]);
    doctor(&service.url, &ALICE).well();
    turn.stop();
    doctor(&service.url, &ALICE).broken("turn", 18, "nothing listens");
    drop(service);
    // What calls do not use is no fault.
    let service = Service::start(&["--turn", "turns:127.0.0.1:1", "--turn-secret", SECRET]);
    let found = doctor(&service.url, &ALICE);
    found.well();
    assert_eq!(found.hop("turn")["outcome"], "skipped");
}

#[test]
fn the_services_own_state_and_the_file_for_a_report() {
    let folder = Folder::new();
    let service = Service::start(&["--operator-key", OPERATOR, "--data-dir", &folder.file("data")]);
    let found = doctor(&service.url, &["--operator-key", OPERATOR]);
    found.well();
    assert!(
        found.hop("service")["found"].as_str().unwrap().contains("free"),
        "{}",
        found.text
    );
    doctor(&service.url, &["--operator-key", "wrong"]).broken("service", 20, "does not accept the key");

    let (file, call) = (folder.file("report.json"), "67e55044-10b1-426f-9247-bb680e5fe0c8");
    let bundle = [
        &ALICE[..],
        &["--operator-key", OPERATOR, "--bundle", &file, "--call", call],
    ]
    .concat();
    doctor(&service.url, &bundle).well();
    let report = std::fs::read_to_string(&file).unwrap();
    let read: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(read["call"], call);
    assert!(read["checks"].as_array().unwrap().len() > 8 && read["program"]["version"].is_string());
    assert!(!report.contains(OPERATOR) && !report.contains("eyJ"), "{report}");
    // Never over another file.
    let (code, _, complaints) = command(&[&["--server", &service.url], &bundle[..]].concat(), None);
    assert_eq!(code, 5, "{complaints}");
}
