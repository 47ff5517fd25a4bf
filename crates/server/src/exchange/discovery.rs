//! The keys of identity providers: found through their discovery documents (OpenID Connect Discovery 1.0), kept for a
//! while, fetched anew when a sign-in names a key that is not among them. While a provider is down, the keys it last
//! had go on counting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use sidetone_organisation::OrganisationId;
use sidetone_store::WallTime;
use url::Url;

use super::ExchangeError;
use super::keys::{Head, ProviderKeys};
use super::provider::IdentityProvider;
use crate::api::limiter::Limiter;
use crate::outbound::{Ask, Bounds, Outbound};

/// How long keys are used before they are asked for again. A key that its provider withdrew counts that long.
const FRESH: Duration = Duration::from_secs(3600);

/// How long keys are used when they cannot be asked for again. Longer rides out longer failures of the provider, and
/// believes a withdrawn key longer.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// How often one provider is asked at most, by (several times at once in) a period. Sign-ins that name keys that do
/// not exist cost the provider no more than that.
const ASKED: (u32, Duration) = (4, Duration::from_secs(60));

/// What the two documents may cost. Both together stay within the deadline of an exchange.
const DOCUMENT: Bounds = Bounds {
    time: Duration::from_secs(2),
    body: 64 * 1024,
};
const KEY_SET: Bounds = Bounds {
    time: Duration::from_secs(2),
    body: 256 * 1024,
};

/// What we read of a discovery document.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// The keys of all identity providers.
pub(crate) struct Discovery {
    outbound: Outbound,
    asked: Limiter<OrganisationId>,
    known: Mutex<HashMap<OrganisationId, Arc<tokio::sync::Mutex<Known>>>>,
}

/// What is known of one provider.
#[derive(Default)]
struct Known {
    /// Whose keys these are: another issuer, other keys.
    issuer: String,
    keys: Option<(Arc<ProviderKeys>, WallTime)>,
    /// Why the provider was of no use when it was last asked.
    failure: Option<ExchangeError>,
}

/// What is to be done before a sign-in can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Nothing: the keys at hand are right.
    Nothing,
    /// Ask the provider; the keys at hand will do if it does not answer.
    Renew,
    /// Ask the provider: without an answer the sign-in cannot be checked.
    Ask,
}

impl Discovery {
    pub(crate) fn new(outbound: Outbound) -> Self {
        Self {
            outbound,
            asked: Limiter::new(ASKED.0, ASKED.1),
            known: Mutex::default(),
        }
    }

    /// The keys with which a sign-in with this header is to be checked.
    ///
    /// # Errors
    /// [`ExchangeError::Unreachable`], [`ExchangeError::BadProvider`], [`ExchangeError::TooOften`].
    pub(crate) async fn keys(
        &self,
        organisation: &OrganisationId,
        provider: &IdentityProvider,
        head: &Head,
        now: WallTime,
    ) -> Result<Arc<ProviderKeys>, ExchangeError> {
        // One at a time asks a provider; the others wait and use what it says.
        let known = self.of(organisation);
        let mut known = known.lock().await;
        if known.issuer != provider.issuer {
            *known = Known {
                issuer: provider.issuer.clone(),
                ..Known::default()
            };
        }
        let need = known.need(head, now);
        if need != Need::Nothing && self.asked.take(organisation.clone(), now).is_ok() {
            match self.fetch(provider).await {
                Ok(keys) => {
                    known.keys = Some((Arc::new(keys), now));
                    known.failure = None;
                }
                Err(error) => {
                    tracing::warn!(%organisation, %error, "the keys of an identity provider cannot be had");
                    known.failure = Some(error);
                }
            }
        }
        match (&known.keys, &known.failure) {
            // A key that is not there may be one that the provider has by now and cannot tell.
            (_, Some(error)) if need == Need::Ask => Err(error.clone()),
            (Some((keys, _)), _) => Ok(keys.clone()),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => Err(ExchangeError::TooOften),
        }
    }

    fn of(&self, organisation: &OrganisationId) -> Arc<tokio::sync::Mutex<Known>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(organisation.clone()).or_default().clone()
    }

    async fn fetch(&self, provider: &IdentityProvider) -> Result<ProviderKeys, ExchangeError> {
        let url = provider
            .discovery()
            .ok_or(ExchangeError::BadProvider("issuer is no address"))?;
        let document = self.read(&url, DOCUMENT).await?;
        let document: Document = serde_json::from_slice(&document)
            .map_err(|_| ExchangeError::BadProvider("discovery document cannot be understood"))?;
        // Section 4.3: otherwise one provider could speak for another.
        if document.issuer != provider.issuer {
            return Err(ExchangeError::BadProvider(
                "discovery document is of another issuer",
            ));
        }
        let url = Url::parse(&document.jwks_uri)
            .map_err(|_| ExchangeError::BadProvider("discovery document names no key set"))?;
        ProviderKeys::read(&self.read(&url, KEY_SET).await?)
    }

    async fn read(&self, url: &Url, bounds: Bounds) -> Result<axum::body::Bytes, ExchangeError> {
        let answer = self.outbound.ask(Ask::json(url), bounds).await;
        let answer = answer.map_err(ExchangeError::Unreachable)?;
        if answer.status != axum::http::StatusCode::OK {
            return Err(ExchangeError::BadProvider("answer is not 200"));
        }
        Ok(answer.body)
    }
}

impl Known {
    fn need(&self, head: &Head, now: WallTime) -> Need {
        let Some((keys, read)) = &self.keys else {
            return Need::Ask;
        };
        // A clock that was set back makes keys old rather than forever new.
        let fits = |age: Duration| *read <= now && read.after(age) > now;
        match keys.find(head) {
            _ if !fits(STALE) => Need::Ask,
            Err(ExchangeError::UnknownKey) => Need::Ask,
            _ if !fits(FRESH) => Need::Renew,
            _ => Need::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    const NOW: WallTime = WallTime::from_millis(1_800_000_000_000);

    #[test]
    fn keys_are_asked_for_when_they_are_old_or_not_there() {
        let key = SigningKey::make(NOW).unwrap();
        let head = |id: &str| Head {
            algorithm: jsonwebtoken::Algorithm::EdDSA,
            key: Some(id.to_owned()),
            kind: None,
        };
        let mut known = Known::default();
        assert_eq!(known.need(&head(&key.id), NOW), Need::Ask);
        let set = serde_json::json!({ "keys": [key.public] }).to_string();
        known.keys = Some((Arc::new(ProviderKeys::read(set.as_bytes()).unwrap()), NOW));
        let second = Duration::from_secs(1);
        for (age, need) in [
            (Duration::ZERO, Need::Nothing),
            (FRESH - second, Need::Nothing),
            (FRESH, Need::Renew),
            (STALE - second, Need::Renew),
            (STALE, Need::Ask),
        ] {
            assert_eq!(known.need(&head(&key.id), NOW.after(age)), need, "{age:?}");
        }
        assert_eq!(known.need(&head("another"), NOW), Need::Ask);
        let earlier = WallTime::from_millis(NOW.as_millis() - 1);
        assert_eq!(known.need(&head(&key.id), earlier), Need::Ask);
    }
}
