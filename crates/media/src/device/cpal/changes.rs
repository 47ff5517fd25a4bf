//! Tells when sound cards come and go: the kernel makes and removes their nodes, and the system gives them to people.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::device::Changed;

/// Where the nodes are.
const NODES: &str = "/dev/snd";

/// Bytes for some dozens of events at a time.
const EVENTS: usize = 4096;

/// Watches until it is dropped.
pub(super) struct Changes {
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Changes {
    /// Calls `changed` on a thread of its own whenever a node came, went or changed hands.
    ///
    /// # Errors
    /// When there are no nodes to be watched, or the system gives no thread.
    pub(super) fn watch(changed: Changed) -> io::Result<Self> {
        Self::watch_in(Path::new(NODES), changed)
    }

    fn watch_in(folder: &Path, changed: Changed) -> io::Result<Self> {
        let nodes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        inotify::add_watch(
            &nodes,
            folder,
            WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::ATTRIB | WatchFlags::ONLYDIR,
        )?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        let stopped = stop.try_clone()?;
        let thread = std::thread::Builder::new()
            .name("sound cards".into())
            .spawn(move || {
                if let Err(error) = wait(&nodes, &stopped, &changed) {
                    tracing::warn!(%error, "sound cards are not watched");
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

fn wait(nodes: &OwnedFd, stop: &OwnedFd, changed: &Changed) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); EVENTS];
    let mut events = inotify::Reader::new(nodes, &mut buffer);
    loop {
        let mut both = [
            PollFd::new(nodes, PollFlags::IN),
            PollFd::new(stop, PollFlags::IN),
        ];
        match poll(&mut both, None) {
            Err(rustix::io::Errno::INTR) => continue,
            polled => polled?,
        };
        if !both[1].revents().is_empty() {
            return Ok(());
        }
        // What each was about does not matter: the list is looked at anew.
        loop {
            match events.next() {
                Ok(_) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        changed();
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let told = rustix::io::write(&self.stop, &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take().filter(|_| told.is_ok()) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_node_that_comes_and_goes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, told) = channel();
        let changes = Changes::watch_in(
            folder.path(),
            Arc::new(move || {
                let _ = sender.send(());
            }),
        )
        .unwrap();
        let patience = Duration::from_secs(30);
        let node = folder.path().join("pcmC1D0c");
        std::fs::write(&node, "").unwrap();
        told.recv_timeout(patience).unwrap();
        std::fs::remove_file(&node).unwrap();
        told.recv_timeout(patience).unwrap();
        drop(changes);
        // Whoever told is gone.
        while told.recv_timeout(patience).is_ok() {}
        assert!(told.recv().is_err());
    }

    #[test]
    fn where_there_are_no_nodes_nothing_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Changes::watch_in(&folder.path().join("snd"), Arc::new(|| {})).is_err());
    }
}
