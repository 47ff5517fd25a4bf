//! The three storage primitives of the service: [`Bus`] (publish and subscribe), [`Kv`] (revisioned keys with
//! expiry and watch) and [`Log`] (append once, read from a sequence number).
//!
//! The crate moves bytes under string names and refuses to know any domain type. [`Store::open`] and
//! [`Store::in_memory`] give the embedded implementation; the traits are written so that a clustered
//! implementation can stand behind the same handles.
//!
//! Nothing here reads a clock: whoever calls passes the wall time ([`WallTime`]), so expiry repeats exactly in
//! tests.

#![forbid(unsafe_code)]

mod bus;
#[cfg(feature = "conformance")]
pub mod conformance;
mod embedded;
mod error;
mod kv;
mod log;
mod mailbox;
mod name;
mod time;

use std::path::Path;
use std::sync::Arc;

pub use bus::{Bus, Message, Subscription};
pub use error::StoreError;
pub use kv::{Change, Entry, Kv, Revision, Watch};
pub use log::{Appended, Log, Record, Sequence};
pub use mailbox::{Delivery, MailboxReceiver, MailboxSender, mailbox};
pub use name::{DedupeId, Key, LogName, Pattern, Subject};
pub use time::WallTime;

/// Largest payload of a message, value or record, in bytes. Below the default message limit of the brokers a
/// clustered implementation would use, with room for their headers.
pub const MAX_PAYLOAD_BYTES: usize = 512 * 1024;

/// The three primitives of one deployment, as shared handles.
///
/// Another implementation brings its own handles ([`Store::new`]) and passes `conformance` (a feature); on NATS JetStream the bus is
/// core NATS, keys are a key-value bucket whose revisions are its sequence numbers, and logs are one stream with a
/// subject for each log and dedupe id. What the traits ask for fits there, and what they leave open is said with them.
///
/// Cloning is cheap. The embedded file is released when the last clone (and the last handle taken from it) is
/// dropped; that drop waits for the write in progress.
#[derive(Clone)]
pub struct Store {
    /// Publish and subscribe.
    pub bus: Arc<dyn Bus>,
    /// Revisioned keys.
    pub kv: Arc<dyn Kv>,
    /// Append-only logs.
    pub log: Arc<dyn Log>,
    /// Behind `kv` and `log`, where they are the embedded ones.
    engine: Option<Arc<embedded::Engine>>,
}

impl Store {
    /// Another implementation of the primitives.
    pub fn new(bus: Arc<dyn Bus>, kv: Arc<dyn Kv>, log: Arc<dyn Log>) -> Self {
        Self {
            bus,
            kv,
            log,
            engine: None,
        }
    }

    /// Opens or creates the embedded store in one file, readable by its owner only. The file says which format it has:
    /// an older one is migrated, wholly or not at all.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process holds the file, [`StoreError::Corrupted`] when it is not a
    /// store or is damaged, [`StoreError::Incompatible`] when a newer version wrote it, [`StoreError::Storage`]
    /// for anything the file system refuses.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::embedded(embedded::Engine::open(path)?))
    }

    /// The same store without a file: everything is gone when it is dropped.
    ///
    /// # Errors
    /// [`StoreError::Storage`] when the writer thread cannot be started.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self::embedded(embedded::Engine::in_memory()?))
    }

    fn embedded(engine: embedded::Engine) -> Self {
        let engine = Arc::new(engine);
        Self {
            bus: Arc::new(embedded::LocalBus::default()),
            kv: engine.clone(),
            log: engine.clone(),
            engine: Some(engine),
        }
    }

    /// Backs up: writes a copy of everything, as it is at one moment between the call and its return, to a new file,
    /// while reading and writing go on. [`Store::open`] opens the copy. The file appears whole and on disk, or not at
    /// all; gives its size in bytes. It needs room for what is stored, and until it is done the store's own file cannot
    /// use again what is deleted meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something has that name, [`StoreError::Storage`] for anything the file system
    /// refuses, [`StoreError::Unsupported`] for another implementation than the embedded one.
    pub async fn back_up(&self, path: &Path) -> Result<u64, StoreError> {
        match &self.engine {
            Some(engine) => engine.copy(path).await,
            None => Err(StoreError::Unsupported {
                what: "back itself up",
            }),
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
