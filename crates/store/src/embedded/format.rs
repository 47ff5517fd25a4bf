//! Which layout a file has, and how an older one becomes today's.
//!
//! The file says its format itself. An older one is brought up step by step in a single transaction, the number
//! included: a process that is killed meanwhile, or a disk that fails, leaves the old file as it was. A newer one is
//! refused, untouched.

use redb::{Database, ReadableTable, TableDefinition, TableHandle, WriteTransaction};

use super::tables;
use crate::StoreError;
use crate::error::fault;

/// Makes the next format of one.
pub(super) type Migration = fn(&WriteTransaction) -> Result<(), StoreError>;

/// The `n`th makes format `n + 2` of format `n + 1`. A change of [`tables`] adds one here, together with a file of the
/// format before in `tests/formats`; none is ever removed.
pub(super) const MIGRATIONS: &[Migration] = &[];

/// Single numbers by name. The one table that every format has.
pub(crate) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// `META` key of the format.
const META_FORMAT: &str = "format";

/// The format that so many migrations end at.
pub(super) fn newest(migrations: &[Migration]) -> u64 {
    u64::try_from(migrations.len())
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

/// Makes the tables of an empty file, and brings an older one to the newest format.
pub(super) fn prepare(db: &Database, migrations: &[Migration]) -> Result<(), StoreError> {
    let supported = newest(migrations);
    let transaction = db.begin_write().map_err(fault)?;
    let found = found(&transaction)?;
    match found {
        Some(found) if found == supported => return transaction.abort().map_err(fault),
        Some(found) if found > supported || found == 0 => {
            return Err(StoreError::Incompatible { found, supported });
        }
        Some(found) => {
            tracing::info!(
                from = found,
                to = supported,
                "the store is of an older format and is migrated"
            );
            let done = usize::try_from(found - 1).unwrap_or(usize::MAX);
            for migrate in migrations.iter().skip(done) {
                migrate(&transaction)?;
            }
        }
        None => tables::make(&transaction)?,
    }
    transaction
        .open_table(META)
        .map_err(fault)?
        .insert(META_FORMAT, supported)
        .map_err(fault)?;
    transaction.commit().map_err(fault)
}

/// The format that the file says; `None` for a file in which nothing is.
fn found(transaction: &WriteTransaction) -> Result<Option<u64>, StoreError> {
    let names: Vec<_> = transaction
        .list_tables()
        .map_err(fault)?
        .map(|table| table.name().to_owned())
        .collect();
    if names.is_empty() {
        return Ok(None);
    }
    let foreign = || StoreError::Corrupted {
        message: "it is a database, but none of this service".to_owned(),
    };
    if !names.iter().any(|name| name == META.name()) {
        return Err(foreign());
    }
    let meta = transaction.open_table(META).map_err(|_| foreign())?;
    let found = meta.get(META_FORMAT).map_err(fault)?.map(|found| found.value());
    found.ok_or_else(foreign).map(Some)
}
