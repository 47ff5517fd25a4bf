//! A copy of a store that is being written to: as it was at one moment, whole, and good to go on with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use sidetone_store::{DedupeId, Key, LogName, Revision, Sequence, Store, StoreError, WallTime};

const NOW: WallTime = WallTime::from_millis(1);

fn key(writer: u64) -> Key {
    Key::new(format!("writer.{writer}")).unwrap()
}

fn log() -> LogName {
    LogName::new("l").unwrap()
}

/// Appends a record and then says so under a key, until told to stop; counts what was acknowledged.
async fn write(store: Store, writer: u64, acknowledged: Arc<[AtomicU64]>, stop: Arc<AtomicBool>) {
    let mut revision = Revision::ABSENT;
    for n in 1.. {
        let id = DedupeId::new(format!("{writer}.{n}")).unwrap();
        let payload = Bytes::from(format!("{writer} {n} {}", "x".repeat(1_000)));
        store.log.append(&log(), Some(&id), payload, NOW).await.unwrap();
        let value = Bytes::from(n.to_string());
        revision = store
            .kv
            .put(&key(writer), value, revision, None, NOW)
            .await
            .unwrap();
        acknowledged[usize::try_from(writer).unwrap()].store(n, Ordering::SeqCst);
        if stop.load(Ordering::SeqCst) {
            return;
        }
    }
}

async fn counted(store: &Store, writer: u64) -> u64 {
    let entry = store.kv.get(&key(writer), NOW).await.unwrap();
    entry.map_or(0, |entry| {
        std::str::from_utf8(&entry.value).unwrap().parse().unwrap()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_made_under_load_is_the_store_at_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let acknowledged: Arc<[AtomicU64]> = (0..4).map(|_| AtomicU64::new(0)).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| tokio::spawn(write(store.clone(), writer, acknowledged.clone(), stop.clone())))
        .collect();
    while acknowledged.iter().any(|n| n.load(Ordering::SeqCst) < 20) {
        tokio::task::yield_now().await;
    }
    for round in 0..5 {
        let before: Vec<_> = acknowledged.iter().map(|n| n.load(Ordering::SeqCst)).collect();
        let path = folder.path().join(format!("copy{round}"));
        let size = store.back_up(&path).await.unwrap();
        assert_eq!(size, std::fs::metadata(&path).unwrap().len());
        let mut after = Vec::new();
        for writer in 0..4 {
            after.push(counted(&store, writer).await);
        }

        let copy = Store::open(&path).unwrap();
        let records = copy.log.read(&log(), Sequence::FIRST, usize::MAX).await.unwrap();
        let mut found = [const { BTreeSet::new() }; 4];
        for record in &records {
            let text = std::str::from_utf8(&record.payload).unwrap();
            let numbers: Vec<u64> = text.split(' ').filter_map(|n| n.parse().ok()).collect();
            assert!(found[usize::try_from(numbers[0]).unwrap()].insert(numbers[1]));
        }
        for writer in 0..4u64 {
            let index = usize::try_from(writer).unwrap();
            let counted = counted(&copy, writer).await;
            assert!(counted >= before[index], "what was acknowledged before is there");
            assert!(counted <= after[index], "nothing is there that came after");
            // One moment: what a key says was appended was, and at most one record more.
            let records = found[index].len() as u64;
            assert!(
                records == counted || records == counted + 1,
                "{records} {counted}"
            );
            assert_eq!(found[index].last().copied().unwrap_or(0), records, "no gap");
        }
        // And it goes on from there, on its own.
        let id = DedupeId::new("0.1").unwrap();
        let again = copy
            .log
            .append(&log(), Some(&id), Bytes::new(), NOW)
            .await
            .unwrap();
        assert_eq!(
            (again.sequence, again.duplicate),
            (records_of(&records, "0 1 "), true)
        );
        let next = copy.log.append(&log(), None, Bytes::new(), NOW).await.unwrap();
        assert_eq!(next.sequence, Sequence(records.len() as u64 + 1));
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
}

fn records_of(records: &[sidetone_store::Record], start: &str) -> Sequence {
    let record = records
        .iter()
        .find(|record| record.payload.starts_with(start.as_bytes()));
    record.unwrap().sequence
}

#[tokio::test]
async fn a_store_in_memory_can_be_kept_that_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_memory().unwrap();
    let ends = Some(WallTime::from_millis(9));
    for (name, expires) in [("a", None), ("b", ends)] {
        let key = Key::new(name).unwrap();
        let value = Bytes::from_static(b"x");
        store
            .kv
            .put(&key, value, Revision::ABSENT, expires, NOW)
            .await
            .unwrap();
    }
    let path = folder.path().join("copy");
    store.back_up(&path).await.unwrap();
    let copy = Store::open(&path).unwrap();
    assert_eq!(copy.kv.list("", NOW).await, store.kv.list("", NOW).await);
    assert_eq!(copy.kv.sweep(WallTime::from_millis(9)).await, Ok(1));
    let key = Key::new("c").unwrap();
    let next = copy.kv.put(&key, Bytes::new(), Revision::ABSENT, None, NOW).await;
    assert_eq!(next, Ok(Revision(4)), "revisions go on");
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_unfinished_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let exists = StoreError::Exists { path: path.clone() };
    assert_eq!(store.back_up(&path).await, Err(exists));
    let nowhere = store.back_up(&folder.path().join("no/such/copy")).await;
    assert!(matches!(nowhere, Err(StoreError::Storage { .. })), "{nowhere:?}");
    store.back_up(&folder.path().join("copy")).await.unwrap();
    let names: BTreeSet<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, BTreeSet::from(["copy".to_owned(), "store".to_owned()]));
    #[cfg(unix)]
    for name in names {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "others can read it");
    }
}
