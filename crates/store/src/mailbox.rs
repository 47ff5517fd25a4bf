//! A bounded queue to one slow reader: never blocks the sender, and tells the reader how much it missed, at the
//! very place where it missed it. Bus subscriptions and key watches are both mailboxes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What a bounded subscriber receives next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery<T> {
    /// The next item, in order.
    Item(T),
    /// This many items arrived here while the queue was full, and are gone.
    Lost(u64),
}

struct State<T> {
    queue: VecDeque<Delivery<T>>,
    items: usize,
    sender_gone: bool,
    receiver_gone: bool,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    capacity: usize,
    arrived: Notify,
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // No code that can panic runs under this lock, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next delivery, and whether none can follow.
    fn take(&self) -> (Option<Delivery<T>>, bool) {
        let mut state = self.state();
        let delivery = state.queue.pop_front();
        if matches!(delivery, Some(Delivery::Item(_))) {
            state.items -= 1;
        }
        (delivery, state.sender_gone)
    }
}

/// Sending half, kept by whoever publishes. Dropping it ends the reader's deliveries.
pub struct MailboxSender<T>(Arc<Shared<T>>);

/// Receiving half. Dropping it tells the sender that nobody reads any more.
pub struct MailboxReceiver<T>(Arc<Shared<T>>);

/// A mailbox for up to `capacity` (at least 1) waiting items.
pub fn mailbox<T>(capacity: usize) -> (MailboxSender<T>, MailboxReceiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            queue: VecDeque::new(),
            items: 0,
            sender_gone: false,
            receiver_gone: false,
        }),
        capacity: capacity.max(1),
        arrived: Notify::new(),
    });
    (MailboxSender(shared.clone()), MailboxReceiver(shared))
}

impl<T> MailboxSender<T> {
    /// Delivers or counts as lost. False when the reader is gone.
    pub fn send(&self, item: T) -> bool {
        {
            let mut state = self.0.state();
            if state.receiver_gone {
                return false;
            }
            if state.items < self.0.capacity {
                state.items += 1;
                state.queue.push_back(Delivery::Item(item));
            } else if let Some(Delivery::Lost(lost)) = state.queue.back_mut() {
                *lost += 1;
            } else {
                state.queue.push_back(Delivery::Lost(1));
            }
        }
        self.0.arrived.notify_one();
        true
    }

    /// True when the reader is gone.
    pub fn is_closed(&self) -> bool {
        self.0.state().receiver_gone
    }
}

impl<T> Drop for MailboxSender<T> {
    fn drop(&mut self) {
        self.0.state().sender_gone = true;
        self.0.arrived.notify_one();
    }
}

impl<T> MailboxReceiver<T> {
    /// The next delivery; `None` once the sender is gone and everything was read. Cancel safe.
    pub async fn next(&mut self) -> Option<Delivery<T>> {
        loop {
            let (delivery, over) = self.0.take();
            if delivery.is_some() || over {
                return delivery;
            }
            // A notification sent since the look above is kept for us.
            self.0.arrived.notified().await;
        }
    }

    /// The next delivery if one is waiting.
    pub fn try_next(&mut self) -> Option<Delivery<T>> {
        self.0.take().0
    }
}

impl<T> Drop for MailboxReceiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.receiver_gone = true;
        state.queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn losses_are_reported_where_they_happened() {
        let (sender, mut receiver) = mailbox(2);
        for item in 0..5 {
            assert!(sender.send(item));
        }
        assert_eq!(receiver.next().await, Some(Delivery::Item(0)));
        sender.send(5);
        drop(sender);
        assert_eq!(receiver.next().await, Some(Delivery::Item(1)));
        assert_eq!(receiver.next().await, Some(Delivery::Lost(3)));
        assert_eq!(receiver.next().await, Some(Delivery::Item(5)));
        assert_eq!(receiver.next().await, None);
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken_by_items_and_by_the_end() {
        let (sender, mut receiver) = mailbox(1);
        let reader = tokio::spawn(async move { (receiver.next().await, receiver.next().await) });
        tokio::task::yield_now().await;
        sender.send(7);
        tokio::task::yield_now().await;
        drop(sender);
        assert_eq!(reader.await.unwrap(), (Some(Delivery::Item(7)), None));
    }

    #[test]
    fn a_sender_learns_that_the_reader_left() {
        let (sender, receiver) = mailbox(1);
        drop(receiver);
        assert!(sender.is_closed());
        assert!(!sender.send(1));
    }
}
