//! A service of the operator's that is asked about messages: a real HTTP server, which answers as a test wants.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use sidetone_server::{ChatHook, Secret};
use tokio::net::TcpListener;

type Says = Box<dyn Fn(&Value) -> Result<Value, StatusCode> + Send>;

struct Inside {
    says: Says,
    asked: Vec<(HeaderMap, Value)>,
}

#[derive(Clone)]
pub struct Hook {
    pub url: String,
    inside: Arc<Mutex<Inside>>,
}

impl Hook {
    pub async fn start(says: impl Fn(&Value) -> Result<Value, StatusCode> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ask", listener.local_addr().unwrap());
        let inside = Arc::new(Mutex::new(Inside {
            says: Box::new(says),
            asked: Vec::new(),
        }));
        let router = Router::new().route("/ask", post(ask)).with_state(inside.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inside }
    }

    pub fn config(&self) -> Option<ChatHook> {
        Some(ChatHook {
            secret: Some(Secret::new("a secret that both know")),
            ..ChatHook::new(&self.url)
        })
    }

    pub fn says(&self, says: impl Fn(&Value) -> Result<Value, StatusCode> + Send + 'static) {
        self.inside.lock().unwrap().says = Box::new(says);
    }

    /// What it was asked, the oldest first.
    pub fn asked(&self) -> Vec<(HeaderMap, Value)> {
        self.inside.lock().unwrap().asked.clone()
    }
}

async fn ask(
    State(inside): State<Arc<Mutex<Inside>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, StatusCode> {
    let mut inside = inside.lock().unwrap();
    let question: Value = serde_json::from_slice(&body).unwrap();
    inside.asked.push((headers, question.clone()));
    (inside.says)(&question).map(Json)
}
