//! The door: who comes, comes back, or waits. Media is asked for first, so that one answer has everything in it; where
//! somebody then is, is decided when it is there.

use sidetone_organisation::{Attendee, MeetingKind, Presenters};
use sidetone_signaling::protocol::meeting::{
    CapabilityCause, Ended, Join, Joined, Kind, LobbyReason, ParticipantId, Passage, Restart, Restarted,
    Role, State,
};
use sidetone_signaling::protocol::{Event, SessionId};
use sidetone_signaling::switchboard::Ask;
use sidetone_signaling::{Identifier, Reason};

use super::participant::{Asking, Media, Participant, Place};
use super::{Context, House, Room, Timer};
use crate::admission::{Knock, decide};
use crate::api::{Attempt, Fact, MediaError, MediaOrder, Rights};
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
                if let Some(participant) = self.participants.get_mut(&id) {
                    participant.display_name = attendee.display_name;
                    participant.kind = person_kind(attendee.kind, ask.application.as_ref());
                }
                id
            }
            None => self.newcomer(ask, attendee, cx)?,
        };
        self.ask_for_media(id, ask, join, cx);
        Ok(())
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
        let id = participant.id;
        self.numbered = id.0;
        self.participants.insert(id, participant);
        Ok(id)
    }

    /// Somebody who is not there yet. Their number is theirs once they are entered.
    pub(super) fn prepare(&self, identity: &Identifier, attendee: Attendee, naming: Naming) -> Participant {
        let role = self.role_of(identity, &attendee, naming);
        Participant {
            id: ParticipantId(self.numbered + 1),
            identity: identity.clone(),
            display_name: attendee.display_name,
            kind: person_kind(attendee.kind, None),
            origin: attendee.origin,
            role,
            named: naming.role.is_some(),
            invited: naming.invited,
            fetched: false,
            asked_by: None,
            place: Place::Knocking,
            session: None,
            endpoint: None,
            attached: false,
            media: Media::Never,
            asking: None,
            muted: false,
            audio_forbidden: None,
            video_forbidden: None,
            capabilities: Default::default(),
            rights: Rights::NONE,
            welcomed: false,
            shown_before: false,
            waited: None,
            joined: None,
            reactions: Default::default(),
        }
    }

    fn naming(&self, identity: &Identifier, cx: &Context<'_>) -> Naming {
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
            House::Group { starter } if starter == identity => Role::Organiser,
            _ if presents => Role::Presenter,
            _ => Role::Attendee,
        }
    }

    /// Spec table 1.3, for somebody who is not inside.
    pub(super) fn decide(&self, participant: &Participant) -> Result<Passage, Reason> {
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

    fn ask_for_media(&mut self, id: ParticipantId, ask: &Ask, join: Join, cx: &mut Context<'_>) {
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
        participant.muted = join.muted;
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
        self.watch(id, cx);
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

    /// Media has answered an offer, or not.
    pub(crate) fn answered(
        &mut self,
        attempt: Attempt,
        result: Result<String, MediaError>,
        cx: &mut Context<'_>,
    ) {
        let asked = |participant: &&mut Participant| {
            participant.asking.is_some_and(|asking| asking.attempt == attempt)
        };
        let Some(participant) = self.participants.values_mut().find(asked) else {
            // Whoever asked is gone, and its media with it.
            return;
        };
        let id = participant.id;
        let Some(asking) = participant.asking.take() else {
            return;
        };
        match result {
            Err(error) => self.refused_by_media(id, asking, error, cx),
            Ok(answer) if asking.restart => {
                cx.answer(asking.session, asking.id, Ok(Restarted { answer }));
            }
            Ok(answer) => self.came(id, asking, answer, cx),
        }
    }

    fn refused_by_media(
        &mut self,
        id: ParticipantId,
        asking: Asking,
        error: MediaError,
        cx: &mut Context<'_>,
    ) {
        cx.answer::<()>(asking.session, asking.id, Err(error.reason()));
        if asking.restart {
            return;
        }
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        participant.media = Media::Never;
        participant.rights = Rights::NONE;
        if participant.session != Some(asking.session) {
            self.by_session.remove(&asking.session);
            cx.endpoints.left(asking.session, self.call);
        }
        if participant.place == Place::Knocking {
            self.participants.remove(&id);
            cx.cancel_timers(self.call, id);
            self.end_if_empty(cx);
        } else {
            self.watch(id, cx);
        }
    }

    /// Somebody's media is answered: they are in, or before the door, or refused after all.
    fn came(&mut self, id: ParticipantId, asking: Asking, answer: String, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let passage = match &participant.place {
            Place::Inside => Ok(Passage::Connected),
            Place::Waiting { reason, .. } => Ok(Passage::InLobby { reason: *reason }),
            // Asked to come.
            Place::Ringing(_) => Ok(Passage::Connected),
            // Much may have happened since they knocked.
            Place::Knocking => self.decide(participant),
        };
        let passage = match passage {
            Ok(passage) => passage,
            Err(reason) => {
                if let Some(participant) = self.participants.get_mut(&id) {
                    participant.asking = Some(asking);
                }
                self.take_out(id, &reason, cx);
                return self.end_if_empty(cx);
            }
        };
        self.settle(id, asking.session, cx);
        self.stop_ringing_others(id, asking.session, cx);
        let reason = match passage {
            Passage::Connected => None,
            Passage::InLobby { reason } => Some(reason),
        };
        let was = self
            .participants
            .get(&id)
            .map(|participant| participant.place.clone());
        match (was, reason) {
            (Some(Place::Inside | Place::Waiting { .. }), _) => {
                self.refresh_rights(id, CapabilityCause::Admitted, cx);
                self.touch(id, cx);
            }
            (_, None) => self.enter(id, cx),
            (_, Some(reason)) => self.wait(id, reason, cx),
        }
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let inside = participant.is_inside();
        let joined = Joined {
            call: self.call,
            participant: id,
            passage,
            answer,
            kind: self.kind(),
            subject: self.subject.clone(),
            link: inside.then(|| self.link(cx)),
            thread: self.thread.clone().filter(|_| inside),
            display_name: participant.display_name.clone(),
            role: participant.role,
            capabilities: participant.capabilities.clone(),
        };
        cx.answer(asking.session, asking.id, Ok(joined));
        if inside {
            self.welcome(id, cx);
        }
        self.watch(id, cx);
    }

    /// The participant is at this endpoint from now on, and at no other.
    fn settle(&mut self, id: ParticipantId, session: SessionId, cx: &mut Context<'_>) {
        let call = self.call;
        let attached = cx.endpoints.is_attached(session);
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        let (before, live) = (participant.endpoint, participant.session);
        let was = participant.who();
        participant.session = Some(session);
        participant.endpoint = Some(session);
        participant.attached = attached;
        participant.welcomed = false;
        let is_counted = participant.joined.is_some() || participant.waited.is_some();
        if before == Some(session) {
            return;
        }
        participant.shown_before = false;
        if let Some(live) = live {
            self.by_session.remove(&live);
            cx.endpoints.left(live, call);
            let reason = Reason::JOINED_ELSEWHERE;
            cx.tell_one(live, Event::MeetingEnded(Ended { call, reason }));
        }
        if is_counted && before.is_some() {
            // The same stay on the roster; another endpoint for those who count endpoints.
            cx.fact(Fact::Left {
                call,
                who: was,
                reason: Reason::JOINED_ELSEWHERE,
            });
            if let Some(participant) = self.participants.get(&id) {
                let who = participant.who();
                cx.fact(match participant.place {
                    Place::Waiting { .. } => Fact::Waits { call, who },
                    _ => Fact::Joined { call, who },
                });
            }
        }
    }

    /// Somebody is in.
    pub(super) fn enter(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let (call, now) = (self.call, cx.now);
        self.started(id, cx);
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        let waited = participant.is_waiting();
        participant.place = Place::Inside;
        participant.joined = Some(now);
        cx.timers.cancel(Timer::Lobby(call, id));
        cx.timers.cancel(Timer::Ring(call, id));
        let (who, is_member) = (participant.who(), participant.is_own_member());
        let fresh = participant.new_stay();
        match self.stay(id) {
            Some(stay) => {
                stay.joined = Some(now);
                stay.place = crate::api::Place::Inside;
            }
            None => self.add_stay(fresh, cx),
        }
        cx.fact(Fact::Joined { call, who });
        if waited {
            self.board
                .unlobbied(id, sidetone_signaling::protocol::meeting::UnlobbiedWhy::Admitted);
        }
        self.refresh_rights(id, CapabilityCause::Admitted, cx);
        self.touch(id, cx);
        if is_member {
            self.reconsider(cx);
        }
    }

    /// Somebody waits before the door.
    pub(super) fn wait(&mut self, id: ParticipantId, reason: LobbyReason, cx: &mut Context<'_>) {
        let (call, now) = (self.call, cx.now);
        self.started(id, cx);
        let most = std::time::Duration::from_secs(self.hall.rules.lobby_seconds.into());
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        participant.place = Place::Waiting { since: now, reason };
        participant.waited = Some(now);
        let (who, stay) = (participant.who(), participant.new_stay());
        self.add_stay(stay, cx);
        cx.timers.set(Timer::Lobby(call, id), now + most);
        cx.fact(Fact::Waits { call, who });
        self.refresh_rights(id, CapabilityCause::Admitted, cx);
        self.board.lobbied(id);
        self.schedule(cx);
    }

    fn add_stay(&mut self, stay: crate::api::Stay, cx: &Context<'_>) {
        if self.stays.len() >= cx.config.stays
            && let Some(oldest) = self.stays.iter().position(|stay| stay.left.is_some())
        {
            self.stays.remove(oldest);
        }
        self.stays.push(stay);
    }

    pub(super) fn tell_passage(&self, id: ParticipantId, passage: Passage, cx: &mut Context<'_>) {
        let session = self
            .participants
            .get(&id)
            .and_then(|participant| participant.session);
        if let Some(session) = session {
            cx.tell_one(
                session,
                Event::MeetingState(State {
                    call: self.call,
                    passage,
                }),
            );
        }
    }
}

fn person_kind_of(participant: &Participant, ask: &Ask) -> sidetone_signaling::protocol::meeting::PersonKind {
    use sidetone_signaling::protocol::meeting::PersonKind;
    match participant.kind {
        PersonKind::Member if ask.application.is_some() => PersonKind::MemberByApplication,
        other => other,
    }
}
