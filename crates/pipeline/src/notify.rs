//! Wakes one worker thread from a device callback: an atomic swap, and a futex wake only when the worker sleeps.
//! No lock, no allocation, and a wake-up is never lost. It carries no data and refuses to count: many
//! notifications before a wait are one.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::*;
use std::time::Duration;

use crate::sync::{Arc, AtomicU32, Deadline, Thread, ThreadId, current, park_timeout};

/// Nothing happened since the last wait.
const IDLE: u32 = 0;
/// Notified, and not yet seen.
const NOTIFIED: u32 = 1;
/// The waiter is parked, or about to be.
const WAITING: u32 = 2;

struct Shared {
    state: AtomicU32,
    seat: Seat,
}

/// The thread that waits. A waiter that moves to another thread takes a new seat at the end of the chain;
/// notifiers may be reading the old ones, so they stay.
#[derive(Default)]
struct Seat {
    thread: OnceLock<Thread>,
    next: OnceLock<Box<Seat>>,
}

impl Seat {
    fn last(&self) -> &Seat {
        let mut seat = self;
        while let Some(next) = seat.next.get() {
            seat = next;
        }
        seat
    }
}

/// The end that wakes. Clone it freely.
#[derive(Clone)]
pub struct Notifier(Arc<Shared>);

/// The end that waits. It may move between threads, one at a time.
pub struct Waiter {
    shared: Arc<Shared>,
    seated: Cell<Option<ThreadId>>,
}

/// Makes a connected pair.
pub fn notifier() -> (Notifier, Waiter) {
    let shared = Arc::new(Shared {
        state: AtomicU32::new(IDLE),
        seat: Seat::default(),
    });
    (
        Notifier(Arc::clone(&shared)),
        Waiter {
            shared,
            seated: Cell::new(None),
        },
    )
}

impl Notifier {
    /// Makes the current or the next [`Waiter::wait`] return `true`. Safe in a device callback.
    pub fn notify(&self) {
        // The waiter took its seat before it said WAITING, so whoever reads WAITING finds the thread.
        if self.0.state.swap(NOTIFIED, AcqRel) == WAITING
            && let Some(thread) = self.0.seat.last().thread.get()
        {
            thread.unpark();
        }
    }
}

impl Waiter {
    /// Sleeps until notified, at most `timeout`. Returns whether it was notified; a notification from before the
    /// call counts. The first wait on a thread may allocate, later ones do not.
    pub fn wait(&self, timeout: Duration) -> bool {
        self.sit();
        let state = &self.shared.state;
        if state.compare_exchange(IDLE, WAITING, AcqRel, Acquire).is_err() {
            return self.take();
        }
        let deadline = Deadline::after(timeout);
        loop {
            let remaining = deadline.remaining();
            if remaining.is_zero() {
                return self.take();
            }
            // May return early: the park token of a thread is shared by everybody who uses it.
            park_timeout(remaining);
            if state.compare_exchange(NOTIFIED, IDLE, AcqRel, Acquire).is_ok() {
                return true;
            }
        }
    }

    /// Back to idle, telling whether there was a notification.
    fn take(&self) -> bool {
        self.shared.state.swap(IDLE, AcqRel) == NOTIFIED
    }

    fn sit(&self) {
        let me = current();
        if self.seated.get() != Some(me.id()) {
            self.seated.set(Some(me.id()));
            let last = self.shared.seat.last();
            if let Err(me) = last.thread.set(me) {
                let next = Box::new(Seat::default());
                let _ = next.thread.set(me);
                let _ = last.next.set(next);
            }
        }
    }
}
