//! The embedded implementation: one `redb` file (or its in-memory twin), one writer thread, any readers.
//!
//! Writes from everywhere are gathered by the writer thread and committed together, so that many small writes
//! share one flush to disk. Reads run on snapshots and never wait for the writer; they run on the blocking
//! threads of the tokio runtime they are called in.

mod bus;
mod copy;
mod file;
mod format;
mod kv;
mod log;
#[cfg(test)]
mod migration_tests;
#[cfg(test)]
mod power;
mod tables;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use redb::{Database, DatabaseError, ReadTransaction, StorageBackend};
use tokio::sync::{mpsc, oneshot};

pub(crate) use bus::LocalBus;
use writer::{Batch, Job, Task};

use crate::error::fault;
use crate::{MAX_PAYLOAD_BYTES, StoreError};

/// Writes that may wait for the writer thread before callers wait for room. More only moves the waiting.
const WAITING_WRITES: usize = 1024;

/// Memory for cached pages, in bytes. The working set of a calling service (keys, presence, newest records) is
/// far below; more would only be used by long reads of old logs.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The database and its writer.
pub(crate) struct Engine {
    db: Arc<Database>,
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    writer: Option<JoinHandle<()>>,
}

impl Engine {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            make(path)?;
        }
        Self::start(database(path)?)
    }

    pub(crate) fn in_memory() -> Result<Self, StoreError> {
        Self::on(redb::backends::InMemoryBackend::new())
    }

    /// On anything that keeps bytes.
    fn on(bytes: impl StorageBackend) -> Result<Self, StoreError> {
        let db = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(bytes)
            .map_err(|error| opening(error, Path::new("")))?;
        Self::start(db)
    }

    fn start(db: Database) -> Result<Self, StoreError> {
        format::prepare(&db, format::MIGRATIONS)?;
        let db = Arc::new(db);
        let (jobs, queue) = mpsc::channel(WAITING_WRITES);
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn({
                let db = db.clone();
                move || writer::run(&db, queue)
            })
            .map_err(|error| StoreError::Storage {
                message: error.to_string(),
            })?;
        Ok(Self {
            db,
            jobs: Some(jobs),
            writer: Some(writer),
        })
    }

    /// Copies everything, as it is at one moment, to a new file; gives its size in bytes.
    pub(crate) async fn copy(&self, place: &Path) -> Result<u64, StoreError> {
        let (db, place) = (self.db.clone(), place.to_owned());
        tokio::task::spawn_blocking(move || copy::copy(&db, &place))
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// Runs `work` in the writer's next transaction; returns once that is on disk.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Batch<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, outcome) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(Box::new(Task::new(work, reply)))
            .await
            .map_err(|_| StoreError::Closed)?;
        outcome.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `work` on a snapshot that has every acknowledged write.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let db = self.db.clone();
        tokio::task::spawn_blocking(move || {
            let transaction = redb::ReadableDatabase::begin_read(&*db).map_err(fault)?;
            work(&transaction)
        })
        .await
        .map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Engine {
    /// Lets the writer finish what was queued and release the file.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing more to say; its callers got `Closed`.
            let _ = writer.join();
        }
    }
}

/// Makes an empty store where nothing is.
fn make(path: &Path) -> Result<(), StoreError> {
    let unfinished = file::Unfinished::beside(path)?;
    format::prepare(&database(unfinished.path())?, format::MIGRATIONS)?;
    match unfinished.finish() {
        // Another process was first: the store is there.
        Err(StoreError::Exists { .. }) => Ok(()),
        made => made,
    }
}

fn database(path: &Path) -> Result<Database, StoreError> {
    Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .map_err(|error| opening(error, path))
}

fn opening(error: DatabaseError, path: &Path) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Locked {
            path: path.to_owned(),
        },
        // No released version wrote such files.
        DatabaseError::UpgradeRequired(found) => StoreError::Corrupted {
            message: format!("its database is of an unknown kind ({found})"),
        },
        DatabaseError::RepairAborted => StoreError::Corrupted {
            message: "repair was aborted".to_owned(),
        },
        // What the database layer reports for a file that was never a database.
        DatabaseError::Storage(redb::StorageError::Io(io))
            if io.kind() == std::io::ErrorKind::InvalidData =>
        {
            StoreError::Corrupted {
                message: io.to_string(),
            }
        }
        other => fault(other),
    }
}

fn fits(len: usize) -> Result<(), StoreError> {
    if len > MAX_PAYLOAD_BYTES {
        return Err(StoreError::TooLarge {
            len,
            limit: MAX_PAYLOAD_BYTES,
        });
    }
    Ok(())
}
