//! A pool lends what it has, counts what it cannot lend, and gets everything back from any thread.

use proptest::prelude::*;
use sidetone_pipeline::{Pool, queue};

proptest! {
    #[test]
    fn lent_and_free_add_up(size in 1_usize..10, takes in prop::collection::vec(any::<Option<u8>>(), 1..100)) {
        let pool = Pool::new(size, Vec::<u8>::new);
        let mut lent = Vec::new();
        let mut exhausted = 0;
        for take in takes {
            match take {
                None => match pool.take() {
                    Some(item) => lent.push(item),
                    None => {
                        prop_assert_eq!(lent.len(), size);
                        exhausted += 1;
                    }
                },
                Some(which) if !lent.is_empty() => drop(lent.swap_remove(usize::from(which) % lent.len())),
                Some(_) => {}
            }
            prop_assert_eq!(pool.available() + lent.len(), size);
        }
        prop_assert_eq!(pool.exhausted(), exhausted);
    }
}

#[test]
fn the_same_boxes_come_back() {
    let mut made = 0;
    let pool = Pool::new(2, || {
        made += 1;
        [0_u8; 64]
    });
    assert_eq!(made, 2);
    let mut first = pool.take().unwrap();
    first[0] = 42;
    let home = std::ptr::from_ref::<[u8; 64]>(&first);
    drop(first);
    let items = [pool.take().unwrap(), pool.take().unwrap()];
    let found = items
        .iter()
        .find(|item| std::ptr::eq(&***item, home))
        .expect("the box came back");
    assert_eq!(found[0], 42, "a pool does not clean");
}

#[test]
fn a_lent_box_outlives_its_pool() {
    let pool = Pool::new(1, || String::from("kept"));
    let item = pool.take().unwrap();
    drop(pool);
    assert_eq!(*item, "kept");
}

#[test]
fn boxes_travel_between_threads() {
    const ROUNDS: usize = 50_000;
    let pool = Pool::new(8, || 0_usize);
    let (sender, receiver) = queue(4);
    let source = pool.clone();
    let producer = std::thread::spawn(move || {
        let mut sent = 0;
        while sent < ROUNDS {
            match source.take() {
                Some(mut item) => {
                    *item = sent;
                    sender.push(item);
                    sent += 1;
                }
                None => std::thread::yield_now(),
            }
        }
    });
    let mut last = None;
    loop {
        let closed = receiver.is_closed();
        match receiver.pop() {
            Some(item) => {
                assert!(last < Some(*item));
                last = Some(*item);
            }
            None if closed => break,
            None => std::thread::yield_now(),
        }
    }
    producer.join().unwrap();
    assert_eq!(last, Some(ROUNDS - 1));
    assert_eq!(pool.available(), 8);
}
