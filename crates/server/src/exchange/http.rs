//! The addresses of exchange: an organisation's identity provider, for its administrators, and the exchange itself,
//! for a resource's backend with the resource's key.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sidetone_organisation::access::Operation;
use sidetone_organisation::{OrganisationId, ResourceId};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Exchange, IdentityProvider, Kind, SignIn, Wish};
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names};
use crate::api::problem::{Problem, ProblemType};
use crate::clock::wall_now;
use crate::identity::{Act, Identities, Token, Unkept, minutes, unkept};
use crate::token::Scope;

/// What the handlers share.
struct Shared {
    exchange: Arc<Exchange>,
    identities: Arc<Identities>,
}

/// The addresses.
pub(crate) fn router(exchange: Arc<Exchange>, identities: Arc<Identities>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(show, set, unset))
        .routes(routes!(exchange_sign_in))
        .with_state(Arc::new(Shared { exchange, identities }))
}

/// The identity provider that was set.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SetProvider {
    /// As it is from now on.
    provider: IdentityProvider,
    /// Where the veto address is new: the secret that signs the requests to it (HMAC-SHA-256 over
    /// `id.timestamp.body`, in the header `webhook-signature`). It is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    veto_secret: Option<String>,
}

/// A member's sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MemberSignIn {
    /// Whose member it is.
    organisation: OrganisationId,
    /// The id token of the sign-in; this or the access token.
    #[schema(max_length = 16384)]
    id_token: Option<String>,
    /// An access token of the sign-in, where the organisation accepts those.
    #[schema(max_length = 16384)]
    access_token: Option<String>,
    /// The client through which the member signed in, as the identity provider knows it.
    #[schema(max_length = 512)]
    client_id: String,
    /// The member's object id, as the application believes it.
    #[schema(max_length = 64)]
    object_id: String,
    /// What the token shall allow; calling and chat without.
    #[schema(min_items = 1)]
    scopes: Option<Vec<Scope>>,
    /// How long it shall be valid at most, in minutes. It never outlives the sign-in.
    #[schema(minimum = 60, maximum = 1440)]
    expires_in_minutes: Option<u32>,
}

impl MemberSignIn {
    fn sign_in(&mut self) -> Result<SignIn, Problem> {
        let (kind, token) = match (self.id_token.take(), self.access_token.take()) {
            (Some(token), None) => (Kind::IdToken, token),
            (None, Some(token)) => (Kind::AccessToken, token),
            _ => {
                return Err(Problem::new(
                    ProblemType::INVALID,
                    "expected either idToken or accessToken",
                ));
            }
        };
        Ok(SignIn {
            kind,
            token,
            client: std::mem::take(&mut self.client_id),
            object: std::mem::take(&mut self.object_id),
        })
    }
}

/// The identity provider at which an organisation's members sign in.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/identity-provider", tag = "identities",
    params(("organisation" = OrganisationId, Path)),
    responses((status = 200, body = IdentityProvider)))]
async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
) -> Result<Json<IdentityProvider>, Problem> {
    caller.may(&Operation::ReadIdentityProvider(organisation.clone()))?;
    let provider = shared.exchange.provider(&organisation, wall_now()).await?;
    provider
        .map(Json)
        .ok_or_else(|| Problem::not_found("identity provider"))
}

/// Sets the identity provider at which an organisation's members sign in. It is not asked before the first exchange.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/identity-provider", tag = "identities",
    params(("organisation" = OrganisationId, Path)), request_body = IdentityProvider,
    responses((status = 200, body = SetProvider), (status = 201, body = SetProvider)))]
async fn set(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    body: Body,
) -> Result<(StatusCode, Unkept<SetProvider>), Problem> {
    caller.may(&Operation::SetIdentityProvider(organisation.clone()))?;
    let provider: IdentityProvider = body.read()?;
    let now = wall_now();
    let exchange = &shared.exchange;
    exchange.check(&organisation, &provider)?;
    audit(
        exchange,
        &caller,
        &organisation,
        "identity-provider.set",
        &provider.issuer,
    )
    .await?;
    let set = exchange.set(&organisation, provider.clone(), now).await?;
    let status = if set.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let shown = SetProvider {
        provider,
        veto_secret: set.veto_secret.map(crate::Secret::into_exposed),
    };
    Ok((status, unkept(shown)))
}

/// Takes away the identity provider: no member gets a token by exchange any more. Tokens that were issued stay valid.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/identity-provider", tag = "identities",
    params(("organisation" = OrganisationId, Path)),
    responses((status = 204)))]
async fn unset(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::SetIdentityProvider(organisation.clone()))?;
    audit(
        &shared.exchange,
        &caller,
        &organisation,
        "identity-provider.delete",
        "",
    )
    .await?;
    if shared.exchange.unset(&organisation, wall_now()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found("identity provider"))
}

/// Exchanges a member's sign-in at the organisation's identity provider for an access token.
///
/// The sign-in must be of the organisation's issuer, made for the client, of the object id, signed and not expired,
/// and the directory must have the member. Each fault has a problem type of its own.
#[utoipa::path(post, path = "/v1/resources/{resource}/member-tokens", tag = "identities",
    params(("resource" = ResourceId, Path)), request_body = MemberSignIn,
    responses((status = 201, body = Token)))]
async fn exchange_sign_in(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
    body: Body,
) -> Result<(StatusCode, Unkept<Token>), Problem> {
    caller.may(&Operation::ExchangeTokens(resource.clone()))?;
    let mut wanted: MemberSignIn = body.read()?;
    let now = wall_now();
    shared.identities.quotas().take(&resource, Act::Exchange, now)?;
    let wish = Wish {
        sign_in: wanted.sign_in()?,
        organisation: wanted.organisation,
        resource,
        scopes: wanted.scopes.unwrap_or_else(|| vec![Scope::Voip, Scope::Chat]),
        lifetime: minutes(wanted.expires_in_minutes),
    };
    let (organisation, resource) = (wish.organisation.clone(), wish.resource.clone());
    let note = format!("{organisation}: {}", wish.sign_in.object);
    let issued = shared.exchange.exchange(wish, now).await?;
    // The resource asked for it; whose member it is stands in the note.
    let target = format!("member-token.{resource}");
    let entry = AuditEntry::new(caller.actor.clone(), "token.exchange", target, now).noting(&note);
    let audit = shared.exchange.registry.audit();
    audit.append(&AuditScope::Resource(resource), &entry, now).await?;
    Ok((StatusCode::CREATED, unkept(issued.into())))
}

async fn audit(
    exchange: &Exchange,
    caller: &Caller,
    organisation: &OrganisationId,
    action: &str,
    note: &str,
) -> Result<(), Problem> {
    let now = wall_now();
    let target = format!("identity-provider.{organisation}");
    let entry = AuditEntry::new(caller.actor.clone(), action, target, now).noting(note);
    let scope = AuditScope::Organisation(organisation.clone());
    Ok(exchange.registry.audit().append(&scope, &entry, now).await?)
}
