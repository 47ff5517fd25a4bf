//! What becomes of tokens when somebody is deleted, in whatever way: alone, or with the resource or organisation they
//! were in. A driver: it follows the store.

use std::sync::Arc;
use std::time::Duration;

use sidetone_organisation::{EntityKey, EntityName};
use sidetone_signaling::Identifier;
use sidetone_store::{Change, Delivery, Kv, StoreError, Watch};
use tokio::sync::watch;

use crate::clock::wall_now;
use crate::exchange::Exchange;
use crate::flag::raised;
use crate::token::Tokens;

/// Pause after the store failed.
const RETRY: Duration = Duration::from_secs(1);

/// Changes that may wait for this: an organisation of this many members can be deleted at once.
const WAITING: usize = 100_000;

/// What the names of those who can have tokens, and of organisations, begin with in the store.
const FOLLOWED: [&str; 4] = ["external-user.", "member.", "application.", "organisation."];

/// Follows the store until `stop` is raised: tokens of who was deleted are revoked, and a deleted organisation's
/// identity provider is forgotten, so that it vouches for nobody in a new one of that name. The future that it gives must
/// run for that; it misses nothing that happens before it does.
///
/// # Errors
/// Of the store.
pub(crate) async fn follow(
    tokens: Arc<Tokens>,
    exchange: Arc<Exchange>,
    kv: Arc<dyn Kv>,
    mut stop: watch::Receiver<bool>,
) -> Result<impl Future<Output = ()> + Send + 'static, StoreError> {
    let mut watches = Vec::new();
    for prefix in FOLLOWED {
        watches.push((prefix, kv.watch(prefix, WAITING, wall_now()).await?));
    }
    Ok(async move {
        let kinds = watches
            .into_iter()
            .map(|(prefix, watch)| one_kind(prefix, watch, &tokens, &exchange, &kv));
        tokio::select! {
            () = raised(&mut stop) => {}
            _ = futures_util::future::join_all(kinds) => {}
        }
    })
}

async fn one_kind(prefix: &str, mut watch: Watch, tokens: &Tokens, exchange: &Exchange, kv: &Arc<dyn Kv>) {
    loop {
        until_lost(watch, tokens, exchange, &**kv).await;
        watch = loop {
            tokio::time::sleep(RETRY).await;
            match kv.watch(prefix, WAITING, wall_now()).await {
                Ok(watch) => break watch,
                Err(error) => tracing::error!(%error, "deletions cannot be followed; trying again"),
            }
        };
    }
}

async fn until_lost(mut watch: Watch, tokens: &Tokens, exchange: &Exchange, kv: &dyn Kv) {
    while let Some(delivery) = watch.next().await {
        let change = match delivery {
            Delivery::Item(change) => change,
            Delivery::Lost(count) => {
                // Their tokens still end: nobody unknown opens a session, and none lives longer than a day.
                tracing::error!(
                    count,
                    "deletions went unseen; tokens of who was deleted were not revoked"
                );
                return;
            }
        };
        let Change::Deleted { key, .. } = change else {
            continue;
        };
        let Ok(key) = key.as_str().parse::<EntityKey>() else {
            continue;
        };
        let done = match key.name() {
            EntityName::ExternalUser(resource, user) => {
                let identity = Identifier::ExternalUser {
                    resource: resource.clone().into(),
                    user: user.clone(),
                };
                tokens.revoke(kv, &identity, wall_now()).await
            }
            EntityName::Member(organisation, member) => {
                let identity = Identifier::Member {
                    organisation: organisation.clone().into(),
                    user: member.clone().into(),
                };
                tokens.revoke(kv, &identity, wall_now()).await
            }
            EntityName::Application(organisation, application) => {
                let identity = Identifier::Application {
                    organisation: organisation.clone().into(),
                    application: application.clone().into(),
                };
                tokens.revoke(kv, &identity, wall_now()).await
            }
            EntityName::Organisation(organisation) => exchange
                .unset(organisation, wall_now())
                .await
                .map(drop)
                .map_err(Into::into),
            _ => Ok(()),
        };
        if let Err(error) = done {
            tracing::error!(%error, "tokens of somebody who was deleted could not be revoked");
        }
    }
}
