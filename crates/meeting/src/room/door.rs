//! The door: who comes, and who comes back. Media is asked for first, so that one answer has everything in it; where
//! somebody then is, is decided when it is there.

use sidetone_organisation::{Attendee, MeetingKind, Presenters};
use sidetone_signaling::protocol::Pictures;
use sidetone_signaling::protocol::meeting::{Join, Kind, ParticipantId, Passage, Restart, Role};
use sidetone_signaling::switchboard::Ask;
use sidetone_signaling::{Identifier, Reason};

use super::participant::{Asking, Media, Participant, Place};
use super::{Context, House, Room};
use crate::admission::{Knock, decide};
use crate::api::{MediaOrder, Rights};
use crate::people::{Naming, person_kind};
use crate::rights;

/// Those who come by applications, where the source counts them (L22).
const SOURCE_LIMIT: u32 = 350;

impl Room {
    /// Somebody comes. Where it goes well, the answer follows when media has answered.
    pub(crate) fn join(
        &mut self,
        ask: &Ask,
        join: Join,
        attendee: Attendee,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        let id = match self.who_comes_back(ask, &join)? {
            Some(id) => {
                self.take_shape(id, ask, attendee, cx);
                id
            }
            None => self.newcomer(ask, attendee, cx)?,
        };
        self.ask_for_media(id, ask, join, cx);
        Ok(())
    }

    /// Whoever comes back, or comes since they were rung, is who they are now: who was asked may have had others rung in
    /// their place.
    fn take_shape(&mut self, id: ParticipantId, ask: &Ask, attendee: Attendee, cx: &mut Context<'_>) {
        let stands_in = self
            .participants
            .get(&id)
            .is_some_and(|participant| participant.identity != ask.identity);
        let role = stands_in.then(|| {
            let naming = self.naming(&ask.identity, cx);
            (self.role_of(&ask.identity, &attendee, naming), naming)
        });
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if let Some((role, naming)) = role {
            participant.identity = ask.identity.clone();
            participant.origin = attendee.origin;
            participant.role = role;
            participant.named = naming.role.is_some();
            participant.sees_external = cx.people.sees_external(&ask.identity);
            self.put_out.remove(&ask.identity);
        }
        participant.display_name = attendee.display_name;
        participant.kind = person_kind(attendee.kind, ask.application.as_ref());
    }

    /// Whether this endpoint was here before, is rung, or takes the place of one that is gone.
    fn who_comes_back(&self, ask: &Ask, join: &Join) -> Result<Option<ParticipantId>, Reason> {
        if let Some(id) = self.by_session.get(&ask.session) {
            let busy = self
                .participants
                .get(id)
                .is_some_and(|known| known.asking.is_some());
            // Bringing media up anew is fine; twice at once is not.
            return if busy {
                Err(Reason::ALREADY_JOINED)
            } else {
                Ok(Some(*id))
            };
        }
        let mine =
            |participant: &&Participant| participant.identity == ask.identity && participant.asking.is_none();
        if let Some(id) = self.rung_at(ask.session) {
            return Ok(Some(id));
        }
        if let Some(id) = join.rejoin
            && self.participants.get(&id).filter(mine).is_some()
        {
            return Ok(Some(id));
        }
        let found = self
            .participants
            .values()
            .filter(mine)
            .find(|participant| matches!(participant.place, Place::Ringing(_)) || participant.is_lost());
        Ok(found.map(|participant| participant.id))
    }

    fn newcomer(
        &mut self,
        ask: &Ask,
        attendee: Attendee,
        cx: &mut Context<'_>,
    ) -> Result<ParticipantId, Reason> {
        let naming = self.naming(&ask.identity, cx);
        let mut participant = self.prepare(&ask.identity, attendee, naming);
        participant.kind = person_kind_of(&participant, ask);
        self.decide(&participant)?;
        self.has_room_for(&participant)?;
        let waiting = self
            .participants
            .values()
            .filter(|other| other.is_waiting())
            .count();
        if waiting >= self.hall.rules.max_participants as usize {
            return Err(Reason::limit_reached(self.hall.rules.max_participants));
        }
        participant.sees_external = cx.people.sees_external(&participant.identity);
        let id = participant.id;
        self.numbered = id.0;
        self.participants.insert(id, participant);
        Ok(id)
    }

    /// Somebody who is not there yet. Their number is theirs once they are entered.
    pub(super) fn prepare(&self, identity: &Identifier, attendee: Attendee, naming: Naming) -> Participant {
        let role = self.role_of(identity, &attendee, naming);
        let kind = person_kind(attendee.kind, None);
        let mut participant = Participant::new(
            ParticipantId(self.numbered + 1),
            identity.clone(),
            attendee.display_name,
            kind,
            attendee.origin,
            role,
        );
        participant.named = naming.role.is_some();
        participant.invited = naming.invited;
        participant
    }

    pub(super) fn naming(&self, identity: &Identifier, cx: &Context<'_>) -> Naming {
        match &self.house {
            House::Meeting { id, .. } => cx.people.naming(id, identity),
            House::Group { .. } => Naming::default(),
        }
    }

    /// What somebody is here: as they were made here, or named, or as people of their kind are.
    fn role_of(&self, identity: &Identifier, attendee: &Attendee, naming: Naming) -> Role {
        if let Some(role) = naming.role.filter(|role| *role == Role::Organiser) {
            return role;
        }
        if let Some(role) = self.given.get(identity).copied().or(naming.role) {
            return role;
        }
        let rules = &self.hall.rules;
        let presenters = match self.kind() {
            Kind::GroupCall => Presenters::Everyone,
            // Who is not named listens, where the meeting says nothing else.
            Kind::Webinar | Kind::TownHall => rules.options.presenters.unwrap_or(Presenters::NamedOnly),
            Kind::Meeting | Kind::Channel => rules.presenters,
        };
        let presents = match presenters {
            Presenters::Everyone => true,
            Presenters::EveryoneInCompany => attendee.origin == sidetone_organisation::Origin::Own,
            Presenters::NamedOnly => false,
        };
        match &self.house {
            House::Group { starter, .. } if starter == identity => Role::Organiser,
            _ if presents => Role::Presenter,
            _ => Role::Attendee,
        }
    }

    /// Spec table 1.3, for somebody who is not inside.
    pub(super) fn decide(&self, participant: &Participant) -> Result<Passage, Reason> {
        if self.within().is_some() {
            // The meeting has decided.
            return Ok(Passage::Connected);
        }
        let House::Meeting { kind, .. } = &self.house else {
            return self.decide_in_group(participant);
        };
        let rules = &self.hall.rules;
        decide(&Knock {
            origin: participant.origin,
            role: participant.role,
            named: participant.named,
            invited: participant.invited,
            fetched: participant.fetched,
            put_out: self.put_out.contains(&participant.identity),
            member_present: self.member_present(),
            kind: *kind,
            // Who waits already was at the door before it was locked.
            locked: self.locked && !participant.is_waiting(),
            bypass: rules.bypass,
            anonymous_join: rules.anonymous_join,
            anonymous_start: rules.anonymous_start && self.hall.switches.early_admission.is_open(),
            live_events: self.hall.switches.live_events.is_open() || *kind != MeetingKind::TownHall,
        })
    }

    /// A group call has no lobby: who comes was let, or is refused.
    fn decide_in_group(&self, participant: &Participant) -> Result<Passage, Reason> {
        if participant.fetched {
            return Ok(Passage::Connected);
        }
        if self.put_out.contains(&participant.identity) {
            return Err(Reason::NOT_INVITED);
        }
        if self.locked {
            return Err(Reason::MEETING_LOCKED);
        }
        Ok(Passage::Connected)
    }

    /// Whether one more may come in.
    pub(super) fn has_room_for(&self, participant: &Participant) -> Result<(), Reason> {
        let most = self.hall.rules.max_participants;
        if self.size() >= most as usize {
            return Err(Reason::limit_reached(most));
        }
        if !self.hall.switches.meeting_sizes.is_open() && participant.by_application() {
            let others = self.participants.values();
            let counted = others
                .filter(|other| other.counts() && other.by_application())
                .count();
            if counted >= SOURCE_LIMIT as usize {
                return Err(Reason::limit_reached(SOURCE_LIMIT.min(most)));
            }
        }
        Ok(())
    }

    pub(super) fn ask_for_media(&mut self, id: ParticipantId, ask: &Ask, join: Join, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        // Who is in goes on. For everyone else nothing passes before it is decided where they are.
        let rights = if participant.is_inside() {
            rights::rights(&self.seat(participant), &self.hall, join.muted)
        } else {
            Rights::NONE
        };
        let attempt = cx.next_attempt();
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant.media.is_there() {
            cx.media(self.call, MediaOrder::Leave { participant: id });
        }
        participant.media = Media::Coming;
        // Their pictures are told anew.
        (participant.muted, participant.pictures) = (join.muted, Pictures::NONE);
        participant.rights = rights;
        participant.asking = Some(Asking {
            attempt,
            session: ask.session,
            id: ask.id,
            restart: false,
        });
        self.by_session.insert(ask.session, id);
        cx.endpoints.joined(ask.session, self.call);
        cx.media(
            self.call,
            MediaOrder::Join {
                participant: id,
                attempt,
                offer: join.offer,
                rights,
            },
        );
        self.watch_again(id, cx);
        self.watch(id, cx);
        // The microphone, the name, or who it is may be another.
        self.touch(id, cx);
    }

    /// New ways for media.
    pub(crate) fn restart(
        &mut self,
        ask: &Ask,
        restart: Restart,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        let id = self.of(ask.session)?;
        let attempt = cx.next_attempt();
        let participant = self.participants.get_mut(&id).ok_or(Reason::NO_SUCH_CALL)?;
        if participant.asking.is_some() {
            return Err(Reason::TOO_MANY_REQUESTS);
        }
        if !participant.media.is_there() {
            return Err(Reason::WRONG_STATE);
        }
        participant.asking = Some(Asking {
            attempt,
            session: ask.session,
            id: ask.id,
            restart: true,
        });
        cx.media(
            self.call,
            MediaOrder::Restart {
                participant: id,
                attempt,
                offer: restart.offer,
            },
        );
        Ok(())
    }
}

fn person_kind_of(participant: &Participant, ask: &Ask) -> sidetone_signaling::protocol::meeting::PersonKind {
    use sidetone_signaling::protocol::meeting::PersonKind;
    match participant.kind {
        PersonKind::Member if ask.application.is_some() => PersonKind::MemberByApplication,
        other => other,
    }
}
