//! Files that are no store, stores in use, payloads too large: typed errors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use bytes::Bytes;
use sidetone_store::{Key, LogName, MAX_PAYLOAD_BYTES, Revision, Store, StoreError, Subject, WallTime};

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for content in [
        b"RIFF....WAVE".to_vec(),
        vec![0u8; 100_000],
        (0..=255u8).cycle().take(70_000).collect(),
    ] {
        let path = folder.path().join("file");
        std::fs::write(&path, &content).unwrap();
        let error = Store::open(&path).unwrap_err();
        assert!(
            matches!(error, StoreError::Corrupted { .. } | StoreError::Storage { .. }),
            "{error:?}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}

#[test]
fn a_truncated_store_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    drop(Store::open(&path).unwrap());
    let whole = std::fs::read(&path).unwrap();
    for len in [1, 64, 512, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..len]).unwrap();
        if let Err(error) = Store::open(&path) {
            assert!(
                matches!(error, StoreError::Corrupted { .. } | StoreError::Storage { .. }),
                "{error:?}"
            );
        }
    }
}

#[test]
fn a_store_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let first = Store::open(&path).unwrap();
    assert_eq!(
        Store::open(&path).unwrap_err(),
        StoreError::Locked { path: path.clone() }
    );
    drop(first);
    Store::open(&path).unwrap();
}

#[test]
fn a_folder_that_does_not_exist_is_a_storage_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open(&folder.path().join("no/such/store")).unwrap_err();
    assert!(matches!(error, StoreError::Storage { .. }), "{error:?}");
}

#[tokio::test]
async fn oversized_payloads_are_refused_everywhere() {
    let store = Store::in_memory().unwrap();
    let big = Bytes::from(vec![0; MAX_PAYLOAD_BYTES + 1]);
    let now = WallTime::default();
    let too_large = StoreError::TooLarge {
        len: MAX_PAYLOAD_BYTES + 1,
        limit: MAX_PAYLOAD_BYTES,
    };
    let key = Key::new("k").unwrap();
    assert_eq!(
        store.kv.put(&key, big.clone(), Revision::ABSENT, None, now).await,
        Err(too_large.clone())
    );
    let log = LogName::new("l").unwrap();
    assert_eq!(
        store.log.append(&log, None, big.clone(), now).await,
        Err(too_large.clone())
    );
    assert_eq!(
        store.bus.publish(&Subject::new("s").unwrap(), big).await,
        Err(too_large)
    );
    let exact = Bytes::from(vec![0; MAX_PAYLOAD_BYTES]);
    store
        .kv
        .put(&key, exact.clone(), Revision::ABSENT, None, now)
        .await
        .unwrap();
    assert_eq!(store.kv.get(&key, now).await.unwrap().unwrap().value, exact);
}
