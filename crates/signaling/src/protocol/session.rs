//! Opening, resuming, refreshing and closing a session.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Millis;
use crate::identifier::Identifier;

/// A session: one endpoint of one identity, across sockets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.0)
    }
}

/// What an endpoint chooses for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EndpointOptions {
    /// Do not ring here while this endpoint is in a call; count it as busy.
    pub busy_when_in_call: bool,
    /// Never ring here: the endpoint is there for chat.
    pub no_calls: bool,
}

/// `session.open`: the first request on a fresh connection.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Open {
    /// Proof of identity.
    pub token: String,
    /// Name shown to others; the token's name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The endpoint's choices.
    #[serde(default)]
    pub options: EndpointOptions,
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open")
            .field("display_name", &self.display_name)
            .finish_non_exhaustive()
    }
}

/// A STUN or TURN server (RFC 8489, RFC 8656).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IceServer {
    /// `stun:` and `turn:` addresses.
    pub urls: Vec<String>,
    /// TURN user name, empty for STUN.
    #[serde(default)]
    pub username: String,
    /// TURN password, empty for STUN.
    #[serde(default)]
    pub credential: String,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

/// Answer to `session.open`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opened {
    /// The session.
    pub session: SessionId,
    /// Secret that resumes it.
    pub resume_token: String,
    /// Who this endpoint is, by its token.
    pub identity: Identifier,
    /// How long the session outlives its socket.
    pub resume_window_ms: Millis,
    /// How long a call outlives its media.
    pub media_lease_ms: Millis,
    /// How long the token is still good for.
    pub token_expires_in_ms: Millis,
    /// Servers for connectivity.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("session", &self.session)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// `session.resume`: the first request on a new connection of an older session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resume {
    /// The session.
    pub session: SessionId,
    /// Its secret.
    pub resume_token: String,
    /// Sequence number of the last event seen, 0 for none.
    pub last_seq: u64,
}

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resume")
            .field("session", &self.session)
            .field("last_seq", &self.last_seq)
            .finish_non_exhaustive()
    }
}

/// Answer to `session.resume`; the missed events follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {
    /// How many events follow from memory.
    pub replayed: u32,
    /// How long the token is still good for.
    pub token_expires_in_ms: Millis,
}

/// `session.refresh`: a new token for the same identity.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refresh {
    /// The new token.
    pub token: String,
}

impl fmt::Debug for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refresh")
    }
}

/// Answer to `session.refresh`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refreshed {
    /// How long the new token is good for.
    pub token_expires_in_ms: Millis,
    /// Servers for connectivity from now on: their credentials end with the token. Absent where they stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

/// `session.ping`: answered at once, tells a client that its socket is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ping {}

/// `session.close`: hangs up everything and ends the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Close {}
