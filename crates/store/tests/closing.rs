//! What ends with the embedded store: its file is released, and those who wait on it are told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use sidetone_store::{Pattern, Store, WallTime};

#[tokio::test]
async fn subscriptions_and_watches_end_with_the_store() {
    let store = Store::in_memory().unwrap();
    let mut subscription = store.bus.subscribe(&Pattern::new("s").unwrap(), 3).await.unwrap();
    let mut watch = store.kv.watch("", 3, WallTime::default()).await.unwrap();
    drop(store);
    assert_eq!(subscription.next().await, None);
    assert_eq!(watch.next().await, None);
}
