//! What is written because of a fact: the events of each tenant, and at the end of a call its records and usage. Pure:
//! from the same fact the same writes, so that those that a crash cut off are made again.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use sidetone_ledger::{Booked, Call, CallLine, Fact, Month, Scope, Timestamp, UsageRecord, summaries, usage};
use sidetone_store::{DedupeId, StoreError, WallTime};

use super::batch::{Place, Write};
use super::names;
use super::shelf::{Rows, Sheet};

/// Summaries in one record at most: a call of a thousand is more than one value may hold.
const SHEET: usize = 200;

/// A time of the ledger, for the store.
pub(super) fn wall(time: Timestamp) -> WallTime {
    WallTime::from_millis(time.as_millis())
}

/// The fact itself, for the journal.
pub(super) fn fact(fact: &Fact) -> Result<Write, StoreError> {
    Ok(Write {
        call: fact.call,
        at: wall(fact.at),
        payload: json(fact)?,
        to: Place::Log(names::journal()?, DedupeId::new(fact.id())?),
    })
}

/// Everything else.
pub(super) fn consequences(booked: &Booked, keep: Duration) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    if let Some((event, scopes)) = &booked.event {
        for scope in scopes {
            writes.push(Write {
                call: event.call,
                at: wall(event.time),
                payload: json(&event.notification(scope))?,
                to: Place::Log(names::events(scope)?, DedupeId::new(event.id.clone())?),
            });
        }
    }
    if let Some(call) = &booked.closed {
        records(call, keep, &mut writes)?;
        used(call, &mut writes)?;
    }
    if let Some(rows) = rows(booked, keep)? {
        writes.push(rows);
    }
    Ok(writes)
}

/// The tenants that have a log of theirs written.
pub(super) fn scopes(booked: &Booked) -> BTreeSet<Scope> {
    let event = booked.event.iter().flat_map(|(_, scopes)| scopes.iter().cloned());
    let closed = booked.closed.iter().flat_map(|call| call.scopes());
    event.chain(closed).collect()
}

fn records(call: &Call, keep: Duration, writes: &mut Vec<Write>) -> Result<(), StoreError> {
    let Some(line) = CallLine::of(call) else {
        return Ok(());
    };
    let at = wall(
        line.call_start_time
            .after(Duration::from_millis(line.call_duration.as_millis())),
    );
    let summaries = summaries(call);
    for (number, chunk) in summaries.chunks(SHEET).enumerate() {
        let sheet = Sheet {
            line: line.clone(),
            scopes: line.scopes.iter().cloned().collect(),
            summaries: chunk.to_vec(),
        };
        writes.push(Write {
            call: call.id,
            at,
            payload: json(&sheet)?,
            to: Place::Key(
                names::record(call.id, call.started, &format!("s.{number}"))?,
                Some(at.after(keep)),
            ),
        });
    }
    let id = format!("{}.{}", call.id, call.started.as_millis());
    for scope in &line.scopes {
        writes.push(Write {
            call: call.id,
            at,
            payload: json(&line)?,
            to: Place::Log(names::calls(scope)?, DedupeId::new(id.clone())?),
        });
    }
    Ok(())
}

fn used(call: &Call, writes: &mut Vec<Write>) -> Result<(), StoreError> {
    for (record, scopes) in usage(call) {
        for scope in scopes {
            writes.push(entry(&record, &scope)?);
        }
    }
    Ok(())
}

fn entry(record: &UsageRecord, scope: &Scope) -> Result<Write, StoreError> {
    let log = names::usage(scope, Month::of(record.time))?;
    Ok(Write {
        call: record.call,
        at: wall(record.time),
        payload: json(record)?,
        to: Place::Heap(log, DedupeId::new(record.id.clone())?),
    })
}

/// What an endpoint reported.
fn rows(booked: &Booked, keep: Duration) -> Result<Option<Write>, StoreError> {
    let started = booked.diagnostics.first().map(|row| row.call_start_time);
    let Some(started) = started.or_else(|| booked.issues.first().map(|row| row.call_start_time)) else {
        return Ok(None);
    };
    let rows = Rows {
        diagnostics: booked.diagnostics.clone(),
        issues: booked.issues.clone(),
    };
    let Fact { call, number, at, .. } = &booked.fact;
    let at = wall(*at);
    let name = names::record(*call, started, &format!("d.{number}"))?;
    Ok(Some(Write {
        call: *call,
        at,
        payload: json(&rows)?,
        to: Place::Key(name, Some(at.after(keep))),
    }))
}

fn json<T: Serialize>(value: &T) -> Result<Bytes, StoreError> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|error| StoreError::Storage {
            message: error.to_string(),
        })
}
