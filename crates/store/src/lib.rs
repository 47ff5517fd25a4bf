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
pub use mailbox::Delivery;
pub use name::{DedupeId, Key, LogName, Pattern, Subject};
pub use time::WallTime;

/// Largest payload of a message, value or record, in bytes. Below the default message limit of the brokers a
/// clustered implementation would use, with room for their headers.
pub const MAX_PAYLOAD_BYTES: usize = 512 * 1024;

/// The three primitives of one deployment, as shared handles.
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
}

impl Store {
    /// Opens or creates the embedded store in one file.
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
            log: engine,
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
