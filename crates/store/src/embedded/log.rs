//! `Log` on tables.

use async_trait::async_trait;
use bytes::Bytes;
use redb::ReadableTable;

use super::tables::{LOG, LOG_DEDUPE, LOG_LAST};
use super::writer::Batch;
use super::{Engine, fits};
use crate::error::fault;
use crate::log::{Appended, Log, Record, Sequence};
use crate::{DedupeId, LogName, StoreError, WallTime};

fn append(
    batch: &mut Batch<'_>,
    log: &str,
    dedupe: Option<&str>,
    payload: &[u8],
    now: WallTime,
) -> Result<Appended, StoreError> {
    let mut ids = batch.transaction.open_table(LOG_DEDUPE).map_err(fault)?;
    if let Some(id) = dedupe
        && let Some(sequence) = ids.get((log, id)).map_err(fault)?
    {
        return Ok(Appended {
            sequence: Sequence(sequence.value()),
            duplicate: true,
        });
    }
    batch.dirty = true;
    let mut last = batch.transaction.open_table(LOG_LAST).map_err(fault)?;
    let sequence = last.get(log).map_err(fault)?.map_or(0, |v| v.value()) + 1;
    last.insert(log, sequence).map_err(fault)?;
    if let Some(id) = dedupe {
        ids.insert((log, id), sequence).map_err(fault)?;
    }
    let mut records = batch.transaction.open_table(LOG).map_err(fault)?;
    records
        .insert((log, sequence), (now.as_millis(), dedupe.unwrap_or(""), payload))
        .map_err(fault)?;
    Ok(Appended {
        sequence: Sequence(sequence),
        duplicate: false,
    })
}

fn trim(batch: &mut Batch<'_>, log: &str, before: Sequence) -> Result<u64, StoreError> {
    let mut records = batch.transaction.open_table(LOG).map_err(fault)?;
    let mut ids = batch.transaction.open_table(LOG_DEDUPE).map_err(fault)?;
    let mut trimmed = 0;
    for row in records
        .extract_from_if((log, 0)..(log, before.0), |_, _| true)
        .map_err(fault)?
    {
        let (_, row) = row.map_err(fault)?;
        let (_, id, _) = row.value();
        if !id.is_empty() {
            ids.remove((log, id)).map_err(fault)?;
        }
        trimmed += 1;
    }
    batch.dirty |= trimmed > 0;
    Ok(trimmed)
}

#[async_trait]
impl Log for Engine {
    async fn append(
        &self,
        log: &LogName,
        dedupe: Option<&DedupeId>,
        payload: Bytes,
        now: WallTime,
    ) -> Result<Appended, StoreError> {
        fits(payload.len())?;
        let (log, dedupe) = (log.clone(), dedupe.cloned());
        self.write(move |batch| {
            append(
                batch,
                log.as_str(),
                dedupe.as_ref().map(DedupeId::as_str),
                &payload,
                now,
            )
        })
        .await
    }

    async fn read(&self, log: &LogName, from: Sequence, limit: usize) -> Result<Vec<Record>, StoreError> {
        let log = log.clone();
        self.read(move |transaction| {
            let table = transaction.open_table(LOG).map_err(fault)?;
            let rows = table
                .range((log.as_str(), from.0)..=(log.as_str(), u64::MAX))
                .map_err(fault)?;
            rows.take(limit)
                .map(|row| {
                    let (key, row) = row.map_err(fault)?;
                    let (at, _, payload) = row.value();
                    Ok(Record {
                        sequence: Sequence(key.value().1),
                        at: WallTime::from_millis(at),
                        payload: Bytes::copy_from_slice(payload),
                    })
                })
                .collect()
        })
        .await
    }

    async fn end(&self, log: &LogName) -> Result<Sequence, StoreError> {
        let log = log.clone();
        self.read(move |transaction| {
            let table = transaction.open_table(LOG_LAST).map_err(fault)?;
            let last = table.get(log.as_str()).map_err(fault)?;
            Ok(last.map_or(Sequence::FIRST, |last| Sequence(last.value()).next()))
        })
        .await
    }

    async fn trim(&self, log: &LogName, before: Sequence) -> Result<u64, StoreError> {
        let log = log.clone();
        self.write(move |batch| trim(batch, log.as_str(), before)).await
    }
}
