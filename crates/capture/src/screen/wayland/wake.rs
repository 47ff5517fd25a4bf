//! What wakes a capture's thread: files, in its runtime, and PipeWire's loop.

#![allow(unsafe_code)]

use std::io;
use std::ops::Deref;
use std::os::fd::BorrowedFd;

use pipewire::main_loop::MainLoopRc;
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// A file that is waited for, and stays open as long.
pub(super) struct Wake<'a>(AsyncFd<BorrowedFd<'a>>);

impl<'a> Wake<'a> {
    /// Waits in the runtime that runs this.
    ///
    /// # Errors
    /// When the system has no more room for files that are waited for.
    pub(super) fn new(file: BorrowedFd<'a>) -> io::Result<Self> {
        // SAFETY: the borrow keeps the file open as long as this value lives, and always names that file.
        let registered = unsafe { AsyncFd::register_with_interest(file, Interest::READABLE) };
        Ok(Self(registered.map_err(io::Error::from)?))
    }

    /// Comes back when there is something to read. The answer is to be cleared when it has been.
    pub(super) async fn readable(&self) -> io::Result<AsyncFdReadyGuard<'_, BorrowedFd<'a>>> {
        self.0.readable().await
    }
}

/// PipeWire's loop, as this thread's own from the beginning to the end.
///
/// A loop that no thread has entered takes everybody for its thread: the library would call us back from the one that
/// moves its data, and wake nobody.
pub(super) struct Entered(MainLoopRc);

impl Entered {
    /// Makes a loop for the thread that calls. It cannot be given to another one.
    ///
    /// # Errors
    /// When the library cannot be used.
    pub(super) fn new() -> Result<Self, pipewire::Error> {
        let main_loop = MainLoopRc::new(None)?;
        // SAFETY: left once, when this value is dropped, in the same thread: it is not `Send`.
        unsafe { main_loop.loop_().enter() };
        Ok(Self(main_loop))
    }
}

impl Deref for Entered {
    type Target = MainLoopRc;

    fn deref(&self) -> &MainLoopRc {
        &self.0
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // SAFETY: entered once, in the same thread.
        unsafe { self.0.loop_().leave() };
    }
}
