//! The addresses of the organisation side, one kind of thing in each file.

mod applications;
mod audit;
mod backups;
mod external_users;
mod federation;
mod groups;
mod import;
mod keys;
mod members;
mod organisations;
mod policies;
mod resources;
mod service;

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use utoipa_axum::router::OpenApiRouter;

use super::Api;
pub(crate) use backups::COPY;

/// Everything that needs a key.
pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .merge(organisations::router())
        .merge(federation::router())
        .merge(policies::router())
        .merge(groups::router())
        .merge(members::router())
        .merge(import::router())
        .merge(applications::router())
        .merge(resources::router())
        .merge(external_users::router())
        .merge(keys::router())
        .merge(audit::router())
        .merge(backups::router())
        .merge(service::router())
}

/// What anybody may read.
pub(super) fn public() -> OpenApiRouter {
    service::public()
}

/// Tells a field that is absent (keep) from one that is null (remove).
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Sets a field where a value is given.
fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
