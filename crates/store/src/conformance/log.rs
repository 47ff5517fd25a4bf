//! Properties of [`crate::Log`].

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Fixture, NOW};
use crate::{Appended, DedupeId, LogName, MAX_PAYLOAD_BYTES, Record, Sequence, Store, StoreError};

fn log(name: &str) -> LogName {
    LogName::new(name).unwrap()
}

async fn append(store: &Store, name: &str, payload: impl Into<Bytes>) -> Sequence {
    let appended = store
        .log
        .append(&log(name), None, payload.into(), NOW)
        .await
        .unwrap();
    assert!(!appended.duplicate);
    appended.sequence
}

async fn once(store: &Store, name: &str, id: &str, payload: &str) -> Appended {
    let id = DedupeId::new(id).unwrap();
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    store
        .log
        .append(&log(name), Some(&id), payload, NOW)
        .await
        .unwrap()
}

async fn all(store: &Store, name: &str) -> Vec<Record> {
    store
        .log
        .read(&log(name), Sequence::FIRST, usize::MAX)
        .await
        .unwrap()
}

fn texts(records: &[Record]) -> Vec<&str> {
    records
        .iter()
        .map(|record| std::str::from_utf8(&record.payload).unwrap())
        .collect()
}

/// In the order of appending.
pub async fn records_are_numbered_upwards_and_read_in_order(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut sequences = Vec::new();
    for n in 0..20 {
        sequences.push(append(&store, "l", n.to_string()).await);
    }
    assert!(sequences[0] >= Sequence::FIRST);
    assert!(sequences.is_sorted_by(|a, b| a < b));
    let records = all(&store, "l").await;
    assert_eq!(
        records.iter().map(|record| record.sequence).collect::<Vec<_>>(),
        sequences
    );
    assert_eq!(
        texts(&records),
        (0..20).map(|n| n.to_string()).collect::<Vec<_>>()
    );
}

/// Payload and the writer's time, which need not go forward.
pub async fn records_are_kept_as_they_were_given(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let bytes: Vec<u8> = (0..=255).collect();
    let given = [
        (5, vec![]),
        (3, bytes),
        (u64::MAX, b"\0\r\n".to_vec()),
        (0, vec![0; 10_000]),
    ];
    for (at, payload) in &given {
        let at = crate::WallTime::from_millis(*at);
        store
            .log
            .append(&log("l"), None, payload.clone().into(), at)
            .await
            .unwrap();
    }
    let kept = all(&store, "l").await;
    let kept: Vec<_> = kept
        .into_iter()
        .map(|record| (record.at.as_millis(), record.payload.to_vec()))
        .collect();
    assert_eq!(kept, given);
}

/// From the number on, itself included, up to so many.
pub async fn a_read_begins_where_asked_and_ends_at_its_limit(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut sequences = Vec::new();
    for n in 0..10 {
        sequences.push(append(&store, "l", n.to_string()).await);
    }
    let read = async |from: Sequence, limit| {
        let records = store.log.read(&log("l"), from, limit).await.unwrap();
        texts(&records).join(" ")
    };
    assert_eq!(read(sequences[3], 3).await, "3 4 5");
    assert_eq!(read(sequences[3].next(), 2).await, "4 5");
    assert_eq!(read(sequences[8], 100).await, "8 9");
    assert_eq!(read(Sequence(0), 1).await, "0");
    assert_eq!(read(sequences[0], 0).await, "");
    assert_eq!(read(sequences[9].next(), 5).await, "");
    assert_eq!(read(Sequence(u64::MAX), 5).await, "");
}

/// Nothing need be made before it is read.
pub async fn an_unknown_log_is_empty(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    assert_eq!(all(&store, "l").await, []);
    assert!(store.log.end(&log("l")).await.unwrap() >= Sequence::FIRST);
    assert_eq!(store.log.trim(&log("l"), Sequence(u64::MAX)).await, Ok(0));
    assert_eq!(all(&store, "l").await, []);
}

/// Names that contain each other, and names that a careless mapping would take for one.
pub async fn logs_do_not_mix(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let names = ["a", "a.b", "a.b.c", "ab", "a-b", "a_b", "a=b", "a/b", "A"];
    for round in 0..3 {
        for name in names {
            append(&store, name, format!("{name} {round}")).await;
        }
    }
    store.log.trim(&log("a.b"), Sequence(u64::MAX)).await.unwrap();
    for name in names {
        let expected: Vec<_> = (0..3).map(|round| format!("{name} {round}")).collect();
        let expected = if name == "a.b" { vec![] } else { expected };
        assert_eq!(texts(&all(&store, name).await), expected);
    }
}

/// And what is appended then is found from there.
pub async fn the_end_is_above_every_record(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    for n in 0..5 {
        let end = store.log.end(&log("l")).await.unwrap();
        assert_eq!(store.log.read(&log("l"), end, 10).await.unwrap(), []);
        let sequence = append(&store, "l", n.to_string()).await;
        assert!(sequence >= end);
        let found = store.log.read(&log("l"), end, 10).await.unwrap();
        assert_eq!(texts(&found), [n.to_string()]);
    }
    store.log.trim(&log("l"), Sequence(u64::MAX)).await.unwrap();
    let end = store.log.end(&log("l")).await.unwrap();
    append(&store, "l", "after").await;
    assert_eq!(
        texts(&store.log.read(&log("l"), end, 10).await.unwrap()),
        ["after"]
    );
}

/// The first with an id is kept; the next are told where it is.
pub async fn an_id_is_stored_once(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let first = once(&store, "l", "id", "one").await;
    assert!(!first.duplicate);
    append(&store, "l", "between").await;
    for _ in 0..3 {
        let again = once(&store, "l", "id", "two").await;
        let known = Appended {
            duplicate: true,
            ..first
        };
        assert_eq!(again, known);
    }
    assert!(!once(&store, "l", "id.2", "three").await.duplicate);
    assert!(!once(&store, "l", "i", "four").await.duplicate);
    assert_eq!(
        texts(&all(&store, "l").await),
        ["one", "between", "three", "four"]
    );
}

/// The same id in another log is another record.
pub async fn an_id_belongs_to_its_log(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    for name in ["a", "a.id", "b"] {
        assert!(!once(&store, name, "id", name).await.duplicate);
        assert!(!once(&store, name, "id.id", name).await.duplicate);
    }
    for name in ["a", "a.id", "b"] {
        assert_eq!(texts(&all(&store, name).await), [name, name]);
    }
}

/// Of many who repeat one append at once.
pub async fn one_of_many_appends_of_an_id_is_stored(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut writers = JoinSet::new();
    for n in 0..20 {
        let store = store.clone();
        writers.spawn(async move { once(&store, "l", "id", &n.to_string()).await });
    }
    let outcomes = writers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| !outcome.duplicate).count(), 1);
    let records = all(&store, "l").await;
    assert_eq!(records.len(), 1);
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.sequence == records[0].sequence)
    );
}

/// However much is appended after it, and however much time passes by the writer's clock.
pub async fn an_id_is_remembered_for_as_long_as_its_record(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let first = once(&store, "l", "id", "one").await;
    for n in 0..300 {
        once(&store, "l", &format!("other.{n}"), "x").await;
    }
    store.log.trim(&log("l"), first.sequence).await.unwrap();
    let id = DedupeId::new("id").unwrap();
    let years_later = NOW.after(Duration::from_secs(10 * 365 * 24 * 3600));
    let again = store
        .log
        .append(&log("l"), Some(&id), Bytes::new(), years_later)
        .await
        .unwrap();
    assert_eq!((again.sequence, again.duplicate), (first.sequence, true));
}

/// Many writers of one log; each sees its own order.
pub async fn appends_at_once_get_each_number_once(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            let mut sequences = Vec::new();
            for n in 0..50 {
                sequences.push(append(&store, "l", format!("{writer} {n}")).await);
            }
            assert!(sequences.is_sorted_by(|a, b| a < b));
            sequences
        });
    }
    let sequences = writers.join_all().await.concat();
    assert_eq!(sequences.iter().collect::<BTreeSet<_>>().len(), 400);
    let records = all(&store, "l").await;
    assert_eq!(records.len(), 400);
    for writer in 0..8 {
        let start = format!("{writer} ");
        let mine: Vec<_> = texts(&records)
            .into_iter()
            .filter(|text| text.starts_with(&start))
            .collect();
        let expected: Vec<_> = (0..50).map(|n| format!("{writer} {n}")).collect();
        assert_eq!(mine, expected);
    }
}

/// A reader that goes on from the last number it saw misses nothing that is appended at the same time.
pub async fn a_reader_never_sees_a_record_below_one_it_has_seen(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let store = store.clone();
        writers.spawn(async move {
            for n in 0..50 {
                append(&store, "l", format!("{writer} {n}")).await;
            }
        });
    }
    let mut seen = Vec::new();
    let mut from = Sequence::FIRST;
    while seen.len() < 200 {
        let records = store.log.read(&log("l"), from, 7).await.unwrap();
        if let Some(last) = records.last() {
            from = last.sequence.next();
        }
        seen.extend(records);
        if writers.is_empty() {
            assert!(seen.len() >= 200 || from < store.log.end(&log("l")).await.unwrap());
        }
        while writers.try_join_next().is_some() {}
        tokio::task::yield_now().await;
    }
    assert_eq!(seen, all(&store, "l").await);
}

/// And says how many those were.
pub async fn trimming_removes_what_is_below_and_nothing_else(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut sequences = Vec::new();
    for n in 0..10 {
        sequences.push(append(&store, "l", n.to_string()).await);
        append(&store, "other", "x").await;
    }
    assert_eq!(store.log.trim(&log("l"), sequences[0]).await, Ok(0));
    assert_eq!(store.log.trim(&log("l"), sequences[4]).await, Ok(4));
    assert_eq!(store.log.trim(&log("l"), sequences[4]).await, Ok(0));
    assert_eq!(texts(&all(&store, "l").await), ["4", "5", "6", "7", "8", "9"]);
    let oldest = store.log.read(&log("l"), sequences[1], 2).await.unwrap();
    assert_eq!(texts(&oldest), ["4", "5"], "the gap is skipped");
    assert_eq!(all(&store, "other").await.len(), 10);
}

/// Not even when nothing is left.
pub async fn numbers_are_not_used_again_after_trimming(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let last = {
        append(&store, "l", "one").await;
        append(&store, "l", "two").await
    };
    assert_eq!(store.log.trim(&log("l"), Sequence(u64::MAX)).await, Ok(2));
    assert_eq!(all(&store, "l").await, []);
    let Some(store) = fixture.reopen(store).await else {
        return;
    };
    assert!(append(&store, "l", "three").await > last);
    assert_eq!(texts(&all(&store, "l").await), ["three"]);
}

/// Up to the limit everything is kept whole; above it nothing happens.
pub async fn the_largest_record_is_kept_and_a_larger_one_refused(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let larger = Bytes::from(vec![7; MAX_PAYLOAD_BYTES + 1]);
    let refused = store.log.append(&log("l"), None, larger, NOW).await;
    assert_eq!(
        refused,
        Err(StoreError::TooLarge {
            len: MAX_PAYLOAD_BYTES + 1,
            limit: MAX_PAYLOAD_BYTES
        })
    );
    let largest = Bytes::from(vec![7; MAX_PAYLOAD_BYTES]);
    append(&store, "l", largest.clone()).await;
    let records = all(&store, "l").await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].payload, largest);
}

/// Numbers, payloads and what was stored already are the same for the next process.
pub async fn records_and_ids_outlive_the_process(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    for n in 0..100 {
        once(&store, "l", &format!("id.{n}"), &n.to_string()).await;
    }
    let before = all(&store, "l").await;
    let Some(store) = fixture.reopen(store).await else {
        return;
    };
    assert_eq!(all(&store, "l").await, before);
    for (n, record) in before.iter().enumerate() {
        let again = once(&store, "l", &format!("id.{n}"), "again").await;
        assert_eq!((again.sequence, again.duplicate), (record.sequence, true));
    }
    let last = before.last().unwrap().sequence;
    assert!(append(&store, "l", "next").await > last);
}
