//! Keys with revisions, expiry and watch.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::mailbox::MailboxReceiver;
use crate::{Delivery, Key, StoreError, WallTime};

/// Position of a change in the history of the whole key space: every put and every delete has a larger one than all
/// before it. Never reused, not even after deletion or reopening. The embedded implementation leaves none out; one whose
/// revisions are the sequence numbers of a stream may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of a key that does not exist; expecting it means "create".
    pub const ABSENT: Self = Self(0);
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A value as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub key: Key,
    /// Its content.
    pub value: Bytes,
    /// The change that wrote it.
    pub revision: Revision,
    /// From this time on it no longer exists.
    pub expires: Option<WallTime>,
}

/// One change seen by a watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key was created or overwritten.
    Put(Entry),
    /// A key was deleted, or expired and was swept.
    Deleted {
        /// The key.
        key: Key,
        /// The revision of the deletion itself.
        revision: Revision,
    },
}

impl Change {
    /// The key that changed.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put(entry) => &entry.key,
            Self::Deleted { key, .. } => key,
        }
    }

    /// The revision of the change.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Put(entry) => entry.revision,
            Self::Deleted { revision, .. } => *revision,
        }
    }
}

/// Keys and values under optimistic concurrency.
///
/// **Ordering**: all changes of the key space are in one order, that of their revisions; watchers see them in it.
/// A read after an acknowledged write (by anyone) sees that write or a later one. **Durability**: when a put or
/// delete returns `Ok` it has reached the disk and survives the kill of the process and of the machine; when it
/// returns an error or is cancelled it happened either wholly or not at all. **Expiry**: an entry whose `expires`
/// is at or before `now` does not exist for any operation that is given that `now`; watchers are told when
/// [`Kv::sweep`] removes it, or see the next put if that comes first. The time is the caller's: an implementation whose
/// broker expires by its own clock stores the expiry with the value, and lets the broker remove nothing before it.
///
/// **Watching**: a watcher sees the changes after its snapshot in the order of their revisions, and the last change of
/// every key for certain. One that a later change of the same key overtook before it was delivered may be left out, as
/// a stream that keeps the newest of each key does; the embedded implementation leaves none out. Who must learn of a
/// deletion although the key was made again at once has to find that out from the value.
#[async_trait]
pub trait Kv: Send + Sync {
    /// Reads one key.
    ///
    /// # Errors
    /// Storage faults only.
    async fn get(&self, key: &Key, now: WallTime) -> Result<Option<Entry>, StoreError>;

    /// Writes `value` if the key is at revision `expected` ([`Revision::ABSENT`]: if it does not exist), and
    /// returns the new revision. `expires` replaces any earlier expiry; `None` keeps it for good.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with the revision found, [`StoreError::TooLarge`], or storage faults.
    async fn put(
        &self,
        key: &Key,
        value: Bytes,
        expected: Revision,
        expires: Option<WallTime>,
        now: WallTime,
    ) -> Result<Revision, StoreError>;

    /// Deletes the key if it is at revision `expected`, and returns the revision of the deletion. Deleting what
    /// does not exist (`expected` = [`Revision::ABSENT`]) is a conflict too.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with the revision found, or storage faults.
    async fn delete(&self, key: &Key, expected: Revision, now: WallTime) -> Result<Revision, StoreError>;

    /// All entries whose key begins with `prefix` (empty: all), in byte order of their keys, as of one moment between
    /// the call and its return. The prefix need not end at a dot.
    ///
    /// # Errors
    /// Storage faults only.
    async fn list(&self, prefix: &str, now: WallTime) -> Result<Vec<Entry>, StoreError>;

    /// The entries under `prefix` at one moment, and the changes after that moment, none missed between.
    /// `capacity` is the number of changes that may wait; a watcher that reads [`Delivery::Lost`] must start over
    /// with a new watch.
    ///
    /// # Errors
    /// Storage faults only.
    async fn watch(&self, prefix: &str, capacity: usize, now: WallTime) -> Result<Watch, StoreError>;

    /// Removes entries that have expired by `now`, telling watchers, and returns how many. Reads do not need it:
    /// it frees space and announces.
    ///
    /// # Errors
    /// Storage faults only.
    async fn sweep(&self, now: WallTime) -> Result<usize, StoreError>;
}

/// A watcher's end. Dropping it ends the watch.
pub struct Watch {
    /// The entries when the watch began, in byte order of their keys.
    pub snapshot: Vec<Entry>,
    receiver: MailboxReceiver<Change>,
}

impl Watch {
    /// A watch on what an implementation sends.
    pub fn new(snapshot: Vec<Entry>, receiver: MailboxReceiver<Change>) -> Self {
        Self { snapshot, receiver }
    }

    /// Waits for the next change or loss report; `None` once the store is closed. Cancel safe.
    pub async fn next(&mut self) -> Option<Delivery<Change>> {
        self.receiver.next().await
    }

    /// What is waiting right now, without waiting.
    pub fn try_next(&mut self) -> Option<Delivery<Change>> {
        self.receiver.try_next()
    }
}
