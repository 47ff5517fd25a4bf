//! The conversation beside a meeting: it opens when the meeting begins, and those who are in the meeting are in it.
//!
//! A task of its own: what is said of a meeting waits for the store here, and the meeting waits for nothing.

use std::collections::HashMap;
use std::sync::Arc;

use sidetone_meeting::Fact;
use sidetone_organisation::{Meeting, MeetingId, MeetingKind, OrganisationId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::chat::ThreadId;
use tokio::sync::mpsc;

use crate::api::problem::Problem;
use crate::api::registry::Registry;
use crate::chat::Chats;

/// What happens in meetings, on its way here. Not bounded: somebody whose coming was forgotten would be without the
/// conversation for the whole meeting, and there is as much of it as people come and go.
pub(crate) type News = mpsc::UnboundedSender<Happened>;

/// What a conversation follows.
#[derive(Debug)]
pub(crate) enum Happened {
    /// A meeting began.
    Began(CallId, OrganisationId, MeetingId),
    /// A breakout room of a meeting was opened, under this name, with this thread.
    Opened(CallId, OrganisationId, MeetingId, ThreadId, String),
    /// Somebody is in, under this name.
    Came(CallId, Identifier, String),
    /// Somebody is in no longer.
    Went(CallId, Identifier),
    /// It is over.
    Over(CallId),
}

impl Happened {
    /// None where a fact changes nothing here.
    pub(super) fn of(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::Started { call, meeting, .. } => {
                let (organisation, meeting) = meeting.clone()?;
                Some(Self::Began(*call, organisation, meeting))
            }
            Fact::BreakoutOpened {
                meeting,
                breakout,
                display_name,
                thread,
                ..
            } => {
                let (organisation, meeting) = meeting.clone();
                Some(Self::Opened(
                    *breakout,
                    organisation,
                    meeting,
                    (*thread)?,
                    display_name.clone(),
                ))
            }
            Fact::Joined { call, who }
            | Fact::BreakoutJoined {
                breakout: call, who, ..
            } => Some(Self::Came(*call, who.identity.clone(), who.display_name.clone())),
            Fact::Left { call, who, .. }
            | Fact::BreakoutLeft {
                breakout: call, who, ..
            } => Some(Self::Went(*call, who.identity.clone())),
            Fact::Ended { call, .. } | Fact::BreakoutClosed { breakout: call, .. } => Some(Self::Over(*call)),
            _ => None,
        }
    }
}

/// Follows meetings until there will be no more.
pub(crate) async fn follow(
    chats: Arc<Chats>,
    registry: Arc<Registry>,
    mut news: mpsc::UnboundedReceiver<Happened>,
) {
    let mut running: HashMap<CallId, ThreadId> = HashMap::new();
    while let Some(happened) = news.recv().await {
        let carried_out = match happened {
            Happened::Began(call, organisation, meeting) => {
                let begun = begin(&chats, &registry, organisation, &meeting).await;
                begun.map(|thread| running.extend(thread.map(|thread| (call, thread))))
            }
            Happened::Opened(call, organisation, meeting, thread, name) => {
                let opened = open(&chats, &registry, (organisation, meeting), thread, &name).await;
                opened.map(|opened| running.extend(opened.map(|thread| (call, thread))))
            }
            Happened::Came(call, who, name) => match running.get(&call) {
                Some(thread) => chats.participant_joined(*thread, who, Some(name)).await,
                None => Ok(()),
            },
            Happened::Went(call, who) => match running.get(&call) {
                Some(thread) => chats.participant_left(*thread, &who).await,
                None => Ok(()),
            },
            Happened::Over(call) => match running.remove(&call) {
                Some(thread) => chats.meeting_over(thread, true).await,
                None => Ok(()),
            },
        };
        if let Err(problem) = carried_out {
            tracing::warn!(?problem, "the conversation of a meeting could not follow it");
        }
    }
}

/// Opens the conversation of a meeting that has one.
async fn begin(
    chats: &Arc<Chats>,
    registry: &Registry,
    organisation: OrganisationId,
    meeting: &MeetingId,
) -> Result<Option<ThreadId>, Problem> {
    let found = registry.world().meeting(&organisation, meeting).cloned();
    let Some((meeting, thread)) = found.and_then(|meeting| {
        let thread = meeting.thread.as_ref()?.parse().ok()?;
        Some((meeting, ThreadId(thread)))
    }) else {
        return Ok(None);
    };
    let subject = meeting.subject.clone();
    begin_thread(chats, organisation, &meeting, thread, &subject)
        .await
        .map(Some)
}

/// Opens the conversation of a breakout room, each time that it opens.
async fn open(
    chats: &Arc<Chats>,
    registry: &Registry,
    (organisation, meeting): (OrganisationId, MeetingId),
    thread: ThreadId,
    name: &str,
) -> Result<Option<ThreadId>, Problem> {
    let Some(meeting) = registry.world().meeting(&organisation, &meeting).cloned() else {
        return Ok(None);
    };
    begin_thread(chats, organisation, &meeting, thread, name)
        .await
        .map(Some)
}

async fn begin_thread(
    chats: &Arc<Chats>,
    organisation: OrganisationId,
    meeting: &Meeting,
    thread: ThreadId,
    topic: &str,
) -> Result<ThreadId, Problem> {
    let channel = meeting.kind == MeetingKind::Channel;
    let organiser = Identifier::Member {
        organisation: organisation.label().clone(),
        user: meeting.organiser.label().clone(),
    };
    chats
        .open_for_meeting(thread, organisation, organiser, topic, channel)
        .await?;
    chats.meeting_over(thread, false).await?;
    Ok(thread)
}
