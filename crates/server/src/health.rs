//! How the service itself is, for its operator: can it write, is there room, do webhooks get through. Looked at when it
//! is asked for; refuses to judge.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sidetone_ledger::Timestamp;
use sidetone_organisation::access::Operation;
use sidetone_store::{Key, Revision, Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::caller::Caller;
use crate::api::problem::Problem;
use crate::clock::wall_now;
use crate::driver::Input;
use crate::events::Webhooks;
use crate::metrics::Metrics;

/// Where it is tried whether the store can be written. The entry is gone by itself when the process dies in between.
const TRIAL: &str = "health.trial";

/// How long such an entry lives.
const TRIAL_LIFE: Duration = Duration::from_secs(60);

/// Webhooks that are named at most; the first say enough.
const MAX_FAILING: usize = 50;

/// What is looked at.
pub(crate) struct Examination {
    pub(crate) store: Store,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) metrics: Arc<Metrics>,
    // Weak: the driver's task ends when nobody can reach it any more.
    pub(crate) inputs: mpsc::WeakSender<Input>,
}

/// The address.
pub(crate) fn router(examination: Arc<Examination>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(health))
        .with_state(examination)
}

/// How the service is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServiceHealth {
    /// The time there.
    time: Timestamp,
    /// Version of the service.
    version: &'static str,
    /// What must survive.
    store: StoreHealth,
    /// Call records that could not be stored since the start.
    records_lost: u64,
    /// Sessions at the moment; absent when the switchboard does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<usize>,
    /// Calls at the moment, ringing ones included; absent as above.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<usize>,
    /// Events out.
    webhooks: WebhooksHealth,
}

/// How the store is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StoreHealth {
    /// Whether a write, tried just now, reached it.
    writable: bool,
    /// How long that took.
    write_milliseconds: f64,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Room left on its disk, in bytes; absent in memory, and where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
}

/// How events get out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhooksHealth {
    /// Subscriptions of all tenants.
    subscriptions: usize,
    /// Those whose receiver does not take events at the moment, fifty at most.
    failing: Vec<FailingWebhook>,
}

/// A receiver that takes nothing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FailingWebhook {
    /// Which subscription.
    subscription: String,
    /// Whose: `organisations/<id>` or `resources/<id>`.
    tenant: String,
    /// Attempts at the event that fails for the longest time.
    failed_attempts: u32,
    /// Why the last one failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// How the service itself is: whether it can write, room on its disk, webhooks that fail.
#[utoipa::path(get, path = "/v1/health", tag = "service", responses((status = 200, body = ServiceHealth)))]
async fn health(
    State(examination): State<Arc<Examination>>,
    caller: Caller,
) -> Result<Json<ServiceHealth>, Problem> {
    caller.may(&Operation::ReadHealth)?;
    Ok(Json(examination.examine().await?))
}

impl Examination {
    async fn examine(&self) -> Result<ServiceHealth, StoreError> {
        let start = wall_now();
        let tried = self.try_writing().await;
        let took = wall_now().as_millis().saturating_sub(start.as_millis());
        let stats = self.stats().await;
        let webhooks = self.webhooks.failing(MAX_FAILING).await?;
        Ok(ServiceHealth {
            time: Timestamp::from_millis(start.as_millis()),
            version: env!("CARGO_PKG_VERSION"),
            store: StoreHealth {
                writable: tried.is_ok(),
                write_milliseconds: took as f64,
                error: tried.err().map(|error| error.to_string()),
                free_bytes: self.free_bytes().await,
            },
            records_lost: self.metrics.records_lost.get(),
            sessions: stats.as_ref().map(|stats| stats.sessions),
            calls: stats.map(|stats| stats.ringing_calls + stats.active_calls),
            webhooks: WebhooksHealth {
                subscriptions: webhooks.0,
                failing: webhooks
                    .1
                    .into_iter()
                    .map(|(subscription, health)| FailingWebhook {
                        subscription: subscription.id.to_string(),
                        tenant: subscription.scope.to_string(),
                        failed_attempts: health.failed_attempts,
                        last_error: health.last_error,
                    })
                    .collect(),
            },
        })
    }

    /// Writes, as a call record would be.
    async fn try_writing(&self) -> Result<(), StoreError> {
        let (key, now) = (Key::new(TRIAL)?, wall_now());
        let before = self.store.kv.get(&key, now).await?;
        let expected = before.map_or(Revision::ABSENT, |entry| entry.revision);
        let value = bytes::Bytes::from_static(b"1");
        match self
            .store
            .kv
            .put(&key, value, expected, Some(now.after(TRIAL_LIFE)), now)
            .await
        {
            // Somebody else looks at the same time, and could write.
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn stats(&self) -> Option<sidetone_signaling::switchboard::Stats> {
        let (reply, stats) = oneshot::channel();
        self.inputs.upgrade()?.send(Input::Stats(reply)).await.ok()?;
        stats.await.ok()
    }

    /// Room on the disk of the data folder.
    async fn free_bytes(&self) -> Option<u64> {
        let folder = self.data_dir.clone()?;
        // A disk that is gone may let one wait.
        tokio::task::spawn_blocking(move || free(&folder)).await.ok()?
    }
}

#[cfg(unix)]
fn free(folder: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free(_: &std::path::Path) -> Option<u64> {
    None
}
