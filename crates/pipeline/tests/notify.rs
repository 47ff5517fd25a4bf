//! A notification is never lost, and a waiter may change threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sidetone_pipeline::notifier;

/// Long enough to mean "for ever" to a test that must not hang.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn many_notifications_before_a_wait_are_one() {
    let (notifier, waiter) = notifier();
    notifier.notify();
    notifier.notify();
    assert!(waiter.wait(Duration::ZERO));
    assert!(!waiter.wait(Duration::ZERO));
    assert!(!waiter.wait(Duration::from_millis(1)));
}

#[test]
fn strangers_who_unpark_the_thread_do_not_count() {
    let (notifier, waiter) = notifier();
    std::thread::current().unpark();
    assert!(!waiter.wait(Duration::from_millis(1)));
    notifier.notify();
    std::thread::current().unpark();
    assert!(waiter.wait(LONG));
}

#[test]
fn the_waiter_moves_between_threads() {
    let (notifier, mut waiter) = notifier();
    for _ in 0..5 {
        let thread = std::thread::spawn(move || {
            assert!(waiter.wait(LONG));
            waiter
        });
        notifier.notify();
        waiter = thread.join().unwrap();
    }
}

#[test]
fn two_threads_play_ping_pong() {
    const ROUNDS: u32 = 20_000;
    let (ping, pinged) = notifier();
    let (pong, ponged) = notifier();
    let counter = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&counter);
    let thread = std::thread::spawn(move || {
        for round in 0..ROUNDS {
            assert!(pinged.wait(LONG), "ping {round} was lost");
            count.fetch_add(1, Ordering::Relaxed);
            pong.notify();
        }
    });
    for round in 0..ROUNDS {
        ping.notify();
        assert!(ponged.wait(LONG), "pong {round} was lost");
        assert_eq!(counter.load(Ordering::Relaxed), round + 1);
    }
    thread.join().unwrap();
}
