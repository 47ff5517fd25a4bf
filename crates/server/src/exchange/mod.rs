//! A member's sign-in at the organisation's identity provider, exchanged for an access token by the backend of a
//! resource's application (spec R108 to R113, R119 to R121).
//!
//! The sign-in proves who it is; the directory says who that is here, and under which name; the organisation says
//! which clients and resources it trusts with its members. The token lives as long as one of ours may, and no longer
//! than the sign-in.

mod check;
mod discovery;
mod error;
mod http;
pub(crate) mod keys;
mod problem;
mod provider;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sidetone_ledger::Scope as Tenant;
use sidetone_organisation::{MemberId, OrganisationId, ResourceId};
use sidetone_signaling::Identifier;
use sidetone_store::{Entry, Kv, Revision, StoreError, WallTime};

pub(crate) use check::{Kind, SignIn};
use discovery::Discovery;
pub(crate) use error::ExchangeError;
pub(crate) use http::router;
pub(crate) use problem::worth_another_try;
use provider::Stored;
pub(crate) use provider::{BadProvider, IdentityProvider};

use crate::Secret;
use crate::api::registry::{Estate, Registry};
use crate::clock::wall_now;
use crate::identity::{TokenIntent, Veto, ask};
use crate::outbound::{self, Outbound};
use crate::token::{IssuedToken, Scope, TokenRequest, Tokens};

/// How long an exchange may take, whoever is asked: below the 5 seconds in which every fault of a token is told.
const DEADLINE: Duration = Duration::from_millis(4_500);

/// What a backend asks for.
pub(crate) struct Wish {
    pub(crate) organisation: OrganisationId,
    /// The resource that asks.
    pub(crate) resource: ResourceId,
    pub(crate) sign_in: SignIn,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) lifetime: Option<Duration>,
}

/// Exchanges sign-ins for tokens.
pub(crate) struct Exchange {
    registry: Arc<Registry>,
    tokens: Arc<Tokens>,
    kv: Arc<dyn Kv>,
    veto: Option<Veto>,
    outbound: Outbound,
    discovery: Discovery,
}

/// A provider that was set.
pub(crate) struct Set {
    pub(crate) created: bool,
    /// The secret of a veto address that is new. Shown this once.
    pub(crate) veto_secret: Option<Secret>,
}

impl Exchange {
    pub(crate) fn new(
        registry: Arc<Registry>,
        tokens: Arc<Tokens>,
        kv: Arc<dyn Kv>,
        veto: Option<Veto>,
        outbound: Outbound,
    ) -> Self {
        Self {
            registry,
            tokens,
            kv,
            veto,
            outbound,
            discovery: Discovery::new(outbound),
        }
    }

    /// Exchanges.
    ///
    /// # Errors
    /// Any [`ExchangeError`], within 5 seconds.
    pub(crate) async fn exchange(&self, wish: Wish, now: WallTime) -> Result<IssuedToken, ExchangeError> {
        tokio::time::timeout(DEADLINE, self.exchange_in_time(wish, now))
            .await
            .map_err(|_| ExchangeError::TimedOut)?
    }

    async fn exchange_in_time(&self, wish: Wish, now: WallTime) -> Result<IssuedToken, ExchangeError> {
        let Wish {
            organisation,
            resource,
            sign_in,
            ..
        } = &wish;
        let stored = self
            .read(organisation, now)
            .await
            .map_err(|_| ExchangeError::Store)?;
        let Some((
            Stored {
                provider,
                veto_secret,
            },
            _,
        )) = stored
        else {
            return Err(ExchangeError::NoProvider);
        };
        if provider
            .resources
            .as_ref()
            .is_some_and(|accepted| !accepted.contains(resource))
        {
            return Err(ExchangeError::ResourceNotAccepted);
        }
        let head = sign_in.head(&provider)?;
        let keys = self.discovery.keys(organisation, &provider, &head, now).await?;
        let confirmed = sign_in.check(&head, &provider, &keys, now)?;
        let member = member_id(&sign_in.object).ok_or(ExchangeError::NoSuchMember)?;
        let name = self
            .name(organisation, &member)
            .ok_or(ExchangeError::NoSuchMember)?;

        let identity = Identifier::Member {
            organisation: organisation.clone().into(),
            user: member.clone().into(),
        };
        let intent = TokenIntent {
            identity: identity.clone(),
            display_name: Some(name.clone()),
            scopes: wish.scopes.clone(),
            resource: resource.clone(),
            client: Some(sign_in.client.clone()),
        };
        if let Some(veto) = &self.veto {
            veto.consider(&intent).await?;
        }
        if let (Some(url), Some(secret)) = (&provider.veto_url, veto_secret) {
            ask(&self.outbound, url, &Secret::new(secret), &intent, now).await?;
        }
        let request = TokenRequest {
            name: Some(name),
            scopes: intent.scopes,
            lifetime: wish.lifetime,
            until: Some(confirmed.until),
            resource: Some(intent.resource),
            ..TokenRequest::new(identity)
        };
        let issued = self.tokens.issue(request, now)?;
        // A member who was deleted meanwhile had all tokens revoked before this one was made.
        if self.name(organisation, &member).is_none() {
            return Err(ExchangeError::NoSuchMember);
        }
        Ok(issued)
    }

    /// The name that the directory has for a member.
    fn name(&self, organisation: &OrganisationId, member: &MemberId) -> Option<String> {
        let world = self.registry.world();
        world
            .member(organisation, member)
            .map(|member| member.display_name.clone())
    }

    /// The identity provider of an organisation.
    ///
    /// # Errors
    /// Of the store.
    pub(crate) async fn provider(
        &self,
        organisation: &OrganisationId,
        now: WallTime,
    ) -> Result<Option<IdentityProvider>, StoreError> {
        Ok(self
            .read(organisation, now)
            .await?
            .map(|(stored, _)| stored.provider))
    }

    /// Whether this can be the identity provider of an organisation.
    ///
    /// # Errors
    /// [`SetError::Bad`], [`SetError::NoOrganisation`].
    pub(crate) fn check(
        &self,
        organisation: &OrganisationId,
        provider: &IdentityProvider,
    ) -> Result<(), SetError> {
        if self.registry.world().organisation(organisation).is_none() {
            return Err(SetError::NoOrganisation);
        }
        Ok(provider.check(&self.outbound)?)
    }

    /// Sets the identity provider of an organisation. Whether it answers shows at the first exchange. A veto address
    /// that was there before keeps its secret.
    ///
    /// # Errors
    /// [`SetError`].
    pub(crate) async fn set(
        &self,
        organisation: &OrganisationId,
        provider: IdentityProvider,
        now: WallTime,
    ) -> Result<Set, SetError> {
        self.check(organisation, &provider)?;
        let before = self.read(organisation, now).await?;
        let kept = before.as_ref().and_then(|(stored, _)| {
            let same = stored.provider.veto_url == provider.veto_url;
            stored.veto_secret.clone().filter(|_| same)
        });
        let made = (provider.veto_url.is_some() && kept.is_none()).then(outbound::new_secret);
        let stored = Stored {
            provider,
            veto_secret: kept.or_else(|| made.as_ref().map(|secret| secret.expose().to_owned())),
        };
        let value = serde_json::to_vec(&stored).map_err(|error| StoreError::Storage {
            message: error.to_string(),
        })?;
        let expected = before
            .as_ref()
            .map_or(Revision::ABSENT, |(_, entry)| entry.revision);
        let key = provider::key(organisation)?;
        self.kv.put(&key, value.into(), expected, None, now).await?;
        Ok(Set {
            created: before.is_none(),
            veto_secret: made,
        })
    }

    /// Takes away the identity provider of an organisation: no member gets a token by exchange from then on. False
    /// when there was none.
    ///
    /// # Errors
    /// Of the store.
    pub(crate) async fn unset(
        &self,
        organisation: &OrganisationId,
        now: WallTime,
    ) -> Result<bool, StoreError> {
        let Some((_, entry)) = self.read(organisation, now).await? else {
            return Ok(false);
        };
        self.kv.delete(&entry.key, entry.revision, now).await?;
        Ok(true)
    }

    async fn read(
        &self,
        organisation: &OrganisationId,
        now: WallTime,
    ) -> Result<Option<(Stored, Entry)>, StoreError> {
        let Some(entry) = self.kv.get(&provider::key(organisation)?, now).await? else {
            return Ok(None);
        };
        let stored = serde_json::from_slice(&entry.value).map_err(|_| StoreError::Corrupted {
            message: "an identity provider cannot be understood".to_owned(),
        })?;
        Ok(Some((stored, entry)))
    }
}

#[async_trait]
impl Estate for Exchange {
    /// An earlier organisation's provider must vouch for nobody in a later one of its name.
    async fn clear(self: Arc<Self>, tenant: &Tenant) -> Result<(), StoreError> {
        match tenant {
            Tenant::Organisation(organisation) => self.unset(organisation, wall_now()).await.map(drop),
            Tenant::Resource(_) => Ok(()),
        }
    }
}

/// Why an identity provider was not set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetError {
    #[error("there is no such organisation")]
    NoOrganisation,
    #[error(transparent)]
    Bad(#[from] BadProvider),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The member that an object id names. An identity provider may tell `ann` from `ANN`, a directory does not: only
/// what is written as the directory writes it names anybody, and UUIDs, of which nobody makes two that differ by case.
fn member_id(object: &str) -> Option<MemberId> {
    let member: MemberId = object.parse().ok()?;
    let same = member.as_str() == object || uuid::Uuid::try_parse(object).is_ok();
    same.then_some(member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_makes_nobody_somebody_else() {
        let named = |object: &str| member_id(object).map(|member| member.to_string());
        assert_eq!(named("ann").as_deref(), Some("ann"));
        assert_eq!(named("ANN"), None);
        assert_eq!(
            named("8F14E45F-CEEA-467F-A83F-0C2D6D1F0A11").as_deref(),
            Some("8f14e45f-ceea-467f-a83f-0c2d6d1f0a11")
        );
        for bad in ["", "a b", "auth0|5f", &"a".repeat(65)] {
            assert_eq!(named(bad), None, "{bad}");
        }
    }
}
