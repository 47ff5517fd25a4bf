//! The embedded implementation: one `redb` file (or its in-memory twin), one writer thread, any readers.
//!
//! Writes from everywhere are gathered by the writer thread and committed together, so that many small writes
//! share one flush to disk. Reads run on snapshots and never wait for the writer; they run on the blocking
//! threads of the tokio runtime they are called in.

mod bus;
mod kv;
mod log;
mod tables;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use redb::{Database, DatabaseError, ReadTransaction};
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
        let db = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => StoreError::Locked {
                    path: path.to_owned(),
                },
                DatabaseError::UpgradeRequired(found) => StoreError::Incompatible {
                    found: found.into(),
                    supported: 3,
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
            })?;
        Self::start(db)
    }

    pub(crate) fn in_memory() -> Result<Self, StoreError> {
        let db = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(redb::backends::InMemoryBackend::new())
            .map_err(fault)?;
        Self::start(db)
    }

    fn start(db: Database) -> Result<Self, StoreError> {
        tables::prepare(&db)?;
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

fn fits(len: usize) -> Result<(), StoreError> {
    if len > MAX_PAYLOAD_BYTES {
        return Err(StoreError::TooLarge {
            len,
            limit: MAX_PAYLOAD_BYTES,
        });
    }
    Ok(())
}
