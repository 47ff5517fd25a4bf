//! Properties of [`crate::Kv`].

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Fixture, NOW};
use crate::{Change, Delivery, Entry, Key, MAX_PAYLOAD_BYTES, Revision, Store, StoreError, WallTime, Watch};

fn key(name: impl Into<String>) -> Key {
    Key::new(name).unwrap()
}

async fn put(store: &Store, name: &str, value: &str, expected: Revision) -> Result<Revision, StoreError> {
    let value = Bytes::copy_from_slice(value.as_bytes());
    store.kv.put(&key(name), value, expected, None, NOW).await
}

async fn make(store: &Store, name: &str, value: &str) -> Revision {
    put(store, name, value, Revision::ABSENT).await.unwrap()
}

async fn value(store: &Store, name: &str) -> Option<String> {
    let entry = store.kv.get(&key(name), NOW).await.unwrap()?;
    assert_eq!(entry.key, key(name));
    Some(String::from_utf8(entry.value.to_vec()).unwrap())
}

fn conflict(name: &str, expected: Revision, found: Revision) -> StoreError {
    StoreError::Conflict {
        key: name.to_owned(),
        expected,
        found,
    }
}

/// A revision that nothing has.
fn beyond(revision: Revision) -> Revision {
    Revision(revision.0 + 1_000)
}

/// Making a key conflicts where there is one.
pub async fn a_key_is_made_only_where_there_is_none(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    assert_eq!(value(&store, "k").await, None);
    let made = make(&store, "k", "one").await;
    assert!(made > Revision::ABSENT);
    let again = put(&store, "k", "two", Revision::ABSENT).await;
    assert_eq!(again, Err(conflict("k", Revision::ABSENT, made)));
    assert_eq!(value(&store, "k").await.as_deref(), Some("one"));
}

/// A put expects the newest revision, and no other.
pub async fn a_value_is_replaced_only_at_its_revision(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let first = make(&store, "k", "one").await;
    let second = put(&store, "k", "two", first).await.unwrap();
    assert!(second > first);
    for stale in [first, beyond(second), Revision::ABSENT] {
        let refused = put(&store, "k", "three", stale).await;
        assert_eq!(refused, Err(conflict("k", stale, second)));
    }
    let absent = put(&store, "other", "x", first).await;
    assert_eq!(absent, Err(conflict("other", first, Revision::ABSENT)));
    assert_eq!(value(&store, "k").await.as_deref(), Some("two"));
}

/// A delete expects the newest revision, and that there is something.
pub async fn a_key_is_deleted_only_at_its_revision(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let made = make(&store, "k", "one").await;
    for stale in [Revision::ABSENT, beyond(made)] {
        let refused = store.kv.delete(&key("k"), stale, NOW).await;
        assert_eq!(refused, Err(conflict("k", stale, made)));
    }
    let deleted = store.kv.delete(&key("k"), made, NOW).await.unwrap();
    assert!(deleted > made);
    assert_eq!(value(&store, "k").await, None);
    for expected in [Revision::ABSENT, made, deleted] {
        let refused = store.kv.delete(&key("k"), expected, NOW).await;
        assert_eq!(refused, Err(conflict("k", expected, Revision::ABSENT)));
    }
}

/// Nothing is left of a deleted key that would hinder a new one: neither its revision nor a mark of the deletion.
pub async fn a_deleted_key_can_be_made_again(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let made = make(&store, "k", "one").await;
    let deleted = store.kv.delete(&key("k"), made, NOW).await.unwrap();
    for old in [made, deleted] {
        let refused = put(&store, "k", "two", old).await;
        assert_eq!(refused, Err(conflict("k", old, Revision::ABSENT)));
    }
    assert!(make(&store, "k", "three").await > deleted);
    assert_eq!(value(&store, "k").await.as_deref(), Some("three"));
    assert_eq!(store.kv.list("", NOW).await.unwrap().len(), 1);
}

/// One order of changes over all keys.
pub async fn revisions_grow_over_all_keys(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut newest = Revision::ABSENT;
    for n in 0..10 {
        let made = make(&store, &format!("k{n}"), "x").await;
        let deleted = store.kv.delete(&key(format!("k{n}")), made, NOW).await.unwrap();
        assert!(newest < made && made < deleted);
        newest = deleted;
    }
}

/// What is refused leaves value, revision and expiry as they were.
pub async fn a_refused_change_changes_nothing(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    make(&store, "k", "one").await;
    let before = store.kv.get(&key("k"), NOW).await.unwrap();
    let ends = Some(NOW.after(Duration::from_secs(1)));
    let put = store
        .kv
        .put(&key("k"), Bytes::from_static(b"two"), Revision::ABSENT, ends, NOW)
        .await;
    assert!(put.is_err());
    assert!(store.kv.delete(&key("k"), Revision::ABSENT, NOW).await.is_err());
    let later = NOW.after(Duration::from_secs(10));
    assert_eq!(store.kv.sweep(later).await, Ok(0));
    assert_eq!(store.kv.get(&key("k"), later).await.unwrap(), before);
}

/// From its expiry on an entry is gone for every operation, swept or not.
pub async fn an_expired_entry_does_not_exist(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let ends = NOW.after(Duration::from_millis(10));
    let last = NOW.after(Duration::from_millis(9));
    let value = || Bytes::from_static(b"x");
    let made = store
        .kv
        .put(&key("k"), value(), Revision::ABSENT, Some(ends), NOW)
        .await
        .unwrap();
    let entry = Entry {
        key: key("k"),
        value: value(),
        revision: made,
        expires: Some(ends),
    };
    assert_eq!(store.kv.get(&key("k"), last).await.unwrap(), Some(entry.clone()));
    assert_eq!(store.kv.list("k", last).await.unwrap(), [entry]);
    assert_eq!(store.kv.get(&key("k"), ends).await.unwrap(), None);
    assert_eq!(store.kv.list("k", ends).await.unwrap(), []);
    assert!(store.kv.watch("k", 1, ends).await.unwrap().snapshot.is_empty());
    let gone = conflict("k", made, Revision::ABSENT);
    assert_eq!(
        store.kv.put(&key("k"), value(), made, None, ends).await,
        Err(gone.clone())
    );
    assert_eq!(store.kv.delete(&key("k"), made, ends).await, Err(gone));
    let again = store
        .kv
        .put(&key("k"), value(), Revision::ABSENT, None, ends)
        .await;
    assert!(again.unwrap() > made);
    // The old expiry does not haunt the new value.
    let later = ends.after(Duration::from_secs(10));
    assert_eq!(store.kv.sweep(later).await, Ok(0));
    assert!(store.kv.get(&key("k"), later).await.unwrap().is_some());
}

/// A put replaces the expiry as well, by a later one, an earlier one or none.
pub async fn a_new_value_has_its_own_expiry(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let at = |millis| NOW.after(Duration::from_millis(millis));
    let mut revision = Revision::ABSENT;
    for expires in [Some(at(10)), Some(at(30)), Some(at(20)), None] {
        revision = store
            .kv
            .put(&key("k"), Bytes::new(), revision, expires, NOW)
            .await
            .unwrap();
        for millis in [5, 15, 25, 35] {
            let found = store.kv.get(&key("k"), at(millis)).await.unwrap();
            assert_eq!(
                found.is_some(),
                expires.is_none_or(|end| at(millis) < end),
                "{expires:?} {millis}"
            );
        }
    }
}

/// Byte order, and a prefix that need not end where a part ends.
pub async fn a_list_has_what_begins_with_the_prefix_in_byte_order(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let names = [
        "b", "a.k1", "a.k2.x", "a", "ab", "a-b", "A.k", "a.K", "a/b", "b.a",
    ];
    for name in names {
        make(&store, name, name).await;
    }
    for prefix in [
        "",
        "a",
        "a.",
        "a.k",
        "a.k1",
        "a.k1.",
        "b.",
        "c",
        "-",
        "a b",
        "é",
        "\u{10ffff}",
    ] {
        let mut expected: Vec<_> = names.iter().filter(|name| name.starts_with(prefix)).collect();
        expected.sort();
        let listed = store.kv.list(prefix, NOW).await.unwrap();
        let listed: Vec<_> = listed.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(
            listed,
            expected.into_iter().copied().collect::<Vec<_>>(),
            "{prefix:?}"
        );
    }
}

/// Names that a careless mapping would take for one.
pub async fn every_name_that_parses_is_kept_apart(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let long = "x".repeat(256);
    let names = [
        "a.b",
        "a-b",
        "a_b",
        "a=b",
        "a/b",
        "ab",
        "A.b",
        "/a",
        "=",
        "_.-",
        &long,
        &long[1..],
    ];
    for name in names {
        make(&store, name, name).await;
    }
    for name in names {
        assert_eq!(value(&store, name).await.as_deref(), Some(name));
    }
}

/// Up to the limit everything is kept whole; above it nothing happens.
pub async fn the_largest_value_is_kept_and_a_larger_one_refused(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let largest = Bytes::from(vec![7; MAX_PAYLOAD_BYTES]);
    let larger = Bytes::from(vec![7; MAX_PAYLOAD_BYTES + 1]);
    let put = |value| async { store.kv.put(&key("k"), value, Revision::ABSENT, None, NOW).await };
    assert_eq!(
        put(larger).await,
        Err(StoreError::TooLarge {
            len: MAX_PAYLOAD_BYTES + 1,
            limit: MAX_PAYLOAD_BYTES
        })
    );
    assert_eq!(value(&store, "k").await, None);
    put(largest.clone()).await.unwrap();
    assert_eq!(
        store.kv.get(&key("k"), NOW).await.unwrap().unwrap().value,
        largest
    );
}

/// Also through another handle, and in a list.
pub async fn a_read_sees_every_acknowledged_write(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let other = store.clone();
    let mut revision = Revision::ABSENT;
    for n in 0..50 {
        revision = put(&store, "k", &n.to_string(), revision).await.unwrap();
        assert_eq!(value(&other, "k").await, Some(n.to_string()));
        let listed = other.kv.list("k", NOW).await.unwrap();
        assert_eq!(listed[0].revision, revision);
    }
}

/// Of many who make one key at once.
pub async fn one_of_many_writers_at_once_wins(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut writers = JoinSet::new();
    for n in 0..20 {
        let store = store.clone();
        writers.spawn(async move { (n, put(&store, "k", &n.to_string(), Revision::ABSENT).await) });
    }
    let outcomes = writers.join_all().await;
    let won: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).collect();
    let [(n, Ok(revision))] = won[..] else {
        panic!("{} writers made the key", won.len())
    };
    for (_, outcome) in outcomes.iter().filter(|(_, outcome)| outcome.is_err()) {
        assert_eq!(*outcome, Err(conflict("k", Revision::ABSENT, *revision)));
    }
    assert_eq!(value(&store, "k").await, Some(n.to_string()));
}

/// Read, add one, write at the revision that was read, until it holds.
pub async fn increments_under_contention_are_not_lost(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    make(&store, "count", "0").await;
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            for _ in 0..25 {
                loop {
                    let entry = store.kv.get(&key("count"), NOW).await.unwrap().unwrap();
                    let count: u64 = std::str::from_utf8(&entry.value).unwrap().parse().unwrap();
                    match put(&store, "count", &(count + 1).to_string(), entry.revision).await {
                        Ok(_) => break,
                        Err(StoreError::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
    }
    writers.join_all().await;
    assert_eq!(value(&store, "count").await.as_deref(), Some("200"));
}

/// The snapshot is the list, and what is outside the prefix is never shown.
pub async fn a_watch_begins_with_what_is_there(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let made = make(&store, "a.1", "x").await;
    make(&store, "a.2", "x").await;
    make(&store, "b.1", "x").await;
    store.kv.delete(&key("a.1"), made, NOW).await.unwrap();
    let mut watch = store.kv.watch("a.", 100, NOW).await.unwrap();
    assert_eq!(watch.snapshot, store.kv.list("a.", NOW).await.unwrap());
    assert_eq!(watch.snapshot.len(), 1);
    make(&store, "b.2", "x").await;
    make(&store, "a", "x").await;
    let shown = make(&store, "a.3", "x").await;
    let Some(Delivery::Item(change)) = watch.next().await else {
        panic!("the change is missing")
    };
    assert_eq!((change.key(), change.revision()), (&key("a.3"), shown));
}

/// Every change of keys that change once, in the order of revisions.
pub async fn a_watch_shows_changes_and_deletions_in_order(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut revisions = BTreeMap::new();
    for n in 0..10 {
        revisions.insert(n, make(&store, &format!("old{n}"), "x").await);
    }
    let mut watch = store.kv.watch("", 100, NOW).await.unwrap();
    let mut changes = Vec::new();
    for (n, revision) in revisions {
        let old = key(format!("old{n}"));
        let deleted = store.kv.delete(&old, revision, NOW).await.unwrap();
        changes.push(Change::Deleted {
            key: old,
            revision: deleted,
        });
        let name = format!("new{n}");
        let revision = make(&store, &name, "y").await;
        changes.push(Change::Put(Entry {
            key: key(name),
            value: Bytes::from_static(b"y"),
            revision,
            expires: None,
        }));
    }
    for change in changes {
        assert_eq!(watch.next().await, Some(Delivery::Item(change)));
    }
}

/// Takes changes into a map until it has seen `last`.
async fn follow(watch: &mut Watch, last: Revision) -> BTreeMap<String, Bytes> {
    let mut seen: BTreeMap<_, _> = watch
        .snapshot
        .iter()
        .map(|entry| (entry.key.to_string(), entry.value.clone()))
        .collect();
    let mut newest = watch
        .snapshot
        .iter()
        .map(|entry| entry.revision)
        .max()
        .unwrap_or_default();
    while newest < last {
        let Some(Delivery::Item(change)) = watch.next().await else {
            panic!("the watch ended or lost something")
        };
        assert!(change.revision() > newest, "changes out of order");
        newest = change.revision();
        match change {
            Change::Put(entry) => seen.insert(entry.key.to_string(), entry.value),
            Change::Deleted { key, .. } => seen.remove(key.as_str()),
        };
    }
    seen
}

/// Watches that begin while others write end up with the same picture.
pub async fn a_watch_that_begins_under_load_misses_nothing(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let store = store.clone();
        writers.spawn(async move {
            for n in 0..60 {
                let name = key(format!("w{writer}.{}", n % 7));
                let found = store.kv.get(&name, NOW).await.unwrap();
                let revision = found.map_or(Revision::ABSENT, |entry| entry.revision);
                if n % 5 == 4 && revision != Revision::ABSENT {
                    store.kv.delete(&name, revision, NOW).await.unwrap();
                } else {
                    let value = Bytes::from(n.to_string());
                    store.kv.put(&name, value, revision, None, NOW).await.unwrap();
                }
            }
        });
    }
    let mut watches = Vec::new();
    while !writers.is_empty() {
        if watches.len() < 20 {
            watches.push(store.kv.watch("w", 10_000, NOW).await.unwrap());
        }
        if watches.len() >= 20 {
            writers.join_next().await.unwrap().unwrap();
        }
    }
    let last = make(&store, "w.last", "x").await;
    let listed = store.kv.list("w", NOW).await.unwrap();
    let listed: BTreeMap<_, _> = listed
        .into_iter()
        .map(|entry| (entry.key.to_string(), entry.value))
        .collect();
    for mut watch in watches {
        assert_eq!(follow(&mut watch, last).await, listed);
    }
}

/// Sweeping removes what has expired, says how much, and tells watchers.
pub async fn a_watcher_learns_what_was_swept(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let at = |millis| NOW.after(Duration::from_millis(millis));
    for (name, expires) in [
        ("a", Some(at(10))),
        ("b", Some(at(20))),
        ("c", Some(at(30))),
        ("d", None),
    ] {
        store
            .kv
            .put(&key(name), Bytes::new(), Revision::ABSENT, expires, NOW)
            .await
            .unwrap();
    }
    let mut watch = store.kv.watch("", 100, NOW).await.unwrap();
    assert_eq!(store.kv.sweep(at(9)).await, Ok(0));
    assert_eq!(store.kv.sweep(at(20)).await, Ok(2));
    assert_eq!(store.kv.sweep(at(20)).await, Ok(0));
    let mut gone = HashSet::new();
    for _ in 0..2 {
        match watch.next().await {
            Some(Delivery::Item(Change::Deleted { key, .. })) => gone.insert(key.to_string()),
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(gone, HashSet::from(["a".to_owned(), "b".to_owned()]));
    // Swept for good: not even a time before the expiry finds it.
    assert_eq!(store.kv.list("", WallTime::default()).await.unwrap().len(), 2);
}

/// What does not fit into the queue is counted; nobody is held up.
pub async fn a_slow_watcher_learns_its_losses(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut slow = store.kv.watch("k", 2, NOW).await.unwrap();
    let mut quick = store.kv.watch("k", 1_000, NOW).await.unwrap();
    for n in 0..10 {
        make(&store, &format!("k{n}"), "x").await;
    }
    for n in 0..10 {
        match quick.next().await {
            Some(Delivery::Item(change)) => assert_eq!(*change.key(), key(format!("k{n}"))),
            other => panic!("{other:?}"),
        }
    }
    let (mut shown, mut lost) = (0, 0);
    while shown + lost < 10 {
        match slow.next().await {
            Some(Delivery::Item(_)) => shown += 1,
            Some(Delivery::Lost(count)) => lost += count,
            None => panic!("the watch ended"),
        }
    }
    assert_eq!(shown + lost, 10, "nothing is counted twice");
    assert!(shown >= 2);
}

/// Values, revisions and expiry are the same for the next process.
pub async fn entries_outlive_the_process(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let ends = NOW.after(Duration::from_secs(60));
    for n in 0..100 {
        let expires = (n % 2 == 0).then_some(ends);
        let value = Bytes::from(vec![n; usize::from(n) * 100]);
        store
            .kv
            .put(&key(format!("k{n}")), value, Revision::ABSENT, expires, NOW)
            .await
            .unwrap();
    }
    let before = store.kv.list("", NOW).await.unwrap();
    let Some(store) = fixture.reopen(store).await else {
        return;
    };
    assert_eq!(store.kv.list("", NOW).await.unwrap(), before);
    assert_eq!(store.kv.list("", ends).await.unwrap().len(), 50);
    assert_eq!(store.kv.sweep(ends).await, Ok(50));
}

/// Not even those of what was deleted last.
pub async fn revisions_are_not_used_again_after_reopening(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let made = make(&store, "k", "x").await;
    let deleted = store.kv.delete(&key("k"), made, NOW).await.unwrap();
    let Some(store) = fixture.reopen(store).await else {
        return;
    };
    assert!(make(&store, "k", "y").await > deleted);
}
