//! Files of other formats: an older one is migrated wholly or not at all, a newer one refused, and nothing is lost. The
//! migrations are the tests' own: a column more for every record, a table under another name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use redb::{Database, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

use super::format::{self, MIGRATIONS, Migration};
use super::power::{Disk, migrate, open};
use super::tables::{KV, LOG};
use crate::error::fault;
use crate::{DedupeId, Key, Kv, Log, LogName, Revision, Sequence, StoreError, WallTime};

const NOW: WallTime = WallTime::from_millis(7);
const RECORDS: u64 = 40;

/// As in [`LOG`], with the length of the payload.
type WiderRow = (u64, &'static str, u64, &'static [u8]);
const WIDER: TableDefinition<'_, (&str, u64), WiderRow> = TableDefinition::new("log2");
/// As [`KV`].
const RENAMED: TableDefinition<'_, &str, (u64, u64, &[u8])> = TableDefinition::new("entries");

fn widen(transaction: &WriteTransaction) -> Result<(), StoreError> {
    let old = transaction.open_table(LOG).map_err(fault)?;
    let mut new = transaction.open_table(WIDER).map_err(fault)?;
    for row in old.iter().map_err(fault)? {
        let (key, row) = row.map_err(fault)?;
        let (at, id, payload) = row.value();
        new.insert(key.value(), (at, id, payload.len() as u64, payload))
            .map_err(fault)?;
    }
    drop(old);
    transaction.delete_table(LOG).map_err(fault)?;
    Ok(())
}

fn rename(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.rename_table(KV, RENAMED).map_err(fault)
}

fn fail(_: &WriteTransaction) -> Result<(), StoreError> {
    Err(StoreError::Storage {
        message: "on purpose".to_owned(),
    })
}

/// Everything there is today, and two steps more.
fn later() -> Vec<Migration> {
    MIGRATIONS
        .iter()
        .copied()
        .chain([widen as Migration, rename])
        .collect()
}

fn payload(n: u64) -> Bytes {
    Bytes::from(format!("{n} ").repeat(300))
}

/// A disk with a store of today's format.
fn filled() -> Disk {
    let disk = Disk::default();
    let engine = open(&disk).unwrap();
    block_on(async {
        for n in 0..RECORDS {
            let id = DedupeId::new(n.to_string()).unwrap();
            let log = LogName::new("l").unwrap();
            engine.append(&log, Some(&id), payload(n), NOW).await.unwrap();
            let key = Key::new(format!("k{n:03}")).unwrap();
            engine
                .put(&key, payload(n), Revision::ABSENT, None, NOW)
                .await
                .unwrap();
        }
    });
    drop(engine);
    disk.whole()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future)
}

/// A store of today's format has everything.
fn check_today(disk: &Disk) {
    let engine = open(disk).unwrap();
    block_on(async {
        let log = LogName::new("l").unwrap();
        let records = Log::read(&engine, &log, Sequence::FIRST, usize::MAX)
            .await
            .unwrap();
        let payloads: Vec<_> = records.into_iter().map(|record| record.payload).collect();
        assert_eq!(payloads, (0..RECORDS).map(payload).collect::<Vec<_>>());
        assert_eq!(engine.list("k", NOW).await.unwrap().len() as u64, RECORDS);
    });
}

/// A file of the later format has everything.
fn check_later(disk: &Disk) {
    let db = Database::builder().create_with_backend(disk.clone()).unwrap();
    let transaction = db.begin_write().unwrap();
    {
        let records = transaction.open_table(WIDER).unwrap();
        for (row, n) in records.iter().unwrap().zip(0..) {
            let (key, row) = row.unwrap();
            let id = n.to_string();
            assert_eq!(key.value(), ("l", n + 1));
            let payload = payload(n);
            assert_eq!(row.value(), (7, id.as_str(), payload.len() as u64, &payload[..]));
        }
        assert_eq!(records.len().unwrap(), RECORDS);
        let entries = transaction.open_table(RENAMED).unwrap();
        assert_eq!(entries.len().unwrap(), RECORDS);
        assert_eq!(entries.get("k000").unwrap().unwrap().value().2, &payload(0)[..]);
    }
    let names = transaction.list_tables().unwrap();
    assert!(
        names
            .map(|table| redb::TableHandle::name(&table).to_owned())
            .all(|name| name != "log")
    );
}

#[test]
fn an_older_store_is_migrated_with_everything_in_it() {
    let disk = filled();
    migrate(&disk, &later()).unwrap();
    check_later(&disk);
    // And is what it is from then on.
    migrate(&disk, &later()).unwrap();
    check_later(&disk);
}

#[test]
fn a_newer_store_is_refused_and_left_alone() {
    let disk = filled();
    migrate(&disk, &later()).unwrap();
    let supported = format::newest(MIGRATIONS);
    let error = open(&disk).err().unwrap();
    let newer = StoreError::Incompatible {
        found: supported + 2,
        supported,
    };
    assert_eq!(error, newer);
    assert!(
        error.to_string().contains("run the version that wrote it"),
        "{error}"
    );
    check_later(&disk);
}

#[test]
fn a_migration_that_fails_leaves_the_old_store() {
    let disk = filled();
    let broken: Vec<_> = later().into_iter().chain([fail as Migration]).collect();
    assert!(migrate(&disk, &broken).is_err());
    check_today(&disk);
}

#[test]
fn a_migration_interrupted_at_any_moment_has_happened_or_not() {
    let filled = filled();
    let disk = filled.whole();
    migrate(&disk, &later()).unwrap();
    let steps = disk.steps();
    assert!(steps > 20, "{steps} moments");
    let (mut old, mut new) = (0, 0);
    for cut in 1..=steps {
        for seed in 0..3 {
            let disk = filled.whole();
            disk.cut_at(cut);
            let _ = migrate(&disk, &later());
            let disk = disk.after_the_cut(&mut StdRng::seed_from_u64(cut * 31 + seed));
            match open(&disk) {
                Ok(engine) => {
                    drop(engine);
                    check_today(&disk);
                    old += 1;
                }
                Err(StoreError::Incompatible { .. }) => {
                    check_later(&disk);
                    new += 1;
                }
                Err(error) => panic!("cut {cut}, seed {seed}: {error}"),
            }
            // Either way the next start ends it.
            migrate(&disk, &later()).unwrap();
            check_later(&disk);
        }
    }
    assert!(old > 0 && new > 0, "{old} old, {new} new");
}

#[test]
fn a_database_of_something_else_is_refused() {
    let disk = Disk::default();
    let db = Database::builder().create_with_backend(disk.clone()).unwrap();
    let transaction = db.begin_write().unwrap();
    transaction
        .open_table(TableDefinition::<u64, u64>::new("theirs"))
        .unwrap();
    transaction.commit().unwrap();
    drop(db);
    let error = open(&disk).err().unwrap();
    assert!(matches!(error, StoreError::Corrupted { .. }), "{error:?}");
}
