//! The last word on a token: whoever embeds the service, or an organisation through a webhook, may refuse one with a
//! reason (spec R113). Who cannot be asked has refused.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use sidetone_organisation::ResourceId;
use sidetone_signaling::Identifier;
use sidetone_store::WallTime;
use url::Url;
use uuid::Uuid;

use crate::Secret;
use crate::outbound::{self, Ask, Bounds, Outbound};
use crate::token::Scope;

/// How long each may take to answer.
const ANSWER: Bounds = Bounds {
    time: Duration::from_secs(2),
    body: 16 * 1024,
};

/// Longest reason that is passed on, in characters.
const MAX_REASON: usize = 200;

/// A token that is about to be issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TokenIntent {
    /// For whom.
    pub identity: Identifier,
    /// The name that will be in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What it will allow.
    pub scopes: Vec<Scope>,
    /// The resource whose backend asks for it.
    pub resource: ResourceId,
    /// The client through which a member signed in; absent for external users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// Why a token is refused, in words for the caller's developer. Cut off after 200 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Vetoed {
    /// The words.
    pub reason: String,
}

/// Why the last word was no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VetoError {
    /// Somebody said no, in these words.
    #[error("refused: {0}")]
    Refused(String),
    /// Who may say no could not be asked.
    #[error("whoever may refuse a token could not be asked")]
    Unavailable,
}

/// Whoever embeds the service and wants a say in tokens for members and external users.
#[async_trait]
pub trait TokenVeto: Send + Sync {
    /// Whether the token may be issued. An answer that takes more than 2 seconds is taken for a refusal.
    ///
    /// # Errors
    /// [`Vetoed`]: the token is not issued.
    async fn consider(&self, intent: &TokenIntent) -> Result<(), Vetoed>;
}

/// A [`TokenVeto`] as [`crate::ServerConfig`] holds it.
#[derive(Clone)]
pub struct Veto(Arc<dyn TokenVeto>);

impl Veto {
    /// Holds `veto`.
    pub fn new(veto: impl TokenVeto + 'static) -> Self {
        Self(Arc::new(veto))
    }

    /// Asks.
    pub(crate) async fn consider(&self, intent: &TokenIntent) -> Result<(), VetoError> {
        tokio::time::timeout(ANSWER.time, self.0.consider(intent))
            .await
            .map_err(|_| VetoError::Unavailable)?
            .map_err(|Vetoed { reason }| refused(&reason))
    }
}

impl fmt::Debug for Veto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Veto").finish_non_exhaustive()
    }
}

/// What a webhook answers: `{"allow": true}`, or `{"allow": false, "reason": "…"}`.
#[derive(Deserialize)]
struct Verdict {
    allow: bool,
    #[serde(default)]
    reason: Option<String>,
}

/// The question, as a webhook gets it.
#[derive(Serialize)]
struct Question<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    intent: &'a TokenIntent,
}

/// Asks a webhook, with a signature by which it knows us (headers `webhook-id`, `-timestamp`, `-signature`).
///
/// # Errors
/// [`VetoError::Refused`]; [`VetoError::Unavailable`] for any answer but the two it may give.
pub(crate) async fn ask(
    outbound: &Outbound,
    url: &str,
    secret: &Secret,
    intent: &TokenIntent,
    now: WallTime,
) -> Result<(), VetoError> {
    let url = Url::parse(url).map_err(|_| VetoError::Unavailable)?;
    let question = Question {
        kind: "token.requested",
        intent,
    };
    let body = Bytes::from(serde_json::to_vec(&question).map_err(|_| VetoError::Unavailable)?);
    let mut headers = outbound::sign(secret, &Uuid::new_v4().to_string(), now, &body);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let ask = Ask {
        method: Method::POST,
        url: &url,
        headers,
        body,
    };
    let answer = outbound.ask(ask, ANSWER).await;
    let answer = answer.map_err(|_| VetoError::Unavailable)?;
    if !answer.status.is_success() {
        return Err(VetoError::Unavailable);
    }
    match serde_json::from_slice(&answer.body) {
        Ok(Verdict { allow: true, .. }) => Ok(()),
        Ok(Verdict { reason, .. }) => Err(refused(reason.as_deref().unwrap_or("no reason given"))),
        Err(_) => Err(VetoError::Unavailable),
    }
}

fn refused(reason: &str) -> VetoError {
    let shown = reason.chars().filter(|c| !c.is_control()).take(MAX_REASON);
    VetoError::Refused(shown.collect())
}
