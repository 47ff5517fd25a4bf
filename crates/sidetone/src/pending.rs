//! The outcome of a request, for async code and plain threads alike.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::Error;

/// A request under way: a [`Future`] for any runtime, or [`Pending::wait`] on a plain thread.
///
/// The request goes on when this is dropped; only its outcome is not heard.
#[must_use = "the outcome, and any error, is in here"]
pub struct Pending<T> {
    receiver: oneshot::Receiver<Result<T, Error>>,
}

impl<T> Pending<T> {
    pub(crate) fn new() -> (Reply<T>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self { receiver })
    }

    /// An outcome that is there already.
    pub(crate) fn ready(outcome: T) -> Self {
        let (reply, pending) = Self::new();
        let _ = reply.send(Ok(outcome));
        pending
    }

    /// Blocks for the outcome. Must not run inside an async runtime.
    ///
    /// # Errors
    /// What the request failed with; [`Error::Closed`] when the client ended before it was answered.
    pub fn wait(self) -> Result<T, Error> {
        self.receiver.blocking_recv().unwrap_or(Err(Error::Closed))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver)
            .poll(cx)
            .map(|reply| reply.unwrap_or(Err(Error::Closed)))
    }
}

/// The answering end of a [`Pending`].
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;
