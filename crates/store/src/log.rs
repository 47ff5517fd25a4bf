//! Append-only logs.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{DedupeId, LogName, StoreError, WallTime};

/// Number of a record within its log: at least 1, and larger than that of every earlier record. Never reused, not even
/// after trimming. The embedded implementation counts without gaps; one that numbers a stream of several logs does not,
/// so nobody may compute with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Not above the first record of any log: reading from here reads all.
    pub const FIRST: Self = Self(1);

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
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
/// it with the same dedupe id is safe. **Dedupe**: an id is remembered for as long as its record is kept, however
/// long that is: accounts are repaired after outages of any length, so a window of time alone (`Nats-Msg-Id`) is not
/// enough. On JetStream the id is a part of the record's subject, and an append expects that nothing is there
/// (`Nats-Expected-Last-Subject-Sequence: 0`). Once the record is trimmed, an implementation may forget the id at once,
/// as the embedded one does, or remember it for a while; callers must not rely on either.
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

    /// The number from which on a reader finds what is appended after this call, and nothing that was appended before
    /// it: above every record there ever was, trimmed or not. [`Sequence::FIRST`] or more for an unknown log.
    ///
    /// # Errors
    /// Storage faults only.
    async fn end(&self, log: &LogName) -> Result<Sequence, StoreError>;

    /// Removes all records below `before`, and returns how many.
    ///
    /// # Errors
    /// Storage faults only.
    async fn trim(&self, log: &LogName, before: Sequence) -> Result<u64, StoreError>;
}
