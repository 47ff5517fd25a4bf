//! The addresses of usage and call records, for the operator, administrators and owners of resources.

mod calls;
mod usage;

use std::sync::Arc;

use serde::Serialize;
use sidetone_ledger::{Rounding, Scope};
use sidetone_organisation::access;
use sidetone_store::Sequence;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::{LiveCalls, Shelf};
use crate::api::registry::Registry;

/// What the handlers share.
pub(crate) struct Accounts {
    pub(crate) shelf: Shelf,
    pub(crate) live: LiveCalls,
    pub(crate) registry: Arc<Registry>,
    pub(crate) rounding: Rounding,
}

/// The addresses.
pub(crate) fn router(accounts: Arc<Accounts>) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(usage::router())
        .merge(calls::router())
        .with_state(accounts)
}

/// A tenant, as access decisions name it.
pub(crate) fn asked(scope: &Scope) -> access::Scope {
    match scope {
        Scope::Resource(id) => access::Scope::Resource(id.clone()),
        Scope::Organisation(id) => access::Scope::Organisation(id.clone()),
    }
}

/// Something from a log, with its number there.
#[derive(Serialize, ToSchema)]
pub(crate) struct Numbered<T> {
    /// Its number in the log that was read.
    pub(crate) number: u64,
    /// What it is.
    #[serde(flatten)]
    pub(crate) entry: T,
}

/// A page of a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogPage<T> {
    /// The entries.
    pub(crate) items: Vec<Numbered<T>>,
    /// Give it as `after` for the next page; absent where nothing came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<u64>,
}

impl<T> LogPage<T> {
    /// A page of what was read.
    pub(crate) fn new(read: Vec<(Sequence, T)>) -> Self {
        let next = read.last().map(|(sequence, _)| sequence.0);
        let numbered = |(sequence, entry): (Sequence, T)| Numbered {
            number: sequence.0,
            entry,
        };
        Self {
            items: read.into_iter().map(numbered).collect(),
            next,
        }
    }
}
