//! The layout of the file. A change here is a new format and needs a migration: see [`super::format`].

use redb::{TableDefinition, WriteTransaction};

pub(crate) use super::format::META;
use crate::StoreError;
use crate::error::fault;

/// `META` key of the newest revision.
pub(crate) const META_REVISION: &str = "revision";

/// Key to (revision, expiry in milliseconds or [`NEVER`], value).
pub(crate) const KV: TableDefinition<'_, &str, (u64, u64, &[u8])> = TableDefinition::new("kv");
/// (Expiry, key) of every key that expires, for the sweep.
pub(crate) const KV_EXPIRY: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("kv_expiry");

/// (Log, sequence) to (time in milliseconds, dedupe id or empty, payload).
pub(crate) const LOG: TableDefinition<'_, (&str, u64), (u64, &str, &[u8])> = TableDefinition::new("log");
/// (Log, dedupe id) to sequence.
pub(crate) const LOG_DEDUPE: TableDefinition<'_, (&str, &str), u64> = TableDefinition::new("log_dedupe");
/// Log to its newest sequence.
pub(crate) const LOG_LAST: TableDefinition<'_, &str, u64> = TableDefinition::new("log_last");

/// Expiry of what never expires.
pub(crate) const NEVER: u64 = u64::MAX;

/// Makes all tables. Each is also copied by [`super::copy`].
pub(super) fn make(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(META).map_err(fault)?;
    transaction.open_table(KV).map_err(fault)?;
    transaction.open_table(KV_EXPIRY).map_err(fault)?;
    transaction.open_table(LOG).map_err(fault)?;
    transaction.open_table(LOG_DEDUPE).map_err(fault)?;
    transaction.open_table(LOG_LAST).map_err(fault)?;
    Ok(())
}
