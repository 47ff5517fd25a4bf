//! The organisation's own last word, over a signed webhook.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Stage, stage};

/// Listens, keeps what it is asked, and gives the answer that is set.
#[derive(Clone, Default)]
struct Checker {
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Checker {
    async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let this = self.clone();
        let check = post(async move |headers: HeaderMap, body: Bytes| {
            this.asked.lock().unwrap().push((headers, body));
            let (status, answer) = this.answer.lock().unwrap().clone();
            (StatusCode::from_u16(status).unwrap(), answer)
        });
        let router = Router::new().route("/check", check);
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/check")
    }

    fn answers(&self, status: u16, body: impl ToString) {
        *self.answer.lock().unwrap() = (status, body.to_string());
    }
}

#[tokio::test]
async fn a_webhook_may_refuse_and_knows_who_asks() {
    let mut stage = stage!();
    let checker = Checker::default();
    let mut settings = stage.settings();
    settings["vetoUrl"] = checker.listen().await.into();
    let secret = stage.accepts(settings.clone()).await["vetoSecret"]
        .as_str()
        .unwrap()
        .to_owned();
    // It is shown once.
    assert!(stage.accepts(settings).await["vetoSecret"].is_null());
    let sign_in = stage.provider.sign_in("app-RS256", "ann", None).await;

    checker.answers(200, json!({ "allow": true }));
    stage.exchange(&sign_in.id, "app-RS256", "ann").await.is(201);
    let (headers, body) = checker.asked.lock().unwrap().pop().unwrap();
    let question: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        question,
        json!({
            "type": "token.requested",
            "identity": "member:acme:ann",
            "displayName": "Ann Example",
            "scopes": ["voip", "chat"],
            "resource": stage.resource.id,
            "client": "app-RS256",
        })
    );
    // As a receiver would check it.
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
    let signed = [
        header("webhook-id").as_bytes(),
        b".",
        header("webhook-timestamp").as_bytes(),
        b".",
        &body,
    ]
    .concat();
    let signature = header("webhook-signature");
    let signature = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
    aws_lc_rs::hmac::verify(&key, &signed, &signature).unwrap();

    checker.answers(200, json!({ "allow": false, "reason": "no second factor" }));
    let refused = stage.exchange(&sign_in.id, "app-RS256", "ann").await;
    assert_eq!(
        refused.problem(403, "vetoed")["detail"],
        "refused: no second factor"
    );
    // Whatever is no answer is a no.
    for (status, body) in [
        (500, json!({ "allow": true })),
        (200, json!({})),
        (200, json!("yes")),
        (302, json!(null)),
    ] {
        checker.answers(status, body);
        let refused = stage.exchange(&sign_in.id, "app-RS256", "ann").await;
        refused.problem(503, "veto-unavailable");
    }
}
