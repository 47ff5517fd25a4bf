//! Backtraces of what a section must not do: the first few of each, because the first ones tell it all and each
//! costs tens of microseconds.

use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::Event;
use super::table::{Kind, Slot};

/// Backtraces kept per section.
const KEPT: u64 = 4;

/// What happens when a callback section does what it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Count it and keep the first backtraces. The default.
    Count,
    /// Print the backtrace to standard error and abort the process, for a debugger.
    Abort,
}

static ABORT: AtomicBool = AtomicBool::new(false);
static WORKERS: AtomicBool = AtomicBool::new(false);

/// Chooses what a violation in a callback section does, for the whole process.
pub fn set_mode(mode: Mode) {
    ABORT.store(mode == Mode::Abort, Relaxed);
}

/// Chooses whether worker sections keep backtraces too (off at first: they may allocate, and tracing costs time).
pub fn trace_workers(on: bool) {
    WORKERS.store(on, Relaxed);
}

pub(super) fn wanted(kind: Kind, captured: u64) -> bool {
    let abort = kind == Kind::Callback && ABORT.load(Relaxed);
    let keep = captured < KEPT && (kind == Kind::Callback || WORKERS.load(Relaxed));
    // A panic message takes the lock that a capture needs, and allocates while it holds it.
    (abort || keep) && !std::thread::panicking()
}

/// Called with the section switched off.
pub(super) fn capture(slot: &Slot, event: Event) {
    let backtrace = Backtrace::force_capture();
    if slot.kind() == Kind::Callback && ABORT.load(Relaxed) {
        eprintln!("real-time section {:?}: {event:?}\n{backtrace}", slot.name());
        std::process::abort();
    }
    // Another thread may be reading the report; a backtrace less is better than waiting here.
    if let Ok(mut traces) = slot.traces.try_lock()
        && claim(&slot.captured)
    {
        traces.push((event, backtrace));
    }
}

fn claim(captured: &AtomicU64) -> bool {
    captured.fetch_add(1, Relaxed) < KEPT
}
