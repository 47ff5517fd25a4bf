//! What a token says, and what one is asked for.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sidetone_organisation::ResourceId;
use sidetone_signaling::Identifier;
use sidetone_store::WallTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Secret;

/// What a token lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// Place and answer calls, join meetings.
    #[serde(rename = "voip")]
    Voip,
    /// Join meetings to which the bearer is invited; no calls.
    #[serde(rename = "voip.join")]
    VoipJoin,
    /// Everything in chat.
    #[serde(rename = "chat")]
    Chat,
    /// Chat, without creating, changing or deleting threads.
    #[serde(rename = "chat.join")]
    ChatJoin,
    /// Chat, without touching threads or their participants.
    #[serde(rename = "chat.join.limited")]
    ChatJoinLimited,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Voip => "voip",
            Self::VoipJoin => "voip.join",
            Self::Chat => "chat",
            Self::ChatJoin => "chat.join",
            Self::ChatJoinLimited => "chat.join.limited",
        })
    }
}

/// The content of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whose token it is.
    pub sub: Identifier,
    /// The name shown to others, if the issuer gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// Through which resource's application a member acts. An external user's resource is part of the identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// When it was issued, in seconds since the Unix epoch.
    pub iat: u64,
    /// From when on it is no longer valid, in seconds since the Unix epoch.
    pub exp: u64,
    /// The token's own id.
    pub jti: Uuid,
}

/// What a token is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// For whom.
    pub identity: Identifier,
    /// The name shown to others.
    pub name: Option<String>,
    /// What it shall allow.
    pub scopes: Vec<Scope>,
    /// How long it shall be valid; `None` for the longest allowed.
    pub lifetime: Option<Duration>,
    /// When it ends at the latest, even where that is sooner than the shortest lifetime: the end of whatever it was
    /// exchanged for.
    pub until: Option<WallTime>,
    /// Through which resource's application a member will act.
    pub resource: Option<ResourceId>,
}

impl TokenRequest {
    /// A request for calling and chatting, valid as long as allowed.
    pub fn new(identity: Identifier) -> Self {
        Self {
            identity,
            name: None,
            scopes: vec![Scope::Voip, Scope::Chat],
            lifetime: None,
            until: None,
            resource: None,
        }
    }
}

/// A token as given to its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token. Redacted when logged.
    pub token: Secret,
    /// From when on it is no longer valid.
    pub expires: WallTime,
}
