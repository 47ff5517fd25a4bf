//! Publish and subscribe by subject.

use async_trait::async_trait;
use bytes::Bytes;

use crate::mailbox::MailboxReceiver;
use crate::{Delivery, Pattern, StoreError, Subject};

/// One published message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it was published.
    pub subject: Subject,
    /// What was published, up to [`crate::MAX_PAYLOAD_BYTES`].
    pub payload: Bytes,
}

/// Publish and subscribe, at most once, kept nowhere.
///
/// **Ordering**: a subscriber sees the messages of one publisher in the order they were published; between
/// publishers there is no order. **Durability**: none; who is not subscribed when a message is published never
/// sees it. **Slow subscribers**: never hold up a publisher; what does not fit into their queue is dropped and
/// reported to them in place ([`Delivery::Lost`]).
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes to every current subscriber whose pattern matches, the publisher's own included. That it returns does
    /// not say that anybody has it yet.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]; a clustered implementation also [`StoreError::Storage`] without a connection.
    async fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), StoreError>;

    /// Subscribes; messages published after this returns are delivered. `capacity` is the number of messages
    /// that may wait (at least 1): more rides out longer pauses of the reader and costs memory.
    ///
    /// # Errors
    /// A clustered implementation: [`StoreError::Storage`] without a connection. The embedded one has none.
    async fn subscribe(&self, pattern: &Pattern, capacity: usize) -> Result<Subscription, StoreError>;
}

/// A subscriber's end. Dropping it unsubscribes.
pub struct Subscription {
    receiver: MailboxReceiver<Message>,
}

impl Subscription {
    /// A subscription to what an implementation sends.
    pub fn new(receiver: MailboxReceiver<Message>) -> Self {
        Self { receiver }
    }

    /// Waits for the next message or loss report; `None` once the bus is closed. Cancel safe.
    pub async fn next(&mut self) -> Option<Delivery<Message>> {
        self.receiver.next().await
    }

    /// What is waiting right now, without waiting.
    pub fn try_next(&mut self) -> Option<Delivery<Message>> {
        self.receiver.try_next()
    }
}
