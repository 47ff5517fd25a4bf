//! Threads of sources: they end when their stream is dropped, and are left behind when they do not, for what they wait
//! for may never answer.

#![allow(dead_code, reason = "features and the platform say which sources there are")]

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::source::CaptureStream;

/// Longest wait for a thread to end. After it, the thread is left to its fate.
const ENDING: Duration = Duration::from_secs(1);

/// Tells when a thread has ended.
pub(crate) struct Ending(Receiver<()>);

/// Runs `body` on a thread with this name.
///
/// # Errors
/// When there is no thread to be had.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<Ending> {
    let (ends, ending) = channel::<()>();
    std::thread::Builder::new().name(name.into()).spawn(move || {
        let _ends = ends;
        body();
    })?;
    Ok(Ending(ending))
}

impl Ending {
    /// Waits for a thread that was told to end.
    pub(crate) fn wait(&self) {
        if self.0.recv_timeout(ENDING) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the platform does not answer; a capture is left behind");
        }
    }
}

/// A source that runs on a thread of its own, and is told what is wanted of it by [`Calls`].
pub(crate) struct Thread {
    /// Dropped to end the thread.
    calls: Option<Sender<()>>,
    ending: Ending,
}

impl Thread {
    /// Runs `body` on a thread with this name.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(crate) fn start(name: &str, body: impl FnOnce(&Calls) + Send + 'static) -> io::Result<Self> {
        let (calls, called) = channel();
        let ending = spawn(name, move || body(&Calls(called)))?;
        Ok(Self {
            calls: Some(calls),
            ending,
        })
    }
}

impl CaptureStream for Thread {
    fn refresh(&self) {
        if let Some(calls) = &self.calls {
            // An error means that it has ended by itself.
            let _ = calls.send(());
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.calls = None;
        self.ending.wait();
    }
}

/// The thread's side of a [`Thread`].
pub(crate) struct Calls(Receiver<()>);

/// What is wanted of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A picture, although nothing may have changed.
    Refresh,
    /// That it stops.
    Stop,
}

impl Calls {
    /// Waits for a call, but no longer than `patience`.
    pub(crate) fn wait(&self, patience: Duration) -> Option<Call> {
        match self.0.recv_timeout(patience) {
            Ok(()) => Some(Call::Refresh),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Call::Stop),
        }
    }

    /// Whether it is to stop, for sources that give pictures anyhow.
    pub(crate) fn is_stopped(&self) -> bool {
        loop {
            match self.wait(Duration::ZERO) {
                Some(Call::Refresh) => {}
                call => return call == Some(Call::Stop),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_thread_hears_what_is_wanted_and_ends_with_its_stream() {
        let (tell, told) = channel();
        let thread = Thread::start("test", move |calls| {
            while let Some(call) = calls.wait(LONG) {
                tell.send(call).unwrap();
                if call == Call::Stop {
                    return;
                }
            }
        });
        let thread = thread.unwrap();
        thread.refresh();
        assert_eq!(told.recv_timeout(LONG), Ok(Call::Refresh));
        drop(thread);
        // Dropping it waited for that.
        assert_eq!(told.try_recv(), Ok(Call::Stop));
    }

    #[test]
    fn a_source_that_gives_pictures_anyhow_needs_to_know_the_end_only() {
        let (call, called) = channel();
        let calls = Calls(called);
        assert!(!calls.is_stopped());
        call.send(()).unwrap();
        assert!(!calls.is_stopped());
        call.send(()).unwrap();
        drop(call);
        assert!(calls.is_stopped());
    }
}
