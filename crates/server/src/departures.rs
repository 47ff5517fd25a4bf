//! Tells those who keep something of others when these are deleted, so that a later one of the same id does not find it.
//! A driver: it follows the store, and knows nothing of what is kept.

use std::time::Duration;

use async_trait::async_trait;
use sidetone_organisation::EntityKey;
use sidetone_store::{Change, Delivery, Kv, Watch};
use tokio::sync::watch;

use crate::clock::wall_now;
use crate::flag::raised;

/// Pause after the store failed.
const RETRY: Duration = Duration::from_secs(1);
/// Changes that may wait: an organisation of this many members can be deleted at once. More, and everything is looked at.
const WAITING: usize = 10_000;

/// Who keeps something of others.
#[async_trait]
pub(crate) trait Keeper: Send + Sync {
    /// Lets go of what is of those who are not there any more, until `stop` is raised. Told at the beginning, and whenever
    /// deletions may have been missed.
    async fn tidy(&self, stop: &watch::Receiver<bool>);

    /// This was deleted.
    async fn gone(&self, key: &EntityKey);
}

/// Follows deletions of what has names that begin so, until `stop` is raised.
pub(crate) async fn follow(
    keeper: &dyn Keeper,
    kv: &dyn Kv,
    prefixes: &[&str],
    stop: &watch::Receiver<bool>,
) {
    let kinds = prefixes
        .iter()
        .map(|prefix| one_kind(keeper, kv, prefix, stop.clone()));
    futures_util::future::join_all(kinds).await;
}

async fn one_kind(keeper: &dyn Keeper, kv: &dyn Kv, prefix: &str, mut stop: watch::Receiver<bool>) {
    loop {
        match kv.watch(prefix, WAITING, wall_now()).await {
            Ok(watch) => {
                // Behind the watch, so that nothing is missed in between.
                keeper.tidy(&stop).await;
                until_lost(watch, keeper, &mut stop).await;
            }
            Err(error) => tracing::error!(%error, "deletions cannot be followed; trying again"),
        }
        tokio::select! {
            () = raised(&mut stop) => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

async fn until_lost(mut watch: Watch, keeper: &dyn Keeper, stop: &mut watch::Receiver<bool>) {
    loop {
        let delivery = tokio::select! {
            () = raised(stop) => return,
            delivery = watch.next() => delivery,
        };
        let change = match delivery {
            Some(Delivery::Item(change)) => change,
            // The next turn looks at everything.
            Some(Delivery::Lost(_)) | None => return,
        };
        if let Change::Deleted { key, .. } = change
            && let Ok(key) = key.as_str().parse::<EntityKey>()
        {
            keeper.gone(&key).await;
        }
    }
}
