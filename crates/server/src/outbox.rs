//! The bounded queue of frames towards one client. Filling it never waits: who reads too slowly is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sidetone_signaling::Reason;
use sidetone_signaling::switchboard::CloseCode;
use tokio::sync::{mpsc, oneshot};

/// What the connection shall do next.
pub(crate) enum Outgoing {
    /// Send a text frame.
    Text(String),
    /// Close, everything before having been sent.
    Close(CloseCode),
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    /// It waits for its turn.
    Yes,
    /// There is no room.
    Full,
    /// The connection is gone.
    Gone,
}

/// Why a connection must end now, whatever still waits.
pub(crate) struct CutOff {
    pub(crate) reason: Reason,
    pub(crate) code: CloseCode,
}

/// The driver's end.
pub(crate) struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    bytes: Arc<AtomicUsize>,
    max_bytes: usize,
    cut_off: oneshot::Sender<CutOff>,
}

/// The connection's end.
pub(crate) struct Outlet {
    queue: mpsc::Receiver<Outgoing>,
    bytes: Arc<AtomicUsize>,
}

/// An outbox for `frames` frames of together `bytes` bytes, its outlet, and the signal that cuts the connection off.
pub(crate) fn outbox(frames: usize, bytes: usize) -> (Outbox, Outlet, oneshot::Receiver<CutOff>) {
    // One place more, kept for the closing.
    let (sender, receiver) = mpsc::channel(frames.max(1) + 1);
    let (cut_off, cut) = oneshot::channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let outbox = Outbox {
        queue: sender,
        bytes: waiting.clone(),
        max_bytes: bytes,
        cut_off,
    };
    (
        outbox,
        Outlet {
            queue: receiver,
            bytes: waiting,
        },
        cut,
    )
}

impl Outbox {
    pub(crate) fn send(&self, text: String) -> Queued {
        if self.queue.is_closed() {
            return Queued::Gone;
        }
        let len = text.len();
        // Only this end adds, so the sum can only be lower than seen here by the time of the addition.
        if self.queue.capacity() <= 1 || self.bytes.load(Ordering::Relaxed) + len > self.max_bytes {
            return Queued::Full;
        }
        self.bytes.fetch_add(len, Ordering::Relaxed);
        match self.queue.try_send(Outgoing::Text(text)) {
            Ok(()) => Queued::Yes,
            Err(mpsc::error::TrySendError::Full(_)) => Queued::Full,
            Err(mpsc::error::TrySendError::Closed(_)) => Queued::Gone,
        }
    }

    /// Closes in order.
    pub(crate) fn close(self, code: CloseCode) {
        // There is a place for it; a connection that is gone needs no closing.
        let _ = self.queue.try_send(Outgoing::Close(code));
    }

    /// Closes now.
    pub(crate) fn cut_off(self, reason: Reason, code: CloseCode) {
        let _ = self.cut_off.send(CutOff { reason, code });
    }
}

impl Outlet {
    /// The next thing to do; `None` when the driver has dropped the outbox. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        let next = self.queue.recv().await;
        if let Some(Outgoing::Text(text)) = &next {
            self.bytes.fetch_sub(text.len(), Ordering::Relaxed);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_outbox_still_has_room_for_the_closing() {
        let (outbox, mut outlet, _cut) = outbox(2, 1000);
        assert_eq!(outbox.send("a".into()), Queued::Yes);
        assert_eq!(outbox.send("b".into()), Queued::Yes);
        assert_eq!(outbox.send("c".into()), Queued::Full);
        outbox.close(CloseCode::Normal);
        assert!(matches!(outlet.next().await, Some(Outgoing::Text(t)) if t == "a"));
        assert!(matches!(outlet.next().await, Some(Outgoing::Text(t)) if t == "b"));
        assert!(matches!(
            outlet.next().await,
            Some(Outgoing::Close(CloseCode::Normal))
        ));
        assert!(outlet.next().await.is_none());
    }

    #[tokio::test]
    async fn bytes_are_bounded_and_given_back() {
        let (outbox, mut outlet, cut) = outbox(100, 10);
        assert_eq!(outbox.send("12345678".into()), Queued::Yes);
        assert_eq!(outbox.send("123".into()), Queued::Full);
        outlet.next().await;
        assert_eq!(outbox.send("123".into()), Queued::Yes);
        drop(outlet);
        assert_eq!(outbox.send("1".into()), Queued::Gone);
        outbox.cut_off(Reason::TOO_SLOW, CloseCode::Overload);
        assert_eq!(cut.await.unwrap().reason, Reason::TOO_SLOW);
    }
}
