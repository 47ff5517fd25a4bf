//! Every interleaving, and every reordering the memory model allows, of what is ours and lock-free. Run with
//! `RUSTFLAGS="--cfg loom" cargo test -p sidetone-pipeline --release --test loom --target-dir target/loom`.
#![cfg(loom)]

use std::time::Duration;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use sidetone_pipeline::{latch, notifier};

const LONG: Duration = Duration::MAX;

/// Three publications lap both copies, so a reader may be overtaken twice.
#[test]
fn a_latch_never_tears() {
    loom::model(|| {
        let (mut writer, reader) = latch();
        let thread = loom::thread::spawn(move || {
            for n in 1..=3 {
                writer.publish([n, n * 10]);
            }
        });
        let mut last = 0;
        for _ in 0..2 {
            if let Some((version, [a, b])) = reader.read() {
                assert_eq!((a, b), (version, version * 10));
                assert!(version >= last, "a reader never goes back");
                last = version;
            }
        }
        thread.join().unwrap();
        assert_eq!(reader.read(), Some((3, [3, 30])));
    });
}

#[test]
fn two_readers_of_a_latch() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let (mut writer, reader) = latch();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let reader = reader.clone();
                loom::thread::spawn(move || {
                    if let Some((version, [a, b])) = reader.read() {
                        assert_eq!((a, b), (version, version + 7));
                    }
                })
            })
            .collect();
        for n in 1..=3 {
            writer.publish([n, n + 7]);
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

/// A lost wake-up would leave the waiter parked for ever, which loom reports as a deadlock.
#[test]
fn a_notification_is_never_lost() {
    loom::model(|| {
        let (notifier, waiter) = notifier();
        let data = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&data);
        let thread = loom::thread::spawn(move || {
            assert!(waiter.wait(LONG));
            assert_eq!(
                seen.load(Relaxed),
                1,
                "what came before the notification is visible after the wait"
            );
        });
        data.store(1, Relaxed);
        notifier.notify();
        thread.join().unwrap();
    });
}

#[test]
fn two_notifiers_and_two_waits() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let (notifier, waiter) = notifier();
        let work = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (notifier, work) = (notifier.clone(), Arc::clone(&work));
                loom::thread::spawn(move || {
                    work.fetch_add(1, Relaxed);
                    notifier.notify();
                })
            })
            .collect();
        // The worker's loop: sleep until all work is there.
        while work.load(Relaxed) < 2 {
            assert!(waiter.wait(LONG));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A wait that gives up leaves nothing behind that a later one could trip over.
#[test]
fn a_wait_that_times_out_races_with_a_notification() {
    loom::model(|| {
        let (notifier, waiter) = notifier();
        let thread = loom::thread::spawn(move || notifier.notify());
        if !waiter.wait(Duration::ZERO) {
            assert!(waiter.wait(LONG));
        }
        thread.join().unwrap();
        assert!(!waiter.wait(Duration::ZERO));
    });
}
