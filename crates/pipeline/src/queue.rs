//! A bounded queue between threads that never makes its producer wait: when it is full the oldest item falls
//! out and is counted. It refuses to know what the items are; what falls out is handed back, so a pooled item
//! goes home instead of being freed.
//!
//! The consumer may poll, be woken as a thread ([`Notifier`]) or as a task ([`QueueReceiver::poll_pop`]). Waking
//! a task runs its executor's waker, which may lock: push from a worker then, never from a device callback.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;
use crossbeam_queue::ArrayQueue;

use crate::Notifier;

struct Shared<T> {
    items: ArrayQueue<T>,
    dropped: AtomicU64,
    senders: AtomicUsize,
    receiver_gone: AtomicBool,
    task: AtomicWaker,
    thread: OnceLock<Notifier>,
}

impl<T> Shared<T> {
    fn wake(&self) {
        if let Some(notifier) = self.thread.get() {
            notifier.notify();
        }
        self.task.wake();
    }
}

/// The producing end; clone it for more producers.
pub struct QueueSender<T>(Arc<Shared<T>>);

/// The consuming end.
pub struct QueueReceiver<T>(Arc<Shared<T>>);

/// Makes a queue for `capacity` items (at least one). The only allocation is here.
pub fn queue<T: Send>(capacity: usize) -> (QueueSender<T>, QueueReceiver<T>) {
    let shared = Arc::new(Shared {
        items: ArrayQueue::new(capacity.max(1)),
        dropped: AtomicU64::new(0),
        senders: AtomicUsize::new(1),
        receiver_gone: AtomicBool::new(false),
        task: AtomicWaker::new(),
        thread: OnceLock::new(),
    });
    (QueueSender(Arc::clone(&shared)), QueueReceiver(shared))
}

impl<T> QueueSender<T> {
    /// Appends `item` and wakes the consumer. When the queue was full the oldest item is displaced, counted and
    /// handed back.
    pub fn push(&self, item: T) -> Option<T> {
        let displaced = self.0.items.force_push(item);
        if displaced.is_some() {
            self.0.dropped.fetch_add(1, Relaxed);
        }
        self.0.wake();
        displaced
    }

    /// Items displaced so far.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Relaxed)
    }

    /// Items waiting now.
    pub fn len(&self) -> usize {
        self.0.items.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.items.is_empty()
    }

    /// Items the queue can hold.
    pub fn capacity(&self) -> usize {
        self.0.items.capacity()
    }

    /// Whether the consumer is gone, so that pushing is pointless.
    pub fn is_closed(&self) -> bool {
        self.0.receiver_gone.load(Acquire)
    }

    /// Has `notifier` notified on every push, from all producers. Only the first one set on a queue counts;
    /// returns whether this was it.
    pub fn set_notifier(&self, notifier: Notifier) -> bool {
        self.0.thread.set(notifier).is_ok()
    }
}

impl<T> Clone for QueueSender<T> {
    fn clone(&self) -> Self {
        self.0.senders.fetch_add(1, Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for QueueSender<T> {
    fn drop(&mut self) {
        // Release: what this producer pushed is visible to a consumer that sees the count at zero.
        if self.0.senders.fetch_sub(1, AcqRel) == 1 {
            self.0.wake();
        }
    }
}

impl<T> QueueReceiver<T> {
    /// Takes the oldest item, if any. Never waits.
    pub fn pop(&self) -> Option<T> {
        self.0.items.pop()
    }

    /// Takes the oldest item, or has the task woken by the next push. `None` after the last producer is gone
    /// and everything was taken. One task at a time: the latest waker wins.
    pub fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(item) = self.pop() {
            return Poll::Ready(Some(item));
        }
        self.0.task.register(cx.waker());
        // The order matters: a producer that left before this look pushed before it left.
        let closed = self.is_closed();
        match self.pop() {
            Some(item) => Poll::Ready(Some(item)),
            None if closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// [`poll_pop`](Self::poll_pop) as a future, for any executor.
    pub async fn recv(&self) -> Option<T> {
        std::future::poll_fn(|cx| self.poll_pop(cx)).await
    }

    /// Items waiting now.
    pub fn len(&self) -> usize {
        self.0.items.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.items.is_empty()
    }

    /// Items the queue can hold.
    pub fn capacity(&self) -> usize {
        self.0.items.capacity()
    }

    /// Items displaced so far.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Relaxed)
    }

    /// Whether every producer is gone. Items may still wait.
    pub fn is_closed(&self) -> bool {
        self.0.senders.load(Acquire) == 0
    }

    /// Has `notifier` notified on every push. Only the first one set on a queue counts; returns whether this
    /// was it.
    pub fn set_notifier(&self, notifier: Notifier) -> bool {
        self.0.thread.set(notifier).is_ok()
    }
}

impl<T> Drop for QueueReceiver<T> {
    fn drop(&mut self) {
        self.0.receiver_gone.store(true, Release);
        // What nobody will take goes home now, not when the last producer happens to leave.
        for _ in 0..self.capacity() {
            if self.pop().is_none() {
                break;
            }
        }
    }
}
