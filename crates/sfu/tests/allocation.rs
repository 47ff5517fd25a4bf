//! Forwarding allocates nothing: the allocator itself counts, on the thread of the shard. And what a participant that
//! says nothing costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::time::Duration;

use sidetone_sfu::{Config, Rights, RoomId, RoomSettings, Sfu};
use support::Phone;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

static TOTAL: AtomicI64 = AtomicI64::new(0);

// SAFETY: everything is passed on to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as i64);
        TOTAL.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get() - layout.size() as i64);
        TOTAL.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations so far of the thread that serves the room, and the bytes it has kept.
fn counts(sfu: &Sfu, room: RoomId) -> (u64, i64) {
    let (answer, answered) = channel();
    let reply = move |_| answer.send((ALLOCATIONS.get(), BYTES.get())).unwrap();
    sfu.stats(room, reply).unwrap();
    answered.recv().unwrap()
}

#[test]
fn nothing_is_allocated_for_a_forwarded_packet() {
    let sfu = Sfu::start(&Config::default(), |_| {}).unwrap();
    let room = sfu.open_room(RoomSettings::default()).unwrap();
    let config = support::link_config();
    let mut phones: Vec<Phone> = (0..51)
        .map(|number| Phone::join(&sfu, &config, room, number, 4, Rights::ALL))
        .collect();
    support::connect(&mut phones);
    let mut rounds = |count: usize| {
        for _ in 0..count {
            phones[..3].iter_mut().for_each(Phone::talk);
            std::thread::sleep(Duration::from_millis(20));
            phones.iter_mut().for_each(Phone::poll);
        }
    };
    rounds(60);
    // Asking costs something itself.
    let (first, _) = counts(&sfu, room);
    let (second, _) = counts(&sfu, room);
    let before = support::stats(&sfu, room).counters.forwarded;
    let (third, _) = counts(&sfu, room);
    rounds(250);
    let (fourth, _) = counts(&sfu, room);
    let forwarded = support::stats(&sfu, room).counters.forwarded - before;
    let asking = second - first;
    let allocated = (fourth - third).saturating_sub(asking);
    println!("{allocated} allocations for {forwarded} packets");
    assert!(forwarded > 30_000, "{forwarded}");
    assert_eq!(allocated, 0, "for {forwarded} packets");
}

#[test]
fn a_silent_participant_is_cheap() {
    let sfu = Sfu::start(&Config::default(), |_| {}).unwrap();
    let room = sfu.open_room(RoomSettings::default()).unwrap();
    let config = support::link_config();
    let mut phones: Vec<Phone> = (0..20)
        .map(|number| Phone::join(&sfu, &config, room, number, 6, Rights::ALL))
        .collect();
    support::connect(&mut phones);
    let (_, before) = counts(&sfu, room);
    let mut more: Vec<Phone> = (100..200)
        .map(|number| Phone::join(&sfu, &config, room, number, 6, Rights::ALL))
        .collect();
    support::connect(&mut more);
    let (_, during) = counts(&sfu, room);
    println!("{} bytes each, handshake kept", (during - before) / 100);
    // Whoever reports has our last flight, and needs no handshake any more.
    more.iter_mut().for_each(Phone::report);
    std::thread::sleep(Duration::from_millis(100));
    let (_, reported) = counts(&sfu, room);
    println!("{} bytes each, handshake done", (reported - before) / 100);
    for _ in 0..50 {
        phones[0].talk();
        std::thread::sleep(Duration::from_millis(20));
        more.iter_mut().chain(&mut phones).for_each(Phone::poll);
    }
    let (_, after) = counts(&sfu, room);
    println!("{} bytes each, having heard somebody", (after - before) / 100);
    // The keys are in the memory of the cryptographic library beside: some three kilobytes.
    assert!((after - before) / 100 < 12_000);
    assert!((during - before) / 100 < 20_000);
}
