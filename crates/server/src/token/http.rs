//! The addresses of tokens as such: key rotation, for the operator, and tokens of voice applications.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sidetone_organisation::access::Operation;
use sidetone_store::Kv;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Tokens;
use super::application;
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Caller;
use crate::api::input::Body;
use crate::api::problem::Problem;
use crate::api::registry::Registry;
use crate::clock::wall_now;
use crate::keyring::OldKeys;

/// What the handlers need.
pub(super) struct Shared {
    pub(super) tokens: Arc<Tokens>,
    pub(super) registry: Arc<Registry>,
    pub(super) kv: Arc<dyn Kv>,
}

/// The addresses.
pub(crate) fn router(tokens: Arc<Tokens>, registry: Arc<Registry>, kv: Arc<dyn Kv>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(rotate))
        .routes(routes!(application::issue_application_token))
        .routes(routes!(application::revoke_application_tokens))
        .with_state(Arc::new(Shared { tokens, registry, kv }))
}

/// How signing keys are rotated.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rotation {
    /// Drop the old keys at once: every token they signed is void, and sessions with such tokens end. For when a key
    /// may be in wrong hands. Otherwise they verify until the last of their tokens has expired.
    #[serde(default)]
    drop_old: bool,
}

/// Makes a new key that signs tokens from now on. The public keys are at `/.well-known/jwks.json`.
#[utoipa::path(post, path = "/v1/signing-keys/rotate", tag = "keys", request_body = Rotation,
    responses((status = 204)))]
async fn rotate(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::RotateSigningKeys)?;
    let rotation: Rotation = body.read()?;
    let now = wall_now();
    let (old, note) = if rotation.drop_old {
        (OldKeys::Drop, "old keys dropped")
    } else {
        (OldKeys::Keep, "old keys kept for their tokens")
    };
    let entry =
        AuditEntry::new(caller.actor.clone(), "signing-keys.rotate", "signing-keys", now).noting(note);
    shared
        .registry
        .audit()
        .append(&AuditScope::Deployment, &entry, now)
        .await?;
    shared.tokens.rotate(&*shared.kv, old, now).await?;
    Ok(StatusCode::NO_CONTENT)
}
