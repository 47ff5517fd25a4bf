//! The addresses of subscriptions and events, for administrators and owners of resources.

mod desk;
mod organisation;
mod resource;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use desk::Desk;

/// The addresses.
pub(crate) fn router(desk: Arc<Desk>) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(resource::router())
        .merge(organisation::router())
        .with_state(desk)
}
