//! The layout of the file. A change here needs a new [`FORMAT`] and a migration in [`prepare`].

use redb::{Database, ReadableTable, TableDefinition};

use crate::StoreError;
use crate::error::fault;

/// Version of the layout below.
const FORMAT: u64 = 1;

/// Single numbers by name.
pub(crate) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// `META` key of the layout version.
const META_FORMAT: &str = "format";
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

/// Creates all tables in a new file and checks the version of an old one.
pub(crate) fn prepare(db: &Database) -> Result<(), StoreError> {
    let transaction = db.begin_write().map_err(fault)?;
    {
        let mut meta = transaction.open_table(META).map_err(fault)?;
        let found = meta.get(META_FORMAT).map_err(fault)?.map(|v| v.value());
        match found {
            None => {
                meta.insert(META_FORMAT, FORMAT).map_err(fault)?;
            }
            Some(FORMAT) => {}
            Some(found) => {
                return Err(StoreError::Incompatible {
                    found,
                    supported: FORMAT,
                });
            }
        }
        transaction.open_table(KV).map_err(fault)?;
        transaction.open_table(KV_EXPIRY).map_err(fault)?;
        transaction.open_table(LOG).map_err(fault)?;
        transaction.open_table(LOG_DEDUPE).map_err(fault)?;
        transaction.open_table(LOG_LAST).map_err(fault)?;
    }
    transaction.commit().map_err(fault)
}
