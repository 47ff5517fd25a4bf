//! A full queue drops its oldest item, in order, and counts it; consumers are woken and told of the end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use proptest::prelude::*;
use sidetone_pipeline::{Pool, notifier, queue};

proptest! {
    #[test]
    fn the_queue_keeps_the_newest_in_order(
        capacity in 1_usize..20, pushes in prop::collection::vec(any::<bool>(), 1..200),
    ) {
        let (sender, receiver) = queue(capacity);
        let mut model = VecDeque::new();
        let mut dropped = 0;
        for (item, push) in pushes.into_iter().enumerate() {
            if push {
                let displaced = if model.len() == capacity { model.pop_front() } else { None };
                dropped += u64::from(displaced.is_some());
                model.push_back(item);
                prop_assert_eq!(sender.push(item), displaced);
            } else {
                prop_assert_eq!(receiver.pop(), model.pop_front());
            }
            prop_assert_eq!(receiver.len(), model.len());
            prop_assert_eq!(sender.dropped(), dropped);
        }
    }
}

#[test]
fn threads_account_for_every_item_in_order() {
    const EACH: u64 = 100_000;
    let (sender, receiver) = queue::<(usize, u64)>(64);
    let producers: Vec<_> = (0..2)
        .map(|producer| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                (0..EACH)
                    .filter(|n| sender.push((producer, *n)).is_some())
                    .count() as u64
            })
        })
        .collect();
    drop(sender);
    let mut taken = 0;
    let mut last = [None; 2];
    loop {
        let closed = receiver.is_closed();
        match receiver.pop() {
            Some((producer, n)) => {
                assert!(last[producer] < Some(n), "{n} came after {:?}", last[producer]);
                last[producer] = Some(n);
                taken += 1;
            }
            None if closed => break,
            None => std::thread::yield_now(),
        }
    }
    let displaced: u64 = producers.into_iter().map(|p| p.join().unwrap()).sum();
    assert_eq!(displaced, receiver.dropped());
    assert_eq!(taken + displaced, 2 * EACH);
}

#[test]
fn a_push_wakes_the_thread_that_asked() {
    let (sender, receiver) = queue(4);
    let (wake, waiter) = notifier();
    assert!(receiver.set_notifier(wake.clone()));
    assert!(!sender.set_notifier(wake), "the first one counts");
    assert!(!waiter.wait(Duration::ZERO));
    sender.push(1);
    assert!(waiter.wait(Duration::ZERO));
    drop(sender);
    assert!(waiter.wait(Duration::ZERO), "the end is worth waking for");
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_push_wakes_the_task_that_polled() {
    let (sender, receiver) = queue(4);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut cx = Context::from_waker(&waker);
    assert_eq!(receiver.poll_pop(&mut cx), Poll::Pending);
    sender.push(7);
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    let second = sender.clone();
    drop(sender);
    assert_eq!(receiver.poll_pop(&mut cx), Poll::Ready(Some(7)));
    assert_eq!(receiver.poll_pop(&mut cx), Poll::Pending);
    second.push(8);
    drop(second);
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
    assert_eq!(receiver.poll_pop(&mut cx), Poll::Ready(Some(8)));
    assert_eq!(receiver.poll_pop(&mut cx), Poll::Ready(None));
}

#[test]
fn items_left_behind_go_home() {
    let pool = Pool::new(3, || 0_u8);
    let (sender, receiver) = queue(2);
    for _ in 0..3 {
        sender.push(pool.take().unwrap());
    }
    assert_eq!((pool.available(), sender.dropped()), (1, 1));
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(pool.available(), 3);
}
