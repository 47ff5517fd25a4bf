//! Who waits before the door of a meeting.

use std::time::Duration;

use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::{self, LobbyAnswer, ParticipantId, PersonKind};

use crate::call::{Call, CallEvent};
use crate::pending::Pending;

/// Somebody who waits to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LobbyParticipant {
    /// Their number, which they keep inside.
    pub participant: ParticipantId,
    /// Who.
    pub identifier: Identifier,
    /// Their name, stamped by the service.
    pub display_name: String,
    /// What kind of person.
    pub kind: PersonKind,
    /// How long they had waited when this end was told of them.
    pub waited: Duration,
}

pub(super) fn apply(waiting: &mut Vec<LobbyParticipant>, told: meeting::Lobby) -> Option<CallEvent> {
    if told.snapshot {
        waiting.clear();
    }
    let mut removed = Vec::new();
    for gone in told.removed {
        if let Some(at) = waiting.iter().position(|one| one.participant == gone.participant) {
            removed.push((waiting.remove(at), gone.why));
        }
    }
    let mut added = Vec::new();
    for entry in told.added {
        waiting.retain(|one| one.participant != entry.participant);
        let one = LobbyParticipant {
            participant: entry.participant,
            identifier: entry.identity,
            display_name: entry.display_name,
            kind: entry.kind,
            waited: entry.waited_ms.into(),
        };
        added.push(one.clone());
        waiting.push(one);
    }
    let news = !added.is_empty() || !removed.is_empty();
    news.then_some(CallEvent::LobbyUpdated { added, removed })
}

/// The lobby of a meeting, for those who may let people in. See [`Call::lobby`].
#[derive(Clone, Debug)]
pub struct Lobby(Call);

impl Lobby {
    /// Who waits, the longest first. Changes come as [`CallEvent::LobbyUpdated`].
    pub fn participants(&self) -> Vec<LobbyParticipant> {
        self.0
            .in_meeting(|meeting| meeting.lobby.clone())
            .unwrap_or_default()
    }

    /// Lets somebody in. Who no longer waits is passed over.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to those who may not.
    pub fn admit(&self, participant: ParticipantId) -> Pending<()> {
        let participants = vec![participant];
        self.0
            .request(|call| Request::MeetingAdmit(LobbyAnswer { call, participants }))
    }

    /// Lets in all who wait.
    ///
    /// # Errors
    /// As of [`Lobby::admit`].
    pub fn admit_all(&self) -> Pending<()> {
        self.0
            .request(|call| Request::MeetingAdmitAll(meeting::Call { call }))
    }

    /// Turns somebody away. They may try again.
    ///
    /// # Errors
    /// As of [`Lobby::admit`].
    pub fn reject(&self, participant: ParticipantId) -> Pending<()> {
        let participants = vec![participant];
        self.0
            .request(|call| Request::MeetingReject(LobbyAnswer { call, participants }))
    }
}

impl Call {
    /// Who waits to be let in.
    pub fn lobby(&self) -> Lobby {
        Lobby(self.clone())
    }

    /// Why this end waits in the lobby, while it does.
    pub fn lobby_reason(&self) -> Option<meeting::LobbyReason> {
        self.in_meeting(|meeting| meeting.waits)?
    }
}
