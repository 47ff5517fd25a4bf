//! The one thread that writes: takes waiting jobs, applies them in one transaction, commits, then answers.

use redb::{Database, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use crate::error::fault;
use crate::mailbox::MailboxSender;
use crate::{Change, StoreError};

/// Jobs committed together at most. More makes the unlucky wait longer behind one commit.
const BATCH: usize = 256;

/// A watcher of the key space.
pub(crate) struct Watcher {
    pub(crate) prefix: String,
    /// Newest revision its snapshot includes: only later changes are news to it.
    pub(crate) since: u64,
    pub(crate) sender: MailboxSender<Change>,
}

/// What the jobs of one commit share.
pub(crate) struct Batch<'a> {
    pub(crate) transaction: &'a WriteTransaction,
    /// Something was written: there is something to commit.
    pub(crate) dirty: bool,
    /// Told to watchers once committed, in revision order.
    pub(crate) changes: Vec<Change>,
    /// Watchers that join once committed.
    pub(crate) watchers: Vec<Watcher>,
}

/// One caller's request.
pub(crate) trait Job: Send {
    /// Applies the request; an error means that the storage failed and the whole batch must be given up.
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError>;
    /// Answers the caller after the commit, or after the fault that prevented it.
    fn finish(self: Box<Self>, commit: Result<(), StoreError>);
}

/// A closure and the place where its caller waits.
pub(crate) struct Task<F, T> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Task<F, T> {
    pub(crate) fn new(work: F, reply: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self {
            work: Some(work),
            result: None,
            reply,
        }
    }
}

impl<F, T> Job for Task<F, T>
where
    F: FnOnce(&mut Batch<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        let result = work(batch);
        let fault = result.as_ref().err().filter(|error| error.is_fault()).cloned();
        self.result = Some(result);
        fault.map_or(Ok(()), Err)
    }

    fn finish(self: Box<Self>, commit: Result<(), StoreError>) {
        let answer = match (commit, self.result) {
            (Ok(()), Some(result)) => result,
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(StoreError::Closed),
        };
        // The caller may have given up waiting.
        let _ = self.reply.send(answer);
    }
}

/// Runs until every sender is gone and the queue is empty.
pub(crate) fn run(db: &Database, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    let mut watchers: Vec<Watcher> = Vec::new();
    let mut jobs: Vec<Box<dyn Job>> = Vec::with_capacity(BATCH);
    while let Some(first) = queue.blocking_recv() {
        jobs.push(first);
        while jobs.len() < BATCH {
            let Ok(next) = queue.try_recv() else { break };
            jobs.push(next);
        }
        let outcome = commit(db, &mut jobs).map(|(changes, joined)| {
            watchers.extend(joined);
            announce(&mut watchers, &changes);
        });
        for job in jobs.drain(..) {
            job.finish(outcome.clone());
        }
    }
}

fn commit(db: &Database, jobs: &mut [Box<dyn Job>]) -> Result<(Vec<Change>, Vec<Watcher>), StoreError> {
    let transaction = db.begin_write().map_err(fault)?;
    let mut batch = Batch {
        transaction: &transaction,
        dirty: false,
        changes: Vec::new(),
        watchers: Vec::new(),
    };
    for job in jobs.iter_mut() {
        job.apply(&mut batch)?;
    }
    let Batch {
        dirty,
        changes,
        watchers,
        ..
    } = batch;
    if dirty {
        transaction.commit().map_err(fault)?;
    } else {
        transaction.abort().map_err(fault)?;
    }
    Ok((changes, watchers))
}

fn announce(watchers: &mut Vec<Watcher>, changes: &[Change]) {
    watchers.retain(|watcher| !watcher.sender.is_closed());
    for change in changes {
        for watcher in watchers.iter() {
            if change.revision().0 > watcher.since && change.key().as_str().starts_with(&watcher.prefix) {
                watcher.sender.send(change.clone());
            }
        }
    }
}
