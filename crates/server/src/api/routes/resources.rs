//! Resources: what applications belong to. The id of one never changes, whatever else does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use sidetone_organisation::access::Operation;
use sidetone_organisation::{Resource, ResourceId, ResourceSwitches};
use sidetone_signaling::identifier::Label;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, Patch, set, turn};
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::keys::{KeyOwner, NewKey};
use crate::api::page::{Page, PageQuery};
use crate::api::precondition::{Precondition, Tagged};
use crate::api::problem::{Problem, ProblemType};
use crate::clock::wall_now;

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, delete))
}

/// A new resource.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewResource {
    /// Shown to people.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// The cloud it lives in; this deployment's without.
    #[schema(value_type = Option<String>, example = "public", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    cloud: Option<Label>,
    /// Web origins whose pages may use its tokens; any where empty.
    #[serde(default)]
    #[schema(max_items = 64)]
    allowed_origins: Vec<String>,
    /// Where copies of its users' chat messages are kept: the name of a region.
    #[schema(value_type = Option<String>, example = "us", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    region: Option<Label>,
}

/// A resource that was made, with the keys of its owner. They cannot be shown again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MadeResource {
    resource: Resource,
    keys: Vec<NewKey>,
}

/// A change of a resource. What is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResourceChange {
    /// Shown to people.
    #[schema(min_length = 1, max_length = 128)]
    name: Option<String>,
    /// All web origins.
    #[schema(max_items = 64)]
    allowed_origins: Option<Vec<String>>,
    /// Switches that it turns; the others stay.
    #[schema(value_type = Option<ResourceSwitches>)]
    switches: Option<Patch<ResourceSwitches>>,
    /// Where copies of its users' chat messages are kept from now on: the name of a region.
    #[schema(value_type = Option<String>, example = "us", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    region: Option<Label>,
}

/// Resources that the caller may read, by id.
#[utoipa::path(get, path = "/v1/resources", tag = "resources", params(PageQuery),
    responses((status = 200, body = Page<Resource>)))]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Page<Resource>>, Problem> {
    let page: PageQuery = query.read()?;
    let world = api.registry.world();
    let readable = |resource: &&Resource| caller.may(&Operation::ReadResource(resource.id.clone())).is_ok();
    let resources = world.resources().filter(readable);
    Ok(Json(page.page(resources, |r| r.id.to_string(), Clone::clone)?))
}

/// Makes a resource. Its id is drawn at random and never changes.
#[utoipa::path(post, path = "/v1/resources", tag = "resources", request_body = NewResource,
    responses((status = 201, body = MadeResource)))]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<MadeResource>), Problem> {
    caller.may(&Operation::CreateResource)?;
    let new: NewResource = body.read()?;
    // The generator is seeded by the operating system and cryptographically secure.
    let id = format!("{:032x}", rand::random::<u128>());
    let id: ResourceId = id
        .parse()
        .map_err(|_| Problem::new(ProblemType::INTERNAL, "no id was found"))?;
    let own_cloud = api.registry.world().deployment().cloud.clone();
    let resource = Resource {
        id: id.clone(),
        name: new.name,
        cloud: new.cloud.unwrap_or(own_cloud),
        allowed_origins: new.allowed_origins,
        switches: ResourceSwitches::default(),
        region: new.region,
    };
    let name = (id.clone(),);
    let always = Precondition::default();
    let made = api
        .registry
        .edit(&caller.actor, "resource.create", &name, &always, |_| Ok(resource))
        .await?;
    let owner = KeyOwner::Resource { resource: id.clone() };
    let keys = api.keys.make_both(&owner, wall_now()).await?;
    let location = [(header::LOCATION, format!("/v1/resources/{id}"))];
    let body = MadeResource {
        resource: made.value,
        keys,
    };
    Ok((StatusCode::CREATED, location, Json(body)))
}

/// A resource.
#[utoipa::path(get, path = "/v1/resources/{resource}", tag = "resources",
    params(("resource" = ResourceId, Path)),
    responses((status = 200, body = Resource)))]
async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(ResourceId,)>,
) -> Result<Tagged<Resource>, Problem> {
    caller.may(&Operation::ReadResource(name.0.clone()))?;
    api.registry.find(&name)
}

/// Changes a resource's name, origins and switches. Its id and cloud stay.
#[utoipa::path(patch, path = "/v1/resources/{resource}", tag = "resources",
    params(("resource" = ResourceId, Path), ("If-Match" = Option<String>, Header)),
    request_body = ResourceChange, responses((status = 200, body = Resource)))]
async fn edit(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(ResourceId,)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<Resource>, Problem> {
    caller.may(&Operation::UpdateResource(name.0.clone()))?;
    let change: ResourceChange = body.read()?;
    let edit = |old: Option<&Resource>| {
        let mut resource = old.cloned().ok_or_else(|| Problem::not_found("resource"))?;
        set(&mut resource.name, change.name);
        set(&mut resource.allowed_origins, change.allowed_origins);
        set(&mut resource.region, change.region.map(Some));
        turn(&mut resource.switches, change.switches);
        Ok(resource)
    };
    api.registry
        .edit(&caller.actor, "resource.change", &name, &precondition, edit)
        .await
}

/// Deletes a resource with all its users and keys. Its id is never used again.
#[utoipa::path(delete, path = "/v1/resources/{resource}", tag = "resources",
    params(("resource" = ResourceId, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204)))]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(ResourceId,)>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::DeleteResource(name.0.clone()))?;
    api.registry
        .delete::<Resource>(&caller.actor, "resource.delete", &name, &precondition)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
