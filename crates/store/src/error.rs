//! What can go wrong, by whose fault: the caller's name or size, another writer, or the storage itself.

use std::path::PathBuf;

use crate::Revision;

/// Error of any store operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another writer was first: the key is not at the revision the caller expected. Read again and retry.
    #[error("key {key} is at revision {found}, expected {expected}")]
    Conflict {
        /// The key.
        key: String,
        /// What the caller expected ([`Revision::ABSENT`] for a create).
        expected: Revision,
        /// What is there ([`Revision::ABSENT`] when the key does not exist or has expired).
        found: Revision,
    },
    /// The caller gave a name outside the allowed alphabet or length.
    #[error("{name:?} is not a valid {kind}: {rule}")]
    InvalidName {
        /// Which kind of name.
        kind: &'static str,
        /// The first characters of what was given.
        name: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The caller's payload exceeds [`crate::MAX_PAYLOAD_BYTES`].
    #[error("payload of {len} bytes exceeds the limit of {limit}")]
    TooLarge {
        /// Length given.
        len: usize,
        /// Length allowed.
        limit: usize,
    },
    /// Another process (or another handle of this one) has the file open.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Something is already where a new file was to be.
    #[error("{} exists already: name a file that does not, or move it away", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// This implementation cannot do it; its broker has ways of its own.
    #[error("this store cannot {what}: use what its broker offers")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
    },
    /// A newer version of this crate wrote the file. It was not touched.
    #[error(
        "the store has format {found}, and this version reads up to {supported}: run the version that wrote it, or a \
         newer one, or go back to a back-up from before the upgrade"
    )]
    Incompatible {
        /// Format found in the file.
        found: u64,
        /// Newest format this version understands.
        supported: u64,
    },
    /// The file is not a store, or it is damaged.
    #[error("the store is damaged: {message}")]
    Corrupted {
        /// What the storage layer found.
        message: String,
    },
    /// The file system refused (disk full, no permission, input/output error). Nothing of the operation was
    /// stored.
    #[error("storage failed: {message}")]
    Storage {
        /// What the storage layer said.
        message: String,
    },
    /// The store was closed or its writer has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// True when the storage failed, rather than the caller's request being refused.
    pub(crate) fn is_fault(&self) -> bool {
        matches!(self, Self::Corrupted { .. } | Self::Storage { .. } | Self::Closed)
    }
}

/// Maps any error of the embedded database.
pub(crate) fn fault(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Corrupted(message) => StoreError::Corrupted { message },
        other => StoreError::Storage {
            message: other.to_string(),
        },
    }
}
