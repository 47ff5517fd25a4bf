//! Accounting: what happens in calls is written down once, and what follows from it (events, usage, call records) is
//! made from that. Who decides what follows is `sidetone_ledger`; this only writes and reads, and refuses to know what
//! a call is.

mod batch;
mod derive;
pub(crate) mod http;
pub(crate) mod names;
mod post;
mod shelf;
mod told;
mod writer;

use std::sync::Arc;

use sidetone_ledger::{Fact, LiveCall, Named, People, Told, Viewer};
use sidetone_signaling::Identifier;
use sidetone_signaling::switchboard::Record;
use sidetone_store::{Sequence, Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub(crate) use post::Post;
pub(crate) use shelf::Shelf;
pub(crate) use writer::Keep;

use crate::api::registry::Registry;
use crate::clock::wall_now;
use crate::metrics::Metrics;
use writer::{Ask, Writer, now_of};

/// What may wait for the disk. At a few facts for each call attempt, enough for a disk that stands still for a while.
const WAITING: usize = 65_536;

/// Names people as their cards do.
pub(crate) struct Cards(pub(crate) Arc<Registry>);

impl People for Cards {
    fn name(&self, identity: &Identifier, wanted: Option<&str>) -> Named {
        let card = self.0.world().caller_card(identity, wanted);
        Named {
            display_name: card.display_name,
            bot: card.bot,
        }
    }
}

/// Hands over what happens, without waiting. Accounting ends, with everything written, once all of these are gone.
#[derive(Clone)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Ask>,
    metrics: Arc<Metrics>,
}

impl Recorder {
    /// Picks up where the last process stopped, and starts the task that writes.
    ///
    /// # Errors
    /// Of the store.
    pub(crate) async fn start(
        store: Store,
        people: Arc<dyn People + Send + Sync>,
        keep: Keep,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let (queue, waiting) = mpsc::channel(WAITING);
        let writer = Writer::open(store, people, metrics.clone(), keep).await?;
        Ok((Self { queue, metrics }, tokio::spawn(writer.run(waiting))))
    }

    /// Takes a report of the switchboard.
    pub(crate) fn record(&self, record: &Record) {
        told::told(record).into_iter().for_each(|told| self.tell(told));
    }

    /// Takes what another part of the service knows of a call.
    pub(crate) fn tell(&self, told: Told) {
        if self
            .queue
            .try_send(Ask::Told(Box::new(told), now_of(wall_now())))
            .is_err()
        {
            self.metrics.records_lost.inc();
        }
    }

    /// Lets another part tell what it knows of a call, without keeping accounting alive.
    pub(crate) fn teller(&self) -> Teller {
        Teller {
            queue: self.queue.downgrade(),
        }
    }

    /// Lets others see which calls run, without keeping accounting alive.
    pub(crate) fn watch(&self) -> LiveCalls {
        LiveCalls {
            queue: self.queue.downgrade(),
        }
    }
}

/// Tells what another part of the service knows of a call.
#[derive(Clone)]
pub(crate) struct Teller {
    queue: mpsc::WeakSender<Ask>,
}

impl Teller {
    /// Waits for room: what comes this way is rare. A service that is stopping takes nothing more.
    pub(crate) async fn tell(&self, told: Told) {
        if let Some(queue) = self.queue.upgrade() {
            let _ = queue.send(Ask::Told(Box::new(told), now_of(wall_now()))).await;
        }
    }
}

/// Shows which calls run.
#[derive(Clone)]
pub(crate) struct LiveCalls {
    queue: mpsc::WeakSender<Ask>,
}

impl LiveCalls {
    /// The calls that run, as the viewer may see them; `None` when the service is stopping.
    pub(crate) async fn seen_by(&self, viewer: Viewer) -> Option<Vec<LiveCall>> {
        let (reply, calls) = oneshot::channel();
        self.queue.upgrade()?.send(Ask::Live(viewer, reply)).await.ok()?;
        calls.await.ok()
    }
}

/// The number that the next fact will have.
pub(crate) async fn next_fact(store: &Store) -> Result<Sequence, StoreError> {
    store.log.end(&names::journal()?).await
}

/// Facts from number `from` on, with their numbers. One of a kind that this version does not know is left out.
pub(crate) async fn facts(
    store: &Store,
    from: Sequence,
    limit: usize,
) -> Result<Vec<(Sequence, Fact)>, StoreError> {
    let records = store.log.read(&names::journal()?, from, limit).await?;
    let parse = |payload: &[u8]| serde_json::from_slice(payload).ok();
    Ok(records
        .into_iter()
        .filter_map(|record| Some((record.sequence, parse(&record.payload)?)))
        .collect())
}
