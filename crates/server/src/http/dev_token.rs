//! `POST /v1/dev/token`: a token for anyone who asks. Exists only where the operator switched it on.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use sidetone_signaling::Identifier;

use super::{Service, refuse};
use crate::clock::wall_now;
use crate::config::DevTokens;
use crate::listener::Peer;
use crate::token::{Scope, TokenRequest};

/// The request.
#[derive(Deserialize)]
pub(crate) struct Body {
    identity: Identifier,
    #[serde(default)]
    name: Option<String>,
    /// In seconds.
    #[serde(default)]
    lifetime: Option<u64>,
    #[serde(default)]
    scopes: Option<Vec<Scope>>,
}

/// The answer. Its token is meant for the asker, so no redaction.
#[derive(Serialize)]
struct Issued {
    token: String,
    /// In seconds since the Unix epoch.
    expires: u64,
}

/// Header names by which proxies tell that a request comes from elsewhere.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

pub(crate) async fn issue(
    State(service): State<Arc<Service>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Result<Json<Body>, JsonRejection>,
) -> Response {
    let local = peer.address.is_loopback() && !FORWARDED.iter().any(|name| headers.contains_key(*name));
    match service.dev_tokens {
        DevTokens::Off => return refuse(StatusCode::NOT_FOUND, "no such address"),
        DevTokens::Loopback if !local => {
            return refuse(
                StatusCode::FORBIDDEN,
                "development tokens are for programs on this machine",
            );
        }
        DevTokens::Loopback | DevTokens::Anyone => {}
    }
    let Json(body) = match body {
        Ok(body) => body,
        Err(rejection) => return refuse(rejection.status(), rejection.body_text()),
    };
    let mut request = TokenRequest::new(body.identity);
    request.name = body.name;
    request.lifetime = body.lifetime.map(Duration::from_secs);
    if let Some(scopes) = body.scopes {
        request.scopes = scopes;
    }
    match service.tokens.issue(request, wall_now()) {
        Ok(issued) => {
            service.connections.metrics.tokens_issued.inc();
            tracing::info!(peer = %peer.address, "development token issued");
            let expires = issued.expires.as_secs();
            Json(Issued {
                token: issued.token.into_exposed(),
                expires,
            })
            .into_response()
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, error.to_string()),
    }
}
