//! What goes into a routing decision, and what comes out.

use std::collections::BTreeSet;
use std::time::Duration;

use sidetone_signaling::Identifier;

use crate::{Presence, Refusal};

/// How often one call may be forwarded. More lets longer chains of rules work, and lets a caller wait longer.
pub const MAX_FORWARDS: usize = 5;

/// How someone can be reached right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// At best.
    pub presence: Presence,
    /// Whether they are in a call.
    pub busy: bool,
}

/// A call that is to be routed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Who calls.
    pub from: Identifier,
    /// Whom.
    pub to: Identifier,
    /// Whether rules may send it elsewhere. Who hands a call over can ask for the person and nobody else.
    pub forwarding: bool,
}

impl Attempt {
    /// An ordinary call.
    pub fn new(from: Identifier, to: Identifier) -> Self {
        Self {
            from,
            to,
            forwarding: true,
        }
    }
}

/// Where a call goes, and how it got there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The call as it was placed.
    pub attempt: Attempt,
    /// The forwards it took, in their order.
    pub hops: Vec<Hop>,
    /// The rules that were passed over.
    pub skipped: Vec<Skipped>,
    /// Where it goes.
    pub decision: Decision,
}

impl Routed {
    /// Who the call is at: the callee, or the last that it was forwarded to.
    pub fn callee(&self) -> &Identifier {
        self.hops.last().map_or(&self.attempt.to, |hop| &hop.to)
    }
}

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It rings.
    Ring(Ring),
    /// The caller may leave a message.
    Voicemail {
        /// For whom.
        mailbox: Identifier,
    },
}

/// Who rings, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Who, in the order of time, nobody twice. Never empty.
    pub targets: Vec<RingTarget>,
    /// Who else may take the call while it rings.
    pub pickup: BTreeSet<Identifier>,
    /// When to ask again with [`Outcome::NoAnswer`]: only where something else would follow.
    pub give_up_after: Option<Duration>,
}

/// Someone who rings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingTarget {
    /// Who.
    pub identity: Identifier,
    /// How long after the first.
    pub after: Duration,
}

/// What came of ringing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nobody answered.
    NoAnswer,
    /// Every endpoint was busy.
    Busy,
    /// Every endpoint was lost.
    Unreachable,
}

/// A forward that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Whose rule it was.
    pub from: Identifier,
    /// Where it led.
    pub to: Identifier,
    /// Which rule.
    pub cause: Cause,
}

/// A rule that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Whose rule it was.
    pub of: Identifier,
    /// Which rule.
    pub cause: Cause,
    /// Why.
    pub refusal: Refusal,
}

/// Which rule sent a call elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Every call.
    Always,
    /// The member was busy.
    Busy,
    /// The member did not answer.
    NoAnswer,
    /// The member was not online.
    Offline,
    /// Someone rings with the member.
    AlsoRing,
}
