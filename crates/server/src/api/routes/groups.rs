//! Groups of members. Who is in a group is told by the members.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sidetone_organisation::access::Operation;
use sidetone_organisation::{Group, GroupId, OrganisationId, PolicyName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use crate::api::caller::Caller;
use crate::api::input::{Body, Names, Query};
use crate::api::page::{Page, PageQuery};
use crate::api::precondition::{Precondition, Tagged};
use crate::api::problem::Problem;

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, put, delete))
}

/// What a group is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupFields {
    /// Shown to people.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// The policy of members who have none of their own.
    #[serde(default)]
    policy: Option<PolicyName>,
    /// Which policy wins for a member of several groups: the one of the lowest rank.
    #[serde(default)]
    rank: u32,
    /// Whether its members may pick up each other's ringing calls.
    #[serde(default)]
    pickup: bool,
}

/// The groups of an organisation, by id.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/groups", tag = "directory",
    params(("organisation" = OrganisationId, Path), PageQuery),
    responses((status = 200, body = Page<Group>)))]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Json<Page<Group>>, Problem> {
    caller.may(&Operation::ReadGroups(organisation.clone()))?;
    let page: PageQuery = query.read()?;
    let world = api.registry.world();
    let groups = world.groups(&organisation);
    Ok(Json(page.page(
        groups,
        |group| group.id.to_string(),
        Clone::clone,
    )?))
}

/// A group.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/groups/{group}", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("group" = GroupId, Path)),
    responses((status = 200, body = Group)))]
async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, GroupId)>,
) -> Result<Tagged<Group>, Problem> {
    caller.may(&Operation::ReadGroups(name.0.clone()))?;
    api.registry.find(&name)
}

/// Makes or replaces a group.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/groups/{group}", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("group" = GroupId, Path),
        ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body = GroupFields,
    responses((status = 200, body = Group), (status = 201, body = Group)))]
async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, GroupId)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<Group>, Problem> {
    caller.may(&Operation::WriteGroups(name.0.clone()))?;
    let fields: GroupFields = body.read()?;
    let group = Group {
        id: name.1.clone(),
        name: fields.name,
        policy: fields.policy,
        rank: fields.rank,
        pickup: fields.pickup,
    };
    api.registry
        .edit(&caller.actor, "group.put", &name, &precondition, |_| Ok(group))
        .await
}

/// Deletes a group that nobody is in.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/groups/{group}", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("group" = GroupId, Path),
        ("If-Match" = Option<String>, Header)),
    responses((status = 204)))]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, GroupId)>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WriteGroups(name.0.clone()))?;
    api.registry
        .delete::<Group>(&caller.actor, "group.delete", &name, &precondition)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
