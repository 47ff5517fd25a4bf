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

/// Facts on their way here. Not bounded: somebody whose coming was forgotten would be without the conversation for the
/// whole meeting, and there are as many as people who come and go.
pub(crate) type Facts = mpsc::UnboundedSender<Fact>;

/// Whether a fact is of interest here.
pub(super) fn concerns(fact: &Fact) -> bool {
    match fact {
        Fact::Started { meeting, .. } | Fact::Ended { meeting, .. } => meeting.is_some(),
        Fact::Joined { .. } | Fact::Left { .. } => true,
        Fact::Escalated { .. } | Fact::Invited { .. } | Fact::Waits { .. } => false,
    }
}

/// Follows meetings until there will be no more.
pub(crate) async fn follow(
    chats: Arc<Chats>,
    registry: Arc<Registry>,
    mut facts: mpsc::UnboundedReceiver<Fact>,
) {
    let mut running: HashMap<CallId, ThreadId> = HashMap::new();
    while let Some(fact) = facts.recv().await {
        let call = match &fact {
            Fact::Started { call, .. }
            | Fact::Escalated { call }
            | Fact::Invited { call, .. }
            | Fact::Waits { call, .. }
            | Fact::Joined { call, .. }
            | Fact::Left { call, .. }
            | Fact::Ended { call, .. } => *call,
        };
        let carried_out = match (fact, running.get(&call).copied()) {
            (
                Fact::Started {
                    meeting: Some(of), ..
                },
                _,
            ) => match begin(&chats, &registry, of).await {
                Ok(Some(thread)) => {
                    running.insert(call, thread);
                    Ok(())
                }
                Ok(None) => Ok(()),
                Err(problem) => Err(problem),
            },
            (Fact::Joined { who, .. }, Some(thread)) => {
                let name = Some(who.display_name);
                chats.participant_joined(thread, who.identity, name).await
            }
            (Fact::Left { who, .. }, Some(thread)) => chats.participant_left(thread, &who.identity).await,
            (Fact::Ended { .. }, Some(thread)) => {
                running.remove(&call);
                chats.meeting_over(thread, true).await
            }
            _ => Ok(()),
        };
        if let Err(problem) = carried_out {
            tracing::warn!(%call, ?problem, "the conversation of a meeting could not follow it");
        }
    }
}

/// Opens the conversation of a meeting that has one.
async fn begin(
    chats: &Arc<Chats>,
    registry: &Registry,
    (organisation, meeting): (OrganisationId, MeetingId),
) -> Result<Option<ThreadId>, Problem> {
    let found = registry.world().meeting(&organisation, &meeting).cloned();
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
