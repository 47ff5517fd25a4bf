//! Properties of [`crate::Bus`]. That something is not delivered shows in what comes next.

use bytes::Bytes;
use tokio::task::JoinSet;

use super::Fixture;
use crate::{Delivery, MAX_PAYLOAD_BYTES, Message, Pattern, Store, StoreError, Subject, Subscription};

async fn publish(store: &Store, subject: &str, payload: impl Into<Bytes>) {
    let subject = Subject::new(subject).unwrap();
    store.bus.publish(&subject, payload.into()).await.unwrap();
}

async fn subscribe(store: &Store, pattern: &str, capacity: usize) -> Subscription {
    let pattern = Pattern::new(pattern).unwrap();
    store.bus.subscribe(&pattern, capacity).await.unwrap()
}

async fn next(subscription: &mut Subscription) -> (String, String) {
    match subscription.next().await {
        Some(Delivery::Item(Message { subject, payload })) => {
            (subject.to_string(), String::from_utf8(payload.to_vec()).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

fn message(subject: &str, payload: impl ToString) -> (String, String) {
    (subject.to_owned(), payload.to_string())
}

/// Exact names, `*` for one part, `>` for the rest.
pub async fn a_subscriber_gets_what_matches_in_order(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let subjects = [
        "call",
        "call.a",
        "call.a.ended",
        "call.b.ended",
        "call.a.b.ended",
        "ca",
        "call-x.a",
    ];
    let patterns = [
        (">", vec![0, 1, 2, 3, 4, 5, 6]),
        ("call", vec![0]),
        ("call.>", vec![1, 2, 3, 4]),
        ("call.*", vec![1]),
        ("call.*.ended", vec![2, 3]),
        ("*.a", vec![1, 6]),
        ("*", vec![0, 5]),
        ("*.*.*.ended", vec![4]),
    ];
    let mut subscriptions = Vec::new();
    for (pattern, _) in &patterns {
        subscriptions.push(subscribe(&store, pattern, 100).await);
    }
    for round in 0..3 {
        for subject in subjects {
            publish(&store, subject, round.to_string()).await;
        }
    }
    for ((_, wanted), subscription) in patterns.iter().zip(&mut subscriptions) {
        for round in 0..3 {
            for index in wanted {
                assert_eq!(next(subscription).await, message(subjects[*index], round));
            }
        }
    }
}

/// The publisher's own subscription too.
pub async fn every_subscriber_gets_a_message_of_its_own(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let other = store.clone();
    let mut subscriptions = vec![
        subscribe(&store, "s", 10).await,
        subscribe(&other, "s", 10).await,
        subscribe(&other, "*", 10).await,
    ];
    publish(&store, "s", "x").await;
    for subscription in &mut subscriptions {
        assert_eq!(next(subscription).await, message("s", "x"));
    }
}

/// Nothing is kept for those who come later.
pub async fn what_was_published_before_is_not_delivered(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    publish(&store, "s", "before").await;
    let mut late = subscribe(&store, "s", 10).await;
    publish(&store, "s", "after").await;
    assert_eq!(next(&mut late).await, message("s", "after"));
}

/// Between publishers there is no order.
pub async fn each_publishers_order_is_kept(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut subscription = subscribe(&store, "p.*", 1_000).await;
    let mut publishers = JoinSet::new();
    for publisher in 0..4 {
        let store = store.clone();
        publishers.spawn(async move {
            for n in 0..50 {
                publish(&store, &format!("p.{publisher}"), n.to_string()).await;
            }
        });
    }
    publishers.join_all().await;
    let mut counts = [0; 4];
    for _ in 0..200 {
        let (subject, payload) = next(&mut subscription).await;
        let count = &mut counts[subject[2..].parse::<usize>().unwrap()];
        assert_eq!(payload, count.to_string());
        *count += 1;
    }
}

/// What does not fit into its queue is counted where it is missing.
pub async fn a_slow_subscriber_holds_up_nobody_and_learns_its_losses(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut slow = subscribe(&store, "s", 3).await;
    let mut quick = subscribe(&store, "s", 10_000).await;
    for n in 0..1_000 {
        publish(&store, "s", n.to_string()).await;
    }
    for n in 0..1_000 {
        assert_eq!(next(&mut quick).await, message("s", n));
    }
    let (mut place, mut shown) = (0, 0);
    while place < 1_000 {
        match slow.next().await {
            Some(Delivery::Item(message)) => {
                assert_eq!(
                    message.payload,
                    place.to_string(),
                    "what is missing is counted before"
                );
                place += 1;
                shown += 1;
            }
            Some(Delivery::Lost(count)) => place += count,
            None => panic!("the subscription ended"),
        }
    }
    assert_eq!(place, 1_000, "nothing is counted twice");
    assert!(shown >= 3);
    publish(&store, "s", "after").await;
    assert_eq!(next(&mut slow).await, message("s", "after"));
}

/// A subscription that is dropped is gone.
pub async fn who_leaves_hinders_nobody(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut stays = subscribe(&store, "s", 10).await;
    for n in 0..5 {
        let leaves = subscribe(&store, "s", 1).await;
        publish(&store, "s", n.to_string()).await;
        drop(leaves);
        assert_eq!(next(&mut stays).await, message("s", n));
    }
}

/// Up to the limit everything is delivered whole; above it nothing is.
pub async fn the_largest_message_is_delivered_and_a_larger_one_refused(fixture: &impl Fixture) {
    let store = fixture.fresh().await;
    let mut subscription = subscribe(&store, "s", 10).await;
    let subject = Subject::new("s").unwrap();
    let larger = Bytes::from(vec![b'x'; MAX_PAYLOAD_BYTES + 1]);
    assert_eq!(
        store.bus.publish(&subject, larger).await,
        Err(StoreError::TooLarge {
            len: MAX_PAYLOAD_BYTES + 1,
            limit: MAX_PAYLOAD_BYTES
        })
    );
    let largest = "x".repeat(MAX_PAYLOAD_BYTES);
    publish(&store, "s", largest.clone()).await;
    assert!(next(&mut subscription).await == message("s", largest));
}
