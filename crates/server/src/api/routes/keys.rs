//! Keys of this API: which there are, and new ones in their places.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use sidetone_organisation::access::Operation;
use sidetone_organisation::{Organisation, OrganisationId, Resource, ResourceId};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Caller;
use crate::api::input::Names;
use crate::api::keys::{KeyInfo, KeyOwner, NewKey, Slot};
use crate::api::problem::Problem;
use crate::clock::wall_now;

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list_operator))
        .routes(routes!(rotate_operator))
        .routes(routes!(list_organisation))
        .routes(routes!(rotate_organisation))
        .routes(routes!(list_resource))
        .routes(routes!(rotate_resource))
}

/// The keys of one owner, without their secrets.
#[derive(Serialize, ToSchema)]
struct Keys {
    items: Vec<KeyInfo>,
}

type Made = (StatusCode, Json<NewKey>);

/// The operator's keys.
#[utoipa::path(get, path = "/v1/operator/keys", tag = "keys", responses((status = 200, body = Keys)))]
async fn list_operator(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<Keys>, Problem> {
    caller.may(&Operation::ManageOperatorKeys)?;
    Ok(list(&api, &KeyOwner::Operator))
}

/// Makes a new key for the operator. The one in this place is no longer good from now on.
#[utoipa::path(post, path = "/v1/operator/keys/{slot}", tag = "keys", params(("slot" = Slot, Path)),
    responses((status = 201, body = NewKey)))]
async fn rotate_operator(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((slot,)): Names<(Slot,)>,
) -> Result<Made, Problem> {
    caller.may(&Operation::ManageOperatorKeys)?;
    rotate(&api, &caller, KeyOwner::Operator, AuditScope::Deployment, slot).await
}

/// The keys of an organisation's administrators.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/keys", tag = "keys",
    params(("organisation" = OrganisationId, Path)),
    responses((status = 200, body = Keys)))]
async fn list_organisation(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId,)>,
) -> Result<Json<Keys>, Problem> {
    caller.may(&Operation::ManageAdministratorKeys(name.0.clone()))?;
    api.registry.find::<Organisation>(&name)?;
    Ok(list(&api, &KeyOwner::Organisation { organisation: name.0 }))
}

/// Makes a new key for an organisation's administrators. The one in this place is no longer good from now on.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/keys/{slot}", tag = "keys",
    params(("organisation" = OrganisationId, Path), ("slot" = Slot, Path)),
    responses((status = 201, body = NewKey)))]
async fn rotate_organisation(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((organisation, slot)): Names<(OrganisationId, Slot)>,
) -> Result<Made, Problem> {
    caller.may(&Operation::ManageAdministratorKeys(organisation.clone()))?;
    api.registry.find::<Organisation>(&(organisation.clone(),))?;
    let scope = AuditScope::Organisation(organisation.clone());
    rotate(
        &api,
        &caller,
        KeyOwner::Organisation { organisation },
        scope,
        slot,
    )
    .await
}

/// The keys of a resource's owner.
#[utoipa::path(get, path = "/v1/resources/{resource}/keys", tag = "keys",
    params(("resource" = ResourceId, Path)),
    responses((status = 200, body = Keys)))]
async fn list_resource(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(ResourceId,)>,
) -> Result<Json<Keys>, Problem> {
    caller.may(&Operation::ManageOwnerKeys(name.0.clone()))?;
    api.registry.find::<Resource>(&name)?;
    Ok(list(&api, &KeyOwner::Resource { resource: name.0 }))
}

/// Makes a new key for a resource's owner. The one in this place is no longer good from now on.
#[utoipa::path(post, path = "/v1/resources/{resource}/keys/{slot}", tag = "keys",
    params(("resource" = ResourceId, Path), ("slot" = Slot, Path)),
    responses((status = 201, body = NewKey)))]
async fn rotate_resource(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((resource, slot)): Names<(ResourceId, Slot)>,
) -> Result<Made, Problem> {
    caller.may(&Operation::ManageOwnerKeys(resource.clone()))?;
    api.registry.find::<Resource>(&(resource.clone(),))?;
    let scope = AuditScope::Resource(resource.clone());
    rotate(&api, &caller, KeyOwner::Resource { resource }, scope, slot).await
}

fn list(api: &Api, owner: &KeyOwner) -> Json<Keys> {
    Json(Keys {
        items: api.keys.of(owner),
    })
}

async fn rotate(
    api: &Api,
    caller: &Caller,
    owner: KeyOwner,
    scope: AuditScope,
    slot: Slot,
) -> Result<Made, Problem> {
    let now = wall_now();
    let target = format!("key.{}.{}", owner.place(), slot.word());
    let entry = AuditEntry::new(caller.actor.clone(), "key.rotate", target, now);
    api.registry.audit().append(&scope, &entry, now).await?;
    let made = api.keys.make(owner, slot, now).await?;
    Ok((StatusCode::CREATED, Json(made)))
}
