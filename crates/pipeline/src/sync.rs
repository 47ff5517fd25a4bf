//! The atomics and the parking of this crate: the standard ones, or loom's when its tests explore every
//! interleaving. Only what is ours and lock-free goes through here; foreign queues bring their own proofs.

#[cfg(not(loom))]
mod imp {
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, fence};
    pub(crate) use std::thread::{Thread, ThreadId, current, park_timeout};

    /// A point in time after which waiting is given up.
    pub(crate) struct Deadline(Option<std::time::Instant>);

    impl Deadline {
        /// `timeout` from now; a timeout beyond what the clock can express never passes.
        pub(crate) fn after(timeout: std::time::Duration) -> Self {
            Self(std::time::Instant::now().checked_add(timeout))
        }

        /// What is left, zero once it has passed.
        pub(crate) fn remaining(&self) -> std::time::Duration {
            match self.0 {
                Some(at) => at.saturating_duration_since(std::time::Instant::now()),
                None => std::time::Duration::MAX,
            }
        }
    }

    pub(crate) fn spin() {
        std::hint::spin_loop();
    }
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, fence};
    pub(crate) use loom::thread::{Thread, ThreadId, current};

    /// Under loom a timeout never passes unless it is zero, so that a lost wake-up is found as a deadlock.
    pub(crate) struct Deadline(std::time::Duration);

    impl Deadline {
        pub(crate) fn after(timeout: std::time::Duration) -> Self {
            Self(timeout)
        }

        pub(crate) fn remaining(&self) -> std::time::Duration {
            self.0
        }
    }

    pub(crate) fn park_timeout(_: std::time::Duration) {
        loom::thread::park();
    }

    pub(crate) fn spin() {
        loom::thread::yield_now();
    }
}

pub(crate) use imp::*;
