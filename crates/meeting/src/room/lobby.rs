//! The lobby: letting in, turning away, and what changes for those who wait when members come and go.

use std::time::Instant;

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    Capability, CapabilityCause, Lobby, LobbyEntry, LobbyReason, ParticipantId, Passage, Unlobbied,
};
use sidetone_signaling::protocol::{Event, SessionId};

use super::board::manages_lobby;
use super::participant::{Participant, Place};
use super::{Context, Room};

impl Room {
    /// Who waits, in the order in which they came.
    pub(super) fn waiting(&self) -> Vec<ParticipantId> {
        let waiting = self
            .participants
            .values()
            .filter(|participant| participant.is_waiting());
        waiting.map(|participant| participant.id).collect()
    }

    /// Somebody inside lets these in.
    pub(crate) fn admit_by(
        &mut self,
        by: ParticipantId,
        who: &[ParticipantId],
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(by, Capability::ManageLobby)?;
        self.admit(who, cx)
    }

    /// Lets in those of these who wait. The first that cannot be let in keeps the others out too.
    pub(crate) fn admit(&mut self, who: &[ParticipantId], cx: &mut Context<'_>) -> Result<(), Reason> {
        for id in who {
            let Some(participant) = self.participants.get(id).filter(|known| known.is_waiting()) else {
                continue;
            };
            if self.waits_for_member(*id) {
                // L33: there is nobody who could answer for them.
                return Err(Reason::MEETING_RESTRICTED);
            }
            // They count from now on.
            self.has_room_for(participant)?;
            self.let_in(*id, cx);
        }
        Ok(())
    }

    fn waits_for_member(&self, id: ParticipantId) -> bool {
        let waiting = LobbyReason::WaitingForMember;
        matches!(self.participants.get(&id).map(|p| &p.place), Some(Place::Waiting { reason, .. }) if *reason == waiting)
    }

    pub(crate) fn admit_all_by(&mut self, by: ParticipantId, cx: &mut Context<'_>) -> Result<(), Reason> {
        self.require(by, Capability::ManageLobby)?;
        let waiting = self.waiting();
        self.admit(&waiting, cx)
    }

    pub(crate) fn admit_all(&mut self, cx: &mut Context<'_>) -> Result<(), Reason> {
        let waiting = self.waiting();
        self.admit(&waiting, cx)
    }

    fn let_in(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if let Some(participant) = self.participants.get(&id) {
            let identity = participant.identity.clone();
            self.put_out.remove(&identity);
        }
        let before = self
            .participants
            .get(&id)
            .map(|participant| participant.capabilities.clone());
        self.tell_passage(id, Passage::Connected, cx);
        self.enter(id, cx);
        if let Some(before) = before {
            self.tell_capabilities(id, &before, CapabilityCause::Admitted, cx);
        }
        // Away or not, it is told of changes from now on: where it is away, it gets them when it is back.
        if let Some(participant) = self.participants.get_mut(&id) {
            participant.shown_before = participant.session.is_some();
        }
        self.welcome(id, cx);
    }

    pub(crate) fn reject_by(
        &mut self,
        by: ParticipantId,
        who: &[ParticipantId],
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(by, Capability::ManageLobby)?;
        self.reject(who, cx);
        Ok(())
    }

    /// Turns away those of these who wait. They may try again.
    pub(crate) fn reject(&mut self, who: &[ParticipantId], cx: &mut Context<'_>) {
        for id in who {
            if self.participants.get(id).is_some_and(|known| known.is_waiting()) {
                self.put_out(*id, &Reason::LOBBY_DENIED, cx);
            }
        }
    }

    pub(crate) fn reject_all(&mut self, cx: &mut Context<'_>) {
        let waiting = self.waiting();
        self.reject(&waiting, cx);
    }

    /// Somebody waited as long as they may.
    pub(crate) fn lobby_over(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if self.participants.get(&id).is_some_and(|known| known.is_waiting()) {
            self.put_out(id, &Reason::LOBBY_TIMEOUT, cx);
        }
    }

    /// What those who wait wait for may have come, or gone (rows c, d and l).
    pub(super) fn reconsider(&mut self, cx: &mut Context<'_>) {
        if self.is_over() {
            return;
        }
        for id in self.waiting() {
            let Some(participant) = self.participants.get(&id) else {
                continue;
            };
            match self.decide(participant) {
                Err(reason) => self.put_out(id, &reason, cx),
                // Where it is full they go on waiting, and somebody may make room.
                Ok(Passage::Connected) if self.has_room_for(participant).is_ok() => self.let_in(id, cx),
                Ok(Passage::Connected) => self.waits_now(id, LobbyReason::WaitingForAdmission, cx),
                Ok(Passage::InLobby { reason }) => self.waits_now(id, reason, cx),
            }
        }
    }

    fn waits_now(&mut self, id: ParticipantId, now: LobbyReason, cx: &mut Context<'_>) {
        if let Some(participant) = self.participants.get_mut(&id)
            && let Place::Waiting { reason, .. } = &mut participant.place
            && *reason != now
        {
            *reason = now;
            self.tell_passage(id, Passage::InLobby { reason: now }, cx);
        }
    }

    /// Tells those who may let people in who waits, and who no longer does.
    pub(super) fn flush_lobby(&mut self, cx: &mut Context<'_>) {
        let mut added = Vec::new();
        for id in std::mem::take(&mut self.board.lobby_dirty) {
            if let Some((entry, since)) = self.lobby_entry(id, cx)
                && self.board.lobby.insert(id, (entry.clone(), since)).is_none()
            {
                added.push(entry);
            }
        }
        let removed: Vec<Unlobbied> = std::mem::take(&mut self.board.unlobbied)
            .into_iter()
            .filter(|(id, _)| self.board.lobby.remove(id).is_some())
            .map(|(participant, why)| Unlobbied { participant, why })
            .collect();
        if added.is_empty() && removed.is_empty() {
            return;
        }
        let keepers = self
            .participants
            .values()
            .filter(|known| manages_lobby(&known.capabilities));
        let sessions = keepers.filter_map(Participant::welcomed_session).collect();
        cx.tell(
            sessions,
            Event::MeetingLobby(Lobby {
                call: self.call,
                snapshot: false,
                added,
                removed,
            }),
        );
    }

    fn lobby_entry(&self, id: ParticipantId, cx: &Context<'_>) -> Option<(LobbyEntry, Instant)> {
        let participant = self.participants.get(&id)?;
        let Place::Waiting { since, .. } = participant.place else {
            return None;
        };
        let entry = LobbyEntry {
            participant: id,
            identity: participant.identity.clone(),
            display_name: participant.display_name.clone(),
            kind: participant.kind,
            waited_ms: cx.now.saturating_duration_since(since).into(),
        };
        Some((entry, since))
    }

    /// Shows somebody who waits, as it was told; nobody, where they may not let people in.
    pub(super) fn show_lobby(&self, session: SessionId, manages: bool, cx: &mut Context<'_>) {
        let now = cx.now;
        let waiting = self.board.lobby.values().filter(|_| manages);
        let added = waiting
            .map(|(entry, since)| LobbyEntry {
                waited_ms: now.saturating_duration_since(*since).into(),
                ..entry.clone()
            })
            .collect();
        cx.tell_one(
            session,
            Event::MeetingLobby(Lobby {
                call: self.call,
                snapshot: true,
                added,
                removed: Vec::new(),
            }),
        );
    }
}
