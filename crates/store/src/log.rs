//! Append-only logs.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{DedupeId, LogName, StoreError, WallTime};

/// Number of a record within its log, counted from 1 without gaps. Never reused, not even after trimming.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The first record of every log.
    pub const FIRST: Self = Self(1);

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One record as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub sequence: Sequence,
    /// When the writer appended it, by the writer's clock.
    pub at: WallTime,
    /// Its content.
    pub payload: Bytes,
}

/// Outcome of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The number of the record.
    pub sequence: Sequence,
    /// True when an earlier append with the same dedupe id had stored it already; nothing was stored now.
    pub duplicate: bool,
}

/// Append-only logs, one per name, created by the first append.
///
/// **Ordering**: records of one log are in one order, that of their sequence numbers; a reader that has seen
/// number n never later sees a new record below n. **Durability**: as of [`crate::Kv`]: an acknowledged append
/// survives the kill of process and machine, an unacknowledged one is there wholly or not at all, and repeating
/// it with the same dedupe id is safe. **Dedupe**: an id is remembered at least as long as its record is kept
/// (a clustered implementation may add a minimum time window, and must say which).
#[async_trait]
pub trait Log: Send + Sync {
    /// Appends one record.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], or storage faults.
    async fn append(
        &self,
        log: &LogName,
        dedupe: Option<&DedupeId>,
        payload: Bytes,
        now: WallTime,
    ) -> Result<Appended, StoreError>;

    /// Up to `limit` records from number `from` on. Where `from` was trimmed away the oldest kept record comes
    /// first: the reader sees the gap in the numbers. Empty when there is nothing (yet), also for an unknown log.
    ///
    /// # Errors
    /// Storage faults only.
    async fn read(&self, log: &LogName, from: Sequence, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// The number of the newest record ever appended, trimmed or not; `None` for an unknown log.
    ///
    /// # Errors
    /// Storage faults only.
    async fn last(&self, log: &LogName) -> Result<Option<Sequence>, StoreError>;

    /// Removes all records below `before`, with their dedupe ids, and returns how many.
    ///
    /// # Errors
    /// Storage faults only.
    async fn trim(&self, log: &LogName, before: Sequence) -> Result<u64, StoreError>;
}
