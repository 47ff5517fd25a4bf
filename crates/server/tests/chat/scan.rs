//! Files are looked through before anybody can fetch them (L10), by a real HTTP server that the operator named.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use sidetone_server::{FileScan, Secret, Server, ServerConfig, Unanswered};
use tokio::net::TcpListener;

use crate::stage::{Stage, User, config};

/// What the scanner says, and what it was asked.
#[derive(Default)]
struct Inside {
    verdict: Option<&'static str>,
    asked: Vec<(HeaderMap, Bytes)>,
}

#[derive(Clone)]
struct Scanner {
    url: String,
    inside: Arc<Mutex<Inside>>,
}

impl Scanner {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/scan", listener.local_addr().unwrap());
        let inside = Arc::<Mutex<Inside>>::default();
        let router = Router::new()
            .route("/scan", post(scan))
            .with_state(inside.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inside }
    }

    /// Answers this from now on; `None`: that it is broken.
    fn says(&self, verdict: impl Into<Option<&'static str>>) {
        self.inside.lock().unwrap().verdict = verdict.into();
    }

    fn asked(&self) -> usize {
        self.inside.lock().unwrap().asked.len()
    }
}

async fn scan(
    State(inside): State<Arc<Mutex<Inside>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, StatusCode> {
    let mut inside = inside.lock().unwrap();
    inside.asked.push((headers, body));
    let verdict = inside.verdict.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({ "verdict": verdict })))
}

async fn stage(scanner: &Scanner, unanswered: Unanswered) -> Stage {
    Stage::with(ServerConfig {
        file_scan: Some(FileScan {
            secret: Some(Secret::new("a secret that both know")),
            timeout: Duration::from_secs(5),
            unanswered,
            ..FileScan::new(&scanner.url)
        }),
        ..config()
    })
    .await
}

/// Eve sends Bob a file; gives its address.
async fn sent(eve: &User, thread: &str, bytes: &[u8]) -> String {
    let path = format!("{thread}/attachments?name=a.txt");
    let (status, body) = eve.http.sound("POST", &path, "text/plain", bytes).await;
    assert_eq!(status, 201);
    let file: Value = serde_json::from_slice(&body).unwrap();
    let message = json!({ "attachments": [file["id"]] });
    eve.send(thread, message).await.expect(201);
    format!("{thread}/attachments/{}", file["id"].as_str().unwrap())
}

#[tokio::test]
async fn nobody_fetches_a_file_before_it_is_found_clean() {
    let scanner = Scanner::start().await;
    let stage = stage(&scanner, Unanswered::Withhold).await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let file = sent(&eve, &thread, b"the plan").await;
    assert_eq!(scanner.asked(), 0, "it is asked when somebody wants the file");

    // Not yet, and without an answer: withheld, and asked about again.
    for verdict in [Some("pending"), None, Some("maybe")] {
        scanner.says(verdict);
        let refused = bob.http.get(&file).await;
        assert_eq!((refused.status, refused.problem()), (409, "attachment-unscanned"));
        assert_eq!(refused.body["subcode"], 20116);
        assert_eq!(refused.headers["retry-after"], "5");
    }
    // Clean: to everybody from now on, and asked no more.
    scanner.says("clean");
    for who in [&bob, &eve, &bob] {
        let (status, bytes) = who.http.sound("GET", &file, "", b"").await;
        assert_eq!((status, &bytes[..]), (200, &b"the plan"[..]));
    }
    assert_eq!(scanner.asked(), 4);
    {
        let inside = scanner.inside.lock().unwrap();
        let (headers, body) = inside.asked.last().unwrap();
        assert_eq!(&body[..], b"the plan");
        assert_eq!(headers["content-type"], "text/plain");
        assert!(file.ends_with(headers["sidetone-file"].to_str().unwrap()));
        assert!(thread.ends_with(headers["sidetone-thread"].to_str().unwrap()));
        let signature = headers["webhook-signature"].to_str().unwrap();
        assert!(signature.starts_with("v1,"), "{signature}");
    }

    // Refused: to nobody, for good.
    let file = sent(&eve, &thread, b"something bad").await;
    scanner.says("refused");
    for _ in 0..2 {
        for who in [&bob, &eve] {
            let refused = who.http.get(&file).await;
            assert_eq!((refused.status, refused.problem()), (403, "attachment-refused"));
        }
        scanner.says("clean");
    }
    assert_eq!(scanner.asked(), 5);
    let audit = stage
        .administrator
        .get("/v1/organisations/acme/audit?limit=200")
        .await
        .expect(200);
    let entries = audit["items"].as_array().unwrap();
    let refusals = entries
        .iter()
        .filter(|entry| entry["action"] == "chat.file.refuse");
    assert_eq!(refusals.count(), 1);
    stage.server.shutdown().await;
}

#[tokio::test]
async fn where_it_fails_open_a_file_without_an_answer_is_given_out() {
    let scanner = Scanner::start().await;
    let stage = stage(&scanner, Unanswered::GiveOut).await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    let file = sent(&eve, &thread, b"the plan").await;
    bob.http.get(&file).await.expect(200);
    // An answer is an answer.
    scanner.says("refused");
    assert_eq!(bob.http.get(&file).await.problem(), "attachment-refused");
    stage.server.shutdown().await;
}

#[tokio::test]
async fn an_address_that_may_not_be_reached_is_told_at_the_start() {
    for url in [
        "not an address",
        "http://127.0.0.1:1/scan",
        "https://10.0.0.1/scan",
    ] {
        let config = ServerConfig {
            file_scan: Some(FileScan::new(url)),
            ..crate::client::config()
        };
        let error = Server::start(config).await.err().unwrap();
        assert!(
            matches!(error, sidetone_server::ServerError::FileScan(_)),
            "{url}: {error}"
        );
    }
}
