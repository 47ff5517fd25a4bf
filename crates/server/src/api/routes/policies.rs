//! External-access policies of an organisation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sidetone_organisation::access::Operation;
use sidetone_organisation::{ExternalAccessPolicy, OrganisationId, PolicyName};
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

/// What a policy says.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyFields {
    /// Whether external users may call those it is assigned to, and be called by them.
    enable_federation_access: bool,
}

/// The policies of an organisation, by name. `global` is always there.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/policies", tag = "policies",
    params(("organisation" = OrganisationId, Path), PageQuery),
    responses((status = 200, body = Page<ExternalAccessPolicy>)))]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Json<Page<ExternalAccessPolicy>>, Problem> {
    caller.may(&Operation::ReadPolicies(organisation.clone()))?;
    let page: PageQuery = query.read()?;
    let world = api.registry.world();
    let mut policies: Vec<&ExternalAccessPolicy> = world.policies(&organisation).collect();
    // Pages need one plain order; the world's has `global` in front.
    policies.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    Ok(Json(page.page(
        policies.into_iter(),
        |p| p.name.to_string(),
        Clone::clone,
    )?))
}

/// A policy.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/policies/{policy}", tag = "policies",
    params(("organisation" = OrganisationId, Path), ("policy" = PolicyName, Path)),
    responses((status = 200, body = ExternalAccessPolicy)))]
async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, PolicyName)>,
) -> Result<Tagged<ExternalAccessPolicy>, Problem> {
    caller.may(&Operation::ReadPolicies(name.0.clone()))?;
    api.registry.find(&name)
}

/// Makes or replaces a policy. The next call obeys it.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/policies/{policy}", tag = "policies",
    params(("organisation" = OrganisationId, Path), ("policy" = PolicyName, Path),
        ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body = PolicyFields,
    responses((status = 200, body = ExternalAccessPolicy), (status = 201, body = ExternalAccessPolicy)))]
async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, PolicyName)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<ExternalAccessPolicy>, Problem> {
    caller.may(&Operation::WritePolicies(name.0.clone()))?;
    let fields: PolicyFields = body.read()?;
    let policy = ExternalAccessPolicy {
        name: name.1.clone(),
        enable_federation_access: fields.enable_federation_access,
    };
    api.registry
        .edit(&caller.actor, "policy.put", &name, &precondition, |_| Ok(policy))
        .await
}

/// Deletes a policy that is assigned to nobody. `global` cannot be deleted.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/policies/{policy}", tag = "policies",
    params(("organisation" = OrganisationId, Path), ("policy" = PolicyName, Path),
        ("If-Match" = Option<String>, Header)),
    responses((status = 204)))]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, PolicyName)>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WritePolicies(name.0.clone()))?;
    api.registry
        .delete::<ExternalAccessPolicy>(&caller.actor, "policy.delete", &name, &precondition)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
