//! The primitives against a plain map and vector: any sequence of operations, reopening included, gives the same answers
//! as the model. Numbers and revisions are the implementation's own; the model holds that they grow.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::Fixture;
use crate::{
    Appended, Change, DedupeId, Delivery, Entry, Key, LogName, Record, Revision, Sequence, StoreError,
    WallTime, Watch,
};

/// One operation on a store.
#[derive(Clone, Debug)]
pub enum Op {
    /// Makes or replaces a key.
    Put {
        /// Which.
        key: u8,
        /// Its new value.
        value: Vec<u8>,
        /// Expect a wrong revision.
        stale: bool,
        /// Milliseconds until it expires.
        ttl: Option<u8>,
    },
    /// Deletes a key.
    Delete {
        /// Which.
        key: u8,
        /// Expect a wrong revision.
        stale: bool,
    },
    /// Reads a key.
    Get {
        /// Which.
        key: u8,
    },
    /// Lists keys.
    List {
        /// What they begin with.
        prefix: &'static str,
    },
    /// Begins a watch that lasts until the end, or until reopening.
    Watch {
        /// What the keys begin with.
        prefix: &'static str,
    },
    /// Removes what has expired.
    Sweep,
    /// Lets time pass.
    Pass {
        /// How much.
        millis: u8,
    },
    /// Appends to a log.
    Append {
        /// Which.
        log: u8,
        /// The record's dedupe id.
        id: Option<u8>,
        /// Its content.
        payload: Vec<u8>,
    },
    /// Reads a log.
    Read {
        /// Which.
        log: u8,
        /// From the record appended as this one, or from the end.
        from: u8,
        /// So many.
        limit: u8,
    },
    /// Trims a log.
    Trim {
        /// Which.
        log: u8,
        /// Below the record appended as this one, or all.
        before: u8,
    },
    /// Opens the store again.
    Reopen,
}

/// Any operations.
pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let prefix = || prop::sample::select(vec!["", "a", "a.k", "b.", "c", "\u{10ffff}"]);
    let op = prop_oneof![
        6 => (any::<u8>(), bytes(), prop::bool::weighted(0.2), prop::option::weighted(0.4, 1u8..20))
            .prop_map(|(key, value, stale, ttl)| Op::Put { key, value, stale, ttl }),
        3 => (any::<u8>(), prop::bool::weighted(0.2)).prop_map(|(key, stale)| Op::Delete { key, stale }),
        2 => any::<u8>().prop_map(|key| Op::Get { key }),
        2 => prefix().prop_map(|prefix| Op::List { prefix }),
        1 => prefix().prop_map(|prefix| Op::Watch { prefix }),
        1 => Just(Op::Sweep),
        3 => (1u8..10).prop_map(|millis| Op::Pass { millis }),
        6 => (0u8..2, prop::option::of(0u8..20), bytes())
            .prop_map(|(log, id, payload)| Op::Append { log, id, payload }),
        2 => (0u8..2, 0u8..30, 0u8..10).prop_map(|(log, from, limit)| Op::Read { log, from, limit }),
        1 => (0u8..2, 0u8..30).prop_map(|(log, before)| Op::Trim { log, before }),
        1 => Just(Op::Reopen),
    ];
    prop::collection::vec(op, 1..80)
}

fn key(n: u8) -> Key {
    Key::new(format!("{}.k{}", ["a", "b", "a-"][usize::from(n % 3)], n % 5)).unwrap()
}

fn log_name(n: u8) -> LogName {
    LogName::new(format!("log{n}")).unwrap()
}

#[derive(Default)]
struct ModelLog {
    /// Everything ever appended, and what of it is kept.
    numbers: Vec<Sequence>,
    records: Vec<Record>,
    ids: Vec<(u8, Sequence)>,
}

impl ModelLog {
    /// The number of the `n`th record ever appended; behind the newest, where there are not so many.
    fn number(&self, n: u8) -> Sequence {
        let end = self.numbers.last().map_or(Sequence::FIRST, |last| last.next());
        self.numbers.get(usize::from(n)).copied().unwrap_or(end)
    }
}

#[derive(Default)]
struct Model {
    now: WallTime,
    newest: Revision,
    entries: BTreeMap<String, Entry>,
    history: Vec<Change>,
    logs: [ModelLog; 2],
}

impl Model {
    fn live(&self, key: &Key) -> Option<&Entry> {
        self.entries
            .get(key.as_str())
            .filter(|entry| entry.expires.is_none_or(|at| at > self.now))
    }

    /// The revision of a key, and what an operation is to expect.
    fn expect(&self, key: &Key, stale: bool) -> (Revision, Revision) {
        let found = self.live(key).map_or(Revision::ABSENT, |entry| entry.revision);
        (found, if stale { Revision(found.0 + 1_000) } else { found })
    }

    fn list(&self, prefix: &str) -> Vec<Entry> {
        self.entries
            .values()
            .filter(|e| e.key.as_str().starts_with(prefix))
            .filter_map(|e| self.live(&e.key))
            .cloned()
            .collect()
    }

    /// The implementation says that a change has this revision.
    fn change(&mut self, change: Change) {
        assert!(change.revision() > self.newest, "revisions grow");
        self.newest = change.revision();
        match &change {
            Change::Put(entry) => self.entries.insert(entry.key.to_string(), entry.clone()),
            Change::Deleted { key, .. } => self.entries.remove(key.as_str()),
        };
        self.history.push(change);
    }
}

struct Watching {
    watch: Watch,
    prefix: &'static str,
    since: usize,
}

/// Applies the operations to a fresh store and to the model.
pub async fn behaves_like_the_model(fixture: &impl Fixture, ops: Vec<Op>) {
    let mut store = fixture.fresh().await;
    let mut model = Model::default();
    let mut watches: Vec<Watching> = Vec::new();

    for op in ops {
        match op {
            Op::Put {
                key: k,
                value,
                stale,
                ttl,
            } => {
                let key = key(k);
                let (found, expected) = model.expect(&key, stale);
                let expires = ttl.map(|ms| model.now.after(std::time::Duration::from_millis(ms.into())));
                let value = Bytes::from(value);
                let result = store
                    .kv
                    .put(&key, value.clone(), expected, expires, model.now)
                    .await;
                if stale {
                    assert_eq!(result, Err(conflict(&key, expected, found)));
                } else {
                    let revision = result.unwrap();
                    model.change(Change::Put(Entry {
                        key,
                        value,
                        revision,
                        expires,
                    }));
                }
            }
            Op::Delete { key: k, stale } => {
                let key = key(k);
                let (found, expected) = model.expect(&key, stale);
                let result = store.kv.delete(&key, expected, model.now).await;
                if stale || found == Revision::ABSENT {
                    assert_eq!(result, Err(conflict(&key, expected, found)));
                } else {
                    let revision = result.unwrap();
                    model.change(Change::Deleted { key, revision });
                }
            }
            Op::Get { key: k } => {
                let key = key(k);
                let got = store.kv.get(&key, model.now).await.unwrap();
                assert_eq!(got.as_ref(), model.live(&key));
            }
            Op::List { prefix } => {
                let listed = store.kv.list(prefix, model.now).await.unwrap();
                assert_eq!(listed, model.list(prefix));
            }
            Op::Watch { prefix } => {
                let watch = store.kv.watch(prefix, 1000, model.now).await.unwrap();
                assert_eq!(watch.snapshot, model.list(prefix));
                watches.push(Watching {
                    watch,
                    prefix,
                    since: model.history.len(),
                });
            }
            Op::Sweep => {
                let now = model.now;
                let expired: Vec<_> = model
                    .entries
                    .values()
                    .filter(|e| e.expires.is_some_and(|at| at <= now))
                    .map(|e| e.key.clone())
                    .collect();
                // In which order they go is the implementation's: a watch of its own tells.
                let mut watch = store.kv.watch("", 1000, now).await.unwrap();
                assert_eq!(store.kv.sweep(now).await, Ok(expired.len()));
                for _ in &expired {
                    match watch.next().await {
                        Some(Delivery::Item(change @ Change::Deleted { .. })) => {
                            assert!(expired.contains(change.key()));
                            assert!(model.entries.contains_key(change.key().as_str()));
                            model.change(change);
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
            Op::Pass { millis } => {
                model.now = model.now.after(std::time::Duration::from_millis(millis.into()));
            }
            Op::Append { log: n, id, payload } => {
                let payload = Bytes::from(payload);
                let dedupe = id.map(|id| DedupeId::new(format!("id{id}")).unwrap());
                let log = &mut model.logs[usize::from(n)];
                let known = log.ids.iter().find(|(known, _)| Some(*known) == id);
                let known = known.map(|(_, sequence)| *sequence);
                let trimmed = known.is_some_and(|known| log.records.iter().all(|r| r.sequence != known));
                if trimmed {
                    // Whether it is still remembered is not promised.
                    continue;
                }
                let result = store
                    .log
                    .append(&log_name(n), dedupe.as_ref(), payload.clone(), model.now)
                    .await
                    .unwrap();
                match known {
                    Some(sequence) => assert_eq!(
                        result,
                        Appended {
                            sequence,
                            duplicate: true
                        }
                    ),
                    None => {
                        assert!(!result.duplicate);
                        assert!(log.numbers.last() < Some(&result.sequence), "numbers grow");
                        log.numbers.push(result.sequence);
                        log.ids.extend(id.map(|id| (id, result.sequence)));
                        log.records.push(Record {
                            sequence: result.sequence,
                            at: model.now,
                            payload,
                        });
                    }
                }
            }
            Op::Read { log: n, from, limit } => {
                let log = &model.logs[usize::from(n)];
                let from = log.number(from);
                let records = store.log.read(&log_name(n), from, limit.into()).await.unwrap();
                let wanted = log.records.iter().filter(|r| r.sequence >= from);
                assert_eq!(records, wanted.take(limit.into()).cloned().collect::<Vec<_>>());
            }
            Op::Trim { log: n, before } => {
                let log = &mut model.logs[usize::from(n)];
                let before = log.number(before);
                let result = store.log.trim(&log_name(n), before).await;
                let kept = log.records.len();
                log.records.retain(|r| r.sequence >= before);
                assert_eq!(result, Ok((kept - log.records.len()) as u64));
                assert!(store.log.end(&log_name(n)).await.unwrap() >= log.number(u8::MAX));
            }
            Op::Reopen => {
                settle(&mut watches, &model, fixture.shows_every_change()).await;
                watches.clear();
                match fixture.reopen(store).await {
                    Some(reopened) => store = reopened,
                    None => return,
                }
            }
        }
    }
    settle(&mut watches, &model, fixture.shows_every_change()).await;
}

fn conflict(key: &Key, expected: Revision, found: Revision) -> StoreError {
    StoreError::Conflict {
        key: key.to_string(),
        expected,
        found,
    }
}

/// Every watcher saw the changes under its prefix since it began, in order; not those overtaken, where that is allowed.
async fn settle(watches: &mut [Watching], model: &Model, every: bool) {
    for Watching { watch, prefix, since } in watches {
        let changes: Vec<_> = model.history[*since..]
            .iter()
            .filter(|c| c.key().as_str().starts_with(*prefix))
            .collect();
        let mut changes = changes.into_iter().enumerate().map(|(at, change)| {
            let later = &model.history[*since..];
            let last = later.iter().rfind(|c| c.key() == change.key());
            (
                at,
                change,
                last.is_some_and(|last| last.revision() == change.revision()),
            )
        });
        while let Some((_, mut change, mut last)) = changes.next() {
            let shown = watch.next().await;
            while shown != Some(Delivery::Item(change.clone())) {
                assert!(!every && !last, "{shown:?} where {change:?} was expected");
                (_, change, last) = changes.next().unwrap();
            }
        }
        if every {
            assert_eq!(watch.try_next(), None);
        }
    }
}
