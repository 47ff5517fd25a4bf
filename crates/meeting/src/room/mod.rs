//! One meeting or group call while it runs.
//!
//! Inputs: from an endpoint at the door *join*; from one inside *leave*, *end*, *restart*, *mute* and all the other
//! requests of `meeting.*`; from outside *orders* and *changed*; from whoever carries media *answered*, *up*, *lost*,
//! *speakers*; from sessions *detached*, *resumed*, *ended*, and *opened* while somebody rings; from the clock *lease over*,
//! *grace over*, *lobby over*, *rang long enough*, *time to tell*.

mod board;
mod breakout;
mod conduct;
mod context;
mod door;
mod engage;
mod engagement;
mod fetch;
mod lobby;
mod memory;
mod notice;
mod participant;
mod passage;
mod presence;
mod roster;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use sidetone_organisation::{MeetingId, MeetingKind, OrganisationId, Origin};
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{
    Capabilities, CapabilitiesChanged, Capability, CapabilityCause, Ended, Kind, ParticipantId, Role,
    Standing,
};
use sidetone_signaling::protocol::{CallId, Event, Pictures, SessionId};
use sidetone_signaling::{Identifier, Reason};

use crate::api::{MediaOrder, Place as StayPlace, Rights, Stay};
use crate::fact::Fact;
use crate::people::{Hall, Located};
use crate::rights;
use board::Board;
pub(crate) use breakout::{Across, Within};
pub(crate) use context::{Context, Endpoints, Timer};
use participant::{Participant, Place};

/// Whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum House {
    /// A meeting of an organisation.
    Meeting {
        organisation: OrganisationId,
        id: MeetingId,
        kind: MeetingKind,
        organiser: Identifier,
    },
    /// A group call.
    Group {
        /// Who began it.
        starter: Identifier,
        /// The conversation that it came out of.
        thread: Option<ThreadId>,
    },
}

/// What a room begins with.
pub(crate) struct Founding {
    pub(crate) call: CallId,
    pub(crate) house: House,
    pub(crate) hall: Hall,
    pub(crate) subject: String,
    /// The secret in its link.
    pub(crate) key: String,
    pub(crate) thread: Option<String>,
    /// The breakout room that it is.
    pub(crate) within: Option<Within>,
}

impl Founding {
    /// Of a meeting of an organisation.
    pub(crate) fn of_meeting(call: CallId, id: MeetingId, located: Located, hall: Hall) -> Self {
        Self {
            call,
            house: House::Meeting {
                organisation: located.organisation,
                id,
                kind: located.kind,
                organiser: located.organiser,
            },
            hall,
            subject: located.subject,
            key: located.key,
            thread: located.thread,
            within: None,
        }
    }
}

/// A meeting or group call.
#[derive(Debug)]
pub(crate) struct Room {
    call: CallId,
    house: House,
    hall: Hall,
    subject: String,
    key: String,
    thread: Option<String>,
    /// The last number that was given.
    numbered: u32,
    participants: BTreeMap<ParticipantId, Participant>,
    by_session: BTreeMap<SessionId, ParticipantId>,
    /// Roles that were given here.
    given: BTreeMap<Identifier, Role>,
    /// Who was put out, and is let in only by somebody.
    put_out: BTreeSet<Identifier>,
    locked: bool,
    attendee_audio: bool,
    attendee_video: bool,
    hands: engage::HandsUp,
    spotlight: Vec<ParticipantId>,
    notices: notice::Kept,
    together: engagement::Together,
    breakouts: breakout::Breakouts,
    /// Which breakout room it is, where it is one.
    within: Option<Within>,
    board: Board,
    stays: Vec<Stay>,
    /// The fact that it began was told.
    told: bool,
    /// Why it is over.
    over: Option<Reason>,
}

impl Room {
    pub(crate) fn found(founding: Founding, cx: &mut Context<'_>) -> Self {
        // As many may wait as may be in, and whoever is replaced leaves a moment later.
        let most = founding.hall.rules.max_participants as usize;
        let participants = most.saturating_mul(2).saturating_add(16);
        let options = founding.hall.rules.options;
        let voices = options.voices;
        let within = founding.within.is_some();
        cx.media(founding.call, MediaOrder::Open { participants, voices });
        Self {
            call: founding.call,
            house: founding.house,
            hall: founding.hall,
            subject: founding.subject,
            key: founding.key,
            thread: founding.thread,
            numbered: 0,
            participants: BTreeMap::new(),
            by_session: BTreeMap::new(),
            given: BTreeMap::new(),
            put_out: BTreeSet::new(),
            locked: false,
            // Where few speak to many, they talk with each other in breakout rooms.
            attendee_audio: within || !options.attendee_audio_forbidden,
            attendee_video: within || !options.attendee_video_forbidden,
            hands: engage::HandsUp::default(),
            spotlight: Vec::new(),
            notices: notice::Kept::default(),
            together: engagement::Together::new(cx.now),
            breakouts: breakout::Breakouts::default(),
            within: founding.within,
            board: Board::default(),
            stays: Vec::new(),
            told: false,
            over: None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    pub(crate) fn house(&self) -> &House {
        &self.house
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The meeting it is, where it is one.
    fn meeting(&self) -> Option<(OrganisationId, MeetingId)> {
        match &self.house {
            House::Meeting { organisation, id, .. } => Some((organisation.clone(), id.clone())),
            House::Group { .. } => None,
        }
    }

    /// The conversation that it came out of, for somebody who takes part in that: nobody else is told that there is one.
    fn came_from(&self, identity: &Identifier, cx: &Context<'_>) -> Option<ThreadId> {
        match &self.house {
            House::Meeting { .. } => None,
            House::Group { thread, .. } => thread.filter(|thread| cx.people.converses(identity, *thread)),
        }
    }

    /// The conversation beside it, as somebody inside is told of it.
    fn thread_for(&self, identity: &Identifier, cx: &Context<'_>) -> Option<String> {
        let came_from = || self.came_from(identity, cx).map(|thread| thread.to_string());
        self.thread.clone().or_else(came_from)
    }

    fn kind(&self) -> Kind {
        match &self.house {
            House::Group { .. } => Kind::GroupCall,
            House::Meeting { kind, .. } => match kind {
                MeetingKind::Standard => Kind::Meeting,
                MeetingKind::Channel => Kind::Channel,
                MeetingKind::Webinar => Kind::Webinar,
                MeetingKind::TownHall => Kind::TownHall,
            },
        }
    }

    /// The link by which others come. None leads to a breakout room.
    fn link(&self, cx: &Context<'_>) -> Option<String> {
        let base = &cx.config.link_base;
        Some(match &self.house {
            _ if self.within.is_some() => return None,
            House::Meeting { id, .. } => format!("{base}{id}/{}", self.key),
            House::Group { .. } => crate::link::group_link(base, self.call, &self.key),
        })
    }

    /// Who is in it or comes: those who count towards its limit.
    fn size(&self) -> usize {
        self.participants
            .values()
            .filter(|participant| participant.counts())
            .count()
    }

    /// How many are in, as everyone is told.
    fn total(&self) -> u32 {
        let inside = self
            .participants
            .values()
            .filter(|participant| participant.is_inside());
        u32::try_from(inside.count()).unwrap_or(u32::MAX)
    }

    /// Whether a member of the organisation is in.
    fn member_present(&self) -> bool {
        self.participants
            .values()
            .any(|participant| participant.is_inside() && participant.is_own_member())
    }

    fn seat(&self, participant: &Participant) -> rights::Seat {
        rights::Seat {
            role: participant.role,
            kind: self.kind(),
            external: participant.origin == Origin::External,
            inside: participant.is_inside(),
            consents: !self.notices.needs(participant.id),
            audio_forbidden: participant.audio_forbidden.unwrap_or(!self.attendee_audio),
            video_forbidden: participant.video_forbidden.unwrap_or(!self.attendee_video),
            manages_breakouts: self.breakouts.is_managed_by(&participant.identity),
            away: participant.away.is_some(),
            in_breakout: self.within.is_some(),
        }
    }

    fn standing(&self, id: ParticipantId, capability: Capability) -> Standing {
        match self.participants.get(&id) {
            Some(participant) => rights::standing(&self.seat(participant), &self.hall, capability),
            None => Standing::NotAdmitted,
        }
    }

    /// Whether somebody may do something.
    fn require(&self, id: ParticipantId, capability: Capability) -> Result<(), Reason> {
        match self.standing(id, capability) {
            Standing::Capable => Ok(()),
            Standing::RoleRestricted => Err(Reason::ROLE_RESTRICTED),
            Standing::PolicyRestricted => Err(Reason::POLICY_RESTRICTED),
            Standing::MeetingRestricted => Err(Reason::MEETING_RESTRICTED),
            Standing::NotInThisCallType | Standing::FeatureNotSupported => Err(Reason::NOT_IN_THIS_CALL_TYPE),
            Standing::NotAdmitted => Err(Reason::NOT_ADMITTED),
        }
    }

    /// The participant that this endpoint is.
    fn of(&self, session: SessionId) -> Result<ParticipantId, Reason> {
        self.by_session.get(&session).copied().ok_or(Reason::NO_SUCH_CALL)
    }

    /// The same, where it is in and not before the door.
    pub(crate) fn inside_of(&self, session: SessionId) -> Result<ParticipantId, Reason> {
        let id = self.of(session)?;
        match self.participants.get(&id) {
            Some(participant) if participant.is_inside() => Ok(id),
            _ => Err(Reason::NOT_ADMITTED),
        }
    }

    /// What somebody may do and send is worked out anew, and told and ordered where it is different.
    fn refresh_rights(&mut self, id: ParticipantId, cause: CapabilityCause, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let seat = self.seat(participant);
        let capabilities = rights::capabilities(&seat, &self.hall);
        let may = |capability| board::is_capable(&capabilities, capability);
        // Before the door nobody is heard, and how they come in is theirs to say.
        let muted = participant.muted || (seat.inside && !may(Capability::UnmuteMic));
        let rights = rights::rights(&seat, &self.hall, muted);
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        // Nobody is shown with pictures that may not pass. Those of who is elsewhere are there again when they are.
        let pictures = Pictures {
            camera: participant.pictures.camera && may(Capability::TurnVideoOn),
            share: participant.pictures.share && may(Capability::ShareScreen),
        };
        let silenced = muted && !participant.muted || pictures != participant.pictures;
        (participant.muted, participant.pictures) = (muted, pictures);
        let before = std::mem::replace(&mut participant.capabilities, capabilities);
        let shown = participant.shown_before;
        if silenced {
            self.touch(id, cx);
        }
        self.order_rights(id, rights, cx);
        if shown {
            self.tell_capabilities(id, &before, cause, cx);
        }
    }

    /// Somebody is told what of what they may do is different from before.
    fn tell_capabilities(
        &mut self,
        id: ParticipantId,
        before: &Capabilities,
        cause: CapabilityCause,
        cx: &mut Context<'_>,
    ) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let difference = rights::difference(before, &participant.capabilities);
        let (Some((old, new)), Some(session)) = (difference, participant.session) else {
            return;
        };
        let event = CapabilitiesChanged {
            call: self.call,
            role: participant.role,
            new: new.clone(),
            old,
            cause,
        };
        cx.tell_one(session, Event::MeetingCapabilities(event));
        self.show_what_changed(id, &new, cx);
    }

    fn refresh_all(&mut self, cause: CapabilityCause, cx: &mut Context<'_>) {
        let ids: Vec<ParticipantId> = self.participants.keys().copied().collect();
        for id in ids {
            self.refresh_rights(id, cause, cx);
        }
    }

    fn order_rights(&mut self, id: ParticipantId, rights: Rights, cx: &mut Context<'_>) {
        let call = self.call;
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant.rights != rights && participant.media.is_there() {
            participant.rights = rights;
            cx.media(
                call,
                MediaOrder::SetRights {
                    participant: id,
                    rights,
                },
            );
        }
    }

    /// The stay of somebody who is there.
    fn stay(&mut self, id: ParticipantId) -> Option<&mut Stay> {
        self.stays
            .iter_mut()
            .rev()
            .find(|stay| stay.participant == id && stay.left.is_none())
    }

    /// Who is and was there.
    pub(crate) fn roster(&self) -> Vec<Stay> {
        let mut stays = self.stays.clone();
        for stay in &mut stays {
            if let Some(participant) = self.participants.get(&stay.participant)
                && stay.left.is_none()
            {
                stay.place = participant.shown_place();
                stay.role = participant.role;
            }
        }
        for participant in self.participants.values() {
            if matches!(participant.place, Place::Ringing(_)) {
                stays.push(participant.new_stay());
            }
        }
        stays
    }

    /// Somebody goes, for whatever reason. What is told to their own endpoint is the caller's to say.
    fn take_out(&mut self, id: ParticipantId, reason: &Reason, cx: &mut Context<'_>) -> Option<Participant> {
        let participant = self.participants.remove(&id)?;
        cx.cancel_timers(self.call, id);
        if let Some(session) = participant.session {
            self.by_session.remove(&session);
            cx.endpoints.left(session, self.call);
        }
        if let Some(asking) = &participant.asking {
            cx.endpoints.left(asking.session, self.call);
            self.by_session.remove(&asking.session);
            cx.answer::<()>(asking.session, asking.id, Err(reason.clone()));
        }
        if participant.media.is_there() {
            cx.media(self.call, MediaOrder::Leave { participant: id });
        }
        self.lower(id, cx);
        self.unspotlight(id, cx);
        self.drop_notices(&participant, cx);
        self.drop_engagement(id, cx);
        self.board.left(id, reason);
        self.board.unlobbied(id, participant.unlobbied_by(reason));
        self.schedule(cx);
        let now = cx.now;
        if let Some(stay) = self.stay(id) {
            stay.place = StayPlace::Gone;
            stay.role = participant.role;
            stay.left = Some((now, reason.clone()));
            cx.fact(Fact::Left {
                call: self.call,
                who: participant.who(),
                reason: reason.clone(),
            });
        }
        self.leave_with(&participant, reason, cx);
        if participant.is_inside() {
            self.tell_left(id, cx);
            if participant.is_own_member() {
                self.reconsider(cx);
            }
        }
        Some(participant)
    }

    /// Somebody goes, and their endpoint is told why.
    fn put_out(&mut self, id: ParticipantId, reason: &Reason, cx: &mut Context<'_>) {
        if let Some(participant) = self.take_out(id, reason, cx) {
            let mut told: Vec<SessionId> = participant.ringing_sessions();
            told.extend(participant.session);
            cx.tell(
                told,
                Event::MeetingEnded(Ended {
                    call: self.call,
                    reason: reason.clone(),
                }),
            );
        }
    }

    /// It is over for everyone: those inside are told `inside`, those who wait or ring `outside`.
    pub(crate) fn end(&mut self, inside: &Reason, outside: &Reason, cx: &mut Context<'_>) {
        if self.is_over() {
            return;
        }
        self.close_breakouts(inside, cx);
        // Nobody is let in meanwhile.
        self.over = Some(inside.clone());
        let ids: Vec<ParticipantId> = self.participants.keys().copied().collect();
        for id in ids {
            let is_inside = self.participants.get(&id).is_some_and(Participant::is_inside);
            self.put_out(id, if is_inside { inside } else { outside }, cx);
        }
        cx.timers.cancel(Timer::Flush(self.call));
        if self.within.is_some() {
            return self.end_breakout(cx);
        }
        cx.media(self.call, MediaOrder::Close);
    }

    /// Tells what came of it, once it is over and its breakout rooms are. False: they are not.
    pub(crate) fn conclude(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(reason) = self.over.clone().filter(|_| self.breakouts.are_over()) else {
            return false;
        };
        if self.told && self.within.is_none() {
            self.tell_minutes(cx);
            cx.fact(Fact::Ended {
                call: self.call,
                meeting: self.meeting(),
                reason,
                stays: std::mem::take(&mut self.stays),
            });
        }
        true
    }

    /// Ends it where nobody is left who could let anybody in or come back.
    pub(crate) fn end_if_empty(&mut self, cx: &mut Context<'_>) {
        if self.within.is_some() {
            // It is closed by the meeting.
            return;
        }
        let anybody = self.participants.values().any(|participant| {
            !matches!(participant.place, Place::Ringing(_)) || participant.asking.is_some()
        });
        if !anybody {
            self.end(&Reason::HUNG_UP, &Reason::CANCELLED, cx);
        }
    }

    /// The directory is another.
    pub(crate) fn changed(&mut self, cx: &mut Context<'_>) {
        if let House::Meeting { id, .. } = &self.house {
            match cx.people.hall(id) {
                Some(hall) => self.hall = hall,
                None => return self.end(&Reason::MEETING_ENDED, &Reason::MEETING_ENDED, cx),
            }
        }
        self.reconsider(cx);
        self.refresh_all(CapabilityCause::PolicyChanged, cx);
        self.refresh_sight(cx);
        self.settle_away(cx);
    }

    /// What bots may see is their organisation's to say (L30).
    fn refresh_sight(&mut self, cx: &mut Context<'_>) {
        let ids: Vec<ParticipantId> = self.participants.keys().copied().collect();
        for id in ids {
            let Some(participant) = self.participants.get_mut(&id) else {
                continue;
            };
            let sees = cx.people.sees_external(&participant.identity);
            if std::mem::replace(&mut participant.sees_external, sees) != sees
                && let Some(session) = participant.welcomed_session()
            {
                self.show_roster(id, session, cx);
            }
        }
    }

    /// Everyone who is shown what happens in it.
    fn audience(&self) -> Vec<SessionId> {
        self.participants
            .values()
            .filter_map(Participant::welcomed_session)
            .collect()
    }

    fn started(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if self.told {
            return;
        }
        self.told = true;
        if let Some(participant) = self.participants.get(&id) {
            cx.fact(Fact::Started {
                call: self.call,
                kind: self.kind(),
                meeting: self.meeting(),
                host: match &self.house {
                    House::Meeting { organiser, .. } => Some(organiser.clone()),
                    House::Group { .. } => None,
                },
                by: participant.who(),
            });
        }
    }

    /// What must hold at all times, for tests.
    pub(crate) fn check(&self, now: Instant) -> Result<(), String> {
        board::check(self)?;
        for (session, id) in &self.by_session {
            let known = self.participants.get(id).is_some_and(|participant| {
                participant.session == Some(*session)
                    || participant
                        .asking
                        .as_ref()
                        .is_some_and(|asking| asking.session == *session)
            });
            if !known {
                return Err(format!("{session:?} is nobody"));
            }
        }
        for participant in self.participants.values() {
            let is_inside = participant.is_inside();
            if participant.rights != Rights::NONE && !is_inside {
                return Err(format!("{} has rights before the door", participant.id));
            }
            let open = self
                .stays
                .iter()
                .filter(|stay| stay.participant == participant.id && stay.left.is_none())
                .count();
            let wanted = usize::from(is_inside || matches!(participant.place, Place::Waiting { .. }));
            if open != wanted {
                return Err(format!("{} has {open} open stays", participant.id));
            }
            if let Place::Waiting { since, .. } = participant.place {
                let most = u64::from(self.hall.rules.lobby_seconds) + 1;
                if now.saturating_duration_since(since).as_secs() > most {
                    return Err(format!("{} is stuck in the lobby", participant.id));
                }
            }
        }
        Ok(())
    }
}
