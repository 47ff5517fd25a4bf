//! Questions to services of the operator's: one request over HTTP each, signed as webhooks are, bounded in time and size,
//! a few at the same time. What is asked and what an answer means, this refuses to know.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Method, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use crate::Secret;
use crate::clock::wall_now;
use crate::outbound::{self, Ask, Bounds, Outbound, OutboundError};

/// Questions that one service is asked at the same time. More need more memory here and there.
const AT_ONCE: usize = 8;

/// A service of the operator's that is asked about messages (`POST`, JSON).
#[derive(Clone, Debug)]
pub struct ChatHook {
    /// The address to ask. Whether it may be reached at all is [`crate::ServerConfig::outbound`]'s to say.
    pub url: String,
    /// With what questions are signed, so that it knows whose they are. `None`: they are not.
    pub secret: Option<Secret>,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl ChatHook {
    /// Asks this address, without signatures.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secret: None,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Asks.
pub(super) struct Hook {
    url: Url,
    secret: Option<Secret>,
    timeout: Duration,
    outbound: Outbound,
    asking: Semaphore,
}

impl Hook {
    /// # Errors
    /// An address that may not be asked.
    pub(super) fn new(
        url: &str,
        secret: Option<Secret>,
        timeout: Duration,
        outbound: Outbound,
    ) -> Result<Self, OutboundError> {
        let url = Url::parse(url).map_err(|_| OutboundError::Address)?;
        outbound.check(&url)?;
        Ok(Self {
            url,
            secret,
            timeout,
            outbound,
            asking: Semaphore::new(AT_ONCE),
        })
    }

    /// # Errors
    /// An address that may not be asked.
    pub(super) fn of(hook: ChatHook, outbound: Outbound) -> Result<Self, OutboundError> {
        Self::new(&hook.url, hook.secret, hook.timeout, outbound)
    }

    /// Waits until few enough others ask. Closed never.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.asking.acquire().await.ok()
    }

    /// Asks about something in JSON. As [`Hook::ask`].
    pub(super) async fn question<A: DeserializeOwned>(
        &self,
        id: &str,
        question: &impl Serialize,
        most: usize,
    ) -> Option<A> {
        let body = serde_json::to_vec(question).ok()?;
        let about = [(header::CONTENT_TYPE.as_str(), "application/json")];
        self.ask(id, &about, body.into(), most).await
    }

    /// Asks about something with an id. `most` bounds the answer, in bytes. None: there was no answer that could be read,
    /// for whatever reason.
    pub(super) async fn ask<A: DeserializeOwned>(
        &self,
        id: &str,
        about: &[(&str, &str)],
        body: Bytes,
        most: usize,
    ) -> Option<A> {
        let mut headers = match &self.secret {
            Some(secret) => outbound::sign(secret, id, wall_now(), &body),
            None => Default::default(),
        };
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in about {
            headers.insert(
                HeaderName::try_from(*name).ok()?,
                HeaderValue::try_from(*value).ok()?,
            );
        }
        let ask = Ask {
            method: Method::POST,
            url: &self.url,
            headers,
            body,
        };
        let bounds = Bounds {
            time: self.timeout,
            body: most,
        };
        let host = self.url.host_str().unwrap_or_default();
        let answer = self.outbound.ask(ask, bounds).await;
        let answer = answer
            .inspect_err(
                |error| tracing::warn!(host, id, %error, "a service of the operator's gave no answer"),
            )
            .ok()?;
        if !answer.status.is_success() {
            tracing::warn!(host, id, status = %answer.status, "a service of the operator's gave no answer");
            return None;
        }
        serde_json::from_slice(&answer.body)
            .inspect_err(|error| tracing::warn!(host, id, %error, "a service of the operator's answers in no known words"))
            .ok()
    }
}
