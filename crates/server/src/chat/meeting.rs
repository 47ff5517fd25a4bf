//! What meetings ask of chat: a thread of their own, and who is in it.

use std::sync::Arc;

use sidetone_chat::{NewMeetingThread, Refused, Thread};
use sidetone_organisation::OrganisationId;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::{Identifier, Reason};
use uuid::Uuid;

use super::threads::Entry;
use super::{Chats, problem};
use crate::api::caller::Actor;
use crate::api::problem::Problem;

#[allow(dead_code, reason = "asked for by meetings, which are made beside this")]
impl Chats {
    /// Opens the thread of a meeting. Kept with the meeting, the id opens it again; opening one that is open changes
    /// nothing.
    ///
    /// # Errors
    /// A topic that cannot be taken; the store.
    pub(crate) async fn open_for_meeting(
        self: &Arc<Self>,
        thread: ThreadId,
        organisation: OrganisationId,
        organiser: Identifier,
        topic: &str,
        channel: bool,
    ) -> Result<ThreadId, Problem> {
        let _beginning = self.beginning.lock().await;
        if self.threads.find(thread).is_some() {
            return Ok(thread);
        }
        let new = NewMeetingThread {
            id: thread,
            channel,
            topic: topic.to_owned(),
            organisation,
            organiser,
        };
        self.begin(&Actor::Service, |context| Thread::begin_meeting(context, new))
            .await
    }

    /// Somebody is in the meeting: at once, from the lobby, or again.
    ///
    /// # Errors
    /// No such thread; as many participants as there may be; the store.
    pub(crate) async fn participant_joined(
        self: &Arc<Self>,
        thread: ThreadId,
        who: Identifier,
        name: Option<String>,
    ) -> Result<(), Problem> {
        self.change(&Actor::Service, thread, |thread, context| {
            thread.joined(context, who, name)
        })
        .await
    }

    /// Somebody left the meeting, or was removed from it.
    ///
    /// # Errors
    /// No such thread or participant; the store.
    pub(crate) async fn participant_left(
        self: &Arc<Self>,
        thread: ThreadId,
        who: &Identifier,
    ) -> Result<(), Problem> {
        self.change(&Actor::Service, thread, |thread, context| {
            thread.left(context, who)
        })
        .await
    }

    /// The meeting is over, or begins (again).
    ///
    /// # Errors
    /// No such thread; the store.
    pub(crate) async fn meeting_over(self: &Arc<Self>, thread: ThreadId, over: bool) -> Result<(), Problem> {
        self.change(&Actor::Service, thread, |thread, context| {
            thread.meeting_over(context, over)
        })
        .await
    }
}

impl Chats {
    /// Begins a thread, and carries out what that asks for.
    pub(super) async fn begin(
        self: &Arc<Self>,
        by: &Actor,
        wish: impl FnOnce(sidetone_chat::Context<'_>) -> Result<sidetone_chat::Outcome<ThreadId>, Refused>,
    ) -> Result<ThreadId, Problem> {
        let outcome = {
            let world = self.registry.world();
            wish(self.context(&world, &|_| true)).map_err(problem)?
        };
        let thread = Thread::begun(&outcome.plan).ok_or_else(|| problem(Reason::NO_SUCH_THREAD.into()))?;
        let entry = Entry::new(thread, true);
        let changing = entry.changing.clone().lock_owned().await;
        // In the list once it is written.
        self.done(by, &entry, outcome.plan, changing).await?;
        self.threads.insert(&entry);
        Ok(outcome.value)
    }
}

/// A new thread's id.
pub(super) fn new_id() -> ThreadId {
    ThreadId(Uuid::new_v4())
}
