//! Whether a member's sign-in is what it is said to be: one function, pure. It takes the keys and the time, and
//! refuses to know where the keys come from, whether there is such a member, and what is given in exchange.
//!
//! Id tokens: OpenID Connect Core 1.0 section 3.1.3.7. Access tokens: RFC 9068 section 4, as far as the identity
//! provider follows it. The order of checks is that of the fields of [`ExchangeError`]: nothing in a token is believed
//! before its signature.

use std::time::Duration;

use jsonwebtoken::Validation;
use jsonwebtoken::errors::ErrorKind;
use serde_json::{Map, Value};
use sidetone_store::WallTime;

use super::ExchangeError;
use super::keys::{Head, ProviderKeys};
use super::provider::IdentityProvider;

/// Longest sign-in that is looked at, in bytes. Identity providers put many claims into them.
pub(crate) const MAX_SIGN_IN_BYTES: usize = 16 * 1024;

/// How far the identity provider's clock may be ahead of ours.
const CLOCK_LEEWAY: Duration = Duration::from_secs(60);

/// The kinds of token that prove a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Made for the client that the member signed in through.
    IdToken,
    /// Made for an audience, on behalf of that client.
    AccessToken,
}

/// What the caller says about a sign-in.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    pub(crate) kind: Kind,
    pub(crate) token: String,
    /// The client through which the member signed in.
    pub(crate) client: String,
    /// Who signed in.
    pub(crate) object: String,
}

/// A sign-in that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Confirmed {
    /// When it ends.
    pub(crate) until: WallTime,
}

impl SignIn {
    /// What can be said without keys: whether the organisation accepts such a sign-in at all, and its header.
    ///
    /// # Errors
    /// [`ExchangeError`] of the organisation's side and of the sign-in's form.
    pub(crate) fn head(&self, provider: &IdentityProvider) -> Result<Head, ExchangeError> {
        if !provider.clients.contains(&self.client) {
            return Err(ExchangeError::ClientNotAccepted);
        }
        if self.kind == Kind::AccessToken && provider.audiences.is_empty() {
            return Err(ExchangeError::AccessTokensNotAccepted);
        }
        if self.token.len() > MAX_SIGN_IN_BYTES {
            return Err(ExchangeError::Malformed);
        }
        let head = Head::read(&self.token)?;
        // RFC 9068 section 2.1: an access token says so, exactly to keep it from being taken for an id token.
        let says_access = head.kind.as_ref().is_some_and(|kind| {
            let kind = kind.to_ascii_lowercase();
            kind == "at+jwt" || kind == "application/at+jwt"
        });
        if says_access && self.kind == Kind::IdToken {
            return Err(ExchangeError::Kind);
        }
        Ok(head)
    }

    /// Whether the sign-in holds.
    ///
    /// # Errors
    /// Any [`ExchangeError`] of the sign-in itself.
    pub(crate) fn check(
        &self,
        head: &Head,
        provider: &IdentityProvider,
        keys: &ProviderKeys,
        now: WallTime,
    ) -> Result<Confirmed, ExchangeError> {
        let claims = Claims(self.signed(head, keys)?);
        if claims.text("iss")? != provider.issuer {
            return Err(ExchangeError::Issuer);
        }
        self.made_for(&claims, provider)?;
        let until = claims.time("exp")?.ok_or_else(|| claim("exp"))?;
        if until <= now {
            return Err(ExchangeError::Expired);
        }
        for begins in ["nbf", "iat"] {
            if claims
                .time(begins)?
                .is_some_and(|begins| begins > now.after(CLOCK_LEEWAY))
            {
                return Err(ExchangeError::NotYet);
            }
        }
        let names = provider.object_id_claims();
        let name = names.iter().find(|name| claims.0.contains_key(**name));
        let name = name.or(names.last()).copied().unwrap_or("sub");
        if claims.text(name)? != self.object {
            return Err(ExchangeError::ObjectId);
        }
        Ok(Confirmed { until })
    }

    /// The content, if it was signed by the identity provider.
    fn signed(&self, head: &Head, keys: &ProviderKeys) -> Result<Map<String, Value>, ExchangeError> {
        let key = keys.find(head)?;
        // Claims are checked here, against the caller's clock.
        let mut validation = Validation::new(head.algorithm);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Map<String, Value>>(&self.token, key, &validation)
            .map(|token| token.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => ExchangeError::Signature,
                ErrorKind::InvalidAlgorithm | ErrorKind::InvalidKeyFormat => ExchangeError::Algorithm,
                _ => ExchangeError::Malformed,
            })
    }

    /// Whether it was made for the client the caller names, or on its behalf.
    fn made_for(&self, claims: &Claims, provider: &IdentityProvider) -> Result<(), ExchangeError> {
        let audiences = claims.texts("aud")?;
        let party = claims.optional("azp")?;
        match self.kind {
            Kind::IdToken => {
                // With several audiences it must say which one it was made for; where it says so, that one counts.
                let party_fits = match party {
                    Some(party) => party == self.client,
                    None => audiences.len() == 1,
                };
                if !audiences.contains(&self.client.as_str()) || !party_fits {
                    return Err(ExchangeError::Audience);
                }
            }
            Kind::AccessToken => {
                let ours = audiences
                    .iter()
                    .any(|audience| provider.audiences.contains(*audience));
                let client = claims.optional("client_id")?.or(party);
                if !ours || client.ok_or_else(|| claim("client_id"))? != self.client {
                    return Err(ExchangeError::Audience);
                }
            }
        }
        Ok(())
    }
}

/// The claims of a token whose signature holds.
struct Claims(Map<String, Value>);

fn claim(name: &str) -> ExchangeError {
    ExchangeError::Claim(name.to_owned())
}

impl Claims {
    fn optional(&self, name: &str) -> Result<Option<&str>, ExchangeError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(claim(name)),
        }
    }

    fn text(&self, name: &str) -> Result<&str, ExchangeError> {
        self.optional(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| claim(name))
    }

    /// One text or a list of them (RFC 7519 section 4.1.3).
    fn texts(&self, name: &str) -> Result<Vec<&str>, ExchangeError> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(list)) => list
                .iter()
                .map(Value::as_str)
                .collect::<Option<_>>()
                .ok_or_else(|| claim(name)),
            _ => Err(claim(name)),
        }
    }

    /// Seconds since the Unix epoch, whole or not (RFC 7519 section 2). One before it, or past the end of time, is
    /// malformed.
    fn time(&self, name: &str) -> Result<Option<WallTime>, ExchangeError> {
        let seconds = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.as_f64().ok_or_else(|| claim(name))?,
        };
        if !(0.0..1e12).contains(&seconds) {
            return Err(claim(name));
        }
        Ok(Some(WallTime::from_millis((seconds * 1e3) as u64)))
    }
}

#[cfg(test)]
mod tests;
