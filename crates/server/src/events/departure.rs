//! What becomes of a tenant's events when the tenant is deleted: nothing of them is left for a later one of its name.
//! A driver: it follows the store.

use std::sync::Arc;
use std::time::Duration;

use sidetone_ledger::Scope;
use sidetone_organisation::{EntityKey, EntityName};
use sidetone_store::{Change, Delivery, Watch};
use tokio::sync::watch;

use super::Webhooks;
use crate::api::registry::Registry;
use crate::clock::wall_now;
use crate::flag::raised;

/// Pause after the store failed.
const RETRY: Duration = Duration::from_secs(1);

/// Changes that may wait for this.
const WAITING: usize = 10_000;

/// What the names of tenants begin with in the store.
const FOLLOWED: [&str; 2] = ["organisation.", "resource."];

/// Follows the store until `stop` is raised: the subscriptions of a deleted tenant are deleted, its events and list of
/// calls removed. Usage and the records of the single calls stay until they expire: others were in those calls.
pub(crate) async fn follow(
    webhooks: Arc<Webhooks>,
    registry: Arc<Registry>,
    mut stop: watch::Receiver<bool>,
) {
    let kinds = FOLLOWED.map(|prefix| one_kind(prefix, &webhooks, &registry));
    tokio::select! {
        () = raised(&mut stop) => {}
        _ = futures_util::future::join_all(kinds) => {}
    }
}

async fn one_kind(prefix: &str, webhooks: &Webhooks, registry: &Registry) {
    loop {
        match webhooks.store.kv.watch(prefix, WAITING, wall_now()).await {
            Ok(watch) => {
                // Also of those that were deleted while nobody followed.
                forget_strangers(webhooks, registry).await;
                until_lost(watch, webhooks).await;
            }
            Err(error) => tracing::error!(%error, "deletions of tenants cannot be followed; trying again"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn forget_strangers(webhooks: &Webhooks, registry: &Registry) {
    let subscribers = match webhooks.subscribers().await {
        Ok(subscribers) => subscribers,
        Err(error) => {
            tracing::error!(%error, "subscriptions cannot be read");
            return;
        }
    };
    for scope in subscribers {
        let exists = {
            let world = registry.world();
            match &scope {
                Scope::Organisation(id) => world.organisation(id).is_some(),
                Scope::Resource(id) => world.resource(id).is_some(),
            }
        };
        if !exists {
            forget(webhooks, &scope).await;
        }
    }
}

async fn until_lost(mut watch: Watch, webhooks: &Webhooks) {
    while let Some(delivery) = watch.next().await {
        let change = match delivery {
            Delivery::Item(change) => change,
            Delivery::Lost(_) => return,
        };
        let Change::Deleted { key, .. } = change else {
            continue;
        };
        let Ok(key) = key.as_str().parse::<EntityKey>() else {
            continue;
        };
        match key.name() {
            EntityName::Organisation(id) => forget(webhooks, &Scope::Organisation(id.clone())).await,
            EntityName::Resource(id) => forget(webhooks, &Scope::Resource(id.clone())).await,
            _ => {}
        }
    }
}

async fn forget(webhooks: &Webhooks, scope: &Scope) {
    if let Err(error) = webhooks.forget(scope).await {
        tracing::error!(%error, "the events of a deleted tenant could not be removed");
    }
}
