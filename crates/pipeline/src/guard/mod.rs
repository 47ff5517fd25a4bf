//! The real-time guard: proof that a callback neither allocates, nor locks, nor waits, seen from below.
//!
//! A thread says "here begins a real-time section" with [`enter`]; until the returned [`Section`] is dropped,
//! every `malloc`, `free`, `pthread_mutex_lock`, condition wait, futex wait, sleep and blocking read or write of
//! that thread is counted against the section, with the first few backtraces. C libraries are seen too, because
//! the guard takes the place of these functions in the whole process (see `hooks.rs`). How often each section
//! ran and how long it took is counted as well, and that works everywhere.
//!
//! The interposition needs the feature `guard`, Linux and a dynamically linked glibc, and belongs in programs
//! and tests, not in shared libraries. Without it [`available`] is false and the event counters stay at zero.
//! It does not see what never reaches libc: an uncontended lock of the standard library is one atomic
//! instruction, harmless by itself; when it is contended, its futex wait is seen.

// Without the hooks nobody counts events.
#![cfg_attr(
    not(all(feature = "guard", target_os = "linux", target_env = "gnu")),
    allow(dead_code)
)]

mod histogram;
#[cfg(all(feature = "guard", target_os = "linux", target_env = "gnu"))]
mod hooks;
mod report;
mod table;
mod trace;

use std::cell::Cell;
use std::marker::PhantomData;
use std::time::Instant;

pub use report::{Report, SectionReport, report};
pub use table::Kind;
use table::Slot;
pub use trace::{Mode, set_mode, trace_workers};

thread_local! {
    /// The section this thread is in. Constant and without a destructor, so that reading it is one load that
    /// neither allocates nor initialises: `malloc` itself asks.
    static CURRENT: Cell<Option<&'static Slot>> = const { Cell::new(None) };
}

/// What a section must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Allocation,
    Free,
    Lock,
    Wait,
    Io,
}

/// This thread is in a real-time section until this is dropped. Sections nest; what happens counts against the
/// innermost.
#[must_use = "the section ends when this is dropped"]
pub struct Section {
    slot: &'static Slot,
    outer: Option<&'static Slot>,
    began: Instant,
    /// A section belongs to its thread.
    _not_send: PhantomData<*const ()>,
}

/// Begins the section `name` of a device callback: it must be clean. All entries of that name, from any thread,
/// are counted together. At most 31 names a process; further ones share one row.
pub fn enter(name: &'static str) -> Section {
    begin(table::slot(name, Kind::Callback))
}

/// Begins the section `name` of a worker's hot loop: what it allocates is counted and reported, not forbidden.
pub fn enter_worker(name: &'static str) -> Section {
    begin(table::slot(name, Kind::Worker))
}

fn begin(slot: &'static Slot) -> Section {
    let began = Instant::now();
    Section {
        slot,
        outer: CURRENT.replace(Some(slot)),
        began,
        _not_send: PhantomData,
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
        self.slot.completed(self.began.elapsed());
    }
}

/// Whether allocations, locks and waits are seen in this process.
pub fn available() -> bool {
    cfg!(all(feature = "guard", target_os = "linux", target_env = "gnu"))
}

/// Sets every counter to zero and forgets the backtraces. Sections under way count into the new period.
pub fn reset() {
    table::slots().for_each(Slot::reset);
}

/// For tests: checks that section `name` ran and did nothing it must not.
///
/// # Panics
/// With the backtraces, when it allocated, freed, locked, waited or did blocking input or output; also when it
/// never ran, or when the guard is not [`available`], because then nothing was proved.
pub fn assert_clean(name: &str) {
    assert!(
        available(),
        "the real-time guard is not in this build: enable the feature `guard`"
    );
    let report = report();
    let section = report.section(name);
    assert!(
        section.is_some_and(|s| s.entries > 0),
        "real-time section {name:?} never ran"
    );
    if let Some(section) = section {
        assert!(section.is_clean(), "real-time section is not clean\n{section}");
    }
}
