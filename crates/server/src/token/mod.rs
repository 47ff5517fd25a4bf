//! Access tokens: JSON Web Tokens (RFC 7519) signed with EdDSA (RFC 8037). Who asks and whether they may is decided
//! elsewhere; here tokens are made, checked and taken back, at a time that the caller gives.
//!
//! Several servers on one store agree: keys and revocations are kept there, and each server follows them
//! (`follow`).

mod application;
mod claims;
mod error;
mod follow;
mod http;
mod revocation;

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use sidetone_signaling::Identifier;
use sidetone_signaling::switchboard::Grant;
use sidetone_store::{Entry, Kv, StoreError, WallTime};
use uuid::Uuid;

pub use claims::{Claims, IssuedToken, Scope, TokenRequest};
pub use error::TokenError;
pub use follow::REVOCATION_BOUND;
pub(crate) use follow::{Withdrawn, follow};
pub(crate) use http::router;
use revocation::{Revocation, Revocations};

use crate::keyring::{self, KeyRing, OldKeys};
use crate::{Secret, ServerError};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Longest display name, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// How far in the future a token may say it was issued: the difference between two machines' clocks.
const CLOCK_LEEWAY: Duration = Duration::from_secs(60);

/// What the names of everything that is stored here begin with.
const PREFIX: &str = "token.";

/// Issues and checks tokens with the deployment's signing keys.
pub struct Tokens {
    lifetimes: RangeInclusive<Duration>,
    validation: Validation,
    state: RwLock<State>,
    /// Held while keys are read from the store and taken in.
    reloading: tokio::sync::Mutex<()>,
}

struct State {
    keys: KeyRing,
    revocations: Revocations,
}

impl Tokens {
    /// With the signing keys in `kv`, the first made now if there is none. `lifetimes` bounds what may be issued.
    ///
    /// # Errors
    /// [`ServerError::Store`] or, for a key that cannot be understood, [`ServerError::SigningKey`].
    pub async fn open(
        kv: &dyn Kv,
        lifetimes: RangeInclusive<Duration>,
        now: WallTime,
    ) -> Result<Self, ServerError> {
        // One algorithm, ours: `none` and everything else is refused before any key is used. Times are checked
        // here against the caller's clock, not by the library against its own.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        let state = State {
            keys: KeyRing::open(kv, now).await?,
            revocations: Revocations::default(),
        };
        let tokens = Self {
            lifetimes,
            validation,
            state: RwLock::new(state),
            reloading: tokio::sync::Mutex::default(),
        };
        for revocation in kv
            .list(revocation::PREFIX, now)
            .await?
            .iter()
            .filter_map(Revocation::read)
        {
            if revocation.departing {
                tokens.departed(kv, &revocation.identity, now).await?;
            } else {
                tokens.take(revocation, now);
            }
        }
        Ok(tokens)
    }

    /// Takes back the tokens of an identity that is about to be deleted. [`Tokens::departed`] must follow when it is; a
    /// process that ends in between makes up for it when it starts again, so that no token outlives who it was made for.
    pub(crate) async fn departing(
        &self,
        kv: &dyn Kv,
        identity: &Identifier,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let revocation = revocation::write(kv, identity, self.kept(), now, true).await?;
        self.take(revocation, now);
        Ok(())
    }

    /// Takes back the tokens of an identity that was deleted, those issued while it was being deleted included.
    pub(crate) async fn departed(
        &self,
        kv: &dyn Kv,
        identity: &Identifier,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let revocation = revocation::write(kv, identity, self.kept(), now, false).await?;
        self.take(revocation, now);
        Ok(())
    }

    /// Whether a token would be issued; when it would end, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// As [`Tokens::issue`].
    pub(crate) fn check(&self, request: &TokenRequest, now: WallTime) -> Result<u64, TokenError> {
        let lifetime = request.lifetime.unwrap_or(*self.lifetimes.end());
        if !self.lifetimes.contains(&lifetime) {
            return Err(TokenError::Lifetime {
                allowed: self.lifetimes.clone(),
            });
        }
        if request.scopes.is_empty() {
            return Err(TokenError::NoScopes);
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
        let exp = request.until.map_or(exp, |until| until.as_secs().min(exp));
        if exp <= now.as_secs() {
            return Err(TokenError::Expired);
        }
        Ok(exp)
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`TokenError::Lifetime`], [`TokenError::NoScopes`], [`TokenError::NameTooLong`], [`TokenError::Identity`];
    /// [`TokenError::Expired`] when it would end before it begins.
    pub fn issue(&self, mut request: TokenRequest, now: WallTime) -> Result<IssuedToken, TokenError> {
        let exp = self.check(&request, now)?;
        let mut seen = HashSet::new();
        request.scopes.retain(|scope| seen.insert(*scope));
        let state = self.read();
        let claims = Claims {
            // A token of the second of a revocation says the next one, so that nothing issued before it is taken
            // for this one.
            iat: state
                .revocations
                .first_valid(&request.identity)
                .max(now.as_secs()),
            sub: request.identity,
            name: request.name,
            scopes: request.scopes,
            resource: request.resource,
            exp,
            jti: Uuid::new_v4(),
        };
        let key = state.keys.current();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.id.clone());
        let token = jsonwebtoken::encode(&header, &claims, &key.signing).map_err(|_| TokenError::Claims)?;
        Ok(IssuedToken {
            token: Secret::new(token),
            expires: WallTime::from_millis(exp * 1000),
        })
    }

    /// Checks a token that someone presents.
    ///
    /// # Errors
    /// [`TokenError::Malformed`], [`TokenError::Algorithm`], [`TokenError::UnknownKey`], [`TokenError::Signature`],
    /// [`TokenError::Claims`], [`TokenError::NotYet`], [`TokenError::Expired`], [`TokenError::Revoked`].
    pub fn verify(&self, token: &str, now: WallTime) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| shape_error(token, &error))?;
        if header.alg != Algorithm::EdDSA {
            return Err(TokenError::Algorithm);
        }
        let state = self.read();
        let key = header.kid.and_then(|id| state.keys.find(&id, now));
        let key = key.ok_or(TokenError::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.checking, &self.validation)
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
        if claims.iat < state.revocations.first_valid(&claims.sub) {
            return Err(TokenError::Revoked);
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

    /// Checks a token for a session in which calls are made; what it grants.
    ///
    /// # Errors
    /// As [`Tokens::verify`], and [`TokenError::ScopeMissing`] for a token that is good for no call at all.
    pub fn grant(&self, token: &str, now: WallTime) -> Result<Grant, TokenError> {
        let claims = self.verify(token, now)?;
        let may_start_calls = claims.scopes.contains(&Scope::Voip);
        let may_take_calls = may_start_calls || claims.scopes.contains(&Scope::VoipJoin);
        if claims.scopes.is_empty() {
            return Err(TokenError::ScopeMissing { needed: Scope::Voip });
        }
        Ok(Grant {
            identity: claims.sub,
            display_name: claims.name.unwrap_or_default(),
            expires_in: Duration::from_millis((claims.exp * 1000).saturating_sub(now.as_millis())),
            may_start_calls,
            may_take_calls,
            application: claims.resource.map(Into::into),
        })
    }

    /// The public keys with which others can check our tokens (RFC 7517).
    pub fn public_keys(&self, now: WallTime) -> jsonwebtoken::jwk::JwkSet {
        self.read().keys.public(now)
    }

    /// Makes a new key, which signs from now on.
    ///
    /// # Errors
    /// [`ServerError::Store`].
    pub async fn rotate(&self, kv: &dyn Kv, old: OldKeys, now: WallTime) -> Result<(), ServerError> {
        let keep = match old {
            OldKeys::Keep => Some(self.kept()),
            OldKeys::Drop => None,
        };
        keyring::rotate(kv, keep, now).await?;
        self.reload_keys(kv, now).await?;
        Ok(())
    }

    /// Takes back every token that was issued to `identity` up to now. When this returns none of them verifies here
    /// any more, and it is on disk; other servers on the same store follow within [`REVOCATION_BOUND`].
    ///
    /// # Errors
    /// [`ServerError::Store`].
    pub async fn revoke(&self, kv: &dyn Kv, identity: &Identifier, now: WallTime) -> Result<(), ServerError> {
        Ok(self.departed(kv, identity, now).await?)
    }

    /// Takes in the keys that the store has, and gives them as they are stored. Where they cannot be used, those known
    /// go on.
    async fn reload_keys(&self, kv: &dyn Kv, now: WallTime) -> Result<Vec<Entry>, StoreError> {
        // Reading and taking in are one step: who reads later has the last word.
        let _turn = self.reloading.lock().await;
        let entries = kv.list(keyring::PREFIX, now).await?;
        match KeyRing::read(&entries) {
            Ok(Some(keys)) => self.write().keys = keys,
            Ok(None) | Err(_) => tracing::error!("the signing keys in the store cannot be used"),
        }
        Ok(entries)
    }

    fn take(&self, revocation: Revocation, now: WallTime) {
        self.write().revocations.take(revocation, self.kept(), now);
    }

    /// How long a token can be valid, and so how long keys and revocations matter. Not below a day, whatever is
    /// configured now: yesterday it may have been otherwise.
    fn kept(&self) -> Duration {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        (*self.lifetimes.end()).max(DAY) + CLOCK_LEEWAY
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // State is replaced whole or in one step, so a poisoned one is still sound.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
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
