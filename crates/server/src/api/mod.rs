//! The API: everything that operators, administrators and applications configure and read, over HTTP under `/v1`.
//!
//! Handlers ask for the caller's role, let the registry decide, and answer. They refuse to know what a rule is: rules
//! are `sidetone_organisation`'s.
//!
//! # Adding addresses
//!
//! A module with addresses of its own gives an [`OpenApiRouter`] without state, in which every handler has a
//! `#[utoipa::path]` with a tag of [`openapi::CAPABILITIES`]:
//!
//! ```text
//! pub(crate) fn router(identities: Arc<Identities>) -> OpenApiRouter {
//!     OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke)).with_state(identities)
//! }
//!
//! /// Deletes an identity.
//! #[utoipa::path(delete, path = "/v1/resources/{resource}/identities/{user}", tag = "identities",
//!     params(("resource" = ResourceId, Path), ("user" = String, Path)),
//!     responses((status = 204)))]
//! async fn delete(
//!     State(identities): State<Arc<Identities>>,
//!     caller: Caller,
//!     Names((resource, user)): Names<(ResourceId, Label)>,
//!     body: Body,
//! ) -> Result<StatusCode, Problem> {
//!     caller.may(&Operation::…(resource.clone()))?; // first: nothing is looked at before the role
//!     let wish: Wish = body.read()?;                // then the body, the query, what exists
//!     …
//! }
//! ```
//!
//! and is listed where [`router`] is called. Authentication, the bound on requests, `Idempotency-Key`, the limit on
//! bodies, and the refusals in the OpenAPI document come with that: a handler names only its own answers.
//! [`caller::Caller`] says who calls, [`problem::Problem`] is how to refuse, [`page::PageQuery`] makes pages,
//! [`limiter::Limiter`] counts quotas, [`registry::Registry`] keeps entities, and [`audit::Audit`] must have an entry
//! of every change that does not go through the registry.
//!
//! An address names its tenant in the path (`/v1/organisations/{organisation}/…`, `/v1/resources/{resource}/…`): the
//! isolation test takes every operation of the document and tries it with everybody else's keys.

pub(crate) mod audit;
pub(crate) mod caller;
mod idempotency;
pub(crate) mod input;
pub(crate) mod kept;
pub(crate) mod keys;
pub(crate) mod limiter;
pub(crate) mod openapi;
pub(crate) mod page;
pub(crate) mod precondition;
pub(crate) mod problem;
pub(crate) mod registry;
mod routes;
mod seal;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use sidetone_organisation::{Deployment, Undeclared};
use sidetone_store::Store;
use utoipa_axum::router::OpenApiRouter;

use self::caller::Actor;
use self::idempotency::Answers;
use self::keys::Keys;
use self::limiter::Limiter;
use self::problem::{Problem, ProblemType};
use self::registry::Registry;
pub(crate) use self::routes::COPY;
use crate::clock::wall_now;
use crate::token::Tokens;
use crate::{ServerConfig, ServerError};

/// The cloud that a deployment is when its operator names none.
const CLOUD: &str = "public";

/// Longest body, in bytes: a member with all attributes and a full allow-list fit.
const MAX_BODY_BYTES: usize = 128 * 1024;
/// Longest body of an import, in bytes.
const MAX_IMPORT_BYTES: usize = 4 * 1024 * 1024;
/// A caller may send so many times the requests that an address may without a key.
const STRANGERS_SHARE: u32 = 5;

/// Refusals of one caller in a minute that the audit log takes: more than people cause, fewer than fill a disk.
const AUDITED_REFUSALS: u32 = 1_000;

/// Media type of files.
const FILE: &str = "application/octet-stream";

/// What the handlers share.
pub(crate) struct Api {
    store: Store,
    /// Where copies of the store lie while they are sent.
    copies: PathBuf,
    /// Held while one is made.
    copying: tokio::sync::Mutex<()>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) tokens: Arc<Tokens>,
    answers: Answers,
    calls: Limiter<Actor>,
    strangers: Limiter<Option<IpAddr>>,
    /// How many refusals of one caller the audit log takes.
    refusals: Limiter<Actor>,
}

impl Api {
    /// With what is in the store.
    ///
    /// # Errors
    /// Of [`Registry::open`] and [`Keys::open`].
    pub(crate) async fn open(
        store: &Store,
        config: &ServerConfig,
        tokens: Arc<Tokens>,
    ) -> Result<Arc<Self>, ServerError> {
        let deployment = match config.deployment.clone() {
            Some(deployment) => deployment,
            None => Deployment {
                // Their tokens come from the operator alone: by the embedding program, or as development tokens.
                undeclared: Undeclared::Admitted,
                ..Deployment::new(
                    CLOUD
                        .parse()
                        .map_err(|_| ServerError::Config("the cloud has no name"))?,
                )
            },
        };
        let second = Duration::from_secs(1);
        Ok(Arc::new(Self {
            store: store.clone(),
            copies: config.data_dir.clone().unwrap_or_else(std::env::temp_dir),
            copying: tokio::sync::Mutex::default(),
            registry: Registry::open(store, deployment, tokens.clone()).await?,
            keys: Keys::open(store.kv.clone(), config.operator_key.as_ref(), wall_now()).await?,
            tokens,
            answers: Answers::new(store.kv.clone()),
            calls: Limiter::new(config.api_requests_per_second, second),
            strangers: Limiter::new(config.api_requests_per_second / STRANGERS_SHARE, second),
            refusals: Limiter::new(AUDITED_REFUSALS, Duration::from_secs(60)),
        }))
    }
}

/// All addresses of the API: its own, and those of `others`.
pub(crate) fn router(api: &Arc<Api>, others: impl IntoIterator<Item = OpenApiRouter>) -> Router {
    let own = routes::router().with_state(api.clone());
    let (router, mut document) = others
        .into_iter()
        .fold(own, OpenApiRouter::merge)
        .split_for_parts();
    let (public, public_document) = routes::public().split_for_parts();
    document.merge(public_document);
    let document = openapi::to_json(&openapi::complete(document)).to_string();
    let document = bytes::Bytes::from(document);
    let described = async move || ([(header::CONTENT_TYPE, "application/json")], document.clone());
    router
        .route_layer(from_fn_with_state(api.clone(), idempotency::once))
        .route_layer(from_fn_with_state(api.clone(), caller::authenticate))
        .merge(public)
        .route("/v1/openapi.json", get(described))
        .method_not_allowed_fallback(async || {
            Problem::new(ProblemType::METHOD, "see the header Allow, and /v1/openapi.json")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}
