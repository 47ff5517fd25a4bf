//! The addresses of identities and their tokens, for a resource's backend with the resource's key.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use sidetone_organisation::access::Operation;
use sidetone_organisation::{ExternalUser, ResourceId};
use sidetone_signaling::Identifier;
use sidetone_signaling::identifier::Label;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Identities, NewUser, Wish, identifier};
use crate::api::audit::timestamp;
use crate::api::caller::Caller;
use crate::api::input::{Body, Names};
use crate::api::problem::Problem;
use crate::clock::wall_now;
use crate::token::{IssuedToken, Scope};

/// The addresses.
pub(crate) fn router(identities: Arc<Identities>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(delete))
        .routes(routes!(issue))
        .routes(routes!(revoke))
        .with_state(identities)
}

/// A new identity.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewIdentity {
    /// Its name where a token gives none.
    #[schema(max_length = 64)]
    display_name: Option<String>,
    /// Whether it says that it is a bot. Without that, a bot looks as a person does.
    #[serde(default)]
    bot: bool,
    /// A token to be issued at once.
    token: Option<TokenWish>,
}

/// What a token is asked for.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TokenWish {
    /// What it shall allow.
    #[schema(min_items = 1)]
    scopes: Vec<Scope>,
    /// How long it shall be valid, in minutes; a day without.
    #[schema(minimum = 60, maximum = 1440)]
    expires_in_minutes: Option<u32>,
    /// The name shown to others, instead of the identity's own: 256 bytes of UTF-8, into which 64 characters always
    /// fit.
    #[schema(max_length = 64)]
    display_name: Option<String>,
}

impl From<TokenWish> for Wish {
    fn from(wish: TokenWish) -> Self {
        Self {
            scopes: wish.scopes,
            lifetime: minutes(wish.expires_in_minutes),
            display_name: wish.display_name,
        }
    }
}

pub(crate) fn minutes(count: Option<u32>) -> Option<Duration> {
    count.map(|count| Duration::from_secs(u64::from(count) * 60))
}

/// An access token. It is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Token {
    /// The token, a JSON Web Token.
    token: String,
    /// From when on it is not valid any more (RFC 3339).
    #[schema(format = DateTime)]
    expires_on: String,
}

impl From<IssuedToken> for Token {
    fn from(issued: IssuedToken) -> Self {
        Self {
            expires_on: timestamp(issued.expires),
            token: issued.token.into_exposed(),
        }
    }
}

/// An identity that was made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MadeIdentity {
    /// Its raw id, by which it is called.
    #[schema(value_type = String, example = "external:0f8fad5bd9cb469fa16570867728950e:7c9e6679742540de944be07fc1f90ae7")]
    id: Identifier,
    #[serde(flatten)]
    user: ExternalUser,
    /// The token, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Token>,
}

/// An answer that must not be kept on the way.
pub(crate) type Unkept<T> = ([(HeaderName, &'static str); 1], Json<T>);

pub(crate) fn unkept<T>(value: T) -> Unkept<T> {
    ([(header::CACHE_CONTROL, "no-store")], Json(value))
}

/// Makes an identity for somebody who uses the resource's application, and a token with it where one is asked for.
#[utoipa::path(post, path = "/v1/resources/{resource}/identities", tag = "identities",
    params(("resource" = ResourceId, Path)), request_body = NewIdentity,
    responses((status = 201, body = MadeIdentity)))]
async fn create(
    State(identities): State<Arc<Identities>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
    body: Body,
) -> Result<(StatusCode, Unkept<MadeIdentity>), Problem> {
    caller.may(&Operation::WriteIdentities(resource.clone()))?;
    let new: NewIdentity = body.read()?;
    if new.token.is_some() {
        caller.may(&Operation::IssueTokens(resource.clone()))?;
    }
    let new = NewUser {
        display_name: new.display_name,
        bot: new.bot,
        token: new.token.map(Wish::from),
    };
    let (user, issued) = identities
        .create(&caller.actor, resource, new, wall_now())
        .await?;
    let made = MadeIdentity {
        id: identifier(&(user.resource.clone(), user.user.clone())),
        user,
        token: issued.map(Token::from),
    };
    Ok((StatusCode::CREATED, unkept(made)))
}

/// Deletes an identity. Its tokens are void and its sessions end within 5 seconds.
#[utoipa::path(delete, path = "/v1/resources/{resource}/identities/{user}", tag = "identities",
    params(("resource" = ResourceId, Path), ("user" = String, Path)),
    responses((status = 204)))]
async fn delete(
    State(identities): State<Arc<Identities>>,
    caller: Caller,
    Names(name): Names<(ResourceId, Label)>,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WriteIdentities(name.0.clone()))?;
    identities.delete(&caller.actor, &name, wall_now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Issues a token for an identity.
#[utoipa::path(post, path = "/v1/resources/{resource}/identities/{user}/tokens", tag = "identities",
    params(("resource" = ResourceId, Path), ("user" = String, Path)), request_body = TokenWish,
    responses((status = 201, body = Token)))]
async fn issue(
    State(identities): State<Arc<Identities>>,
    caller: Caller,
    Names(name): Names<(ResourceId, Label)>,
    body: Body,
) -> Result<(StatusCode, Unkept<Token>), Problem> {
    caller.may(&Operation::IssueTokens(name.0.clone()))?;
    let wish: TokenWish = body.read()?;
    let issued = identities
        .issue(&caller.actor, &name, wish.into(), wall_now())
        .await?;
    Ok((StatusCode::CREATED, unkept(issued.into())))
}

/// Takes back every token of an identity that was issued up to now. Its sessions end within 5 seconds; tokens issued
/// afterwards are good.
#[utoipa::path(post, path = "/v1/resources/{resource}/identities/{user}/revoke-tokens", tag = "identities",
    params(("resource" = ResourceId, Path), ("user" = String, Path)),
    responses((status = 204)))]
async fn revoke(
    State(identities): State<Arc<Identities>>,
    caller: Caller,
    Names(name): Names<(ResourceId, Label)>,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::RevokeTokens(name.0.clone()))?;
    identities.revoke(&caller.actor, &name, wall_now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
