//! What a crash may have kept from being told: applications are sent the events of the last change again, and know those
//! that come twice by their ids.

use std::collections::BTreeSet;

use sidetone_ledger::{Scope, UsageRecord};

use crate::{Body, Message, News, Thread};

/// What is to be told again, and what was used.
pub type Unfinished = (Vec<News>, Vec<(UsageRecord, BTreeSet<Scope>)>);

impl Thread {
    /// The message that the last change was about, if it was about one.
    pub fn last_changed(&self) -> Option<u64> {
        let (version, id) = self.versions.last()?;
        (*version == self.version()).then_some(*id)
    }

    /// The last change, told again. `message` is the one that [`Thread::last_changed`] named, as it is kept.
    pub fn last_news(&self, message: Message) -> Unfinished {
        let by = message.sender.clone();
        let at = message.created;
        if message.deleted.is_some() {
            return (vec![News::Unsaid(message)], Vec::new());
        }
        let changed = message.edited.is_some() || message.pinned;
        if changed || !message.reactions.is_empty() || !message.previews.is_empty() {
            let by = self.record().created_by.clone();
            return (vec![News::Changed { message, by }], Vec::new());
        }
        let first = match &message.body {
            Body::ParticipantAdded { .. } if message.id == 1 && message.version == 1 => Some(News::Created),
            Body::ParticipantAdded { participants } => Some(News::Added {
                by,
                who: participants.clone(),
                at,
            }),
            Body::ParticipantRemoved { participants } => Some(News::Removed {
                by,
                who: participants.clone(),
                at,
                hide: false,
            }),
            Body::TopicUpdated { .. } => Some(News::Updated { by, at }),
            Body::Text { .. } | Body::Html { .. } => None,
        };
        let usage = if first.is_none() {
            vec![self.used_by(&message)]
        } else {
            Vec::new()
        };
        let sent = (!matches!(first, Some(News::Created))).then_some(News::Sent(message));
        (first.into_iter().chain(sent).collect(), usage)
    }
}
