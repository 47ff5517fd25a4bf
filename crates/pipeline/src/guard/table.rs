//! The rows of the guard: one per section name, in a fixed table, so that entering a section for the first time
//! in a callback neither allocates nor locks.

use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use super::histogram::Histogram;
use super::{Event, trace};

/// What a section is, which decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A device callback: must not allocate, free, lock, wait or do blocking input or output.
    Callback,
    /// A worker's hot loop: counted only.
    Worker,
}

/// What one section did, over all its entries and threads.
pub(super) struct Slot {
    claimed: AtomicBool,
    title: OnceLock<(&'static str, Kind)>,
    pub(super) entries: AtomicU64,
    pub(super) allocations: AtomicU64,
    pub(super) frees: AtomicU64,
    pub(super) locks: AtomicU64,
    pub(super) waits: AtomicU64,
    pub(super) io: AtomicU64,
    pub(super) total_nanos: AtomicU64,
    pub(super) max_nanos: AtomicU64,
    pub(super) durations: Histogram,
    pub(super) captured: AtomicU64,
    pub(super) traces: Mutex<Vec<(Event, Backtrace)>>,
}

const SLOTS: usize = 32;
static TABLE: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];

/// The row of `name`, made on first sight. The kind given first stays. Lock-free.
pub(super) fn slot(name: &'static str, kind: Kind) -> &'static Slot {
    let Some((last, slots)) = TABLE.split_last() else {
        unreachable!("the table has rows")
    };
    for slot in slots {
        if slot.title(name, kind) == name {
            return slot;
        }
    }
    last.title("further sections", kind);
    last
}

/// The rows in use.
pub(super) fn slots() -> impl Iterator<Item = &'static Slot> {
    TABLE.iter().filter(|slot| slot.title.get().is_some())
}

impl Slot {
    const fn new() -> Self {
        Self {
            claimed: AtomicBool::new(false),
            title: OnceLock::new(),
            entries: AtomicU64::new(0),
            allocations: AtomicU64::new(0),
            frees: AtomicU64::new(0),
            locks: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            io: AtomicU64::new(0),
            total_nanos: AtomicU64::new(0),
            max_nanos: AtomicU64::new(0),
            durations: Histogram::new(),
            captured: AtomicU64::new(0),
            traces: Mutex::new(Vec::new()),
        }
    }

    /// The row's name; a free row takes the offered one.
    fn title(&self, name: &'static str, kind: Kind) -> &'static str {
        loop {
            if let Some((title, _)) = self.title.get() {
                return title;
            }
            // Whoever claims the row names it. Without the claim two threads could meet in the cell's own
            // initialisation, where one would sleep.
            if !self.claimed.swap(true, AcqRel) {
                #[cfg(all(feature = "guard", target_os = "linux", target_env = "gnu"))]
                super::hooks::prepare();
                let _ = self.title.set((name, kind));
            }
            std::hint::spin_loop();
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.title.get().map_or("", |(name, _)| name)
    }

    pub(super) fn kind(&self) -> Kind {
        self.title.get().map_or(Kind::Worker, |(_, kind)| *kind)
    }

    pub(super) fn count(&self, event: Event) {
        let counter = match event {
            Event::Allocation => &self.allocations,
            Event::Free => &self.frees,
            Event::Lock => &self.locks,
            Event::Wait => &self.waits,
            Event::Io => &self.io,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn wants_trace(&self) -> bool {
        trace::wanted(self.kind(), self.captured.load(Relaxed))
    }

    pub(super) fn completed(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.entries.fetch_add(1, Relaxed);
        self.total_nanos.fetch_add(nanos, Relaxed);
        self.max_nanos.fetch_max(nanos, Relaxed);
        self.durations.add(took);
    }

    pub(super) fn reset(&self) {
        let counters = [
            &self.entries,
            &self.allocations,
            &self.frees,
            &self.locks,
            &self.waits,
            &self.io,
            &self.total_nanos,
            &self.max_nanos,
            &self.captured,
        ];
        counters.iter().for_each(|counter| counter.store(0, Relaxed));
        self.durations.reset();
        self.traces
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clear();
    }
}
