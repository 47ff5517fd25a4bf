//! Kv and Log against a plain map and vector: any sequence of operations, reopening included, gives the same
//! answers as the model.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use sidetone_store::{
    Appended, Change, DedupeId, Delivery, Entry, Key, LogName, Record, Revision, Sequence, Store, StoreError,
    WallTime, Watch,
};

#[derive(Clone, Debug)]
enum Op {
    /// `stale`: expect a wrong revision.
    Put {
        key: u8,
        value: Vec<u8>,
        stale: bool,
        ttl: Option<u8>,
    },
    Delete {
        key: u8,
        stale: bool,
    },
    Get {
        key: u8,
    },
    List {
        prefix: &'static str,
    },
    Watch {
        prefix: &'static str,
    },
    Sweep,
    Pass {
        millis: u8,
    },
    Append {
        log: u8,
        id: Option<u8>,
        payload: Vec<u8>,
    },
    Read {
        log: u8,
        from: u8,
        limit: u8,
    },
    Trim {
        log: u8,
        before: u8,
    },
    Reopen,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
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
    records: Vec<Record>,
    ids: Vec<(u8, Sequence)>,
    last: u64,
}

#[derive(Default)]
struct Model {
    now: WallTime,
    revision: u64,
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

    fn list(&self, prefix: &str) -> Vec<Entry> {
        self.entries
            .values()
            .filter(|e| e.key.as_str().starts_with(prefix))
            .filter_map(|e| self.live(&e.key))
            .cloned()
            .collect()
    }

    fn change(&mut self, make: impl FnOnce(Revision) -> Change) -> Revision {
        self.revision += 1;
        self.history.push(make(Revision(self.revision)));
        Revision(self.revision)
    }
}

struct Watching {
    watch: Watch,
    prefix: &'static str,
    since: usize,
}

async fn check(ops: Vec<Op>, file: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let open = || {
        if file {
            Store::open(&path).unwrap()
        } else {
            Store::in_memory().unwrap()
        }
    };
    let mut store = open();
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
                let found = model.live(&key).map_or(Revision::ABSENT, |e| e.revision);
                let expected = if stale { Revision(found.0 + 1) } else { found };
                let expires = ttl.map(|ms| model.now.after(std::time::Duration::from_millis(ms.into())));
                let value = Bytes::from(value);
                let result = store
                    .kv
                    .put(&key, value.clone(), expected, expires, model.now)
                    .await;
                if stale {
                    assert_eq!(
                        result,
                        Err(StoreError::Conflict {
                            key: key.to_string(),
                            expected,
                            found
                        })
                    );
                } else {
                    let mut entry = Entry {
                        key: key.clone(),
                        value,
                        revision: Revision(model.revision + 1),
                        expires,
                    };
                    let revision = model.change(|_| Change::Put(entry.clone()));
                    entry.revision = revision;
                    model.entries.insert(key.to_string(), entry);
                    assert_eq!(result, Ok(revision));
                }
            }
            Op::Delete { key: k, stale } => {
                let key = key(k);
                let found = model.live(&key).map_or(Revision::ABSENT, |e| e.revision);
                let expected = if stale { Revision(found.0 + 1) } else { found };
                let result = store.kv.delete(&key, expected, model.now).await;
                if stale || found == Revision::ABSENT {
                    assert_eq!(
                        result,
                        Err(StoreError::Conflict {
                            key: key.to_string(),
                            expected,
                            found
                        })
                    );
                } else {
                    model.entries.remove(key.as_str());
                    let revision = model.change(|revision| Change::Deleted { key, revision });
                    assert_eq!(result, Ok(revision));
                }
            }
            Op::Get { key: k } => {
                let key = key(k);
                assert_eq!(
                    store.kv.get(&key, model.now).await.unwrap().as_ref(),
                    model.live(&key)
                );
            }
            Op::List { prefix } => {
                assert_eq!(
                    store.kv.list(prefix, model.now).await.unwrap(),
                    model.list(prefix)
                );
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
                let mut expired: Vec<_> = model
                    .entries
                    .values()
                    .filter_map(|e| e.expires.filter(|at| *at <= now).map(|at| (at, e.key.clone())))
                    .collect();
                expired.sort();
                assert_eq!(store.kv.sweep(now).await, Ok(expired.len()));
                for (_, key) in expired {
                    model.entries.remove(key.as_str());
                    model.change(|revision| Change::Deleted { key, revision });
                }
            }
            Op::Pass { millis } => {
                model.now = model.now.after(std::time::Duration::from_millis(millis.into()))
            }
            Op::Append { log, id, payload } => {
                let payload = Bytes::from(payload);
                let dedupe = id.map(|id| DedupeId::new(format!("id{id}")).unwrap());
                let result = store
                    .log
                    .append(&log_name(log), dedupe.as_ref(), payload.clone(), model.now)
                    .await;
                let at = model.now;
                let log = &mut model.logs[usize::from(log)];
                let known = log
                    .ids
                    .iter()
                    .find(|(known, _)| Some(*known) == id)
                    .map(|(_, sequence)| *sequence);
                if let Some(sequence) = known {
                    assert_eq!(
                        result,
                        Ok(Appended {
                            sequence,
                            duplicate: true
                        })
                    );
                } else {
                    log.last += 1;
                    let sequence = Sequence(log.last);
                    log.ids.extend(id.map(|id| (id, sequence)));
                    log.records.push(Record {
                        sequence,
                        at,
                        payload,
                    });
                    assert_eq!(
                        result,
                        Ok(Appended {
                            sequence,
                            duplicate: false
                        })
                    );
                }
            }
            Op::Read { log, from, limit } => {
                let records = store
                    .log
                    .read(&log_name(log), Sequence(from.into()), limit.into())
                    .await
                    .unwrap();
                let log = &model.logs[usize::from(log)];
                let wanted: Vec<_> = log
                    .records
                    .iter()
                    .filter(|r| r.sequence.0 >= from.into())
                    .take(limit.into())
                    .cloned()
                    .collect();
                assert_eq!(records, wanted);
            }
            Op::Trim { log: n, before } => {
                let result = store.log.trim(&log_name(n), Sequence(before.into())).await;
                let log = &mut model.logs[usize::from(n)];
                let kept = log.records.len();
                log.records.retain(|r| r.sequence.0 >= before.into());
                log.ids.retain(|(_, sequence)| sequence.0 >= before.into());
                assert_eq!(result, Ok((kept - log.records.len()) as u64));
                let last = store.log.last(&log_name(n)).await.unwrap();
                assert_eq!(last, (log.last > 0).then_some(Sequence(log.last)));
            }
            Op::Reopen if file => {
                settle(&mut watches, &model);
                watches.clear();
                drop(store);
                store = open();
            }
            Op::Reopen => {}
        }
    }
    settle(&mut watches, &model);
}

/// Every watcher saw exactly the changes under its prefix since it began, in order.
fn settle(watches: &mut [Watching], model: &Model) {
    for Watching { watch, prefix, since } in watches {
        for change in model.history[*since..]
            .iter()
            .filter(|c| c.key().as_str().starts_with(*prefix))
        {
            assert_eq!(watch.try_next(), Some(Delivery::Item(change.clone())));
        }
        assert_eq!(watch.try_next(), None);
    }
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn in_memory_store_behaves_like_the_model(ops in ops()) {
        block_on(check(ops, false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]
    #[test]
    fn file_store_behaves_like_the_model_across_reopening(ops in ops()) {
        block_on(check(ops, true));
    }
}
