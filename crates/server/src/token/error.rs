//! Why a token was not issued or not accepted, each fault by its own name.

use std::ops::RangeInclusive;
use std::time::Duration;

use sidetone_signaling::Reason;

use super::Scope;

/// Why a token was not issued or not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a JSON Web Token, or too long for one.
    #[error("the token is malformed")]
    Malformed,
    /// Signed with another algorithm than EdDSA, or not at all.
    #[error("the token is not signed with EdDSA")]
    Algorithm,
    /// Signed with a key that this deployment does not have, or no longer.
    #[error("the token was signed with an unknown key")]
    UnknownKey,
    /// The signature does not belong to the content.
    #[error("the token's signature is wrong")]
    Signature,
    /// A claim is missing or cannot be understood.
    #[error("a claim of the token is missing or malformed")]
    Claims,
    /// It was valid once.
    #[error("the token has expired")]
    Expired,
    /// It says it was issued in the future.
    #[error("the token is not valid yet")]
    NotYet,
    /// It was valid once, and was taken back.
    #[error("the token was revoked")]
    Revoked,
    /// It is valid, but not for this.
    #[error("the token lacks the scope {needed}")]
    ScopeMissing {
        /// What it would need.
        needed: Scope,
    },
    /// The lifetime asked for is not allowed.
    #[error("a token's lifetime must be {} to {} minutes", .allowed.start().as_secs() / 60, .allowed.end().as_secs() / 60)]
    Lifetime {
        /// What is allowed.
        allowed: RangeInclusive<Duration>,
    },
    /// No scope was asked for.
    #[error("a token needs at least one scope")]
    NoScopes,
    /// The display name is longer than 256 bytes.
    #[error("the display name is longer than 256 bytes")]
    NameTooLong,
    /// The identity cannot register (a telephone number, or a kind this version does not know).
    #[error("this identity cannot have a token")]
    Identity,
}

impl TokenError {
    /// How it is told to a client: 403 for a valid token that does not allow the thing, 401 for any other fault of a
    /// token. The message names the fault.
    pub fn reason(&self) -> Reason {
        let known = match self {
            Self::ScopeMissing { .. } => Reason::SCOPE_MISSING,
            _ => Reason::INVALID_TOKEN,
        };
        Reason {
            message: self.to_string().into(),
            ..known
        }
    }
}
