//! What people do in a call: leaving it, muting, putting out, giving roles, locking, forbidding media, ending.

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    Capability, CapabilityCause, Changed, MediaAccess, MutedBy, ParticipantId, Role, SetRole, Standing,
};
use sidetone_signaling::protocol::{Event, Pictures, SessionId};

use super::participant::Place;
use super::{Context, House, Room};
use crate::rights::may_be_forbidden;

impl Room {
    /// An endpoint leaves, from inside or from before the door.
    pub(crate) fn leave(&mut self, session: SessionId, cx: &mut Context<'_>) -> Result<(), Reason> {
        let id = self.of(session)?;
        if let Some(participant) = self.participants.get_mut(&id)
            && participant.session != Some(session)
        {
            // It was only coming.
            participant.session.get_or_insert(session);
        }
        self.take_out(id, &Reason::HUNG_UP, cx);
        self.end_if_empty(cx);
        Ok(())
    }

    /// Somebody ends it for everyone.
    pub(crate) fn end_by(&mut self, by: ParticipantId, cx: &mut Context<'_>) -> Result<(), Reason> {
        self.require(by, Capability::EndForEveryone)?;
        self.end(&Reason::ENDED_FOR_ALL, &Reason::MEETING_ENDED, cx);
        Ok(())
    }

    /// Somebody switches their own microphone off or on.
    pub(crate) fn mute(
        &mut self,
        id: ParticipantId,
        muted: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        if !muted {
            self.require(id, Capability::UnmuteMic)?;
        }
        self.set_muted(id, muted, cx);
        Ok(())
    }

    fn set_muted(&mut self, id: ParticipantId, muted: bool, cx: &mut Context<'_>) {
        if let Some(participant) = self.participants.get_mut(&id)
            && participant.muted != muted
        {
            participant.muted = muted;
            self.refresh_rights(id, CapabilityCause::MediaAccessChanged, cx);
            self.goes_along(id, cx);
            self.touch(id, cx);
        }
    }

    /// Somebody sends other pictures than before.
    pub(crate) fn show(
        &mut self,
        id: ParticipantId,
        pictures: Pictures,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        if pictures.camera {
            self.require(id, Capability::TurnVideoOn)?;
        }
        if pictures.share {
            self.require(id, Capability::ShareScreen)?;
        }
        if let Some(participant) = self.participants.get_mut(&id)
            && participant.pictures != pictures
        {
            participant.pictures = pictures;
            self.touch(id, cx);
        }
        Ok(())
    }

    /// Somebody switches off the microphones of others.
    pub(crate) fn mute_others(
        &mut self,
        by: ParticipantId,
        who: &[ParticipantId],
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(by, Capability::MuteOthers)?;
        let targets: Vec<ParticipantId> = if who.is_empty() {
            self.participants.keys().copied().filter(|id| *id != by).collect()
        } else {
            self.known(who)?;
            who.to_vec()
        };
        for id in targets {
            let heard = self
                .participants
                .get(&id)
                .is_some_and(|participant| participant.is_inside() && !participant.muted);
            if heard {
                self.set_muted(id, true, cx);
                self.tell_muted(id, by, cx);
            }
        }
        Ok(())
    }

    fn tell_muted(&self, id: ParticipantId, by: ParticipantId, cx: &mut Context<'_>) {
        if let Some(session) = self
            .participants
            .get(&id)
            .and_then(|participant| participant.session)
        {
            cx.tell_one(session, Event::MeetingMutedBy(MutedBy { call: self.call, by }));
        }
    }

    /// Whether all of these are in.
    pub(super) fn known(&self, who: &[ParticipantId]) -> Result<(), Reason> {
        let inside = |id: &ParticipantId| self.participants.get(id).is_some_and(|known| known.is_inside());
        if who.iter().all(inside) {
            Ok(())
        } else {
            Err(Reason::NO_SUCH_PARTICIPANT)
        }
    }

    /// Somebody puts somebody out, or no longer has them rung.
    pub(crate) fn remove_by(
        &mut self,
        by: ParticipantId,
        who: ParticipantId,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(by, Capability::RemoveParticipant)?;
        let rank = |id| self.participants.get(&id).map(|participant| participant.role);
        let target = rank(who).ok_or(Reason::NO_SUCH_PARTICIPANT)?;
        // Nobody puts out whom they owe the meeting to.
        if matches!(target, Role::Organiser | Role::CoOrganiser) && rank(by) > Some(target) {
            return Err(Reason::ROLE_RESTRICTED);
        }
        self.remove(who, cx)
    }

    pub(crate) fn remove(&mut self, who: ParticipantId, cx: &mut Context<'_>) -> Result<(), Reason> {
        let participant = self.participants.get(&who).ok_or(Reason::NO_SUCH_PARTICIPANT)?;
        let reason = match participant.place {
            Place::Inside => Reason::REMOVED,
            Place::Ringing(_) => Reason::CANCELLED,
            Place::Knocking | Place::Waiting { .. } => return Err(Reason::NO_SUCH_PARTICIPANT),
        };
        if reason.is(&Reason::REMOVED) {
            let identity = participant.identity.clone();
            self.put_out.insert(identity);
        }
        self.put_out(who, &reason, cx);
        self.end_if_empty(cx);
        Ok(())
    }

    /// Somebody makes somebody something else.
    pub(crate) fn set_role(
        &mut self,
        by: ParticipantId,
        set: &SetRole,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(by, Capability::SetRole)?;
        self.known(&[set.participant])?;
        let participant = self.participants.get_mut(&set.participant);
        let participant = participant.ok_or(Reason::NO_SUCH_PARTICIPANT)?;
        if set.role == Role::Organiser || participant.role == Role::Organiser {
            // There is exactly one, and stays.
            return Err(Reason::ROLE_RESTRICTED);
        }
        if participant.role == set.role {
            return Ok(());
        }
        participant.role = set.role;
        let identity = participant.identity.clone();
        self.given.insert(identity, set.role);
        self.refresh_rights(set.participant, CapabilityCause::RoleChanged, cx);
        self.goes_along(set.participant, cx);
        self.settle_away(cx);
        self.touch(set.participant, cx);
        Ok(())
    }

    /// Somebody closes the door, or opens it again.
    pub(crate) fn lock(
        &mut self,
        by: ParticipantId,
        locked: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(by, Capability::Lock)?;
        if self.locked != locked {
            self.locked = locked;
            self.tell_changed(cx);
        }
        Ok(())
    }

    pub(super) fn settings(&self) -> Changed {
        Changed {
            call: self.call,
            locked: self.locked,
            attendee_audio: self.attendee_audio,
            attendee_video: self.attendee_video,
        }
    }

    fn tell_changed(&self, cx: &mut Context<'_>) {
        cx.tell(self.audience(), Event::MeetingChanged(self.settings()));
    }

    /// Somebody forbids attendees their microphones or cameras, or permits them.
    pub(crate) fn media_access(
        &mut self,
        by: ParticipantId,
        access: &MediaAccess,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(by, Capability::MediaAccess)?;
        self.known(&access.participants)?;
        let all = access.participants.is_empty();
        let attendee = |id: &ParticipantId| {
            self.participants
                .get(id)
                .is_some_and(|participant| may_be_forbidden(participant.role))
        };
        let targets: Vec<ParticipantId> = if all {
            self.participants.keys().copied().filter(attendee).collect()
        } else if access.participants.iter().all(attendee) {
            access.participants.clone()
        } else {
            return Err(Reason::ROLE_RESTRICTED);
        };
        if all {
            self.attendee_audio = access.audio.unwrap_or(self.attendee_audio);
            self.attendee_video = access.video.unwrap_or(self.attendee_video);
            self.tell_changed(cx);
        }
        for id in targets {
            let Some(participant) = self.participants.get_mut(&id) else {
                continue;
            };
            // What is said of all replaces what was said of one.
            let said = |permitted: bool| if all { None } else { Some(!permitted) };
            let was_heard = !participant.muted;
            if let Some(permitted) = access.audio {
                participant.audio_forbidden = said(permitted);
            }
            if let Some(permitted) = access.video {
                participant.video_forbidden = said(permitted);
            }
            self.refresh_rights(id, CapabilityCause::MediaAccessChanged, cx);
            self.touch(id, cx);
            let silent = self
                .participants
                .get(&id)
                .is_some_and(|participant| participant.muted);
            if was_heard && silent && self.standing(id, Capability::UnmuteMic) == Standing::MeetingRestricted
            {
                self.tell_muted(id, by, cx);
            }
        }
        Ok(())
    }

    /// Who began a group call.
    pub(crate) fn starter(&self) -> Option<&sidetone_signaling::Identifier> {
        match &self.house {
            House::Group { starter, .. } => Some(starter),
            House::Meeting { .. } => None,
        }
    }

    /// Whether this identity was in this call, or is asked to come.
    pub(crate) fn knows(&self, identity: &sidetone_signaling::Identifier) -> bool {
        self.participants
            .values()
            .any(|participant| participant.identity == *identity)
            || self.stays.iter().any(|stay| stay.identity == *identity)
    }
}
