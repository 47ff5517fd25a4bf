//! The bus of one process: a list of subscribers.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::fits;
use crate::bus::{Bus, Message, Subscription};
use crate::mailbox::{MailboxSender, mailbox};
use crate::{Pattern, StoreError, Subject};

#[derive(Default)]
pub(crate) struct LocalBus {
    subscribers: Mutex<Vec<(Pattern, MailboxSender<Message>)>>,
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), StoreError> {
        fits(payload.len())?;
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|(pattern, sender)| {
            if pattern.matches(subject) {
                sender.send(Message {
                    subject: subject.clone(),
                    payload: payload.clone(),
                })
            } else {
                true
            }
        });
        Ok(())
    }

    async fn subscribe(&self, pattern: &Pattern, capacity: usize) -> Result<Subscription, StoreError> {
        let (sender, receiver) = mailbox(capacity);
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        // Publishing prunes only what it matches; joining prunes the rest, so the list stays bounded.
        subscribers.retain(|(_, sender)| !sender.is_closed());
        subscribers.push((pattern.clone(), sender));
        Ok(Subscription::new(receiver))
    }
}
