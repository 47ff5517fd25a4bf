//! A copy of the whole store as it is at one moment, while others go on writing: a read of every table on one snapshot,
//! written to a new file.

use std::path::Path;

use redb::{Database, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::file::{Unfinished, storage};
use super::tables::{KV, KV_EXPIRY, LOG, LOG_DEDUPE, LOG_LAST, META};
use crate::StoreError;
use crate::error::fault;

/// Memory for the pages of the new file, in bytes. It is written once, from front to back.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Writes a copy to `place`, where nothing may be yet; gives its size in bytes.
pub(super) fn copy(db: &Database, place: &Path) -> Result<u64, StoreError> {
    if place.exists() {
        return Err(StoreError::Exists {
            path: place.to_owned(),
        });
    }
    let from = redb::ReadableDatabase::begin_read(db).map_err(fault)?;
    let unfinished = Unfinished::beside(place)?;
    {
        let to = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(unfinished.path())
            .map_err(fault)?;
        let transaction = to.begin_write().map_err(fault)?;
        table(&from, &transaction, META)?;
        table(&from, &transaction, KV)?;
        table(&from, &transaction, KV_EXPIRY)?;
        table(&from, &transaction, LOG)?;
        table(&from, &transaction, LOG_DEDUPE)?;
        table(&from, &transaction, LOG_LAST)?;
        // On disk when this returns.
        transaction.commit().map_err(fault)?;
    }
    let size = std::fs::metadata(unfinished.path()).map_err(storage)?.len();
    unfinished.finish()?;
    Ok(size)
}

fn table<K: redb::Key + 'static, V: redb::Value + 'static>(
    from: &ReadTransaction,
    to: &WriteTransaction,
    definition: TableDefinition<'_, K, V>,
) -> Result<(), StoreError> {
    let from = from.open_table(definition).map_err(fault)?;
    let mut to = to.open_table(definition).map_err(fault)?;
    for row in from.iter().map_err(fault)? {
        let (key, value) = row.map_err(fault)?;
        to.insert(key.value(), value.value()).map_err(fault)?;
    }
    Ok(())
}
