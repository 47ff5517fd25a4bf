//! `Kv` on tables.

use async_trait::async_trait;
use bytes::Bytes;
use redb::ReadableTable;

use super::tables::{KV, KV_EXPIRY, META, META_REVISION, NEVER};
use super::writer::{Batch, Watcher};
use super::{Engine, fits};
use crate::error::fault;
use crate::kv::{Change, Entry, Kv, Revision, Watch};
use crate::mailbox::mailbox;
use crate::{Key, StoreError, WallTime};

/// What a table row says.
struct Row {
    revision: u64,
    expires: u64,
    value: Bytes,
}

impl Row {
    fn decode((revision, expires, value): (u64, u64, &[u8])) -> Self {
        Self {
            revision,
            expires,
            value: Bytes::copy_from_slice(value),
        }
    }

    fn entry(self, key: Key) -> Entry {
        let expires = (self.expires != NEVER).then(|| WallTime::from_millis(self.expires));
        Entry {
            key,
            value: self.value,
            revision: Revision(self.revision),
            expires,
        }
    }

    fn live(&self, now: WallTime) -> bool {
        self.expires > now.as_millis()
    }
}

fn stored_key(key: &str) -> Result<Key, StoreError> {
    Key::new(key).map_err(|error| StoreError::Corrupted {
        message: error.to_string(),
    })
}

fn get(
    table: &impl ReadableTable<&'static str, (u64, u64, &'static [u8])>,
    key: &str,
) -> Result<Option<Row>, StoreError> {
    Ok(table.get(key).map_err(fault)?.map(|row| Row::decode(row.value())))
}

fn list(
    table: &impl ReadableTable<&'static str, (u64, u64, &'static [u8])>,
    prefix: &str,
    now: WallTime,
) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for row in table.range(prefix..).map_err(fault)? {
        let (key, row) = row.map_err(fault)?;
        if !key.value().starts_with(prefix) {
            break;
        }
        let row = Row::decode(row.value());
        if row.live(now) {
            entries.push(row.entry(stored_key(key.value())?));
        }
    }
    Ok(entries)
}

/// Takes the next revision of the key space.
fn next_revision(batch: &Batch<'_>) -> Result<u64, StoreError> {
    let mut meta = batch.transaction.open_table(META).map_err(fault)?;
    let next = meta.get(META_REVISION).map_err(fault)?.map_or(0, |v| v.value()) + 1;
    meta.insert(META_REVISION, next).map_err(fault)?;
    Ok(next)
}

/// The row under `key`, if the caller's expectation holds: outer error = refused or failed.
fn expect(
    table: &impl ReadableTable<&'static str, (u64, u64, &'static [u8])>,
    key: &Key,
    expected: Revision,
    now: WallTime,
) -> Result<Option<Row>, StoreError> {
    let row = get(table, key.as_str())?;
    let found = row
        .as_ref()
        .filter(|row| row.live(now))
        .map_or(Revision::ABSENT, |row| Revision(row.revision));
    if found != expected {
        return Err(StoreError::Conflict {
            key: key.to_string(),
            expected,
            found,
        });
    }
    Ok(row)
}

fn put(
    batch: &mut Batch<'_>,
    entry: &mut Entry,
    expected: Revision,
    now: WallTime,
) -> Result<Revision, StoreError> {
    let mut kv = batch.transaction.open_table(KV).map_err(fault)?;
    let old = expect(&kv, &entry.key, expected, now)?;
    batch.dirty = true;
    let mut expiry = batch.transaction.open_table(KV_EXPIRY).map_err(fault)?;
    let key = entry.key.as_str();
    if let Some(old) = old.filter(|old| old.expires != NEVER) {
        expiry.remove((old.expires, key)).map_err(fault)?;
    }
    let expires = entry.expires.map_or(NEVER, WallTime::as_millis);
    if expires != NEVER {
        expiry.insert((expires, key), ()).map_err(fault)?;
    }
    entry.revision = Revision(next_revision(batch)?);
    kv.insert(key, (entry.revision.0, expires, &entry.value[..]))
        .map_err(fault)?;
    batch.changes.push(Change::Put(entry.clone()));
    Ok(entry.revision)
}

/// Removes a row that is known to exist and announces it.
fn remove(batch: &mut Batch<'_>, key: Key, expires: u64) -> Result<Revision, StoreError> {
    batch.dirty = true;
    batch
        .transaction
        .open_table(KV)
        .map_err(fault)?
        .remove(key.as_str())
        .map_err(fault)?;
    if expires != NEVER {
        let mut expiry = batch.transaction.open_table(KV_EXPIRY).map_err(fault)?;
        expiry.remove((expires, key.as_str())).map_err(fault)?;
    }
    let revision = Revision(next_revision(batch)?);
    batch.changes.push(Change::Deleted { key, revision });
    Ok(revision)
}

fn delete(
    batch: &mut Batch<'_>,
    key: Key,
    expected: Revision,
    now: WallTime,
) -> Result<Revision, StoreError> {
    let row = {
        let kv = batch.transaction.open_table(KV).map_err(fault)?;
        expect(&kv, &key, expected, now)?.filter(|row| row.live(now))
    };
    match row {
        Some(row) => remove(batch, key, row.expires),
        None => Err(StoreError::Conflict {
            key: key.to_string(),
            expected,
            found: Revision::ABSENT,
        }),
    }
}

fn sweep(batch: &mut Batch<'_>, now: WallTime) -> Result<usize, StoreError> {
    let mut expired = Vec::new();
    {
        let expiry = batch.transaction.open_table(KV_EXPIRY).map_err(fault)?;
        for row in expiry
            .range(..(now.as_millis().saturating_add(1), ""))
            .map_err(fault)?
        {
            let (row, _) = row.map_err(fault)?;
            let (expires, key) = row.value();
            expired.push((expires, stored_key(key)?));
        }
    }
    let swept = expired.len();
    for (expires, key) in expired {
        remove(batch, key, expires)?;
    }
    Ok(swept)
}

#[async_trait]
impl Kv for Engine {
    async fn get(&self, key: &Key, now: WallTime) -> Result<Option<Entry>, StoreError> {
        let key = key.clone();
        self.read(move |transaction| {
            let table = transaction.open_table(KV).map_err(fault)?;
            Ok(get(&table, key.as_str())?
                .filter(|row| row.live(now))
                .map(|row| row.entry(key)))
        })
        .await
    }

    async fn put(
        &self,
        key: &Key,
        value: Bytes,
        expected: Revision,
        expires: Option<WallTime>,
        now: WallTime,
    ) -> Result<Revision, StoreError> {
        fits(value.len())?;
        let mut entry = Entry {
            key: key.clone(),
            value,
            revision: Revision::ABSENT,
            expires,
        };
        self.write(move |batch| put(batch, &mut entry, expected, now))
            .await
    }

    async fn delete(&self, key: &Key, expected: Revision, now: WallTime) -> Result<Revision, StoreError> {
        let key = key.clone();
        self.write(move |batch| delete(batch, key, expected, now)).await
    }

    async fn list(&self, prefix: &str, now: WallTime) -> Result<Vec<Entry>, StoreError> {
        let prefix = prefix.to_owned();
        self.read(move |transaction| list(&transaction.open_table(KV).map_err(fault)?, &prefix, now))
            .await
    }

    async fn watch(&self, prefix: &str, capacity: usize, now: WallTime) -> Result<Watch, StoreError> {
        let prefix = prefix.to_owned();
        // Through the writer, so that no commit falls between the snapshot and the first change.
        self.write(move |batch| {
            let snapshot = list(&batch.transaction.open_table(KV).map_err(fault)?, &prefix, now)?;
            let meta = batch.transaction.open_table(META).map_err(fault)?;
            let since = meta.get(META_REVISION).map_err(fault)?.map_or(0, |v| v.value());
            let (sender, receiver) = mailbox(capacity);
            batch.watchers.push(Watcher {
                prefix,
                since,
                sender,
            });
            Ok(Watch::new(snapshot, receiver))
        })
        .await
    }

    async fn sweep(&self, now: WallTime) -> Result<usize, StoreError> {
        self.write(move |batch| sweep(batch, now)).await
    }
}
