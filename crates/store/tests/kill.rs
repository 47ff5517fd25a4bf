//! A process killed hard in mid-write loses nothing it acknowledged and leaves nothing half written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use sidetone_store::{DedupeId, Key, LogName, Revision, Sequence, Store, WallTime};

const STORE: &str = "SIDETONE_STORE_KILL_TEST";
const LOG: &str = "journal";

/// Content of write `n` by `task`: large enough to span many pages, checkable as a whole.
fn content(task: u64, n: u64) -> Bytes {
    let mut content = format!("{task} {n} ").into_bytes();
    content.resize(
        1_000 + usize::try_from(n * 977 % 40_000).unwrap(),
        (n % 251) as u8,
    );
    Bytes::from(content)
}

fn key(task: u64) -> Key {
    Key::new(format!("task.{task}")).unwrap()
}

/// The child: not a test of its own, does nothing unless the parent names a store.
#[test]
fn child_writes_until_killed() {
    let Ok(path) = std::env::var(STORE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let store = Arc::new(Store::open(Path::new(&path)).unwrap());
        let tasks: Vec<_> = (0..4)
            .map(|task| tokio::spawn(write_forever(store.clone(), task)))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn write_forever(store: Arc<Store>, task: u64) {
    let (key, log, now) = (key(task), LogName::new(LOG).unwrap(), WallTime::from_millis(1));
    let found = store.kv.get(&key, now).await.unwrap();
    let mut revision = found.as_ref().map_or(Revision::ABSENT, |entry| entry.revision);
    let first = found.map_or(0, |entry| parse(&entry.value).1 + 1);
    for n in first.. {
        let id = DedupeId::new(format!("{task}-{n}")).unwrap();
        let appended = store
            .log
            .append(&log, Some(&id), content(task, n), now)
            .await
            .unwrap();
        revision = store
            .kv
            .put(&key, content(task, n), revision, None, now)
            .await
            .unwrap();
        // One line, one write to the pipe: the parent counts it as acknowledged.
        println!("ack {task} {n} {} {revision}", appended.sequence);
    }
}

/// Checks that the content is whole and says whose it is.
fn parse(value: &[u8]) -> (u64, u64) {
    let text = String::from_utf8_lossy(&value[..value.len().min(60)]).into_owned();
    let mut parts = text.split(' ');
    let mut number = || parts.next().unwrap().parse().unwrap();
    let (task, n) = (number(), number());
    assert_eq!(
        value,
        &content(task, n)[..],
        "write {n} of task {task} is not whole"
    );
    (task, n)
}

#[test]
fn acknowledged_writes_survive_a_hard_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut acknowledged = [None::<u64>; 4];
    let mut sequences = Vec::new();

    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "child_writes_until_killed",
                "--exact",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(STORE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        let mut take = |line: &str| {
            // The test harness may print its own words in front of the first line.
            let Some(at) = line.find("ack ") else { return false };
            let numbers: Vec<u64> = line[at + 4..].split(' ').filter_map(|n| n.parse().ok()).collect();
            let [task, n, sequence, _] = numbers[..] else {
                return false;
            };
            acknowledged[usize::try_from(task).unwrap()] = Some(n);
            sequences.push((sequence, task, n));
            true
        };
        while seen < 20 + round * 13 {
            seen += usize::from(take(
                &lines.next().expect("the child writes until killed").unwrap(),
            ));
        }
        child.kill().unwrap(); // SIGKILL: no destructor, no flush.
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            take(&line);
        }
        verify(&path, &acknowledged, &sequences);
    }
}

fn verify(path: &Path, acknowledged: &[Option<u64>; 4], sequences: &[(u64, u64, u64)]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(path).unwrap();
        let now = WallTime::from_millis(1);
        for (task, acknowledged) in (0u64..).zip(acknowledged) {
            let stored = store
                .kv
                .get(&key(task), now)
                .await
                .unwrap()
                .map(|entry| parse(&entry.value).1);
            assert!(
                stored >= *acknowledged,
                "task {task}: {stored:?} stored, {acknowledged:?} acknowledged"
            );
        }
        let log = LogName::new(LOG).unwrap();
        let records = store.log.read(&log, Sequence::FIRST, usize::MAX).await.unwrap();
        for (index, record) in records.iter().enumerate() {
            assert_eq!(record.sequence.0, index as u64 + 1, "no gap in the log");
            parse(&record.payload);
        }
        for (sequence, task, n) in sequences {
            let record = &records[usize::try_from(*sequence).unwrap() - 1];
            assert_eq!(parse(&record.payload), (*task, *n));
        }
    });
}
