//! A power cut at any moment: what was not flushed is lost in part, in any order, and a page may be written by half. What
//! was acknowledged is there afterwards, and nothing is half there. In memory, so that every moment of a run can be
//! tried.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::{Database, StorageBackend};

use super::{Engine, format};
use crate::{DedupeId, Key, Kv, Log, LogName, Revision, Sequence, StoreError, WallTime};

/// What a disk writes at once, in bytes.
const SECTOR: usize = 512;

/// A disk whose power can be cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What a reader sees.
    content: Vec<u8>,
    /// What is safe.
    flushed: Vec<u8>,
    /// Writes since the last flush.
    pending: Vec<(usize, Vec<u8>)>,
    /// Writes and flushes until now.
    done: u64,
    /// The one at which the power goes.
    cut: Option<u64>,
}

impl State {
    /// Counts; fails once the power is gone.
    fn step(&mut self) -> io::Result<()> {
        self.done += 1;
        if self.cut.is_some_and(|cut| self.done >= cut) {
            return Err(io::Error::other("no power"));
        }
        Ok(())
    }
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The power goes at this write or flush from now on.
    pub(super) fn cut_at(&self, step: u64) {
        let mut state = self.state();
        state.cut = Some(state.done + step);
    }

    /// Writes and flushes until now.
    pub(super) fn steps(&self) -> u64 {
        self.state().done
    }

    /// The disk as it is found when the power is back: of what was not flushed any part may be there.
    pub(super) fn after_the_cut(&self, luck: &mut StdRng) -> Self {
        let state = self.state();
        let mut content = state.flushed.clone();
        for (offset, data) in &state.pending {
            for (number, sector) in data.chunks(SECTOR).enumerate() {
                if luck.random_bool(0.5) {
                    let at = offset + number * SECTOR;
                    content.resize(content.len().max(at + sector.len()), 0);
                    content[at..at + sector.len()].copy_from_slice(sector);
                }
            }
        }
        Self::with(content)
    }

    /// The same, with everything that was written.
    pub(super) fn whole(&self) -> Self {
        Self::with(self.state().content.clone())
    }

    fn with(content: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            flushed: content.clone(),
            content,
            ..State::default()
        })))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.state().content[offset..offset + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let len = usize::try_from(len).unwrap();
        state.content.resize(len, 0);
        // A file system keeps its own books safe.
        state.flushed.resize(len, 0);
        state.pending.retain_mut(|(offset, data)| {
            data.truncate(len.saturating_sub(*offset));
            !data.is_empty()
        });
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        for (offset, data) in std::mem::take(&mut state.pending) {
            state.flushed[offset..offset + data.len()].copy_from_slice(&data);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let offset = usize::try_from(offset).unwrap();
        let power = state.step();
        // The write that the cut falls into may be there in part.
        state.pending.push((offset, data.to_vec()));
        if power.is_ok() {
            state.content[offset..offset + data.len()].copy_from_slice(data);
        }
        power
    }
}

/// A store on this disk.
pub(super) fn open(disk: &Disk) -> Result<Engine, StoreError> {
    Engine::on(disk.clone())
}

/// The database alone, brought up by these migrations.
pub(super) fn migrate(disk: &Disk, migrations: &[format::Migration]) -> Result<(), StoreError> {
    let db = Database::builder()
        .create_with_backend(disk.clone())
        .map_err(crate::error::fault)?;
    format::prepare(&db, migrations)
}

const NOW: WallTime = WallTime::from_millis(1);

fn content(n: u64) -> Bytes {
    Bytes::from(vec![
        (n % 251) as u8;
        50 + usize::try_from(n * 977 % 9_000).unwrap()
    ])
}

/// Writes until the power is gone; gives how many writes were acknowledged, and of which log and revision.
async fn write(engine: &Engine, from: u64, until: u64) -> (u64, Revision) {
    let (log, key) = (LogName::new("l").unwrap(), Key::new("k").unwrap());
    let found = engine.get(&key, NOW).await.ok().flatten();
    let mut revision = found.map_or(Revision::ABSENT, |entry| entry.revision);
    for n in from..until {
        let id = DedupeId::new(n.to_string()).unwrap();
        if engine.append(&log, Some(&id), content(n), NOW).await.is_err() {
            return (n, revision);
        }
        match engine.put(&key, content(n), revision, None, NOW).await {
            Ok(next) => revision = next,
            // The record was acknowledged, the value not.
            Err(_) => return (n + 1, revision),
        }
        if n % 7 == 6 {
            let _ = engine.trim(&log, Sequence(n.saturating_sub(3))).await;
        }
    }
    (until, revision)
}

#[test]
fn whatever_a_power_cut_leaves_is_whole_and_has_what_was_acknowledged() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let started = Disk::default();
        drop(open(&started).unwrap());
        let disk = started.whole();
        write(&open(&disk).unwrap(), 0, 12).await;
        let steps = disk.steps();
        assert!(steps > 50, "{steps} moments");
        for cut in 1..=steps {
            for seed in 0..5 {
                let disk = started.whole();
                disk.cut_at(cut);
                let acknowledged = match open(&disk) {
                    Ok(engine) => write(&engine, 0, 12).await,
                    Err(_) => (0, Revision::ABSENT),
                };
                let disk = disk.after_the_cut(&mut StdRng::seed_from_u64(cut * 31 + seed));
                check(&disk, acknowledged, &format!("cut {cut}, seed {seed}")).await;
            }
        }
    });
}

/// The store opens, has every record that was acknowledged and at most one more, and goes on.
async fn check(disk: &Disk, (acknowledged, revision): (u64, Revision), what: &str) {
    let engine = &open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let log = LogName::new("l").unwrap();
    let records = Log::read(engine, &log, Sequence::FIRST, usize::MAX)
        .await
        .unwrap();
    let last = records.last().map_or(0, |record| record.sequence.0);
    assert!(
        last == acknowledged || last == acknowledged + 1,
        "{what}: {acknowledged} acknowledged, {last} found"
    );
    for record in &records {
        assert_eq!(record.payload, content(record.sequence.0 - 1), "{what}");
    }
    let sequences: Vec<_> = records.iter().map(|record| record.sequence.0).collect();
    assert!(
        sequences.is_sorted_by(|a, b| a + 1 == *b),
        "{what}: {sequences:?}"
    );
    let found = engine.get(&Key::new("k").unwrap(), NOW).await.unwrap();
    assert!(
        found.map_or(Revision::ABSENT, |entry| entry.revision) >= revision,
        "{what}"
    );
    // Repeating what got no answer stores nothing twice.
    let (end, _) = write(engine, acknowledged, acknowledged + 2).await;
    assert_eq!(end, acknowledged + 2);
    assert_eq!(engine.end(&log).await.unwrap(), Sequence(end + 1), "{what}");
}
