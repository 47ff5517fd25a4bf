//! What is to be done for a request that was granted.

use std::collections::BTreeSet;

use sidetone_ledger::{Scope, Timestamp, UsageRecord};
use sidetone_signaling::Identifier;

use crate::{Answer, Item, ItemKey, Message};

/// What is to be written, and told once it is written.
///
/// Written in this order: `before`, then `commit` (with which it is done), then `after` and `deletes`. Within each the
/// order makes no difference, and doing it again changes nothing. Cut off anywhere, the thread is whole when it is made
/// again from what is there: [`Thread::mend`](crate::Thread::mend) says what is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// To be written first.
    pub before: Vec<Item>,
    /// To be written next.
    pub commit: Vec<Item>,
    /// To be written last.
    pub after: Vec<Item>,
    /// To be deleted last.
    pub deletes: Vec<ItemKey>,
    /// What others are to be told when it is written and applied: see [`Thread::announce`](crate::Thread::announce).
    pub news: Vec<News>,
    /// What was used, and in whose lists it stands.
    pub usage: Vec<(UsageRecord, BTreeSet<Scope>)>,
    /// What is erased by this, for the audit.
    pub erased: Vec<Erased>,
}

impl Plan {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.commit.is_empty() && self.after.is_empty() && self.deletes.is_empty()
    }

    /// Every item that is written, in order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.before.iter().chain(&self.commit).chain(&self.after)
    }
}

/// A plan with the answer to the request.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<T> {
    /// The answer.
    pub value: T,
    /// What is to be done before it is given. Empty where it was done before.
    pub plan: Plan,
}

impl<T> Outcome<T> {
    /// An answer that asks for nothing to be done.
    pub(crate) fn known(value: T) -> Self {
        Self {
            value,
            plan: Plan::default(),
        }
    }

    /// The answer, and whether anything is done for it: false where it was done before.
    pub fn marked(self) -> Outcome<(T, bool)> {
        Outcome {
            value: (self.value, !self.plan.is_empty()),
            plan: self.plan,
        }
    }
}

impl Outcome<()> {
    /// One thing to be written, and one to be told.
    pub(crate) fn change(item: Item, news: News) -> Self {
        Self {
            value: (),
            plan: Plan {
                commit: vec![item],
                news: vec![news],
                ..Plan::default()
            },
        }
    }
}

/// Why something is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Somebody who may do so deleted it.
    Deleted,
    /// A retention policy.
    Retention,
    /// There is no policy, and it has been kept long enough.
    Age,
    /// The thread was deleted, and has been kept long enough since.
    ThreadDeleted,
    /// The message that it goes with is gone, or it was never sent.
    Orphaned,
    /// The hold that kept it is over.
    HoldEnded,
}

impl Cause {
    /// A word for the audit.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Retention => "retention",
            Self::Age => "age",
            Self::ThreadDeleted => "thread deleted",
            Self::Orphaned => "orphaned",
            Self::HoldEnded => "hold ended",
        }
    }
}

/// Something that is erased: the content of a message, a copy, a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// What.
    pub item: ItemKey,
    /// Which message it is of, where it is of one.
    pub message: Option<u64>,
    /// Why.
    pub cause: Cause,
    /// Whose audit log has it besides the deployment's.
    pub scope: Option<Scope>,
}

/// Something that others are told.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "passed on one at a time")]
pub enum News {
    /// The thread was begun.
    Created,
    /// A message was sent.
    Sent(Message),
    /// What a message says, its reactions, its previews or its pin changed.
    Changed {
        /// The message as it is now.
        message: Message,
        /// By whom.
        by: Identifier,
    },
    /// A message was deleted.
    Unsaid(Message),
    /// Somebody answered a card.
    Answered(Answer),
    /// Somebody types.
    Typing(Identifier),
    /// Somebody has read.
    Read {
        /// Who.
        by: Identifier,
        /// Up to which message.
        message: u64,
        /// When.
        at: Timestamp,
    },
    /// What is said of the thread as a whole changed.
    Updated {
        /// By whom.
        by: Identifier,
        /// When.
        at: Timestamp,
    },
    /// Some were added.
    Added {
        /// By whom.
        by: Identifier,
        /// Who.
        who: Vec<Identifier>,
        /// When.
        at: Timestamp,
    },
    /// Some were removed, or left.
    Removed {
        /// By whom.
        by: Identifier,
        /// Who.
        who: Vec<Identifier>,
        /// When.
        at: Timestamp,
        /// What was said is to be shown to them no longer.
        hide: bool,
    },
    /// Somebody hid the thread for themselves.
    Hidden {
        /// Who.
        by: Identifier,
        /// When.
        at: Timestamp,
    },
    /// The thread was deleted for all.
    Deleted {
        /// By whom.
        by: Identifier,
        /// When.
        at: Timestamp,
    },
}
