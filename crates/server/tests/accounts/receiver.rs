//! A receiver of webhooks: a real HTTP server that can be told how to answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::in_time;

/// A delivery that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub headers: HeaderMap,
    pub body: Bytes,
    pub event: Value,
}

struct Inside {
    answer: StatusCode,
    taken: Vec<Taken>,
    turned_away: usize,
}

/// The receiver.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    inside: Arc<Mutex<Inside>>,
}

impl Receiver {
    /// Starts one that answers like this.
    pub async fn start(answer: StatusCode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let inside = Arc::new(Mutex::new(Inside {
            answer,
            taken: Vec::new(),
            turned_away: 0,
        }));
        let router = Router::new()
            .route("/hook", post(take))
            .with_state(inside.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inside }
    }

    /// Answers like this from now on.
    pub fn answers(&self, answer: StatusCode) {
        self.inside.lock().unwrap().answer = answer;
    }

    /// Deliveries that were turned away so far.
    pub fn turned_away(&self) -> usize {
        self.inside.lock().unwrap().turned_away
    }

    /// Everything taken so far, in the order of coming.
    pub fn taken(&self) -> Vec<Taken> {
        self.inside.lock().unwrap().taken.clone()
    }

    /// Waits until what was taken is enough.
    pub async fn until(&self, what: &str, enough: impl Fn(&[Taken]) -> bool) -> Vec<Taken> {
        in_time(what, async {
            loop {
                let taken = self.taken();
                if enough(&taken) {
                    return taken;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// Waits until it was turned away this often.
    pub async fn until_turned_away(&self, count: usize) {
        in_time("being turned away", async {
            while self.turned_away() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

async fn take(State(inside): State<Arc<Mutex<Inside>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut inside = inside.lock().unwrap();
    if inside.answer.is_success() {
        let event = serde_json::from_slice(&body).unwrap();
        inside.taken.push(Taken { headers, body, event });
    } else {
        inside.turned_away += 1;
    }
    inside.answer
}

impl Taken {
    /// The type of the event, without what all have in front.
    pub fn kind(&self) -> &str {
        let kind = self.event["type"].as_str().unwrap();
        kind.strip_prefix("sidetone.calling.").unwrap()
    }

    pub fn id(&self) -> &str {
        self.event["id"].as_str().unwrap()
    }

    pub fn call(&self) -> &str {
        self.event["correlationid"].as_str().unwrap()
    }

    pub fn sequence(&self) -> &str {
        self.event["sequence"].as_str().unwrap()
    }

    /// Whether it was signed with this secret, as a receiver checks it (Standard Webhooks).
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let header = |name: &str| self.headers[name].to_str().unwrap().to_owned();
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
        let mut signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).into_bytes();
        signed.extend_from_slice(&self.body);
        let signature = header("webhook-signature");
        let signature = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
        header("webhook-id") == self.id() && aws_lc_rs::hmac::verify(&key, &signed, &signature).is_ok()
    }
}
