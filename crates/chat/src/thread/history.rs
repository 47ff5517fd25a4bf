//! Reading back: pages of messages, and what changed since a version.

use std::ops::Bound;

use sidetone_signaling::Identifier;

use crate::limits::PAGE;
use crate::{Actor, Context, Participant, ReadMark, Refused, Thread};

/// A page of messages, the newest first: their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Which messages.
    pub messages: Vec<u64>,
    /// Older ones follow below this id; absent on the last page.
    pub next: Option<u64>,
}

/// What changed since a version, in the order in which it did, as far as the asker may see it. Each thing once, as it is
/// now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// What is said of the thread as a whole changed.
    pub thread: bool,
    /// People who came, went or changed.
    pub participants: Vec<Identifier>,
    /// Messages that were sent, changed or deleted.
    pub messages: Vec<u64>,
    /// Everything up to this version is told with these.
    pub version: u64,
    /// There is more: ask again with the version above.
    pub more: bool,
}

/// Who has read up to where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipts {
    /// Each reader's.
    Each(Vec<(Identifier, ReadMark)>),
    /// In a thread of many: at each place, how many have read up to there or further, the oldest place first.
    Counts(Vec<(u64, u32)>),
}

impl Thread {
    /// A page of messages below `before` (the newest without), at most 200.
    ///
    /// # Errors
    /// Not (any more) somebody who may read here.
    pub fn page(
        &self,
        context: Context<'_>,
        actor: &Actor,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page, Refused> {
        let participant = self.reads(context, actor)?;
        let limit = limit.clamp(1, PAGE);
        let end = before.unwrap_or(u64::MAX);
        let mut messages = Vec::new();
        let below = self.heads.range((Bound::Unbounded, Bound::Excluded(end)));
        for id in below.rev().map(|(id, _)| *id).filter(|id| participant.sees(*id)) {
            if messages.len() == limit {
                let next = messages.last().copied();
                return Ok(Page { messages, next });
            }
            messages.push(id);
        }
        Ok(Page { messages, next: None })
    }

    /// What changed since a version, at most about `limit` things and 200. What one version changed stays together.
    ///
    /// # Errors
    /// Not (any more) somebody who may read here.
    pub fn changes(
        &self,
        context: Context<'_>,
        actor: &Actor,
        since: u64,
        limit: usize,
    ) -> Result<Changes, Refused> {
        let reader = self.reads(context, actor)?;
        let limit = limit.clamp(1, PAGE);
        let mut all: Vec<(u64, Changed<'_>)> = Vec::new();
        if self.record().version > since {
            all.push((self.record().version, Changed::Thread));
        }
        let people = self.people().filter(|one| one.version > since);
        all.extend(people.map(|one| (one.version, Changed::Participant(one))));
        let messages = self
            .versions
            .range((Bound::Excluded((since, u64::MAX)), Bound::Unbounded));
        all.extend(
            messages
                .filter(|(_, id)| reader.sees(*id))
                .map(|(version, id)| (*version, Changed::Message(*id))),
        );
        all.sort_by_key(|(version, _)| *version);
        let mut changes = Changes {
            version: self.version(),
            ..Changes::default()
        };
        for (index, (version, changed)) in all.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|last| all.get(last));
            if index >= limit
                && let Some((last, _)) = before.filter(|(last, _)| last != version)
            {
                changes.version = *last;
                changes.more = true;
                break;
            }
            match changed {
                Changed::Thread => changes.thread = true,
                Changed::Participant(one) => changes.participants.push(one.identity.clone()),
                Changed::Message(id) => changes.messages.push(*id),
            }
        }
        Ok(changes)
    }

    /// Whether a thread is on somebody's list: they may read it, and something is in it that they have not hidden.
    pub fn is_listed(&self, context: Context<'_>, actor: &Actor) -> bool {
        self.reads(context, actor)
            .is_ok_and(|one| one.hidden_through == 0 || one.hidden_through < self.last_message())
    }
}

enum Changed<'a> {
    Thread,
    Participant(&'a Participant),
    Message(u64),
}
