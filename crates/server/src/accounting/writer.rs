//! The task that keeps the book: takes what the service is told, writes the facts down, then what follows from them.
//!
//! The journal is written first. Everything else can be made again from it: after a crash the facts since the last
//! checkpoint are read and worked off anew, which finds most of it written already. Calls that ran when the process
//! was killed are ended at the last moment of which it is known that they ran, so that nobody is charged for a time
//! that nobody saw.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sidetone_ledger::{Book, Booked, Fact, LiveCall, People, Scope, Timestamp, Told, Viewer, live};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::CallId;
use sidetone_store::{LogName, Revision, Sequence, Store, StoreError, WallTime};
use tokio::sync::{mpsc, oneshot};

use super::{batch, derive, names};
use crate::clock::wall_now;
use crate::metrics::Metrics;

/// What is worked off together at most.
const BATCH: usize = 1_024;
/// How often it is written down that the calls still run: at most this much of a call is not charged for after a crash.
/// One small write a second, and only while calls run.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
/// How often what has expired is removed.
const TRIM_INTERVAL: Duration = Duration::from_secs(3_600);
/// Records read in one go.
const STEP: usize = 512;

/// How long what is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// Facts and call records.
    pub(crate) records: Duration,
    /// Events, for sending them again.
    pub(crate) events: Duration,
}

/// What the task is asked.
pub(super) enum Ask {
    /// Something happened.
    Told(Box<Told>, Timestamp),
    /// Who wants to see which calls run.
    Live(Viewer, oneshot::Sender<Vec<LiveCall>>),
}

/// The task's state.
pub(super) struct Writer {
    book: Book,
    store: Store,
    people: Arc<dyn People + Send + Sync>,
    metrics: Arc<Metrics>,
    keep: Keep,
    /// Where in the journal each running call begins.
    begins: HashMap<CallId, Sequence>,
    /// The end of the journal.
    next: Sequence,
    checkpoint: Checkpoint,
    revision: Revision,
    /// Tenants of which it is written down that they have logs.
    known: HashSet<Scope>,
}

/// How far the journal was worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Checkpoint {
    /// Everything of calls that began before this record is done.
    from: u64,
    /// Calls ran at least until then.
    alive: Timestamp,
}

impl Writer {
    /// Picks up where the last process stopped.
    pub(super) async fn open(
        store: Store,
        people: Arc<dyn People + Send + Sync>,
        metrics: Arc<Metrics>,
        keep: Keep,
    ) -> Result<Self, StoreError> {
        let now = wall_now();
        let found = store.kv.get(&names::checkpoint()?, now).await?;
        let first = Checkpoint {
            from: Sequence::FIRST.0,
            alive: Timestamp::default(),
        };
        let read = found.as_ref().map(|entry| serde_json::from_slice(&entry.value));
        let checkpoint: Checkpoint = read.and_then(Result::ok).unwrap_or(first);
        let known = store.kv.list(names::SCOPES, now).await?;
        let mut writer = Self {
            book: Book::default(),
            store,
            people,
            metrics,
            keep,
            begins: HashMap::new(),
            next: Sequence(checkpoint.from),
            checkpoint,
            revision: found.map_or(Revision::ABSENT, |entry| entry.revision),
            known: known
                .iter()
                .filter_map(|entry| serde_json::from_slice(&entry.value).ok())
                .collect(),
        };
        writer.recover().await?;
        Ok(writer)
    }

    /// Works off the journal from the checkpoint on, and ends the calls that are still open.
    async fn recover(&mut self) -> Result<(), StoreError> {
        let log = names::journal()?;
        let mut last = self.checkpoint.alive;
        loop {
            let records = self.store.log.read(&log, self.next, STEP).await?;
            let Some(newest) = records.last() else { break };
            self.next = newest.sequence.next();
            let mut batch = Vec::new();
            for record in &records {
                match serde_json::from_slice::<Fact>(&record.payload) {
                    Ok(fact) => {
                        last = last.max(fact.at);
                        let booked = self.book.replay(fact);
                        batch.extend(booked.map(|booked| (booked, Some(record.sequence))));
                    }
                    Err(error) => {
                        tracing::error!(%error, sequence = %record.sequence, "a fact cannot be read")
                    }
                }
            }
            self.follow_up(batch).await;
        }
        let closed = self.book.close_all(last, &interrupted());
        if !closed.is_empty() {
            tracing::info!(
                facts = closed.len(),
                "calls that were cut off are ended in the books"
            );
        }
        self.keep_facts(closed).await;
        self.save_checkpoint(wall_now()).await;
        Ok(())
    }

    /// Until every asker is gone.
    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Ask>) {
        let mut checkpoint = tokio::time::interval(CHECKPOINT_INTERVAL);
        let mut trim = tokio::time::interval(TRIM_INTERVAL);
        let mut asks = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                count = waiting.recv_many(&mut asks, BATCH) => {
                    if count == 0 {
                        break;
                    }
                    self.take(asks.drain(..)).await;
                }
                _ = checkpoint.tick() => self.save_checkpoint(wall_now()).await,
                _ = trim.tick() => {
                    if let Err(error) = self.remove_expired(wall_now()).await {
                        tracing::warn!(%error, "what has expired could not be removed from the accounts");
                    }
                }
            }
        }
        // Sessions live in this process: no call of it can be seen any longer.
        let now = wall_now();
        let closed = self.book.close_all(now_of(now), &interrupted());
        self.keep_facts(closed).await;
        self.save_checkpoint(now).await;
    }

    async fn take(&mut self, asks: impl Iterator<Item = Ask>) {
        let (mut booked, mut watchers) = (Vec::new(), Vec::new());
        for ask in asks {
            match ask {
                Ask::Told(told, at) => booked.extend(self.book.take(*told, at, &*self.people)),
                Ask::Live(viewer, reply) => watchers.push((viewer, reply)),
            }
        }
        self.keep_facts(booked).await;
        // What is shown is written down.
        for (viewer, reply) in watchers {
            // The asker may have given up.
            let _ = reply.send(live(self.book.running(), &viewer, now_of(wall_now())));
        }
    }

    /// Writes facts to the journal, then what follows from them.
    async fn keep_facts(&mut self, booked: Vec<Booked>) {
        if booked.is_empty() {
            return;
        }
        let writes = booked
            .iter()
            .map(|booked| derive::fact(&booked.fact))
            .collect::<Result<Vec<_>, _>>();
        let Some(writes) = self.made(writes) else { return };
        let appended = batch::write(&self.store, writes).await;
        let lost = appended.iter().filter(|appended| appended.is_none()).count();
        self.metrics
            .records_lost
            .inc_by(u64::try_from(lost).unwrap_or(u64::MAX));
        for appended in appended.iter().flatten() {
            self.next = self.next.max(appended.sequence.next());
        }
        let sequences = appended
            .into_iter()
            .map(|appended| appended.map(|appended| appended.sequence));
        self.follow_up(booked.into_iter().zip(sequences).collect()).await;
    }

    /// Writes what follows from facts that are in the journal.
    async fn follow_up(&mut self, batch: Vec<(Booked, Option<Sequence>)>) {
        let mut scopes = BTreeSet::new();
        let mut writes = Vec::new();
        let keep = self.keep.records;
        for (booked, sequence) in &batch {
            if let Some(sequence) = sequence
                && booked.fact.number == 1
            {
                self.begins.insert(booked.fact.call, *sequence);
            }
            scopes.extend(derive::scopes(booked));
            let consequences = derive::consequences(booked, keep);
            writes.extend(self.made(consequences).into_iter().flatten());
        }
        for scope in &scopes {
            self.make_known(scope).await;
        }
        batch::write(&self.store, writes).await;
        for (booked, _) in &batch {
            if !self.book.runs(booked.fact.call) {
                self.begins.remove(&booked.fact.call);
            }
        }
        for scope in &scopes {
            if let Ok(subject) = names::news(scope) {
                // Who misses it looks by itself now and then.
                let _ = self.store.bus.publish(&subject, Bytes::new()).await;
            }
        }
    }

    /// What was made, or `None` when it cannot be: names and texts are bounded, so it always can.
    fn made<T>(&self, made: Result<T, StoreError>) -> Option<T> {
        made.inspect_err(|error| {
            tracing::error!(%error, "a part of the accounts cannot be made");
            self.metrics.records_lost.inc();
        })
        .ok()
    }

    async fn make_known(&mut self, scope: &Scope) {
        if self.known.contains(scope) {
            return;
        }
        let written = async {
            let value = serde_json::to_vec(scope).unwrap_or_default();
            let (key, now) = (names::known_scope(scope)?, wall_now());
            match self
                .store
                .kv
                .put(&key, value.into(), Revision::ABSENT, None, now)
                .await
            {
                Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        };
        match written.await {
            Ok(()) => drop(self.known.insert(scope.clone())),
            // Tried again with the tenant's next event.
            Err(error) => tracing::warn!(%error, "a tenant could not be entered"),
        }
    }

    /// Writes down how far the journal is done, and that the running calls run.
    async fn save_checkpoint(&mut self, now: WallTime) {
        let from = self.begins.values().min().copied().unwrap_or(self.next).0;
        let idle = self.begins.is_empty() && from == self.checkpoint.from;
        if idle && self.revision != Revision::ABSENT {
            return;
        }
        let checkpoint = Checkpoint {
            from,
            alive: now_of(now),
        };
        let saved = async {
            let value = serde_json::to_vec(&checkpoint).unwrap_or_default();
            let key = names::checkpoint()?;
            self.store
                .kv
                .put(&key, value.into(), self.revision, None, now)
                .await
        };
        match saved.await {
            Ok(revision) => {
                self.checkpoint = checkpoint;
                self.revision = revision;
            }
            Err(StoreError::Conflict { found, .. }) => self.revision = found,
            Err(error) => tracing::warn!(%error, "the checkpoint of the accounts could not be saved"),
        }
    }

    /// Removes what is older than it is to be kept. Usage is kept for good.
    async fn remove_expired(&self, now: WallTime) -> Result<(), StoreError> {
        let done = Sequence(self.checkpoint.from);
        trim(&self.store, &names::journal()?, self.keep.records, now, done).await?;
        let all = Sequence(u64::MAX);
        for scope in &self.known {
            trim(&self.store, &names::events(scope)?, self.keep.events, now, all).await?;
            trim(&self.store, &names::calls(scope)?, self.keep.records, now, all).await?;
        }
        self.store.kv.sweep(now).await?;
        Ok(())
    }
}

/// Removes records older than `keep` from the beginning of a log, none from number `end` on.
async fn trim(
    store: &Store,
    log: &LogName,
    keep: Duration,
    now: WallTime,
    end: Sequence,
) -> Result<(), StoreError> {
    loop {
        let oldest = store.log.read(log, Sequence::FIRST, STEP).await?;
        let expired = oldest
            .iter()
            .take_while(|record| record.at.after(keep) <= now && record.sequence < end)
            .count();
        let Some(last) = expired.checked_sub(1).and_then(|index| oldest.get(index)) else {
            return Ok(());
        };
        store.log.trim(log, last.sequence.next()).await?;
        if expired < oldest.len() {
            return Ok(());
        }
    }
}

/// Why calls end that ran when the service stopped.
fn interrupted() -> Reason {
    Reason {
        message: "the service stopped during the call".into(),
        ..Reason::GOING_AWAY
    }
}

/// The wall time, for the ledger.
pub(super) fn now_of(now: WallTime) -> Timestamp {
    Timestamp::from_millis(now.as_millis())
}

#[cfg(test)]
mod tests {
    use sidetone_ledger::{CallKind, End, Month, Named, UsageRecord};
    use sidetone_signaling::Identifier;
    use uuid::Uuid;

    use super::*;

    struct Anyone;

    impl People for Anyone {
        fn name(&self, identity: &Identifier, _: Option<&str>) -> Named {
            Named {
                display_name: identity.to_string(),
                bot: false,
            }
        }
    }

    async fn writer(store: &Store) -> Writer {
        let keep = Keep {
            records: Duration::from_secs(3_600),
            events: Duration::from_secs(3_600),
        };
        Writer::open(store.clone(), Arc::new(Anyone), Arc::new(Metrics::new()), keep)
            .await
            .unwrap()
    }

    /// What is not charged for after a kill is less than the time to the next checkpoint.
    #[tokio::test]
    async fn a_running_call_is_charged_for_up_to_the_last_checkpoint_before_a_kill() {
        let store = Store::in_memory().unwrap();
        let start = wall_now();
        let at = |seconds: u32| start.after(CHECKPOINT_INTERVAL * seconds);
        let told = |told, seconds| Ask::Told(Box::new(told), now_of(at(seconds)));
        let call = CallId(Uuid::from_u128(1));
        let end = |user: &str| End::new(Identifier::member("acme", user).unwrap());
        let mut before = writer(&store).await;
        let asks = vec![
            told(
                Told::Placed {
                    call,
                    kind: CallKind::TwoParty,
                    correlation: None,
                    place: None,
                    by: end("ann"),
                    to: vec![end("bob").identity],
                    context: None,
                    on_behalf_of: None,
                    quiet: false,
                },
                0,
            ),
            told(Told::Answered { call }, 0),
            told(
                Told::Joined {
                    call,
                    end: end("ann"),
                },
                0,
            ),
            told(
                Told::Joined {
                    call,
                    end: end("bob"),
                },
                0,
            ),
        ];
        before.take(asks.into_iter()).await;
        for checkpoint in 1..=30 {
            before.save_checkpoint(at(checkpoint)).await;
        }
        // Killed before the next one.
        drop(before);
        drop(writer(&store).await);

        let scope = Scope::Organisation("acme".parse().unwrap());
        let log = names::usage(&scope, Month::of(now_of(at(30)))).unwrap();
        let records = store.log.read(&log, Sequence::FIRST, 10).await.unwrap();
        let used: Vec<u64> = records
            .iter()
            .map(|record| {
                serde_json::from_slice::<UsageRecord>(&record.payload)
                    .unwrap()
                    .quantity
            })
            .collect();
        assert_eq!(used, [30 * CHECKPOINT_INTERVAL.as_secs(); 2]);
        assert!(CHECKPOINT_INTERVAL <= Duration::from_secs(1), "documented so");
    }

    #[tokio::test]
    async fn a_log_is_trimmed_by_age_and_not_beyond_its_end() {
        let store = Store::in_memory().unwrap();
        let log = LogName::new("log").unwrap();
        for n in 0..1_000 {
            store
                .log
                .append(&log, None, Bytes::new(), WallTime::from_millis(n))
                .await
                .unwrap();
        }
        let first = async |keep: u64, now: u64, end: u64| {
            let keep = Duration::from_millis(keep);
            trim(&store, &log, keep, WallTime::from_millis(now), Sequence(end))
                .await
                .unwrap();
            let kept = store.log.read(&log, Sequence::FIRST, 1).await.unwrap();
            kept.first().map(|record| record.sequence.0)
        };
        assert_eq!(first(100, 899, u64::MAX).await, Some(801));
        assert_eq!(first(0, 5_000, 900).await, Some(900));
        assert_eq!(first(0, 5_000, u64::MAX).await, None);
    }
}
