//! The handle of a running capture: wakes its thread, and stops it without waiting for a server that hangs.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

use crate::source::CaptureStream;
use crate::thread::{Ending, spawn};

/// What a capture is told from outside.
pub(crate) struct Control {
    wake: OwnedFd,
    stop: AtomicBool,
    refresh: AtomicBool,
}

impl Control {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            stop: AtomicBool::new(false),
            refresh: AtomicBool::new(false),
        })
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Whether a picture was asked for since the last call. Quietens the file.
    pub(crate) fn take_refresh(&self) -> bool {
        let mut count = [0; 8];
        // An error means that nobody has called.
        let _ = rustix::io::read(&self.wake, &mut count);
        self.refresh.swap(false, Ordering::AcqRel)
    }

    fn call(&self, what: &AtomicBool) {
        what.store(true, Ordering::Release);
        // An error means that it is woken already.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

/// A capture that runs on a thread of its own.
pub(crate) struct Thread {
    control: Arc<Control>,
    ending: Ending,
}

impl Thread {
    /// Runs `body` on a thread with this name.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(crate) fn start(
        name: &str,
        body: impl FnOnce(&Arc<Control>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let control = Arc::new(Control::new()?);
        let inner = control.clone();
        let ending = spawn(name, move || body(&inner))?;
        Ok(Self { control, ending })
    }
}

impl CaptureStream for Thread {
    fn refresh(&self) {
        self.control.call(&self.control.refresh);
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.control.call(&self.control.stop);
        self.ending.wait();
    }
}
