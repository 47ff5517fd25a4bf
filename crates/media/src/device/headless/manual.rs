//! A clock that moves only when it is told to, for calls in virtual time.
//!
//! Devices register their ticks; [`ManualClock::advance_to`] runs those that are due, in order of time. It
//! refuses to read any real clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pacer::{Schedule, Tick};

/// Virtual time shared by any number of headless devices. Clones are the same clock.
#[derive(Clone)]
pub struct ManualClock {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    now: Instant,
    next_id: u64,
    entries: Vec<Entry>,
}

struct Entry {
    id: u64,
    schedule: Schedule,
    ticks: u64,
    body: Box<dyn Tick>,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Instant) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner {
                now: start,
                next_id: 0,
                entries: Vec::new(),
            })),
        }
    }

    /// What it shows.
    pub fn now(&self) -> Instant {
        self.lock().now
    }

    /// When the next tick of any device is due.
    pub fn next_tick(&self) -> Option<Instant> {
        self.lock()
            .entries
            .iter()
            .map(|entry| entry.schedule.deadline(entry.ticks))
            .min()
    }

    /// Moves to `to` (never back) and runs every tick due until then, earliest first; of ticks due at the same
    /// moment, the device opened first goes first. Returns how many ran.
    pub fn advance_to(&self, to: Instant) -> usize {
        let mut inner = self.lock();
        let mut ran = 0;
        loop {
            let entries = inner.entries.iter_mut();
            let due = entries.map(|entry| (entry.schedule.deadline(entry.ticks), entry));
            // `min_by_key` keeps the first of equals, which is the one opened first.
            let Some((at, entry)) = due.min_by_key(|(at, entry)| (*at, entry.id)) else {
                break;
            };
            if at > to {
                break;
            }
            entry.ticks += 1;
            entry.body.tick(at);
            inner.now = inner.now.max(at);
            ran += 1;
        }
        inner.now = inner.now.max(to);
        ran
    }

    /// Moves on by `step`. See [`ManualClock::advance_to`].
    pub fn advance(&self, step: Duration) -> usize {
        let to = self.now() + step;
        self.advance_to(to)
    }

    pub(super) fn register(&self, schedule: Schedule, body: Box<dyn Tick>) -> Registration {
        let mut inner = self.lock();
        let id = inner.next_id;
        inner.next_id += 1;
        inner.entries.push(Entry {
            id,
            schedule,
            ticks: 0,
            body,
        });
        Registration {
            clock: self.clone(),
            id,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A device's place on the clock; dropping it takes the device off.
pub(super) struct Registration {
    clock: ManualClock,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut inner = self.clock.lock();
        let gone = inner.entries.iter().position(|entry| entry.id == self.id);
        let entry = gone.map(|index| inner.entries.remove(index));
        // The body may drop things of its own; not under our lock.
        drop(inner);
        drop(entry);
    }
}
