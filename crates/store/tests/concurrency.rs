//! Many writers at once: revisions decide, nothing is lost, watchers see one order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::sync::Arc;

use bytes::Bytes;
use sidetone_store::{Change, Delivery, Key, LogName, Revision, Sequence, Store, StoreError, WallTime};

const NOW: WallTime = WallTime::from_millis(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_incremented_under_contention_lose_no_increment() {
    let store = Arc::new(Store::in_memory().unwrap());
    let key = Key::new("counter").unwrap();
    let mut watch = store.kv.watch("", 10_000, NOW).await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (store, key) = (store.clone(), key.clone());
            tokio::spawn(async move {
                for _ in 0..25 {
                    loop {
                        let (count, revision) = match store.kv.get(&key, NOW).await.unwrap() {
                            Some(e) => (
                                std::str::from_utf8(&e.value).unwrap().parse::<u64>().unwrap(),
                                e.revision,
                            ),
                            None => (0, Revision::ABSENT),
                        };
                        let value = Bytes::from((count + 1).to_string());
                        match store.kv.put(&key, value, revision, None, NOW).await {
                            Ok(_) => break,
                            Err(StoreError::Conflict { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.kv.get(&key, NOW).await.unwrap().unwrap().value, "200");
    for n in 1..=200u64 {
        let Some(Delivery::Item(Change::Put(entry))) = watch.next().await else {
            panic!("change {n} is missing")
        };
        assert_eq!(
            (entry.value, entry.revision),
            (Bytes::from(n.to_string()), Revision(n))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_appends_get_each_number_once() {
    let store = Arc::new(Store::in_memory().unwrap());
    let log = LogName::new("records").unwrap();
    let writers: Vec<_> = (0..8u64)
        .map(|writer| {
            let (store, log) = (store.clone(), log.clone());
            tokio::spawn(async move {
                let mut previous = Sequence(0);
                for n in 0..50 {
                    let payload = Bytes::from(format!("{writer} {n}"));
                    let appended = store.log.append(&log, None, payload, NOW).await.unwrap();
                    assert!(appended.sequence > previous);
                    previous = appended.sequence;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let records = store.log.read(&log, Sequence::FIRST, usize::MAX).await.unwrap();
    assert_eq!(records.len(), 400);
    assert!(
        records
            .iter()
            .zip(1..)
            .all(|(record, n)| record.sequence == Sequence(n))
    );
}

#[tokio::test]
async fn a_slow_watcher_learns_its_losses() {
    let store = Store::in_memory().unwrap();
    let mut watch = store.kv.watch("k", 2, NOW).await.unwrap();
    for n in 0..10 {
        let key = Key::new(format!("k{n}")).unwrap();
        store
            .kv
            .put(&key, Bytes::new(), Revision::ABSENT, None, NOW)
            .await
            .unwrap();
    }
    assert!(matches!(watch.next().await, Some(Delivery::Item(_))));
    assert!(matches!(watch.next().await, Some(Delivery::Item(_))));
    assert_eq!(watch.next().await, Some(Delivery::Lost(8)));
    drop(store);
    assert_eq!(watch.next().await, None);
}
