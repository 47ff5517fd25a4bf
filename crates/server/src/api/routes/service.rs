//! The service itself: which version, what it can do, and as whom one is known to it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sidetone_organisation::ApprovalPolicy;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use crate::api::caller::{Actor, Caller};
use crate::api::openapi::{CAPABILITIES, Capability};

pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(status))
}

pub(super) fn public() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(capabilities))
}

/// The service, and the caller as it sees him.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// Version of the service.
    version: &'static str,
    /// The cloud that this deployment is.
    cloud: String,
    /// How organisations are approved.
    approval: ApprovalPolicy,
    /// Who calls.
    caller: Actor,
    /// The caller's roles, in words.
    roles: Vec<String>,
}

/// What the service can do.
#[derive(Serialize, ToSchema)]
struct Capabilities {
    /// Always `sidetone`: tells our service from another HTTP server.
    service: &'static str,
    /// Version of the service.
    version: &'static str,
    /// Everything that it can do.
    items: &'static [Capability],
}

/// The service, and the caller as it sees him.
#[utoipa::path(get, path = "/v1/status", tag = "service", responses((status = 200, body = Status)))]
async fn status(State(api): State<Arc<Api>>, caller: Caller) -> Json<Status> {
    let world = api.registry.world();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        cloud: world.deployment().cloud.to_string(),
        approval: world.deployment().approval,
        roles: caller.roles.iter().map(ToString::to_string).collect(),
        caller: caller.actor,
    })
}

/// What the service can do, and how far it can be relied on. Anybody may read it.
#[utoipa::path(get, path = "/v1/capabilities", tag = "service", responses((status = 200, body = Capabilities)))]
async fn capabilities() -> Json<Capabilities> {
    Json(Capabilities {
        service: "sidetone",
        version: env!("CARGO_PKG_VERSION"),
        items: CAPABILITIES,
    })
}
