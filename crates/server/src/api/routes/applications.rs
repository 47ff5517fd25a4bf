//! Voice applications of an organisation.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sidetone_organisation::access::Operation;
use sidetone_organisation::{
    Application, ApplicationId, ApplicationKind, MemberId, OrganisationId, PolicyName,
};
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

/// What a voice application is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ApplicationFields {
    /// Shown to people.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    kind: ApplicationKind,
    /// The policy that decides whether external users may call it; `global` without.
    #[serde(default)]
    policy: Option<PolicyName>,
    /// Members who are rung while the application has no endpoint of its own online.
    #[serde(default)]
    #[schema(max_items = 100)]
    agents: BTreeSet<MemberId>,
}

/// The voice applications of an organisation, by id. Each can be called as `application:<organisation>:<id>`.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/applications", tag = "directory",
    params(("organisation" = OrganisationId, Path), PageQuery),
    responses((status = 200, body = Page<Application>)))]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Json<Page<Application>>, Problem> {
    caller.may(&Operation::ReadApplications(organisation.clone()))?;
    let page: PageQuery = query.read()?;
    let world = api.registry.world();
    let applications = world.applications(&organisation);
    Ok(Json(page.page(
        applications,
        |a| a.id.to_string(),
        Clone::clone,
    )?))
}

/// A voice application.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/applications/{application}", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("application" = ApplicationId, Path)),
    responses((status = 200, body = Application)))]
async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, ApplicationId)>,
) -> Result<Tagged<Application>, Problem> {
    caller.may(&Operation::ReadApplications(name.0.clone()))?;
    api.registry.find(&name)
}

/// Makes or replaces a voice application.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/applications/{application}", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("application" = ApplicationId, Path),
        ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body = ApplicationFields,
    responses((status = 200, body = Application), (status = 201, body = Application)))]
async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, ApplicationId)>,
    precondition: Precondition,
    body: Body,
) -> Result<Tagged<Application>, Problem> {
    caller.may(&Operation::WriteApplications(name.0.clone()))?;
    let fields: ApplicationFields = body.read()?;
    let application = Application {
        id: name.1.clone(),
        name: fields.name,
        kind: fields.kind,
        policy: fields.policy,
        agents: fields.agents,
    };
    api.registry
        .edit(&caller.actor, "application.put", &name, &precondition, |_| {
            Ok(application)
        })
        .await
}

/// Deletes a voice application.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/applications/{application}", tag = "directory",
    params(("organisation" = OrganisationId, Path), ("application" = ApplicationId, Path),
        ("If-Match" = Option<String>, Header)),
    responses((status = 204)))]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names(name): Names<(OrganisationId, ApplicationId)>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    caller.may(&Operation::WriteApplications(name.0.clone()))?;
    api.registry
        .delete::<Application>(&caller.actor, "application.delete", &name, &precondition)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
