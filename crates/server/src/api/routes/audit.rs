//! Reading the audit log: the operator all of it, administrators and owners what concerns theirs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sidetone_ledger::{self as tenant, Timestamp};
use sidetone_organisation::access::{Operation, Scope};
use sidetone_organisation::{OrganisationId, ResourceId};
use sidetone_store::WallTime;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Caller;
use crate::api::input::{Names, Query};
use crate::api::page;
use crate::api::problem::Problem;

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(read_all))
        .routes(routes!(read_organisation))
        .routes(routes!(read_resource))
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    /// Entries on the page, 1 to 200; 50 without.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The number of the last entry seen; from the oldest on without.
    #[serde(default, deserialize_with = "page::number")]
    after: Option<u64>,
}

/// Entries of an audit log, oldest first.
#[derive(Serialize, ToSchema)]
struct AuditPage {
    items: Vec<AuditRecord>,
    /// Give it as `after` for what comes behind; absent where nothing came. New entries come behind it later.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// An entry with its number in the log that was read.
#[derive(Serialize, ToSchema)]
struct AuditRecord {
    number: u64,
    #[serde(flatten)]
    entry: AuditEntry,
}

/// The audit log of the deployment.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = AuditPage)))]
async fn read_all(
    State(api): State<Arc<Api>>,
    caller: Caller,
    query: Query,
) -> Result<Json<AuditPage>, Problem> {
    caller.may(&Operation::ReadAudit(Scope::Deployment))?;
    read(&api, &AuditScope::Deployment, Timestamp::default(), &query).await
}

/// The audit log of an organisation. The operator can read it when the organisation is no more, and that of an earlier one
/// of the same name.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/audit", tag = "audit",
    params(("organisation" = OrganisationId, Path), AuditQuery),
    responses((status = 200, body = AuditPage)))]
async fn read_organisation(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Json<AuditPage>, Problem> {
    caller.may(&Operation::ReadAudit(Scope::Organisation(organisation.clone())))?;
    let since = caller.sees_since(&api.registry, &tenant::Scope::Organisation(organisation.clone()));
    read(&api, &AuditScope::Organisation(organisation), since, &query).await
}

/// The audit log of a resource. It can be read when the resource is no more, too.
#[utoipa::path(get, path = "/v1/resources/{resource}/audit", tag = "audit",
    params(("resource" = ResourceId, Path), AuditQuery),
    responses((status = 200, body = AuditPage)))]
async fn read_resource(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
    query: Query,
) -> Result<Json<AuditPage>, Problem> {
    caller.may(&Operation::ReadAudit(Scope::Resource(resource.clone())))?;
    read(
        &api,
        &AuditScope::Resource(resource),
        Timestamp::default(),
        &query,
    )
    .await
}

async fn read(
    api: &Api,
    scope: &AuditScope,
    since: Timestamp,
    query: &Query,
) -> Result<Json<AuditPage>, Problem> {
    let query: AuditQuery = query.read()?;
    let limit = page::limit(query.limit)?;
    let entries = api
        .registry
        .audit()
        .read(
            scope,
            query.after.unwrap_or(0),
            WallTime::from_millis(since.as_millis()),
            limit,
        )
        .await?;
    let items: Vec<AuditRecord> = entries
        .into_iter()
        .map(|(number, entry)| AuditRecord { number, entry })
        .collect();
    let next = items.last().map(|record| record.number);
    Ok(Json(AuditPage { items, next }))
}
