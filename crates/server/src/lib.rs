//! The self-hosted calling service: one process that speaks `sidetone.v1` over WebSockets, issues and checks tokens,
//! keeps call records, and shows its health and metrics.
//!
//! It joins sockets, store and two sans-IO brains, [`sidetone_signaling::switchboard::Switchboard`] and
//! [`sidetone_meeting::Meetings`]. Media of a call between two goes between the clients; that of meetings and group calls
//! is forwarded by [`sidetone_sfu::Sfu`]. It refuses to know codecs.
//!
//! ```no_run
//! use sidetone_server::{Server, ServerConfig, TokenRequest};
//! use sidetone_signaling::Identifier;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start(ServerConfig::default()).await?;
//! let ann = TokenRequest::new(Identifier::member("acme", "ann")?);
//! let token = server.issue_token(ann)?.token.into_exposed();
//! // Clients connect to `server.url()` and open a session with `token`.
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Addresses
//!
//! | address | what |
//! |---|---|
//! | `GET /v1/ws` | the signaling WebSocket, subprotocol `sidetone.v1` |
//! | `GET /.well-known/jwks.json` | public keys of the tokens (RFC 7517) |
//! | `POST /v1/dev/token` | a token for anyone, where [`DevTokens`] allows: `{"identity": "member:acme:ann", "name": "Ann", "lifetime": 3600}` |
//! | `/v1/…` | the API of operators, administrators and applications, described at `GET /v1/openapi.json` |
//! | `GET /healthz`, `GET /readyz` | the process lives; calls can be placed |
//! | `GET /metrics` | OpenMetrics text for Prometheus |
//!
//! # What stands in front
//!
//! The server speaks plain HTTP/1.1. TLS belongs to a reverse proxy in front of it: bind to loopback or a private
//! address, name the proxy in [`ServerConfig::trusted_proxies`] so that limits count its clients one by one, and
//! let it pass `/v1/`, `/.well-known/` and `/healthz`; `/metrics` is for the operator's own network.
//!
//! # What does not reach the log
//!
//! Tokens, session descriptions, candidates and network addresses are never logged, at any level, by this crate:
//! peers show as a tag that is good for one run ([`PeerAddress`]), secrets as their length ([`Secret`]). The
//! WebSocket library below would log whole frames at its most verbose level: keep [`LIBRARY_LOG_CEILING`] in the
//! program's log filter.

#![forbid(unsafe_code)]

mod accounting;
mod admission;
mod api;
mod chat;
mod clock;
mod config;
mod connection;
mod departures;
mod driver;
mod error;
mod events;
mod exchange;
mod flag;
mod health;
mod http;
mod identity;
mod key;
mod keyring;
mod listener;
mod meetings;
mod metrics;
mod outbound;
mod outbox;
mod policy;
mod redact;
mod relay;
mod server;
mod token;
mod voicemail;

pub use chat::{ChatHook, FileScan, Unanswered};
pub use config::{ConnectionLimits, DevTokens, ServerConfig};
pub use error::ServerError;
pub use events::DeliveryConfig;
pub use identity::{IdentityQuotas, TokenIntent, TokenVeto, Veto, Vetoed};
pub use keyring::OldKeys;
pub use meetings::MediaConfig;
pub use outbound::OutboundConfig;
pub use redact::{PeerAddress, Secret};
pub use relay::TurnConfig;
pub use server::{Server, ServerHandle, issue_token};
pub use token::{Claims, IssuedToken, REVOCATION_BOUND, Scope, TokenError, TokenRequest, Tokens};

/// What only the fuzz targets reach from outside.
#[cfg(fuzzing)]
pub mod fuzzing {
    use std::time::Duration;

    /// The wait that an answer asks for.
    pub fn retry_after(value: &[u8]) -> Option<Duration> {
        crate::events::seconds(value)
    }

    /// How long a sound plays that is to be a message or a greeting.
    pub fn sound(bytes: &[u8]) -> Option<Duration> {
        crate::voicemail::sound::length(bytes)
    }

    /// Whether these are a provider's keys, one of which is for this token.
    pub fn provider(keys: &[u8], token: &str) -> bool {
        let keys = crate::exchange::keys::ProviderKeys::read(keys);
        let head = crate::exchange::keys::Head::read(token);
        matches!((keys, head), (Ok(keys), Ok(head)) if keys.find(&head).is_ok())
    }

    /// Whether this is a stored signing key, and what is stored of it again.
    pub fn signing_key(stored: &[u8]) -> Option<Vec<u8>> {
        crate::key::SigningKey::restore(stored).ok()?.stored().ok()
    }
}

/// Directives for a `tracing` filter, to be put behind any other, that keep the libraries below from logging what
/// they carry.
pub const LIBRARY_LOG_CEILING: &str = "tungstenite=info,tokio_tungstenite=info,hyper=info,hyper_util=info";
