//! What a forwarded voice packet costs a shard, over loopback: processor time of its thread, by copies made.
//!
//! `cargo run --release -p sidetone-sfu --example speed [LISTENERS [SECONDS]]`
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement for the terminal"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use sidetone_sfu::{Config, Rights, RoomSettings, Sfu};
use support::Phone;

/// Talkers at a time.
const TALKERS: usize = 3;

/// Nanoseconds that the thread of the shard has run for.
fn busy() -> u64 {
    let mut tasks = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|task| task.unwrap().path());
    let named =
        |task: &std::path::PathBuf| std::fs::read_to_string(task.join("comm")).unwrap().trim() == "sfu-0";
    let stat = std::fs::read_to_string(tasks.find(named).unwrap().join("schedstat")).unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().unwrap());
    let listeners: u32 = arguments.next().unwrap_or(100);
    let seconds = arguments.next().unwrap_or(5);
    let sfu = Sfu::start(&Config::default(), |_| {}).unwrap();
    let room = sfu.open_room(RoomSettings::default()).unwrap();
    let config = support::link_config();
    let mut phones: Vec<Phone> = (0..listeners)
        .map(|number| Phone::join(&sfu, &config, room, number, TALKERS + 1, Rights::ALL))
        .collect();
    let start = Instant::now();
    support::connect(&mut phones);
    println!(
        "{listeners} connected in {:?}, {:?} of the shard",
        start.elapsed(),
        Duration::from_nanos(busy())
    );
    let talk = |phones: &mut [Phone], seconds: u64| {
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut next = Instant::now();
        while next < end {
            phones[..TALKERS].iter_mut().for_each(Phone::talk);
            phones.iter_mut().for_each(Phone::poll);
            next += Duration::from_millis(20);
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    };
    talk(&mut phones, 1);
    let (before, was_busy) = (support::stats(&sfu, room).counters, busy());
    let heard: u64 = phones.iter().map(|phone| phone.heard).sum();
    talk(&mut phones, seconds.into());
    let (after, is_busy) = (support::stats(&sfu, room).counters, busy());
    let heard = phones.iter().map(|phone| phone.heard).sum::<u64>() - heard;
    let copies = after.forwarded - before.forwarded;
    let (answer, answered) = channel();
    let answer = std::sync::Mutex::new(answer);
    sfu.load(move |stats| answer.lock().unwrap().send(stats).unwrap())
        .unwrap();
    let load = answered.recv().unwrap();
    println!(
        "{copies} copies, {heard} arrived, {:.2} us each, {:.1} datagrams a call, {} unsent",
        (is_busy - was_busy) as f64 / 1_000.0 / copies as f64,
        load.sent as f64 / load.calls as f64,
        load.unsent
    );
}
