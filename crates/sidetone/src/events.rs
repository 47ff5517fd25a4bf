//! Events for the app: as a stream for any async runtime, as a blocking iterator, or as a callback.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;

use futures_core::Stream;
use tokio::sync::mpsc;

/// Events of one object, in order, from the moment it was asked for. Ends when the object does.
///
/// Use it as a [`Stream`] in any runtime; on a plain thread, loop over it or [`Events::wait`]. Nothing is dropped: an app that
/// stops reading pays with memory, so drop what you do not read.
pub struct Events<T> {
    receiver: mpsc::UnboundedReceiver<T>,
}

impl<T> Events<T> {
    /// Events for one reader, and where they are sent.
    pub(crate) fn channel() -> (mpsc::UnboundedSender<T>, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (sender, Self { receiver })
    }

    /// Next event without waiting.
    pub fn try_next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }

    /// Blocks for the next event; `None` when there will be no more. Must not run inside an async runtime.
    pub fn wait(&mut self) -> Option<T> {
        self.receiver.blocking_recv()
    }

    /// Next event; `None` when there will be no more.
    pub async fn recv(&mut self) -> Option<T> {
        self.receiver.recv().await
    }
}

impl<T> Stream for Events<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.receiver.poll_recv(cx)
    }
}

/// Blocks for each event, to the end. Must not run inside an async runtime.
///
/// Not an [`Iterator`] itself: `next` would then mean two things to code that uses streams.
impl<T> IntoIterator for Events<T> {
    type Item = T;
    type IntoIter = Blocking<T>;

    fn into_iter(self) -> Blocking<T> {
        Blocking(self)
    }
}

/// [`Events`] as an iterator that blocks.
pub struct Blocking<T>(Events<T>);

impl<T> Iterator for Blocking<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.wait()
    }
}

/// Hands every event to all who asked.
pub(crate) struct Source<T> {
    subscribers: Arc<Mutex<Subscribers<T>>>,
}

struct Subscribers<T> {
    list: Vec<mpsc::UnboundedSender<T>>,
    closed: bool,
    /// What nobody could ask for yet, where it is kept for the first reader.
    early: Option<VecDeque<T>>,
}

/// Most that is kept for the first reader. An app that never reads pays no more.
const EARLY: usize = 64;

impl<T> Clone for Source<T> {
    fn clone(&self) -> Self {
        Self {
            subscribers: self.subscribers.clone(),
        }
    }
}

impl<T> Default for Source<T> {
    fn default() -> Self {
        Self {
            subscribers: Arc::new(Mutex::new(Subscribers {
                list: Vec::new(),
                closed: false,
                early: None,
            })),
        }
    }
}

impl<T: Clone + Send + 'static> Source<T> {
    /// Keeps events for the first reader from now on: it can only ask after it was handed what has them.
    pub fn keep(&self) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        if subscribers.list.is_empty() {
            subscribers.early = Some(VecDeque::new());
        }
    }

    /// A new reader of everything from now on; the first one also of what was kept. After [`Source::close`] it is at
    /// its end then.
    pub fn subscribe(&self) -> Events<T> {
        let (sender, events) = Events::channel();
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        for event in subscribers.early.take().into_iter().flatten() {
            // The reader is right here.
            let _ = sender.send(event);
        }
        if !subscribers.closed {
            subscribers.list.push(sender);
        }
        events
    }

    /// Calls `handler` for every event, on a thread of its own, so that a slow handler holds nothing else up.
    pub fn callback(&self, name: &str, mut handler: impl FnMut(T) + Send + 'static) {
        let events = self.subscribe();
        // Without a thread there is nobody to call the handler: the subscription is dropped again.
        if let Err(error) = thread::Builder::new()
            .name(name.into())
            .spawn(move || events.into_iter().for_each(&mut handler))
        {
            tracing::error!(%error, "no thread for a callback");
        }
    }

    pub fn emit(&self, event: T) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers
            .list
            .retain(|subscriber| subscriber.send(event.clone()).is_ok());
        if let Some(early) = &mut subscribers.early {
            if early.len() >= EARLY {
                early.pop_front();
            }
            early.push_back(event);
        }
    }

    /// Whether anybody reads.
    pub fn is_read(&self) -> bool {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.list.retain(|subscriber| !subscriber.is_closed());
        !subscribers.list.is_empty()
    }

    /// Ends every reader after what was already sent.
    pub fn close(&self) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.closed = true;
        subscribers.list.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_gets_every_event_and_then_the_end() {
        let source = Source::default();
        let (first, second) = (source.subscribe(), source.subscribe());
        let (sender, called) = std::sync::mpsc::channel();
        source.callback("test", move |event: u32| sender.send(event).unwrap());
        source.emit(1);
        source.emit(2);
        source.close();
        assert_eq!(first.into_iter().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(second.into_iter().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(called.iter().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(source.subscribe().into_iter().count(), 0);
    }

    #[test]
    fn the_first_reader_gets_what_was_kept_for_it() {
        let source = Source::default();
        source.emit(0);
        source.keep();
        for event in 1..=EARLY + 2 {
            source.emit(event);
        }
        let (first, second) = (source.subscribe(), source.subscribe());
        source.emit(0);
        source.close();
        let newest: Vec<usize> = (3..=EARLY + 2).chain([0]).collect();
        assert_eq!(first.into_iter().collect::<Vec<_>>(), newest);
        assert_eq!(second.into_iter().collect::<Vec<_>>(), [0]);
    }
}
