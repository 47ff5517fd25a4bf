//! Call records: those that are over, and those that run. The resource's side is told in full; an organisation's side
//! as its switches have it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sidetone_ledger::{CallLine, LiveCall, Scope, Timestamp, Viewer};
use sidetone_organisation::access::Operation;
use sidetone_organisation::{OrganisationId, ResourceId, Switches};
use sidetone_signaling::protocol::CallId;
use sidetone_store::Sequence;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Accounts, LogPage, asked};
use crate::accounting::shelf::CallReport;
use crate::api::caller::Caller;
use crate::api::input::{Names, Query};
use crate::api::page;
use crate::api::problem::{Problem, ProblemType};
use crate::clock::wall_now;

pub(super) fn router() -> OpenApiRouter<Arc<Accounts>> {
    OpenApiRouter::new()
        .routes(routes!(resource_calls))
        .routes(routes!(resource_live_calls))
        .routes(routes!(resource_call))
        .routes(routes!(organisation_calls))
        .routes(routes!(organisation_live_calls))
        .routes(routes!(organisation_call))
}

/// Which calls.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct CallsQuery {
    /// Calls on the page, 1 to 200; 50 without.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before: older ones follow. The newest without.
    #[serde(default, deserialize_with = "page::number")]
    after: Option<u64>,
}

/// Calls that run.
#[derive(Serialize, ToSchema)]
struct LiveList {
    /// The calls, oldest first.
    items: Vec<LiveCall>,
}

impl Accounts {
    async fn calls(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        scope: &Scope,
        query: &Query,
    ) -> Result<Json<LogPage<CallLine>>, Problem> {
        caller.may(&Operation::ReadRecords(asked(scope)))?;
        let query: CallsQuery = query.read()?;
        let limit = page::limit(query.limit)?;
        let since = caller.sees_since(&self.registry, scope);
        let lines = self
            .shelf
            .calls(scope, since, query.after.map(Sequence), limit)
            .await?;
        let seen = lines
            .into_iter()
            .map(|(number, line)| (number, line.seen_by(viewer)));
        Ok(Json(LogPage::new(seen.collect())))
    }

    async fn call(&self, caller: &Caller, viewer: &Viewer, call: Uuid) -> Result<Json<CallReport>, Problem> {
        let since = self.since(caller, viewer);
        let found = self.shelf.call(CallId(call), viewer, since, wall_now()).await?;
        found.map(Json).ok_or_else(|| Problem::not_found("call"))
    }

    async fn live(&self, caller: &Caller, viewer: Viewer) -> Result<Json<LiveList>, Problem> {
        let since = self.since(caller, &viewer);
        let calls = self.live.seen_by(viewer).await;
        let stopping = || Problem::new(ProblemType::UNAVAILABLE, "the service is stopping");
        let mut items = calls.ok_or_else(stopping)?;
        items.retain(|call| call.start_time >= since);
        Ok(Json(LiveList { items }))
    }

    fn since(&self, caller: &Caller, viewer: &Viewer) -> Timestamp {
        let scope = viewer.scope();
        scope.map_or(Timestamp::default(), |scope| {
            caller.sees_since(&self.registry, &scope)
        })
    }

    /// An organisation's view. One that is no more shows nothing that it could have hidden.
    fn organisation_viewer(&self, id: OrganisationId) -> Viewer {
        let world = self.registry.world();
        let switches = world.organisation(&id).map(|organisation| organisation.switches);
        Viewer::organisation(id, &switches.unwrap_or(Switches::source()))
    }
}

/// Calls that a resource's applications took part in and that are over, newest first.
#[utoipa::path(get, path = "/v1/resources/{resource}/calls", tag = "calls",
    params(("resource" = ResourceId, Path), CallsQuery),
    responses((status = 200, body = LogPage<CallLine>)))]
async fn resource_calls(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
    query: Query,
) -> Result<Json<LogPage<CallLine>>, Problem> {
    let viewer = Viewer::Resource(resource.clone());
    accounts
        .calls(&caller, &viewer, &Scope::Resource(resource), &query)
        .await
}

/// Calls that an organisation's members took part in and that are over, newest first.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/calls", tag = "calls",
    params(("organisation" = OrganisationId, Path), CallsQuery),
    responses((status = 200, body = LogPage<CallLine>)))]
async fn organisation_calls(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
    query: Query,
) -> Result<Json<LogPage<CallLine>>, Problem> {
    let viewer = accounts.organisation_viewer(organisation.clone());
    accounts
        .calls(&caller, &viewer, &Scope::Organisation(organisation), &query)
        .await
}

/// A call that is over: a summary for each participant, a diagnostic for each stream.
#[utoipa::path(get, path = "/v1/resources/{resource}/calls/{call}", tag = "calls",
    params(("resource" = ResourceId, Path), ("call" = Uuid, Path)),
    responses((status = 200, body = CallReport)))]
async fn resource_call(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Names((resource, call)): Names<(ResourceId, Uuid)>,
) -> Result<Json<CallReport>, Problem> {
    caller.may(&Operation::ReadRecords(asked(&Scope::Resource(resource.clone()))))?;
    accounts.call(&caller, &Viewer::Resource(resource), call).await
}

/// A call that is over: a summary for each participant, a diagnostic for each stream. External users have their names
/// unless the organisation chose otherwise.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/calls/{call}", tag = "calls",
    params(("organisation" = OrganisationId, Path), ("call" = Uuid, Path)),
    responses((status = 200, body = CallReport)))]
async fn organisation_call(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Names((organisation, call)): Names<(OrganisationId, Uuid)>,
) -> Result<Json<CallReport>, Problem> {
    caller.may(&Operation::ReadRecords(asked(&Scope::Organisation(
        organisation.clone(),
    ))))?;
    let viewer = accounts.organisation_viewer(organisation);
    accounts.call(&caller, &viewer, call).await
}

/// The calls of a resource's applications that run.
#[utoipa::path(get, path = "/v1/resources/{resource}/calls/live", tag = "calls",
    params(("resource" = ResourceId, Path)),
    responses((status = 200, body = LiveList)))]
async fn resource_live_calls(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Names((resource,)): Names<(ResourceId,)>,
) -> Result<Json<LiveList>, Problem> {
    caller.may(&Operation::ReadRecords(asked(&Scope::Resource(resource.clone()))))?;
    accounts.live(&caller, Viewer::Resource(resource)).await
}

/// The calls of an organisation's members that run. External users are shown unless the organisation chose otherwise.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/calls/live", tag = "calls",
    params(("organisation" = OrganisationId, Path)),
    responses((status = 200, body = LiveList)))]
async fn organisation_live_calls(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Names((organisation,)): Names<(OrganisationId,)>,
) -> Result<Json<LiveList>, Problem> {
    caller.may(&Operation::ReadLiveCalls(organisation.clone()))?;
    let viewer = accounts.organisation_viewer(organisation);
    accounts.live(&caller, viewer).await
}
