//! A process killed hard (SIGKILL) in the middle of its writes, thousands of times, loses nothing that it acknowledged,
//! stores nothing twice and leaves nothing half written.
//!
//! A kill leaves to the next process what the last one handed to the kernel, so the disk has no part in it, and the
//! stores lie in memory where the system offers that (`/dev/shm`): that is what makes thousands of kills affordable.
//! What a power cut leaves is tried in `src/embedded/power.rs`.
//!
//! `SIDETONE_STORE_KILLS` is how many there are.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sidetone_store::{Appended, DedupeId, Key, LogName, Revision, Sequence, Store, WallTime};
use tempfile::TempDir;

const STORE: &str = "SIDETONE_STORE_KILL_TEST";
const KILLS: &str = "SIDETONE_STORE_KILLS";
/// Kills in a run of all tests. Measured on two cores: see the report that the test prints.
const DEFAULT_KILLS: u64 = 2_000;
/// Kills that one file goes through. After that a new one begins, so that checking all of it stays quick.
const LIFE: u64 = 25;
/// Writers in the process that is killed.
const TASKS: u64 = 4;
const LOG: &str = "journal";
const NOW: WallTime = WallTime::from_millis(1);

/// Content of write `n` by `task`: it may span several pages, and can be checked as a whole.
fn content(task: u64, n: u64) -> Bytes {
    let mut content = format!("{task} {n} ").into_bytes();
    let len = 100 + usize::try_from((n + 3 * task) * 977 % 9_000).unwrap();
    content.resize(len, (n % 251) as u8);
    Bytes::from(content)
}

/// Checks that the content is whole and says whose it is.
fn parse(value: &[u8]) -> (u64, u64) {
    let text = String::from_utf8_lossy(&value[..value.len().min(60)]).into_owned();
    let mut parts = text.split(' ');
    let mut number = || parts.next().unwrap().parse().unwrap();
    let (task, n) = (number(), number());
    assert!(value == content(task, n), "write {n} of task {task} is not whole");
    (task, n)
}

fn key(task: u64) -> Key {
    Key::new(format!("task.{task}")).unwrap()
}

/// The child: not a test of its own, does nothing unless the parent names a store.
#[test]
fn child_writes_until_killed() {
    let Ok(path) = std::env::var(STORE) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async move {
        let store = Arc::new(Store::open(Path::new(&path)).unwrap());
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| tokio::spawn(write_forever(store.clone(), task)))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn append(store: &Store, task: u64, n: u64) -> Appended {
    let (log, id) = (
        LogName::new(LOG).unwrap(),
        DedupeId::new(format!("{task}-{n}")).unwrap(),
    );
    store
        .log
        .append(&log, Some(&id), content(task, n), NOW)
        .await
        .unwrap()
}

async fn write_forever(store: Arc<Store>, task: u64) {
    let found = store.kv.get(&key(task), NOW).await.unwrap();
    let mut revision = found.as_ref().map_or(Revision::ABSENT, |entry| entry.revision);
    let mut first = 0;
    if let Some(entry) = found {
        // Who does not know whether a write got through repeats it.
        let newest = parse(&entry.value).1;
        assert!(append(&store, task, newest).await.duplicate, "{newest} is there");
        first = newest + 1;
    }
    for n in first.. {
        let appended = append(&store, task, n).await;
        revision = store
            .kv
            .put(&key(task), content(task, n), revision, None, NOW)
            .await
            .unwrap();
        // One line, one write to the pipe: the parent counts it as acknowledged.
        println!("ack {task} {n} {}", appended.sequence);
    }
}

fn spawn(store: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "child_writes_until_killed",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(STORE, store)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What was acknowledged of one file.
#[derive(Default)]
struct Acknowledged {
    newest: [Option<u64>; TASKS as usize],
    /// (Sequence, task, number).
    records: Vec<(u64, u64, u64)>,
}

impl Acknowledged {
    /// Takes a line of the child; the test harness has its own words in front of the first.
    fn take(&mut self, line: &str) -> bool {
        let Some(at) = line.find("ack ") else { return false };
        let numbers: Vec<u64> = line[at + 4..].split(' ').filter_map(|n| n.parse().ok()).collect();
        // The last line may be cut off.
        let [task, n, sequence] = numbers[..] else {
            return false;
        };
        self.newest[usize::try_from(task).unwrap()] = Some(n);
        self.records.push((sequence, task, n));
        true
    }

    /// Everything acknowledged is there, whole, once, and in order.
    async fn check(&self, store: &Store) {
        let log = LogName::new(LOG).unwrap();
        let records = store.log.read(&log, Sequence::FIRST, usize::MAX).await.unwrap();
        let mut next = [0; TASKS as usize];
        for (record, index) in records.iter().zip(1..) {
            assert_eq!(record.sequence, Sequence(index), "no gap in the log");
            let (task, n) = parse(&record.payload);
            let next = &mut next[usize::try_from(task).unwrap()];
            assert_eq!(n, *next, "task {task}: a record is missing or doubled");
            *next += 1;
        }
        for (sequence, task, n) in &self.records {
            let record = &records[usize::try_from(*sequence).unwrap() - 1];
            assert_eq!(parse(&record.payload), (*task, *n));
        }
        for (task, newest) in (0u64..).zip(self.newest) {
            let entry = store.kv.get(&key(task), NOW).await.unwrap();
            let stored = entry.map(|entry| parse(&entry.value).1);
            assert!(
                stored >= newest,
                "task {task}: {newest:?} acknowledged, {stored:?} stored"
            );
            // The record is written first, the value then.
            let appended = next[usize::try_from(task).unwrap()];
            let counted = stored.map_or(0, |n| n + 1);
            assert!(
                appended == counted || appended == counted + 1,
                "{appended} {counted}"
            );
        }
    }
}

fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// One file through its life; gives how many acknowledged records it had.
fn live(kills: u64, luck: &mut StdRng) -> usize {
    let folder = folder();
    let path: PathBuf = folder.path().join("store");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut acknowledged = Acknowledged::default();
    for kill in 1..=kills {
        let mut child = spawn(&path);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Some are killed while they open and repair, some in the midst of their writes.
        let mut wanted = if luck.random_bool(0.2) {
            0
        } else {
            luck.random_range(1..40)
        };
        while wanted > 0 {
            let line = lines
                .next()
                .expect("the child writes until it is killed")
                .unwrap();
            wanted -= u64::from(acknowledged.take(&line));
        }
        std::thread::sleep(Duration::from_micros(luck.random_range(0..3_000)));
        child.kill().unwrap(); // SIGKILL: no destructor, no flush.
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            acknowledged.take(&line);
        }
        // Most of the time the next child finds the file as it was left.
        if kill == kills || luck.random_bool(0.2) {
            runtime.block_on(async {
                let store = Store::open(&path).unwrap();
                acknowledged.check(&store).await;
            });
        }
    }
    acknowledged.records.len()
}

#[test]
fn thousands_of_hard_kills_lose_and_double_nothing() {
    let kills = std::env::var(KILLS).map_or(DEFAULT_KILLS, |kills| kills.parse().unwrap());
    let lanes = std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(2, 8) as u64;
    let lives = kills.div_ceil(LIFE);
    let lanes: Vec<_> = (0..lanes)
        .map(|lane| {
            std::thread::spawn(move || {
                let mine = (0..lives).filter(|life| life % lanes == lane);
                mine.map(|life| {
                    let kills = LIFE.min(kills - life * LIFE);
                    live(kills, &mut StdRng::seed_from_u64(life))
                })
                .sum::<usize>()
            })
        })
        .collect();
    let records: usize = lanes.into_iter().map(|lane| lane.join().unwrap()).sum();
    println!("{kills} kills; {records} acknowledged records, none lost, none doubled");
    assert!(records > 0);
}
