//! What the store is given comes back as it was, whatever it is: any operations on keys and logs, against the model that
//! every implementation must behave like.
//!
//! Input: operations, each a byte for its kind and then its arguments a byte each; values have their length in front.
#![no_main]

use async_trait::async_trait;
use libfuzzer_sys::fuzz_target;
use sidetone_store::Store;
use sidetone_store::conformance::Fixture;
use sidetone_store::conformance::model::{Op, behaves_like_the_model};

/// More only makes runs slower.
const MAX_OPS: usize = 64;
const PREFIXES: [&str; 6] = ["", "a", "a.k", "b.", "c", "\u{10ffff}"];

struct InMemory;

#[async_trait]
impl Fixture for InMemory {
    async fn fresh(&self) -> Store {
        Store::in_memory().expect("a store")
    }

    async fn reopen(&self, _: Store) -> Option<Store> {
        None
    }

    fn shows_every_change(&self) -> bool {
        true
    }
}

fn take(data: &mut &[u8]) -> u8 {
    data.split_off_first().copied().unwrap_or_default()
}

fn bytes(data: &mut &[u8]) -> Vec<u8> {
    let length = usize::from(take(data)).min(data.len());
    data.split_off(..length).unwrap_or_default().to_vec()
}

fn operation(mut data: &mut &[u8]) -> Op {
    let kind = take(data);
    let data = &mut data;
    let prefix = |data: &mut &[u8]| PREFIXES[usize::from(take(data)) % PREFIXES.len()];
    match kind % 10 {
        0 | 1 => Op::Put {
            key: take(data),
            stale: kind & 0x80 != 0,
            ttl: Some(take(data)).filter(|ttl| *ttl > 0),
            value: bytes(data),
        },
        2 => Op::Delete {
            key: take(data),
            stale: kind & 0x80 != 0,
        },
        3 => Op::Get { key: take(data) },
        4 => Op::List { prefix: prefix(data) },
        5 => Op::Watch { prefix: prefix(data) },
        6 => match kind & 0x80 {
            0 => Op::Sweep,
            _ => Op::Pass { millis: take(data) },
        },
        7 => Op::Append {
            log: take(data) % 2,
            id: Some(take(data)).filter(|id| *id > 0),
            payload: bytes(data),
        },
        8 => Op::Read {
            log: take(data) % 2,
            from: take(data),
            limit: take(data),
        },
        _ => Op::Trim {
            log: take(data) % 2,
            before: take(data),
        },
    }
}

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    let mut ops = Vec::new();
    while !rest.is_empty() && ops.len() < MAX_OPS {
        ops.push(operation(&mut rest));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(behaves_like_the_model(&InMemory, ops));
});
