//! Who sends a request, and in which roles. A key of the API or a member's access token stands for roles; whether
//! they suffice is [`access`]'s decision, and handlers ask it before they look at anything else.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sidetone_ledger::{Scope, Timestamp};
use sidetone_organisation::access::{self, Operation, Role};
use sidetone_signaling::Identifier;
use sidetone_store::WallTime;
use utoipa::ToSchema;

use super::Api;
use super::audit::{AuditEntry, AuditScope};
use super::keys::{KeyId, KeyOwner};
use super::problem::{MissingRole, Problem, ProblemType};
use super::registry::Registry;
use crate::clock::wall_now;
use crate::listener::Peer;
use crate::token::{Claims, TokenError};

/// Longest address of a refused request that the audit log keeps, in characters.
const MAX_TARGET: usize = 300;

/// What the addresses begin with that are for users as themselves, external users among them.
const USERS: &str = "/v1/chat/";

/// Who did something, as the audit log keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum Actor {
    /// The bearer of a key.
    Key {
        /// Which key. Tells nothing of its secret.
        key: KeyId,
        /// Whose key it is.
        owner: KeyOwner,
    },
    /// A member, with an access token.
    Member {
        /// Who: `member:<organisation>:<id>`.
        #[schema(value_type = String)]
        identity: Identifier,
    },
    /// A voice application, with an access token.
    Application {
        /// Which: `application:<organisation>:<id>`.
        #[schema(value_type = String)]
        identity: Identifier,
    },
    /// An external user or a guest, with an access token.
    External {
        /// Who: `external:<resource>:<id>` or `guest:<visit>`.
        #[schema(value_type = String)]
        identity: Identifier,
    },
    /// The service itself, or a person at its machine.
    Service,
}

/// The sender of a request: authenticated, and nothing more. An extractor for handlers.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) roles: Arc<[Role]>,
    /// Made of the secret that was shown, for sealing what only its bearer may read again. Not the secret.
    pub(crate) seal: [u8; 32],
    /// What the token says, where it was one. Its bearer acts as themselves.
    pub(crate) claims: Option<Arc<Claims>>,
}

impl Caller {
    /// Whether the caller may do this.
    ///
    /// # Errors
    /// [`ProblemType::MISSING_ROLE`], which names the role. It never depends on what exists.
    pub(crate) fn may(&self, operation: &Operation) -> Result<(), Problem> {
        Ok(access::allowed(&self.roles, operation)?)
    }
}

impl Caller {
    /// From when on this caller is shown what is kept by a tenant's name: the operator all of it, others what is since
    /// the present tenant of that name began.
    pub(crate) fn sees_since(&self, registry: &Registry, tenant: &Scope) -> Timestamp {
        if self.roles.contains(&Role::Operator) {
            return Timestamp::default();
        }
        registry.since(tenant)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::new(ProblemType::UNAUTHENTICATED, "no key or token was given"))
    }
}

/// Middleware of every address that is not public: finds out who calls, and bounds how often.
pub(crate) async fn authenticate(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let now = wall_now();
    // Only there a user without a role in any tenant has something to ask for.
    let users = request.uri().path().starts_with(USERS);
    match api.identify(request.headers(), users, now) {
        Ok(caller) => {
            if let Err(wait) = api.calls.take(caller.actor.clone(), now) {
                return too_many("this key or token sends too many requests", wait);
            }
            let changing = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
            let target = format!("{} {}", request.method(), request.uri().path());
            let actor = caller.actor.clone();
            request.extensions_mut().insert(caller);
            let response = next.run(request).await;
            if let Some(MissingRole(detail)) = response.extensions().get::<MissingRole>()
                && changing
            {
                api.audit_refusal(actor, &target, detail, now).await;
            }
            response
        }
        Err(problem) => {
            // Guessing is hopeless anyway; this keeps it cheap.
            let address = request.extensions().get::<Peer>().map(|peer| peer.address.0);
            match api.strangers.take(address, now) {
                Ok(()) => problem.into_response(),
                Err(wait) => too_many("this address sends too many requests without a valid key", wait),
            }
        }
    }
}

fn too_many(detail: &str, wait: std::time::Duration) -> Response {
    Problem::new(ProblemType::TOO_MANY, detail)
        .retry_after(wait)
        .into_response()
}

impl Api {
    /// Enters that somebody wanted to do something without the role for it: in the deployment's audit log, and in that
    /// of the caller's own tenant. It concerns nobody else: a stranger must not be able to fill another's log.
    async fn audit_refusal(&self, actor: Actor, target: &str, detail: &str, now: WallTime) {
        if self.refusals.take(actor.clone(), now).is_err() {
            tracing::warn!(
                ?actor,
                "is refused so often that the audit log does not have all of it"
            );
            return;
        }
        let scope = match &actor {
            Actor::Key { owner, .. } => match owner.clone() {
                KeyOwner::Operator => AuditScope::Deployment,
                KeyOwner::Organisation { organisation } => AuditScope::Organisation(organisation),
                KeyOwner::Resource { resource } => AuditScope::Resource(resource),
            },
            Actor::Member {
                identity: Identifier::Member { organisation, .. },
            }
            | Actor::Application {
                identity: Identifier::Application { organisation, .. },
            } => AuditScope::Organisation(organisation.clone().into()),
            Actor::External {
                identity: Identifier::ExternalUser { resource, .. },
            } => AuditScope::Resource(resource.clone().into()),
            Actor::Member { .. } | Actor::Application { .. } | Actor::External { .. } | Actor::Service => {
                AuditScope::Deployment
            }
        };
        let target: String = target.chars().take(MAX_TARGET).collect();
        let entry = AuditEntry::new(actor, "refused", target, now).noting(detail);
        if let Err(error) = self.registry.audit().append(&scope, &entry, now).await {
            // Nothing was done that must not be without an entry.
            tracing::error!(%error, "a refusal could not be entered in the audit log");
        }
    }

    /// Who shows this.
    fn identify(&self, headers: &HeaderMap, users: bool, now: WallTime) -> Result<Caller, Problem> {
        let shown = bearer(headers)?;
        let seal = super::seal::key(shown);
        // Access tokens are three parts between dots (RFC 7515); keys have no dot.
        if shown.contains('.') {
            let claims = self.tokens.verify(shown, now).map_err(refused_token)?;
            let roles: Arc<[Role]> = self.registry.world().roles_of(&claims.sub).into();
            if roles.is_empty() && !(users && self.registry.world().knows(&claims.sub)) {
                return Err(Problem::new(
                    ProblemType::UNAUTHENTICATED,
                    "the token is not of a member or voice application of an organisation",
                ));
            }
            let identity = claims.sub.clone();
            let actor = match identity {
                Identifier::Application { .. } => Actor::Application { identity },
                Identifier::Member { .. } => Actor::Member { identity },
                _ => Actor::External { identity },
            };
            return Ok(Caller {
                actor,
                roles,
                seal,
                claims: Some(Arc::new(claims)),
            });
        }
        let (key, owner) = self.keys.verify(shown).ok_or_else(|| {
            Problem::new(
                ProblemType::UNAUTHENTICATED,
                "the key is not, or no longer, valid",
            )
        })?;
        let role = match owner.clone() {
            KeyOwner::Operator => Role::Operator,
            KeyOwner::Organisation { organisation } => Role::Administrator(organisation),
            KeyOwner::Resource { resource } => Role::Owner(resource),
        };
        Ok(Caller {
            actor: Actor::Key { key, owner },
            roles: [role].into(),
            seal,
            claims: None,
        })
    }
}

/// What stands behind `Authorization: Bearer` (RFC 6750 section 2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let none = || {
        Problem::new(
            ProblemType::UNAUTHENTICATED,
            "expected the header Authorization: Bearer …",
        )
    };
    let shown = headers.get(header::AUTHORIZATION).ok_or_else(none)?;
    let (scheme, shown) = shown
        .to_str()
        .map_err(|_| none())?
        .split_once(' ')
        .ok_or_else(none)?;
    let shown = shown.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || shown.is_empty() {
        return Err(none());
    }
    Ok(shown)
}

fn refused_token(error: TokenError) -> Problem {
    Problem::new(ProblemType::UNAUTHENTICATED, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_is_looked_at() {
        let headers = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            headers
        };
        assert_eq!(bearer(&headers("Bearer abc")).unwrap(), "abc");
        assert_eq!(bearer(&headers("bearer  abc ")).unwrap(), "abc");
        for bad in ["", "Bearer", "Bearer  ", "Basic abc", "abc"] {
            assert!(bearer(&headers(bad)).is_err(), "{bad:?}");
        }
        assert!(bearer(&HeaderMap::new()).is_err());
    }
}
