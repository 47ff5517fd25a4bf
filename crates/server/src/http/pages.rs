//! The small pages: health, metrics, public keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sidetone_store::LogName;
use tokio::sync::oneshot;

use super::{Service, refuse};
use crate::clock::wall_now;
use crate::driver::Input;

/// `GET /healthz`: the process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: calls can be placed: the switchboard answers and the store can be read.
pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Response {
    let store = async {
        let log = LogName::new("calls").ok()?;
        service.store.log.end(&log).await.ok()
    };
    match (stats(&service).await, store.await) {
        (Some(_), Some(_)) => "ready\n".into_response(),
        (None, _) => refuse(StatusCode::SERVICE_UNAVAILABLE, "the switchboard does not answer"),
        (_, None) => refuse(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read"),
    }
}

/// `GET /metrics`: OpenMetrics text.
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let Some(stats) = stats(&service).await else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "the switchboard does not answer");
    };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        [(header::CONTENT_TYPE, kind)],
        service.connections.metrics.page(&stats),
    )
        .into_response()
}

/// `GET /.well-known/jwks.json`: the keys that check our tokens (RFC 7517).
pub(crate) async fn public_keys(State(service): State<Arc<Service>>) -> Response {
    (
        [(header::CACHE_CONTROL, "public, max-age=300")],
        Json(service.tokens.public_keys(wall_now())),
    )
        .into_response()
}

async fn stats(service: &Service) -> Option<sidetone_signaling::switchboard::Stats> {
    let (reply, stats) = oneshot::channel();
    service.connections.inputs.send(Input::Stats(reply)).await.ok()?;
    stats.await.ok()
}
