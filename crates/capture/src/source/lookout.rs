//! Watches a list of sources for an app that shows it: asks again and again, and tells what came and went.
//!
//! Asking is cheap, but not free, and it wakes somebody: keep a lookout while a person is choosing, or a source is
//! missing, and no longer.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{CaptureError, SourceInfo, SourcesUpdated};

/// Tells what came and went until it is dropped.
pub struct Lookout {
    /// Dropped to end the thread.
    watch: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lookout {
    /// Asks `list` every `interval`, and tells `seen` on the same thread what changed since the last answer: the first time
    /// all there is. A list that fails is asked again, and counts as unchanged.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        interval: Duration,
        list: impl FnMut() -> Result<Vec<SourceInfo>, CaptureError> + Send + 'static,
        seen: impl FnMut(SourcesUpdated) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (watch, watched) = channel();
        let builder = std::thread::Builder::new().name("source lookout".into());
        let thread = builder.spawn(move || look(interval, list, seen, &watched))?;
        Ok(Self {
            watch: Some(watch),
            thread: Some(thread),
        })
    }
}

fn look(
    interval: Duration,
    mut list: impl FnMut() -> Result<Vec<SourceInfo>, CaptureError>,
    mut seen: impl FnMut(SourcesUpdated),
    watched: &Receiver<()>,
) {
    let mut before = Vec::new();
    loop {
        match list() {
            Ok(now) => {
                if let Some(update) = SourcesUpdated::between(&before, &now) {
                    seen(update);
                }
                before = now;
            }
            Err(error) => tracing::debug!(%error, "sources cannot be listed"),
        }
        if watched.recv_timeout(interval) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.watch = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
