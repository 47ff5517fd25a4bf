//! The bus: who gets what, in which order, and what a slow subscriber is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use bytes::Bytes;
use sidetone_store::{Delivery, Message, Pattern, Store, Subject};

fn message(subject: &str, n: u64) -> Message {
    Message {
        subject: Subject::new(subject).unwrap(),
        payload: Bytes::from(n.to_string()),
    }
}

#[tokio::test]
async fn every_matching_subscriber_gets_every_message_in_order() {
    let store = Store::in_memory().unwrap();
    let mut all = store
        .bus
        .subscribe(&Pattern::new(">").unwrap(), 100)
        .await
        .unwrap();
    let mut ended = store
        .bus
        .subscribe(&Pattern::new("call.*.ended").unwrap(), 100)
        .await
        .unwrap();
    for n in 0..10 {
        let message = message(
            if n % 2 == 0 {
                "call.a.ended"
            } else {
                "call.a.started"
            },
            n,
        );
        store
            .bus
            .publish(&message.subject, message.payload)
            .await
            .unwrap();
    }
    for n in 0..10 {
        let subject = if n % 2 == 0 {
            "call.a.ended"
        } else {
            "call.a.started"
        };
        assert_eq!(all.next().await, Some(Delivery::Item(message(subject, n))));
        if n % 2 == 0 {
            assert_eq!(ended.next().await, Some(Delivery::Item(message(subject, n))));
        }
    }
    assert_eq!((all.try_next(), ended.try_next()), (None, None));
}

#[tokio::test]
async fn a_slow_subscriber_holds_up_nobody_and_learns_its_losses() {
    let store = Store::in_memory().unwrap();
    let pattern = Pattern::new("s").unwrap();
    let mut slow = store.bus.subscribe(&pattern, 3).await.unwrap();
    let mut quick = store.bus.subscribe(&pattern, 1000).await.unwrap();
    for n in 0..1000 {
        let Message { subject, payload } = message("s", n);
        store.bus.publish(&subject, payload).await.unwrap();
    }
    for n in 0..1000 {
        assert_eq!(quick.try_next(), Some(Delivery::Item(message("s", n))));
    }
    for n in 0..3 {
        assert_eq!(slow.next().await, Some(Delivery::Item(message("s", n))));
    }
    assert_eq!(slow.next().await, Some(Delivery::Lost(997)));
    let Message { subject, payload } = message("s", 1000);
    store.bus.publish(&subject, payload).await.unwrap();
    assert_eq!(slow.next().await, Some(Delivery::Item(message("s", 1000))));
}

#[tokio::test]
async fn subscriptions_end_with_the_store() {
    let store = Store::in_memory().unwrap();
    let mut subscription = store.bus.subscribe(&Pattern::new("s").unwrap(), 3).await.unwrap();
    drop(store);
    assert_eq!(subscription.next().await, None);
}
