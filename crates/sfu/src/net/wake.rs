//! Waiting for datagrams, commands or the time, whichever is first.

use std::net::UdpSocket;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{Errno, read, write};

/// Ends the wait of a shard from any thread.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Makes the next or current wait return.
    pub fn wake(&self) {
        // Full means that it is awake already.
        let _ = write(&self.0, &1u64.to_ne_bytes());
    }
}

/// The end that waits.
#[derive(Debug)]
pub struct Waiter(Arc<OwnedFd>);

impl Waiter {
    /// A waiter and what wakes it.
    ///
    /// # Errors
    /// No more file descriptors.
    pub fn new() -> std::io::Result<(Self, Waker)> {
        let fd = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        Ok((Self(Arc::clone(&fd)), Waker(fd)))
    }

    /// Waits for a datagram, a wake or the end of `timeout`. Tells whether there was a wake.
    pub fn wait(&self, socket: &UdpSocket, timeout: Duration) -> bool {
        let mut fds = [
            PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN),
        ];
        let timeout = Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(1),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            // Nothing that could be done here; the loop must not spin.
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
        let woken = !fds[1].revents().is_empty();
        if woken {
            let _ = read(&self.0, &mut [0; 8]);
        }
        woken
    }
}
