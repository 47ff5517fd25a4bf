//! Access tokens: JSON Web Tokens (RFC 7519) signed with EdDSA (RFC 8037). Who asks and whether they may is decided
//! elsewhere; here tokens are made and checked against a time that the caller gives.

use std::ops::RangeInclusive;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use sidetone_signaling::identifier::Identifier;
use sidetone_store::{Kv, WallTime};
use uuid::Uuid;

use crate::key::SigningKey;
use crate::{Secret, ServerError};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Longest display name, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// How far in the future a token may say it was issued: the difference between two machines' clocks.
const CLOCK_LEEWAY: Duration = Duration::from_secs(60);

/// What a token lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
}

impl TokenRequest {
    /// A request for calling and chatting, valid as long as allowed.
    pub fn new(identity: Identifier) -> Self {
        Self {
            identity,
            name: None,
            scopes: vec![Scope::Voip, Scope::Chat],
            lifetime: None,
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

/// Why a token was not issued or not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a JSON Web Token, or too long for one.
    #[error("the token is malformed")]
    Malformed,
    /// Signed with another algorithm than EdDSA, or not at all.
    #[error("the token is not signed with EdDSA")]
    Algorithm,
    /// Signed with a key that this deployment does not have.
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
    /// The lifetime asked for is not allowed.
    #[error("a token's lifetime must be {} to {} seconds", .allowed.start().as_secs(), .allowed.end().as_secs())]
    Lifetime {
        /// What is allowed.
        allowed: RangeInclusive<Duration>,
    },
    /// The display name is longer than 256 bytes.
    #[error("the display name is longer than 256 bytes")]
    NameTooLong,
    /// The identity cannot register (a telephone number, or a kind this version does not know).
    #[error("this identity cannot have a token")]
    Identity,
}

/// Issues and checks tokens with the deployment's signing key.
pub struct Tokens {
    key: SigningKey,
    lifetimes: RangeInclusive<Duration>,
    validation: Validation,
}

impl Tokens {
    /// With the signing key in `kv`, made now if there is none. `lifetimes` bounds what may be issued.
    ///
    /// # Errors
    /// [`ServerError::Store`] or, for a key that cannot be understood, [`ServerError::SigningKey`].
    pub async fn open(
        kv: &dyn Kv,
        lifetimes: RangeInclusive<Duration>,
        now: WallTime,
    ) -> Result<Self, ServerError> {
        let key = SigningKey::open(kv, now).await?;
        // One algorithm, ours: `none` and everything else is refused before any key is used. Times are checked
        // here against the caller's clock, not by the library against its own.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Ok(Self {
            key,
            lifetimes,
            validation,
        })
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`TokenError::Lifetime`], [`TokenError::NameTooLong`], [`TokenError::Identity`].
    pub fn issue(&self, request: TokenRequest, now: WallTime) -> Result<IssuedToken, TokenError> {
        let lifetime = request.lifetime.unwrap_or(*self.lifetimes.end());
        if !self.lifetimes.contains(&lifetime) {
            return Err(TokenError::Lifetime {
                allowed: self.lifetimes.clone(),
            });
        }
        if request
            .name
            .as_ref()
            .is_some_and(|name| name.len() > MAX_NAME_BYTES)
        {
            return Err(TokenError::NameTooLong);
        }
        if !request.identity.can_register() {
            return Err(TokenError::Identity);
        }
        let exp = now.after(lifetime).as_secs();
        let claims = Claims {
            sub: request.identity,
            name: request.name,
            scopes: request.scopes,
            iat: now.as_secs(),
            exp,
            jti: Uuid::new_v4(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.key.id.clone());
        let token =
            jsonwebtoken::encode(&header, &claims, &self.key.signing).map_err(|_| TokenError::Claims)?;
        Ok(IssuedToken {
            token: Secret::new(token),
            expires: WallTime::from_millis(exp * 1000),
        })
    }

    /// Checks a token that someone presents.
    ///
    /// # Errors
    /// Any [`TokenError`] except the three of [`Tokens::issue`].
    pub fn verify(&self, token: &str, now: WallTime) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| shape_error(token, &error))?;
        if header.alg != Algorithm::EdDSA {
            return Err(TokenError::Algorithm);
        }
        if header.kid.as_ref().is_some_and(|id| *id != self.key.id) {
            return Err(TokenError::UnknownKey);
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key.checking, &self.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => TokenError::Signature,
                ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => TokenError::Algorithm,
                ErrorKind::MissingRequiredClaim(_)
                | ErrorKind::InvalidClaimFormat(_)
                | ErrorKind::Json(_) => TokenError::Claims,
                _ => TokenError::Malformed,
            })?
            .claims;
        if claims.iat > now.after(CLOCK_LEEWAY).as_secs() {
            return Err(TokenError::NotYet);
        }
        if claims.exp <= now.as_secs() {
            return Err(TokenError::Expired);
        }
        if !claims.sub.can_register()
            || claims
                .name
                .as_ref()
                .is_some_and(|name| name.len() > MAX_NAME_BYTES)
        {
            return Err(TokenError::Claims);
        }
        Ok(claims)
    }

    /// The public keys with which others can check our tokens (RFC 7517).
    pub fn public_keys(&self) -> jsonwebtoken::jwk::JwkSet {
        self.key.public()
    }
}

/// A header that names an algorithm the library does not know (such as `none`) does not parse: tell that apart
/// from text that is no token at all.
fn shape_error(token: &str, error: &jsonwebtoken::errors::Error) -> TokenError {
    match error.kind() {
        ErrorKind::InvalidAlgorithmName | ErrorKind::UnsupportedAlgorithm => TokenError::Algorithm,
        ErrorKind::Json(_) if token.split('.').count() == 3 => TokenError::Algorithm,
        _ => TokenError::Malformed,
    }
}
