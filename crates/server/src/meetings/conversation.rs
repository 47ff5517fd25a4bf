//! The conversation beside a meeting: it opens when the meeting begins, and those who are in the meeting are in it.
//!
//! A task of its own: what is said of a meeting waits for the store here, and the meeting waits for nothing.

use std::collections::HashMap;
use std::sync::Arc;

use sidetone_meeting::Fact;
use sidetone_organisation::{MeetingId, MeetingKind, OrganisationId};
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
            Fact::Joined { call, who } => {
                Some(Self::Came(*call, who.identity.clone(), who.display_name.clone()))
            }
            Fact::Left { call, who, .. } => Some(Self::Went(*call, who.identity.clone())),
            Fact::Ended { call, .. } => Some(Self::Over(*call)),
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
    let channel = meeting.kind == MeetingKind::Channel;
    let organiser = Identifier::Member {
        organisation: organisation.label().clone(),
        user: meeting.organiser.label().clone(),
    };
    chats
        .open_for_meeting(thread, organisation, organiser, &meeting.subject, channel)
        .await?;
    chats.meeting_over(thread, false).await?;
    Ok(Some(thread))
}
