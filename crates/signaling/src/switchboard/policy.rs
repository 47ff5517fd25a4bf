//! What the switchboard asks of whoever knows the people: may this call be placed, where does it go, and what is
//! everyone called. The answers are given at once, from memory.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::chat::ThreadId;
use crate::protocol::{CallId, NoticeKind};

/// A call that someone wants to place, as the policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct CallRequest<'a> {
    /// The call.
    pub call: CallId,
    /// Who calls.
    pub from: &'a Identifier,
    /// Whom.
    pub to: &'a Identifier,
    /// What for.
    pub purpose: Purpose,
}

/// What a call is placed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To talk.
    Talk,
    /// To talk to the callee and nobody else: rules that would send it elsewhere are not asked.
    TalkToCallee,
    /// To leave the callee a message.
    LeaveMessage,
}

/// A call that someone wants to hand over.
#[derive(Clone, Copy, Debug)]
pub struct TransferRequest<'a> {
    /// Who hands it over.
    pub transferor: &'a Identifier,
    /// Who is at its other end.
    pub transferee: &'a Identifier,
    /// Who is to get it.
    pub target: &'a Identifier,
    /// How the target is called.
    pub purpose: Purpose,
    /// Whether the target was asked first, in a call of its own.
    pub consulted: bool,
}

/// How the endpoints of an identity can be reached, at best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Availability {
    /// It has none.
    NotRegistered,
    /// It has some, and none is online.
    Offline,
    /// One is online.
    Online,
}

/// How an identity can be reached right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// At best.
    pub availability: Availability,
    /// Whether it is in a call.
    pub busy: bool,
}

/// Looks up how an identity can be reached right now.
pub type Reaches<'a> = &'a dyn Fn(&Identifier) -> Reach;

/// Why nobody answered where a call rang.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unanswered {
    /// It rang long enough.
    NoAnswer,
    /// Everyone there is in another call.
    Busy,
    /// The endpoints were lost, or are offline.
    Unreachable,
}

/// An identity whose endpoints ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whose.
    pub identity: Identifier,
    /// How long after the call came here.
    pub after: Duration,
}

/// Where a call goes: who rings, and what follows when nobody answers.
#[derive(Debug)]
pub struct Route {
    /// Who rings.
    pub targets: Vec<Target>,
    /// Whose call it is that rings here. Where absent, that of the one who was called.
    pub on_behalf_of: Option<Identifier>,
    /// Who else may take the call while it rings here.
    pub pickup: BTreeSet<Identifier>,
    /// How long it rings here before it goes on. Without it, it rings as long as a call may.
    pub give_up_after: Option<Duration>,
    /// Where it goes when nobody answers here.
    pub onward: Option<Box<dyn Onward>>,
}

impl Route {
    /// Straight to one identity, and nowhere else.
    pub fn direct(identity: Identifier) -> Self {
        let target = Target {
            identity,
            after: Duration::ZERO,
        };
        Self {
            targets: vec![target],
            on_behalf_of: None,
            pickup: BTreeSet::new(),
            give_up_after: None,
            onward: None,
        }
    }
}

/// The rest of a call's way.
pub trait Onward: fmt::Debug + Send {
    /// Where the call goes now.
    ///
    /// # Errors
    /// The reason with which the call ends instead.
    fn reroute(self: Box<Self>, why: Unanswered, reach: Reaches<'_>) -> Result<Route, Reason>;
}

/// Whether people are asked before they are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consented {
    /// Who stays after the notice agrees.
    Assumed,
    /// Nobody's sound is sent before they have said so.
    Asked,
}

/// Decides who may call whom, and where calls go.
pub trait Policy: Send {
    /// Where a call goes, or why it may not be placed.
    ///
    /// # Errors
    /// The reason that the caller is given, such as [`Reason::NOT_ALLOWED`].
    fn route(&self, request: CallRequest<'_>, reach: Reaches<'_>) -> Result<Route, Reason>;

    /// Whether `actor` may call as `member`.
    ///
    /// # Errors
    /// The reason that the caller is given. Nobody may act for another where nothing else is said.
    fn act_for(&self, actor: &Identifier, member: &Identifier) -> Result<(), Reason> {
        let _ = (actor, member);
        Err(Reason::NOT_DELEGATED)
    }

    /// Whether `from` may call `to` out of a chat thread.
    ///
    /// # Errors
    /// The reason that the caller is given. There are no threads where nothing else is said.
    fn call_from_thread(&self, from: &Identifier, to: &Identifier, thread: ThreadId) -> Result<(), Reason> {
        let _ = (from, to, thread);
        Err(Reason::NO_SUCH_THREAD)
    }

    /// Those who are rung when `from` calls everybody in a chat thread. Whether that may be is asked by whoever carries it
    /// out; nobody where it may not.
    fn company(&self, from: &Identifier, thread: ThreadId) -> Vec<Identifier> {
        let _ = (from, thread);
        Vec::new()
    }

    /// Whether a call may be handed over. Where the target's call then goes is asked by [`Policy::route`].
    ///
    /// # Errors
    /// The reason that the transferor is given.
    fn transfer(&self, request: TransferRequest<'_>) -> Result<(), Reason> {
        let _ = request;
        Ok(())
    }

    /// Whether `by` may record or transcribe a call with `other`, and whether everyone else must agree to it first.
    ///
    /// # Errors
    /// The reason that `by` is given.
    fn notice(&self, kind: NoticeKind, by: &Identifier, other: &Identifier) -> Result<Consented, Reason> {
        let _ = (kind, by, other);
        Ok(Consented::Assumed)
    }

    /// What everyone is shown as the name of `identity`, whose program asks for `wanted` (empty for no wish).
    fn display_name(&self, identity: &Identifier, wanted: &str) -> String {
        let _ = identity;
        wanted.to_owned()
    }
}

/// Lets every call through to whom it is for, under the names that programs give.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Policy for AllowAll {
    fn route(&self, request: CallRequest<'_>, _: Reaches<'_>) -> Result<Route, Reason> {
        Ok(Route::direct(request.to.clone()))
    }

    fn call_from_thread(&self, _: &Identifier, _: &Identifier, _: ThreadId) -> Result<(), Reason> {
        Ok(())
    }
}
