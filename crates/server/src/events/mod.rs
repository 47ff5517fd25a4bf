//! Events out: webhooks with the calling events of a tenant, as CloudEvents. Accounting writes the events to the
//! tenant's log; here they are sent, at least once and in order within each call, for as long as it takes. Refuses to
//! know what an event says.
//!
//! Deliveries are signed (headers `webhook-id`, `webhook-timestamp`, `webhook-signature`), answered by any 2xx, and
//! tried again otherwise. A receiver knows an event that comes twice by its id.

mod delivery;
pub(crate) mod http;
mod receiver;
mod subscription;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sidetone_ledger::{Notification, Scope, Timestamp};
use sidetone_store::{LogName, Revision, Sequence, Store, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use delivery::DeliveryConfig;
#[cfg(fuzzing)]
pub(crate) use receiver::seconds;
pub(crate) use receiver::{DeadLetter, Health};
pub(crate) use subscription::{Subscription, SubscriptionId};

use crate::accounting::names;
use crate::api::registry::{Estate, Registry};
use crate::clock::wall_now;
use crate::outbound::Outbound;
use delivery::Cursor;
use receiver::{Command, End, Receiver};

/// Subscriptions of one tenant at most.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 20;
/// Commands that may wait for one receiver.
const WAITING: usize = 8;

/// All subscriptions, and the tasks that serve them.
pub(crate) struct Webhooks {
    store: Store,
    pub(crate) outbound: Outbound,
    config: DeliveryConfig,
    running: Mutex<HashMap<SubscriptionId, Running>>,
    /// Held by who changes subscriptions.
    changing: tokio::sync::Mutex<()>,
}

#[async_trait]
impl Estate for Webhooks {
    async fn clear(self: Arc<Self>, tenant: &Scope) -> Result<(), StoreError> {
        self.forget(tenant).await
    }
}

/// A task that serves a subscription. Ends when this is dropped.
struct Running {
    scope: Scope,
    commands: mpsc::Sender<Command>,
    health: Arc<Mutex<Health>>,
    task: JoinHandle<()>,
}

/// Where to begin sending again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// At this number of the tenant's log.
    Sequence(Sequence),
    /// At the first event that was written at this time or later.
    Time(Timestamp),
    /// At the next event to come.
    Now,
}

impl Webhooks {
    /// Starts serving every subscription there is.
    ///
    /// # Errors
    /// Of the store.
    pub(crate) async fn start(
        store: Store,
        outbound: Outbound,
        config: DeliveryConfig,
    ) -> Result<Arc<Self>, StoreError> {
        let webhooks = Arc::new(Self {
            store,
            outbound,
            config,
            running: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        });
        for entry in webhooks.store.kv.list(subscription::ALL, wall_now()).await? {
            match serde_json::from_slice::<Subscription>(&entry.value) {
                Ok(subscription) if subscription.enabled => webhooks.serve(subscription).await?,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a subscription cannot be read"),
            }
        }
        Ok(webhooks)
    }

    /// A tenant's subscriptions.
    pub(crate) async fn list(&self, scope: &Scope) -> Result<Vec<Subscription>, StoreError> {
        let entries = self
            .store
            .kv
            .list(&subscription::prefix(scope), wall_now())
            .await?;
        let read = entries
            .iter()
            .filter_map(|entry| serde_json::from_slice(&entry.value).ok());
        Ok(read.collect())
    }

    /// A subscription of a tenant.
    pub(crate) async fn find(
        &self,
        scope: &Scope,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, StoreError> {
        let entry = self
            .store
            .kv
            .get(&subscription::key(scope, id)?, wall_now())
            .await?;
        Ok(entry.and_then(|entry| serde_json::from_slice(&entry.value).ok()))
    }

    /// Makes a subscription and begins to serve it. `false` when the tenant has as many as it may.
    pub(crate) async fn create(
        self: &Arc<Self>,
        subscription: &Subscription,
        from: From,
    ) -> Result<bool, StoreError> {
        let _changing = self.changing.lock().await;
        if self.list(&subscription.scope).await?.len() >= MAX_SUBSCRIPTIONS {
            return Ok(false);
        }
        let start = self.place(&subscription.scope, from).await?;
        let cursor = serde_json::to_vec(&Cursor::at(start)).unwrap_or_default();
        let (key, now) = (subscription::cursor(subscription.id)?, wall_now());
        self.store
            .kv
            .put(&key, cursor.into(), Revision::ABSENT, None, now)
            .await?;
        self.write(subscription).await?;
        if subscription.enabled {
            self.serve(subscription.clone()).await?;
        }
        Ok(true)
    }

    /// Changes a subscription: `edit` gets it as it is. `None` when there is none.
    pub(crate) async fn change(
        self: &Arc<Self>,
        scope: &Scope,
        id: SubscriptionId,
        edit: impl FnOnce(&mut Subscription),
    ) -> Result<Option<Subscription>, StoreError> {
        let _changing = self.changing.lock().await;
        let Some(mut subscription) = self.find(scope, id).await? else {
            return Ok(None);
        };
        edit(&mut subscription);
        self.write(&subscription).await?;
        if !subscription.enabled {
            self.stop(id).await;
            return Ok(Some(subscription));
        }
        let change = Command::Change(Box::new(subscription.clone()));
        if !self.tell(id, change).await {
            self.serve(subscription.clone()).await?;
        }
        Ok(Some(subscription))
    }

    /// Deletes a subscription with all that is kept of it; `false` when there is none.
    pub(crate) async fn delete(&self, scope: &Scope, id: SubscriptionId) -> Result<bool, StoreError> {
        let _changing = self.changing.lock().await;
        let now = wall_now();
        let Some(entry) = self.store.kv.get(&subscription::key(scope, id)?, now).await? else {
            return Ok(false);
        };
        self.stop(id).await;
        self.store.kv.delete(&entry.key, entry.revision, now).await?;
        if let Some(cursor) = self.store.kv.get(&subscription::cursor(id)?, now).await? {
            self.store.kv.delete(&cursor.key, cursor.revision, now).await?;
        }
        let letters = subscription::dead_letters(id)?;
        self.store.log.trim(&letters, Sequence(u64::MAX)).await?;
        Ok(true)
    }

    /// Removes what is kept for tenants who are no more: of those whose deletion was cut short.
    pub(crate) async fn forget_strangers(&self, registry: &Registry) -> Result<(), StoreError> {
        for scope in self.subscribers().await? {
            let exists = {
                let world = registry.world();
                match &scope {
                    Scope::Organisation(id) => world.organisation(id).is_some(),
                    Scope::Resource(id) => world.resource(id).is_some(),
                }
            };
            if !exists {
                self.forget(&scope).await?;
            }
        }
        Ok(())
    }

    /// How many subscriptions there are, and those whose receiver takes nothing at the moment, at most `limit`.
    pub(crate) async fn failing(
        &self,
        limit: usize,
    ) -> Result<(usize, Vec<(Subscription, Health)>), StoreError> {
        let entries = self.store.kv.list(subscription::ALL, wall_now()).await?;
        let failing = entries
            .iter()
            .filter_map(|entry| serde_json::from_slice::<Subscription>(&entry.value).ok())
            .filter_map(|subscription| {
                let health = self.health(subscription.id)?;
                (health.failed_attempts > 0).then_some((subscription, health))
            })
            .take(limit);
        Ok((entries.len(), failing.collect()))
    }

    /// The tenants that have subscriptions.
    async fn subscribers(&self) -> Result<BTreeSet<Scope>, StoreError> {
        let entries = self.store.kv.list(subscription::ALL, wall_now()).await?;
        let read = |entry: &sidetone_store::Entry| serde_json::from_slice::<Subscription>(&entry.value).ok();
        Ok(entries
            .iter()
            .filter_map(read)
            .map(|subscription| subscription.scope)
            .collect())
    }

    /// Removes all that is kept for a tenant who is no more: subscriptions, events and the list of calls. Usage and the
    /// records of the single calls stay until they expire: others were in those calls.
    async fn forget(&self, scope: &Scope) -> Result<(), StoreError> {
        for subscription in self.list(scope).await? {
            self.delete(scope, subscription.id).await?;
        }
        for log in [names::events(scope)?, names::calls(scope)?] {
            self.store.log.trim(&log, Sequence(u64::MAX)).await?;
        }
        Ok(())
    }

    /// Has events sent again; gives the number at which it begins, or `None` when the subscription is not served.
    pub(crate) async fn replay(
        &self,
        scope: &Scope,
        id: SubscriptionId,
        from: From,
    ) -> Result<Option<Sequence>, StoreError> {
        let start = self.place(scope, from).await?;
        let told = self.tell(id, Command::Replay(start)).await;
        Ok(told.then_some(start))
    }

    /// The tenants that have subscriptions which are served.
    pub(crate) fn served(&self) -> HashSet<Scope> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().map(|one| one.scope.clone()).collect()
    }

    /// How deliveries go; `None` while the subscription is not served.
    pub(crate) fn health(&self, id: SubscriptionId) -> Option<Health> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let health = &running.get(&id)?.health;
        Some(health.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Events that the receiver never took, from number `from` on.
    pub(crate) async fn dead_letters(
        &self,
        id: SubscriptionId,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<(Sequence, DeadLetter)>, StoreError> {
        self.read(&subscription::dead_letters(id)?, from, limit).await
    }

    /// A tenant's events, from number `from` on.
    pub(crate) async fn events(
        &self,
        scope: &Scope,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<(Sequence, Notification)>, StoreError> {
        self.read(&names::events(scope)?, from, limit).await
    }

    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        log: &LogName,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<(Sequence, T)>, StoreError> {
        let records = self.store.log.read(log, from, limit).await?;
        let read = records
            .into_iter()
            .filter_map(|record| Some((record.sequence, serde_json::from_slice(&record.payload).ok()?)));
        Ok(read.collect())
    }

    /// The number in a tenant's log where something begins.
    pub(crate) async fn place(&self, scope: &Scope, from: From) -> Result<Sequence, StoreError> {
        let log = names::events(scope)?;
        let end = self.store.log.end(&log).await?;
        match from {
            From::Now => Ok(end),
            From::Sequence(sequence) => Ok(sequence.min(end)),
            From::Time(time) => self.first_since(&log, end, time).await,
        }
    }

    /// The first record below `end` that was written at `time` or later, by halving.
    async fn first_since(
        &self,
        log: &LogName,
        end: Sequence,
        time: Timestamp,
    ) -> Result<Sequence, StoreError> {
        let (mut low, mut high) = (Sequence::FIRST.0, end.0);
        while low < high {
            let middle = low + (high - low) / 2;
            let record = self.store.log.read(log, Sequence(middle), 1).await?;
            match record.first() {
                // It may be a later one, where the first were trimmed away.
                Some(record) if record.at.as_millis() < time.as_millis() => low = record.sequence.0 + 1,
                _ => high = middle,
            }
        }
        Ok(Sequence(low))
    }

    async fn write(&self, subscription: &Subscription) -> Result<(), StoreError> {
        let (key, now) = (subscription.key()?, wall_now());
        let found = self.store.kv.get(&key, now).await?;
        let revision = found.map_or(Revision::ABSENT, |entry| entry.revision);
        let value = serde_json::to_vec(subscription).map_err(|error| StoreError::Storage {
            message: error.to_string(),
        })?;
        self.store
            .kv
            .put(&key, value.into(), revision, None, now)
            .await
            .map(drop)
    }

    /// Begins to serve a subscription.
    async fn serve(self: &Arc<Self>, subscription: Subscription) -> Result<(), StoreError> {
        let (id, scope) = (subscription.id, subscription.scope.clone());
        let health = Arc::new(Mutex::new(Health::default()));
        let (commands, waiting) = mpsc::channel(WAITING);
        let receiver = Receiver::open(
            self.store.clone(),
            self.outbound,
            self.config,
            subscription,
            health.clone(),
        );
        let receiver = receiver.await?;
        let webhooks = Arc::downgrade(self);
        let tenant = scope.clone();
        let task = tokio::spawn(async move {
            if receiver.run(waiting).await == End::Gone
                && let Some(webhooks) = webhooks.upgrade()
            {
                // Beside this task: who changes the subscription may be waiting for its end.
                tokio::spawn(async move { webhooks.disable(&tenant, id).await });
            }
        });
        let running = Running {
            scope,
            commands,
            health,
            task,
        };
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, running);
        Ok(())
    }

    /// The receiver said that it is gone for good.
    async fn disable(&self, scope: &Scope, id: SubscriptionId) {
        tracing::warn!(subscription = %id, "the receiver is gone, its subscription is disabled");
        let _changing = self.changing.lock().await;
        let disabled = async {
            if let Some(mut subscription) = self.find(scope, id).await? {
                subscription.enabled = false;
                self.write(&subscription).await?;
            }
            Ok::<(), StoreError>(())
        };
        if let Err(error) = disabled.await {
            tracing::error!(%error, "a subscription could not be disabled");
        }
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
    }

    /// Ends the task of a subscription, and waits until it has written down how far it came.
    async fn stop(&self, id: SubscriptionId) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
        if let Some(Running { commands, task, .. }) = running {
            drop(commands);
            let _ = task.await;
        }
    }

    /// Ends all tasks, and waits until they have written down how far they came.
    pub(crate) async fn stop_all(&self) {
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        let ends = running.into_values().map(|Running { commands, task, .. }| {
            drop(commands);
            task
        });
        futures_util::future::join_all(ends).await;
    }

    /// Tells the task of a subscription something; `false` when it is not served.
    async fn tell(&self, id: SubscriptionId, command: Command) -> bool {
        let commands = {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.get(&id).map(|running| running.commands.clone())
        };
        match commands {
            Some(commands) => commands.send(command).await.is_ok(),
            None => false,
        }
    }
}
