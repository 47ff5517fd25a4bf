//! Events and usage that come from beside the calls: written to the same logs, and known by the same names when they are
//! written again.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use sidetone_ledger::{Event, Month, Scope, UsageRecord};
use sidetone_signaling::protocol::CallId;
use sidetone_store::{DedupeId, Revision, Store, StoreError};

use super::batch::{Place, Write, write};
use super::derive::wall;
use super::names;
use crate::clock::wall_now;

/// Writes events and usage.
pub(crate) struct Post {
    store: Store,
    /// Tenants that are entered as having logs.
    known: Mutex<HashSet<Scope>>,
}

impl Post {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            known: Mutex::default(),
        }
    }

    /// Writes all of these, in any order, again until the storage takes them. What is there already stays once.
    pub(crate) async fn write(
        &self,
        events: Vec<(Event, BTreeSet<Scope>)>,
        usage: Vec<(UsageRecord, BTreeSet<Scope>)>,
    ) {
        let mut writes = Vec::new();
        let mut scopes = BTreeSet::new();
        for (event, whose) in events {
            for scope in whose {
                writes.extend(made(event_write(&event, &scope)));
                scopes.insert(scope);
            }
        }
        for (record, whose) in usage {
            writes.extend(whose.iter().filter_map(|scope| made(usage_write(&record, scope))));
        }
        if writes.is_empty() {
            return;
        }
        for scope in &scopes {
            self.make_known(scope).await;
        }
        write(&self.store, writes).await;
        for scope in &scopes {
            if let Ok(subject) = names::news(scope) {
                // Who misses it looks by itself now and then.
                let _ = self.store.bus.publish(&subject, Bytes::new()).await;
            }
        }
    }

    async fn make_known(&self, scope: &Scope) {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(scope) {
            return;
        }
        let written = async {
            let value = serde_json::to_vec(scope).unwrap_or_default();
            let (key, now) = (names::known_scope(scope)?, wall_now());
            let kv = &self.store.kv;
            match kv.put(&key, value.into(), Revision::ABSENT, None, now).await {
                Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        };
        match written.await {
            Ok(()) => drop(known().insert(scope.clone())),
            // Tried again with the tenant's next event.
            Err(error) => tracing::warn!(%error, "a tenant could not be entered"),
        }
    }
}

fn event_write(event: &Event, scope: &Scope) -> Result<Write, StoreError> {
    Ok(Write {
        call: event.call,
        at: wall(event.time),
        payload: json(&event.notification(scope))?,
        to: Place::Heap(names::events(scope)?, DedupeId::new(event.id.clone())?),
    })
}

fn usage_write(record: &UsageRecord, scope: &Scope) -> Result<Write, StoreError> {
    let log = names::usage(scope, Month::of(record.time))?;
    Ok(Write {
        call: CallId(record.call.0),
        at: wall(record.time),
        payload: json(record)?,
        to: Place::Heap(log, DedupeId::new(record.id.clone())?),
    })
}

/// What was made, or nothing when it cannot be: names and texts are bounded, so it always can.
fn made(write: Result<Write, StoreError>) -> Option<Write> {
    write
        .inspect_err(|error| tracing::error!(%error, "an event or a use cannot be written"))
        .ok()
}

fn json<T: Serialize>(value: &T) -> Result<Bytes, StoreError> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|error| StoreError::Storage {
            message: error.to_string(),
        })
}
