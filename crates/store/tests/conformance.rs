//! The embedded store, on a file and in memory, does what every implementation must.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::sync::Mutex;

use async_trait::async_trait;
use proptest::prelude::*;
use sidetone_store::Store;
use sidetone_store::conformance::Fixture;
use sidetone_store::conformance::model::{behaves_like_the_model, ops};
use tempfile::TempDir;

/// A store on a file of its own.
#[derive(Default)]
struct OnFile(Mutex<Option<TempDir>>);

impl OnFile {
    fn open(&self) -> Store {
        let mut folder = self.0.lock().unwrap();
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().unwrap());
        Store::open(&folder.path().join("store")).unwrap()
    }
}

#[async_trait]
impl Fixture for OnFile {
    async fn fresh(&self) -> Store {
        self.open()
    }

    async fn reopen(&self, store: Store) -> Option<Store> {
        drop(store);
        Some(self.open())
    }

    fn shows_every_change(&self) -> bool {
        true
    }
}

/// A store that nothing is left of.
struct InMemory;

#[async_trait]
impl Fixture for InMemory {
    async fn fresh(&self) -> Store {
        Store::in_memory().unwrap()
    }

    async fn reopen(&self, _: Store) -> Option<Store> {
        None
    }

    fn shows_every_change(&self) -> bool {
        true
    }
}

mod on_file {
    use super::*;
    sidetone_store::conformance_tests!(OnFile::default());
}

mod in_memory {
    use super::*;
    sidetone_store::conformance_tests!(InMemory);
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
    fn in_memory_it_behaves_like_the_model(ops in ops()) {
        block_on(behaves_like_the_model(&InMemory, ops));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]
    #[test]
    fn on_file_it_behaves_like_the_model_across_reopening(ops in ops()) {
        block_on(behaves_like_the_model(&OnFile::default(), ops));
    }
}
