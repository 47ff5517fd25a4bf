//! Many writes at once. Writes of one call to one log are in order, each done before the next begins; writes of
//! different calls go together, and share what it costs to reach the disk.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use sidetone_signaling::protocol::CallId;
use sidetone_store::{Appended, DedupeId, Key, LogName, Revision, Store, StoreError, WallTime};

/// Writes that go together at most. More waits longer for the slowest of them.
const WAVE: usize = 512;
/// Wait after the first failure, and longest wait.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// One write. Done twice it has no further effect.
pub(super) struct Write {
    /// Whose order it keeps.
    pub(super) call: CallId,
    pub(super) at: WallTime,
    pub(super) payload: Bytes,
    pub(super) to: Place,
}

/// Where to.
pub(super) enum Place {
    /// At the end of a log, unless a record of this name is there; behind earlier ones of the same call.
    Log(LogName, DedupeId),
    /// The same, in any order.
    Heap(LogName, DedupeId),
    /// Under a key, unless something is there.
    Key(Key, Option<WallTime>),
}

/// Carries out writes, in order as far as order matters, and again until the storage takes them. Gives for each where
/// in its log it is; `None` for keys, and for what no storage would take.
pub(super) async fn write(store: &Store, writes: Vec<Write>) -> Vec<Option<Appended>> {
    let mut results: Vec<Option<Appended>> = writes.iter().map(|_| None).collect();
    let mut waiting: Vec<usize> = (0..writes.len()).collect();
    while !waiting.is_empty() {
        let (wave, later) = next_wave(&writes, &waiting);
        settle(store, &writes, wave, &mut results).await;
        waiting = later;
    }
    results
}

/// The first writes that depend on none of the others, and the rest.
fn next_wave(writes: &[Write], waiting: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut begun = HashSet::new();
    let mut wave = Vec::new();
    let mut later = Vec::new();
    for index in waiting.iter().copied() {
        let lane = writes.get(index).map(|write| match &write.to {
            Place::Log(log, _) => (write.call, log.as_str()),
            Place::Heap(_, id) => (write.call, id.as_str()),
            Place::Key(key, _) => (write.call, key.as_str()),
        });
        // What waits behind a write that waits must wait too: its lane counts as begun either way.
        if begun.insert(lane) && wave.len() < WAVE {
            wave.push(index);
        } else {
            later.push(index);
        }
    }
    (wave, later)
}

/// Carries out one wave until all of it is done.
async fn settle(store: &Store, writes: &[Write], mut wave: Vec<usize>, results: &mut [Option<Appended>]) {
    let mut wait = RETRY.0;
    loop {
        let outcomes = join_all(
            wave.iter()
                .filter_map(|index| writes.get(*index))
                .map(|write| one(store, write)),
        );
        let mut failed = Vec::new();
        for (index, outcome) in wave.into_iter().zip(outcomes.await) {
            match outcome {
                Ok(appended) => {
                    if let Some(result) = results.get_mut(index) {
                        *result = appended;
                    }
                }
                Err(error @ (StoreError::TooLarge { .. } | StoreError::InvalidName { .. })) => {
                    // Would be refused for ever.
                    tracing::error!(%error, "a part of the accounts cannot be stored");
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "storing a part of the accounts failed, trying again");
                    failed.push(index);
                }
            }
        }
        if failed.is_empty() {
            return;
        }
        wave = failed;
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY.1);
    }
}

async fn one(store: &Store, write: &Write) -> Result<Option<Appended>, StoreError> {
    let payload = write.payload.clone();
    match &write.to {
        Place::Log(log, id) | Place::Heap(log, id) => {
            store.log.append(log, Some(id), payload, write.at).await.map(Some)
        }
        Place::Key(key, expires) => {
            let put = store
                .kv
                .put(key, payload, Revision::ABSENT, *expires, write.at)
                .await;
            match put {
                // It was written before the process was killed.
                Ok(_) | Err(StoreError::Conflict { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidetone_store::Sequence;
    use uuid::Uuid;

    fn to_log(call: u128, n: u64) -> Write {
        let id = format!("{call}.{n}");
        Write {
            call: CallId(Uuid::from_u128(call)),
            at: WallTime::from_millis(n),
            payload: Bytes::from(id.clone()),
            to: Place::Log(LogName::new("log").unwrap(), DedupeId::new(id).unwrap()),
        }
    }

    #[tokio::test]
    async fn each_call_keeps_its_order_and_repeating_changes_nothing() {
        let store = Store::in_memory().unwrap();
        let all = || {
            (0..40)
                .flat_map(|n| (1..30).map(move |call| to_log(call, n)))
                .collect()
        };
        let first = write(&store, all()).await;
        assert!(
            first
                .iter()
                .all(|appended| appended.is_some_and(|a| !a.duplicate))
        );
        let again = write(&store, all()).await;
        assert!(again.iter().all(|appended| appended.is_some_and(|a| a.duplicate)));
        let log = LogName::new("log").unwrap();
        let records = store.log.read(&log, Sequence::FIRST, usize::MAX).await.unwrap();
        assert_eq!(records.len(), 29 * 40);
        for call in 1..30 {
            let start = format!("{call}.");
            let texts = records
                .iter()
                .map(|record| String::from_utf8_lossy(&record.payload).into_owned());
            let mine: Vec<String> = texts.filter(|text| text.starts_with(&start)).collect();
            assert_eq!(mine, (0..40).map(|n| format!("{call}.{n}")).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn what_no_storage_takes_holds_nothing_up() {
        let store = Store::in_memory().unwrap();
        let huge = Write {
            payload: Bytes::from(vec![0; sidetone_store::MAX_PAYLOAD_BYTES + 1]),
            ..to_log(1, 1)
        };
        let results = write(&store, vec![huge, to_log(1, 2)]).await;
        assert_eq!(
            results.iter().map(Option::is_some).collect::<Vec<_>>(),
            [false, true]
        );
    }
}
