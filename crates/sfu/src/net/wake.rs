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
        match poll(&mut fds, Some(&timespec(timeout))) {
            Ok(_) | Err(Errno::INTR) => {}
            // Nothing that could be done here; the loop must not spin.
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
        let woken = !fds[1].revents().is_empty();
        if woken {
            self.settle();
        }
        woken
    }

    /// Waits for a wake or the end of `timeout`, whatever arrives meanwhile. Tells whether there was a wake.
    pub fn rest(&self, timeout: Duration) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        // Whatever goes wrong, the wait after it shows.
        let _ = poll(&mut fds, Some(&timespec(timeout)));
        let woken = !fds[0].revents().is_empty();
        if woken {
            self.settle();
        }
        woken
    }

    /// The next wait waits again.
    fn settle(&self) {
        let _ = read(&self.0, &mut [0; 8]);
    }
}

/// Waits until a socket takes datagrams again, or for `timeout`.
pub(super) fn wait_for_room(socket: &UdpSocket, timeout: Duration) {
    let mut fds = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::OUT)];
    // Whatever comes of it, sending is what shows.
    let _ = poll(&mut fds, Some(&timespec(timeout)));
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(1),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
