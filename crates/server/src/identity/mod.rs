//! Identities that a resource has for the people who use its application, and their tokens (spec R102 to R107, R113):
//! made by us, at random, for whoever the application's own sign-in says it is. The application decides who gets one;
//! this decides how many, for how long, and takes them back.

mod http;
mod quota;
mod veto;

use std::sync::Arc;
use std::time::Duration;

use sidetone_organisation::{EntityKey, EntityName, ExternalUser, ResourceId};
use sidetone_signaling::Identifier;
use sidetone_signaling::identifier::Label;
use sidetone_store::{Kv, WallTime};

pub(crate) use http::{Token, Unkept, minutes, router, unkept};
pub use quota::IdentityQuotas;
pub(crate) use quota::{Act, Quotas};
pub use veto::{TokenIntent, TokenVeto, Veto, Vetoed};
pub(crate) use veto::{VetoError, ask};

use crate::ServerError;
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Actor;
use crate::api::precondition::Precondition;
use crate::api::problem::{Problem, ProblemType};
use crate::api::registry::Registry;
use crate::exchange::worth_another_try;
use crate::token::{IssuedToken, Scope, TokenError, TokenRequest, Tokens};

/// An external user: the resource and the id within it.
pub(crate) type Name = (ResourceId, Label);

/// What a token is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) scopes: Vec<Scope>,
    /// The longest allowed without.
    pub(crate) lifetime: Option<Duration>,
    /// The name shown to others instead of the identity's own.
    pub(crate) display_name: Option<String>,
}

/// What an identity is made of.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub(crate) display_name: Option<String>,
    /// Whether it says that it is a bot.
    pub(crate) bot: bool,
    /// A token to be issued at once.
    pub(crate) token: Option<Wish>,
}

/// Makes and deletes identities, and issues and revokes their tokens.
pub(crate) struct Identities {
    registry: Arc<Registry>,
    tokens: Arc<Tokens>,
    kv: Arc<dyn Kv>,
    veto: Option<Veto>,
    quotas: Quotas,
}

impl Identities {
    pub(crate) fn new(
        registry: Arc<Registry>,
        tokens: Arc<Tokens>,
        kv: Arc<dyn Kv>,
        veto: Option<Veto>,
        quotas: IdentityQuotas,
    ) -> Self {
        Self {
            registry,
            tokens,
            kv,
            veto,
            quotas: Quotas::new(quotas),
        }
    }

    /// The quotas, for what else is counted with them.
    pub(crate) fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Makes an identity, and a token for it where one is asked for.
    ///
    /// # Errors
    /// Over a quota; no such resource; what the world says of the name; [`TokenError`]; a veto. Then no identity was
    /// made.
    pub(crate) async fn create(
        &self,
        actor: &Actor,
        resource: ResourceId,
        new: NewUser,
        now: WallTime,
    ) -> Result<(ExternalUser, Option<IssuedToken>), Problem> {
        self.quotas.take(&resource, Act::Create, now)?;
        if self.registry.world().resource(&resource).is_none() {
            return Err(Problem::not_found("resource"));
        }
        // 128 random bits: no two alike, and none that could be guessed.
        let id = format!("{:032x}", rand::random::<u128>());
        let id: Label = id
            .parse()
            .map_err(|_| Problem::new(ProblemType::INTERNAL, "no identity could be named"))?;
        let name = (resource.clone(), id.clone());
        let user = ExternalUser {
            resource,
            user: id,
            display_name: new.display_name,
            bot: new.bot,
        };
        let request = new.token.map(|wish| request(&user, wish));
        if let Some(request) = &request {
            self.quotas.take(&name.0, Act::Issue, now)?;
            self.may_be_issued(&name.0, request, now).await?;
        }
        let made = self
            .registry
            .edit(actor, "identity.create", &name, &Precondition::default(), |_| {
                Ok(user)
            })
            .await?;
        let issued = request
            .map(|request| self.tokens.issue(request, now))
            .transpose()?;
        Ok((made.value, issued))
    }

    /// Deletes an identity. Its tokens are void and its sessions end.
    ///
    /// # Errors
    /// Over the quota; no such identity; the store.
    pub(crate) async fn delete(&self, actor: &Actor, name: &Name, now: WallTime) -> Result<(), Problem> {
        self.quotas.take(&name.0, Act::Delete, now)?;
        self.registry
            .delete::<ExternalUser>(actor, "identity.delete", name, &Precondition::default())
            .await?;
        Ok(())
    }

    /// Issues a token for an identity.
    ///
    /// # Errors
    /// Over the quota; no such identity; [`TokenError`]; a veto.
    pub(crate) async fn issue(
        &self,
        actor: &Actor,
        name: &Name,
        wish: Wish,
        now: WallTime,
    ) -> Result<IssuedToken, Problem> {
        self.quotas.take(&name.0, Act::Issue, now)?;
        let user = self.find(name).ok_or_else(no_such)?;
        let request = request(&user, wish);
        self.may_be_issued(&name.0, &request, now).await?;
        self.enter(actor, "token.issue", name, now).await?;
        let issued = self.tokens.issue(request, now)?;
        // An identity that was deleted meanwhile had all tokens revoked, perhaps before this one was made.
        self.find(name).ok_or_else(no_such)?;
        Ok(issued)
    }

    /// Takes back every token that was issued to an identity up to now; its sessions end.
    ///
    /// # Errors
    /// Over the quota; no such identity; the store.
    pub(crate) async fn revoke(&self, actor: &Actor, name: &Name, now: WallTime) -> Result<(), Problem> {
        self.quotas.take(&name.0, Act::Revoke, now)?;
        self.find(name).ok_or_else(no_such)?;
        self.enter(actor, "tokens.revoke", name, now).await?;
        self.tokens.revoke(&*self.kv, &identifier(name), now).await?;
        Ok(())
    }

    async fn enter(&self, actor: &Actor, action: &str, name: &Name, now: WallTime) -> Result<(), Problem> {
        let key = EntityKey::from(EntityName::ExternalUser(name.0.clone(), name.1.clone()));
        let entry = AuditEntry::new(actor.clone(), action, key.as_str(), now);
        let scope = AuditScope::of(&key);
        Ok(self.registry.audit().append(&scope, &entry, now).await?)
    }

    /// Whether a token is as tokens may be, and nobody has anything against it.
    async fn may_be_issued(
        &self,
        resource: &ResourceId,
        request: &TokenRequest,
        now: WallTime,
    ) -> Result<(), Problem> {
        self.tokens.check(request, now)?;
        let Some(veto) = &self.veto else { return Ok(()) };
        let intent = TokenIntent {
            identity: request.identity.clone(),
            display_name: request.name.clone(),
            scopes: request.scopes.clone(),
            resource: resource.clone(),
            client: None,
        };
        Ok(veto.consider(&intent).await?)
    }

    fn find(&self, (resource, user): &Name) -> Option<ExternalUser> {
        self.registry.world().external_user(resource, user).cloned()
    }
}

fn request(user: &ExternalUser, wish: Wish) -> TokenRequest {
    TokenRequest {
        name: wish.display_name.or_else(|| user.display_name.clone()),
        scopes: wish.scopes,
        lifetime: wish.lifetime,
        ..TokenRequest::new(identifier(&(user.resource.clone(), user.user.clone())))
    }
}

/// The raw id of an identity.
pub(crate) fn identifier((resource, user): &Name) -> Identifier {
    Identifier::ExternalUser {
        resource: resource.clone().into(),
        user: user.clone(),
    }
}

fn no_such() -> Problem {
    Problem::not_found("identity")
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

impl From<VetoError> for Problem {
    fn from(error: VetoError) -> Self {
        worth_another_try(error.kind(), &error)
    }
}

impl From<ServerError> for Problem {
    /// What a server says of itself goes to the log, not to the caller.
    fn from(error: ServerError) -> Self {
        tracing::error!(%error, "an API request failed");
        Self::new(
            ProblemType::UNAVAILABLE,
            "the service cannot do this at the moment",
        )
    }
}
