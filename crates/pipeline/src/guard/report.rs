//! What the guard saw, as plain values.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::table::{self, Kind, Slot};

/// One section: counts over all its entries and threads since the start or the last reset.
#[derive(Clone, Debug, PartialEq)]
pub struct SectionReport {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// How often it was entered and left.
    pub entries: u64,
    /// Calls of `malloc`, `calloc`, `realloc` and the aligned ones.
    pub allocations: u64,
    /// Calls of `free` with something to free.
    pub frees: u64,
    /// Calls that take a POSIX mutex or read-write lock, contended or not.
    pub locks: u64,
    /// Waits: condition variables, semaphores, futexes (also those of a contended lock of the standard library
    /// and of thread parking), sleeps, polls, joins.
    pub waits: u64,
    /// Reads from and writes to descriptors. Logging shows here.
    pub io: u64,
    /// Wall time of all entries together.
    pub total: Duration,
    /// Wall time that half of the entries did not exceed (at most 12.5 % too high, as all percentiles here).
    pub p50: Duration,
    /// Wall time that 95 % of the entries did not exceed.
    pub p95: Duration,
    /// Wall time that 99 % of the entries did not exceed.
    pub p99: Duration,
    /// The longest wall time, exact.
    pub max: Duration,
    /// What happened first, each with its backtrace.
    pub traces: Vec<String>,
}

impl SectionReport {
    /// Whether nothing happened that a callback must not do.
    pub fn is_clean(&self) -> bool {
        self.allocations + self.frees + self.locks + self.waits + self.io == 0
    }

    fn of(slot: &Slot) -> Self {
        let max = Duration::from_nanos(slot.max_nanos.load(Relaxed));
        let percentile = |share| slot.durations.percentile(share).min(max);
        let traces = slot
            .traces
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        Self {
            name: slot.name(),
            kind: slot.kind(),
            entries: slot.entries.load(Relaxed),
            allocations: slot.allocations.load(Relaxed),
            frees: slot.frees.load(Relaxed),
            locks: slot.locks.load(Relaxed),
            waits: slot.waits.load(Relaxed),
            io: slot.io.load(Relaxed),
            total: Duration::from_nanos(slot.total_nanos.load(Relaxed)),
            p50: percentile(0.50),
            p95: percentile(0.95),
            p99: percentile(0.99),
            max,
            traces: traces
                .iter()
                .map(|(event, backtrace)| format!("{event:?}\n{backtrace}"))
                .collect(),
        }
    }
}

impl fmt::Display for SectionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} entries, {} allocations, {} frees, {} locks, {} waits, {} reads and writes; \
             p50 {:?}, p99 {:?}, max {:?}",
            self.name,
            self.entries,
            self.allocations,
            self.frees,
            self.locks,
            self.waits,
            self.io,
            self.p50,
            self.p99,
            self.max
        )?;
        self.traces.iter().try_for_each(|trace| writeln!(f, "{trace}"))
    }
}

/// Everything the guard saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Every section entered so far, in order of first entry.
    pub sections: Vec<SectionReport>,
}

impl Report {
    /// Whether allocations, locks and waits are seen in this process; if not, their counts mean nothing.
    pub fn available(&self) -> bool {
        super::available()
    }

    /// The section of that name.
    pub fn section(&self, name: &str) -> Option<&SectionReport> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The device callbacks.
    pub fn callbacks(&self) -> impl Iterator<Item = &SectionReport> {
        self.sections
            .iter()
            .filter(|section| section.kind == Kind::Callback)
    }

    /// The workers' hot loops.
    pub fn workers(&self) -> impl Iterator<Item = &SectionReport> {
        self.sections
            .iter()
            .filter(|section| section.kind == Kind::Worker)
    }

    /// Allocations in all callbacks together.
    pub fn allocations(&self) -> u64 {
        self.callbacks().map(|section| section.allocations).sum()
    }

    /// Frees in all callbacks together.
    pub fn frees(&self) -> u64 {
        self.callbacks().map(|section| section.frees).sum()
    }

    /// Locks taken in all callbacks together.
    pub fn locks(&self) -> u64 {
        self.callbacks().map(|section| section.locks).sum()
    }

    /// Waits in all callbacks together.
    pub fn waits(&self) -> u64 {
        self.callbacks().map(|section| section.waits).sum()
    }
}

/// Takes stock. Resolving backtraces takes time and memory: not for a real-time thread.
pub fn report() -> Report {
    Report {
        sections: table::slots().map(SectionReport::of).collect(),
    }
}
