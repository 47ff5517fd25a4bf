//! Asking people to come: ringing their endpoints until one of them comes, they say no, or it takes too long. And the
//! call between two that becomes one of more because somebody was asked to come.

use sidetone_organisation::Attendee;
use sidetone_signaling::protocol::meeting::{AddAnswer, Capability, Ended, Incoming, Moved, ParticipantId};
use sidetone_signaling::protocol::{Event, SessionId};
use sidetone_signaling::switchboard::{End, Pair, Way};
use sidetone_signaling::{Identifier, Reason};

use super::participant::Place;
use super::{Context, House, Room, Timer};
use crate::fact::Fact;
use crate::people::{Naming, person_kind};

impl Room {
    /// Somebody inside asks somebody to come.
    pub(crate) fn add_by(
        &mut self,
        by: ParticipantId,
        to: &Identifier,
        way: Result<Way, Reason>,
        cx: &mut Context<'_>,
    ) -> Result<AddAnswer, Reason> {
        self.require(
            by,
            match to {
                Identifier::Member { .. } | Identifier::Application { .. } => Capability::AddMember,
                Identifier::Phone { .. } => Capability::AddPhoneNumber,
                _ => Capability::AddExternalUser,
            },
        )?;
        let from = self
            .participants
            .get(&by)
            .ok_or(Reason::NO_SUCH_CALL)?
            .identity
            .clone();
        cx.people.may_add(&from, to)?;
        self.ring(&from, to, way, cx)
    }

    /// Rings somebody on behalf of `from`, where a call to them goes.
    pub(crate) fn ring(
        &mut self,
        from: &Identifier,
        to: &Identifier,
        way: Result<Way, Reason>,
        cx: &mut Context<'_>,
    ) -> Result<AddAnswer, Reason> {
        if self
            .participants
            .values()
            .any(|known| known.identity == *to && !known.is_waiting())
        {
            return Err(Reason::ALREADY_INVITED);
        }
        if let Some(waits) = self.participants.values().find(|known| known.identity == *to) {
            // Before the door: whoever asks them to come lets them in.
            let participant = waits.id;
            self.admit(&[participant], cx)?;
            return Ok(AddAnswer { participant });
        }
        let attendee = self.attendee(to, "", cx)?;
        let Way {
            identities,
            sessions,
            give_up_after,
        } = way?;
        let naming = match &self.house {
            House::Meeting { id, .. } => cx.people.naming(id, to),
            House::Group { .. } => Naming::default(),
        };
        let mut participant = self.prepare(to, attendee, naming);
        participant.fetched = true;
        participant.sees_external = cx.people.sees_external(to);
        participant.asked_by = Some(from.clone());
        participant.place = Place::Ringing(sessions.clone());
        participant.rung.clone_from(&identities);
        self.has_room_for(&participant)?;
        let id = participant.id;
        self.numbered = id.0;
        self.put_out.remove(to);
        self.participants.insert(id, participant);
        let ring = give_up_after.map_or(cx.config.ring, |after| after.min(cx.config.ring));
        cx.timers.set(Timer::Ring(self.call, id), cx.now + ring);
        for identity in identities {
            let theirs = sessions
                .iter()
                .copied()
                .filter(|session| cx.endpoints.owner(*session) == Some(&identity));
            let event = self.incoming(from, &identity, to, cx);
            cx.tell(theirs.collect(), event);
        }
        cx.fact(Fact::Invited {
            call: self.call,
            to: to.clone(),
        });
        self.touch(id, cx);
        Ok(AddAnswer { participant: id })
    }

    /// What `identity` is told, which is rung because `asked` was asked to come.
    fn incoming(
        &self,
        from: &Identifier,
        identity: &Identifier,
        asked: &Identifier,
        cx: &Context<'_>,
    ) -> Event {
        let known = self
            .participants
            .values()
            .find(|participant| participant.identity == *from);
        let display_name = match known {
            Some(participant) => participant.display_name.clone(),
            None => cx.people.caller(from, from, "").display_name,
        };
        Event::MeetingIncoming(Incoming {
            call: self.call,
            from: from.clone(),
            display_name,
            kind: self.kind(),
            subject: self.subject.clone(),
            on_behalf_of: Some(asked.clone()).filter(|asked| asked != identity),
            thread: self.came_from(identity, cx),
        })
    }

    /// Who somebody is here.
    pub(crate) fn attendee(
        &self,
        identity: &Identifier,
        wanted: &str,
        cx: &Context<'_>,
    ) -> Result<Attendee, Reason> {
        match &self.house {
            House::Meeting { organisation, .. } => cx.people.attendee(organisation, identity, wanted),
            House::Group { starter, .. } => Ok(cx.people.caller(starter, identity, wanted)),
        }
    }

    /// Somebody who is asked to come has one more endpoint: it rings too.
    pub(crate) fn opened(&mut self, session: SessionId, identity: &Identifier, cx: &mut Context<'_>) {
        let ringing = |participant: &&mut super::Participant| {
            participant.rung.contains(identity) && matches!(participant.place, Place::Ringing(_))
        };
        let Some(participant) = self.participants.values_mut().find(ringing) else {
            return;
        };
        if let Place::Ringing(sessions) = &mut participant.place
            && !sessions.insert(session)
        {
            return;
        }
        let asked = participant.identity.clone();
        let from = participant.asked_by.clone().unwrap_or_else(|| identity.clone());
        let event = self.incoming(&from, identity, &asked, cx);
        cx.tell_one(session, event);
    }

    /// One endpoint came: the others stop ringing.
    pub(super) fn stop_ringing_others(&mut self, id: ParticipantId, came: SessionId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let mut others = participant.ringing_sessions();
        others.retain(|session| *session != came);
        cx.tell(
            others,
            Event::MeetingEnded(Ended {
                call: self.call,
                reason: Reason::ANSWERED_ELSEWHERE,
            }),
        );
    }

    /// Who is asked to come, and rings at this endpoint.
    pub(super) fn rung_at(&self, session: SessionId) -> Option<ParticipantId> {
        let mut all = self.participants.values();
        all.find(|known| known.asking.is_none() && known.ringing_sessions().contains(&session))
            .map(|known| known.id)
    }

    /// Whether this endpoint rings.
    pub(crate) fn rings(&self, session: SessionId) -> bool {
        self.rung_at(session).is_some()
    }

    /// Somebody who is asked to come says no, at one endpoint for all.
    pub(crate) fn decline(&mut self, session: SessionId, cx: &mut Context<'_>) -> Result<(), Reason> {
        let ringing = self
            .participants
            .values()
            .find(|participant| participant.ringing_sessions().contains(&session));
        let id = ringing.ok_or(Reason::NO_SUCH_CALL)?.id;
        if let Some(participant) = self.participants.get_mut(&id)
            && let Place::Ringing(sessions) = &mut participant.place
        {
            sessions.remove(&session);
        }
        self.put_out(id, &Reason::DECLINED, cx);
        self.end_if_empty(cx);
        Ok(())
    }

    /// Somebody rang long enough.
    pub(crate) fn rang_out(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let rings = |participant: &super::Participant| {
            matches!(participant.place, Place::Ringing(_)) && participant.asking.is_none()
        };
        if self.participants.get(&id).is_some_and(rings) {
            self.put_out(id, &Reason::NO_ANSWER, cx);
            self.end_if_empty(cx);
        } else if self.participants.contains_key(&id) {
            // They are coming; should their media fail, they rang long enough.
            cx.timers.set(Timer::Ring(self.call, id), cx.now + cx.config.ring);
        }
    }

    /// Both ends of a call between two are in, and their media is still between them. Each joins when it is told.
    pub(crate) fn take_over(&mut self, pair: &Pair, cx: &mut Context<'_>) {
        // The call began before, and was told of.
        self.told = true;
        cx.fact(Fact::Escalated { call: self.call });
        let mut sessions = Vec::new();
        for end in [&pair.caller, &pair.callee] {
            sessions.push(end.session);
            self.take_over_end(end, cx);
        }
        cx.tell(sessions, Event::MeetingMoved(Moved { call: self.call }));
    }

    fn take_over_end(&mut self, end: &End, cx: &mut Context<'_>) {
        let House::Group { starter, .. } = &self.house else {
            return;
        };
        let attendee = cx.people.caller(starter, &end.identity, &end.display_name);
        let kind = person_kind(attendee.kind, end.application.as_ref());
        let mut participant = self.prepare(&end.identity, attendee, Naming::default());
        participant.kind = kind;
        participant.session = Some(end.session);
        participant.endpoint = Some(end.session);
        participant.attached = end.attached;
        participant.place = Place::Inside;
        participant.joined = Some(cx.now);
        let id = participant.id;
        self.numbered = id.0;
        self.by_session.insert(end.session, id);
        cx.endpoints.joined(end.session, self.call);
        self.stays.push(participant.new_stay());
        self.participants.insert(id, participant);
        self.refresh_rights(
            id,
            sidetone_signaling::protocol::meeting::CapabilityCause::Admitted,
            cx,
        );
        self.watch(id, cx);
        self.touch(id, cx);
    }
}
