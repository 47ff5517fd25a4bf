//! Usage: the report of a month, and the records it was made from.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sidetone_ledger::{Month, Scope, UsageRecord, UsageReport};
use sidetone_organisation::access::Operation;
use sidetone_organisation::{OrganisationId, ResourceId};
use sidetone_store::Sequence;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Accounts, LogPage, asked};
use crate::accounting::writer::now_of;
use crate::api::caller::Caller;
use crate::api::input::{Names, Query};
use crate::api::page;
use crate::api::problem::Problem;
use crate::clock::wall_now;

pub(super) fn router() -> OpenApiRouter<Arc<Accounts>> {
    OpenApiRouter::new()
        .routes(routes!(resource_usage))
        .routes(routes!(organisation_usage))
        .routes(routes!(resource_usage_records))
        .routes(routes!(organisation_usage_records))
}

/// Which report.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ReportQuery {
    /// Which month, such as `2026-03`, in UTC; the present one without.
    #[param(value_type = Option<String>, pattern = "^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])$")]
    month: Option<Month>,
    /// As what; JSON without.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// JSON.
    #[default]
    Json,
    /// Comma-separated values (RFC 4180).
    Csv,
}

/// Which records.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct RecordsQuery {
    /// Which month, such as `2026-03`, in UTC; the present one without.
    #[param(value_type = Option<String>, pattern = "^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])$")]
    month: Option<Month>,
    /// Records on the page, 1 to 200; 50 without.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The number of the last record seen; from the oldest on without.
    #[serde(default, deserialize_with = "page::number")]
    after: Option<u64>,
}

impl Accounts {
    async fn report(&self, caller: &Caller, scope: Scope, query: &Query) -> Result<Response, Problem> {
        caller.may(&Operation::ReadUsage(asked(&scope)))?;
        let query: ReportQuery = query.read()?;
        let month = query.month.unwrap_or_else(|| Month::of(now_of(wall_now())));
        let since = caller.sees_since(&self.registry, &scope);
        let report = self
            .shelf
            .usage_report(scope, month, since, self.rounding)
            .await?;
        Ok(match query.format {
            Format::Json => Json(report).into_response(),
            Format::Csv => {
                let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")];
                (kind, report.csv()).into_response()
            }
        })
    }

    async fn usage_records(
        &self,
        caller: &Caller,
        scope: &Scope,
        query: &Query,
    ) -> Result<Json<LogPage<UsageRecord>>, Problem> {
        caller.may(&Operation::ReadUsage(asked(scope)))?;
        let query: RecordsQuery = query.read()?;
        let month = query.month.unwrap_or_else(|| Month::of(now_of(wall_now())));
        let limit = page::limit(query.limit)?;
        let from = Sequence(query.after.unwrap_or(0).saturating_add(1));
        let since = caller.sees_since(&self.registry, scope);
        let used = self.shelf.usage(scope, month, since, from, limit).await?;
        Ok(Json(LogPage::new(used)))
    }
}

/// What a resource's applications used in a month. Metered is what it is charged for; covered is what others in its
/// calls used at no charge.
#[utoipa::path(get, path = "/v1/resources/{resource}/usage", tag = "usage",
    params(("resource" = ResourceId, Path), ReportQuery),
    responses((status = 200, content((UsageReport = "application/json"), (String = "text/csv")))))]
async fn resource_usage(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
    query: Query,
) -> Result<Response, Problem> {
    accounts.report(&caller, Scope::Resource(resource), &query).await
}

/// What an organisation's members used in a month on the native client, covered by its licence.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/usage", tag = "usage",
    params(("organisation" = OrganisationId, Path), ReportQuery),
    responses((status = 200, content((UsageReport = "application/json"), (String = "text/csv")))))]
async fn organisation_usage(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Response, Problem> {
    accounts
        .report(&caller, Scope::Organisation(organisation), &query)
        .await
}

/// The usage records of a resource's month, in the order of being entered.
#[utoipa::path(get, path = "/v1/resources/{resource}/usage/records", tag = "usage",
    params(("resource" = ResourceId, Path), RecordsQuery),
    responses((status = 200, body = LogPage<UsageRecord>)))]
async fn resource_usage_records(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
    query: Query,
) -> Result<Json<LogPage<UsageRecord>>, Problem> {
    accounts
        .usage_records(&caller, &Scope::Resource(resource), &query)
        .await
}

/// The usage records of an organisation's month, in the order of being entered.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/usage/records", tag = "usage",
    params(("organisation" = OrganisationId, Path), RecordsQuery),
    responses((status = 200, body = LogPage<UsageRecord>)))]
async fn organisation_usage_records(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Json<LogPage<UsageRecord>>, Problem> {
    accounts
        .usage_records(&caller, &Scope::Organisation(organisation), &query)
        .await
}
