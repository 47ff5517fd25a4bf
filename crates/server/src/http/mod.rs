//! What the server answers over HTTP, each address in its own file.

mod dev_token;
mod pages;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use sidetone_store::Store;

use crate::admission::Admission;
use crate::api::problem::{Problem, ProblemType};
use crate::config::DevTokens;
use crate::connection::Connections;
use crate::listener::Alive;
use crate::token::Tokens;

/// Longest body of any request, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// How long a request may take, its body included. Not the life of a WebSocket, which is over with HTTP by then.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What the handlers share.
pub(crate) struct Service {
    pub(crate) connections: Arc<Connections>,
    pub(crate) admission: Admission,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) store: Store,
    pub(crate) dev_tokens: DevTokens,
    pub(crate) alive: Alive,
}

/// All addresses, those of the API among them.
pub(crate) fn router(service: Arc<Service>, api: Router) -> Router {
    Router::new()
        .route("/v1/ws", get(socket::open))
        .route("/v1/dev/token", post(dev_token::issue))
        .route("/.well-known/jwks.json", get(pages::public_keys))
        .route("/healthz", get(pages::live))
        .route("/readyz", get(pages::ready))
        .route("/metrics", get(pages::metrics))
        .fallback(async || Problem::new(ProblemType::NOT_FOUND, "there is no such address"))
        .with_state(service)
        // The API's own limit on bodies holds behind this one.
        .merge(api)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(in_time))
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refuse(StatusCode::REQUEST_TIMEOUT, "the request took too long"),
    }
}

/// A refusal as JSON: `{"code": 404, "message": "…"}`.
fn refuse(status: StatusCode, message: impl Into<String>) -> Response {
    let body = serde_json::json!({ "code": status.as_u16(), "message": message.into() });
    (status, Json(body)).into_response()
}
