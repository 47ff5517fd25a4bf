//! What everyone is told of the roster, the lobby, hands, speakers and reactions: changes are gathered and told together,
//! the more seldom the more are told. What was told is kept, so that whoever comes is shown exactly what the others have
//! seen, and nobody is told that somebody left of whom they were never told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::meeting::{
    self, Capabilities, Capability, Hands, LobbyEntry, ParticipantId, Reaction, Reactions, Speakers,
    UnlobbiedWhy,
};

use super::participant::Participant;
use super::roster::Shown;
use super::{Context, Room, Timer};

/// Reactions are told with their senders as long as these are few.
const NAMED_REACTIONS: usize = 8;

/// What was told, and what is to be told.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) shown: BTreeMap<ParticipantId, Shown>,
    pub(super) dirty: BTreeSet<ParticipantId>,
    pub(super) gone: BTreeMap<ParticipantId, Reason>,
    pub(super) total: u32,
    pub(super) lobby: BTreeMap<ParticipantId, (LobbyEntry, Instant)>,
    pub(super) lobby_dirty: BTreeSet<ParticipantId>,
    pub(super) unlobbied: BTreeMap<ParticipantId, UnlobbiedWhy>,
    pub(super) hands: BTreeMap<ParticipantId, u32>,
    hands_dirty: BTreeSet<ParticipantId>,
    speakers: Vec<ParticipantId>,
    speakers_dirty: bool,
    reactions: BTreeMap<Reaction, (u32, Vec<ParticipantId>)>,
    /// When something was told last.
    told: Option<Instant>,
}

impl Board {
    pub(super) fn left(&mut self, id: ParticipantId, reason: &Reason) {
        self.dirty.remove(&id);
        self.gone.insert(id, reason.clone());
        if self.speakers.contains(&id) {
            self.speakers.retain(|known| *known != id);
            self.speakers_dirty = true;
        }
    }

    pub(super) fn lobbied(&mut self, id: ParticipantId) {
        self.lobby_dirty.insert(id);
    }

    pub(super) fn unlobbied(&mut self, id: ParticipantId, why: UnlobbiedWhy) {
        // Whoever was not told that they wait need not be told that they no longer do.
        let untold = self.lobby_dirty.remove(&id);
        if !untold && self.lobby.contains_key(&id) {
            self.unlobbied.entry(id).or_insert(why);
        }
    }

    pub(super) fn hand(&mut self, id: ParticipantId) {
        self.hands_dirty.insert(id);
    }

    pub(super) fn heard(&mut self, speakers: Vec<ParticipantId>) -> bool {
        let changed = self.speakers != speakers;
        self.speakers = speakers;
        self.speakers_dirty |= changed;
        changed
    }

    pub(super) fn reaction(&mut self, id: ParticipantId, reaction: Reaction) {
        let (count, who) = self.reactions.entry(reaction).or_default();
        *count = count.saturating_add(1);
        if who.len() <= NAMED_REACTIONS && !who.contains(&id) {
            who.push(id);
        }
    }
}

impl Room {
    /// Somebody's entry is another.
    pub(super) fn touch(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if self.participants.contains_key(&id) {
            self.board.dirty.insert(id);
        }
        self.schedule(cx);
    }

    /// There is something to tell, now or as soon as it is time again.
    pub(super) fn schedule(&mut self, cx: &mut Context<'_>) {
        if self.is_over() {
            return;
        }
        let listeners = u32::try_from(self.participants.len()).unwrap_or(u32::MAX);
        let config = cx.config;
        let pace: Duration = config
            .pace_each
            .saturating_mul(listeners)
            .clamp(config.pace_least, config.pace_most.max(config.pace_least));
        let at = self.board.told.map_or(cx.now, |told| (told + pace).max(cx.now));
        cx.timers.set_if_unset(Timer::Flush(self.call), at);
    }

    /// Tells everything that was gathered.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>) {
        self.board.told = Some(cx.now);
        self.flush_roster(cx);
        self.flush_hands(cx);
        self.flush_speakers(cx);
        self.flush_reactions(cx);
        self.flush_lobby(cx);
        self.flush_engagement(cx);
    }

    fn flush_hands(&mut self, cx: &mut Context<'_>) {
        let mut hands = Hands {
            call: self.call,
            raised: Vec::new(),
            lowered: Vec::new(),
        };
        for participant in std::mem::take(&mut self.board.hands_dirty) {
            match self.hands.order_of(participant) {
                Some(order) if self.board.hands.insert(participant, order) != Some(order) => {
                    hands.raised.push(meeting::HandRaised { participant, order });
                }
                Some(_) => {}
                None if self.board.hands.remove(&participant).is_some() => hands.lowered.push(participant),
                None => {}
            }
        }
        if !hands.raised.is_empty() || !hands.lowered.is_empty() {
            cx.tell(self.viewers_of_all(), Event::MeetingHands(hands));
        }
    }

    fn flush_speakers(&mut self, cx: &mut Context<'_>) {
        if std::mem::take(&mut self.board.speakers_dirty) {
            cx.tell(self.audience(), Event::MeetingSpeakers(self.speakers_now()));
        }
    }

    fn speakers_now(&self) -> Speakers {
        Speakers {
            call: self.call,
            speakers: self.board.speakers.clone(),
        }
    }

    fn flush_reactions(&mut self, cx: &mut Context<'_>) {
        for (reaction, (count, mut participants)) in std::mem::take(&mut self.board.reactions) {
            if participants.len() > NAMED_REACTIONS {
                participants.clear();
            }
            let event = Reactions {
                call: self.call,
                reaction,
                count,
                participants,
            };
            cx.tell(self.audience(), Event::MeetingReactions(event));
        }
    }

    /// Shows somebody everything, and changes from now on.
    pub(super) fn welcome(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        let Some(session) = participant.session.filter(|_| participant.attached) else {
            return;
        };
        participant.welcomed = true;
        let again = std::mem::replace(&mut participant.shown_before, true);
        // Who must agree to being recorded knows so before anything else that may hinder them.
        self.welcome_notices(id, again, cx);
        self.show_roster(id, session, cx);
        let settings = self.settings();
        if again || settings.locked || !settings.attendee_audio || !settings.attendee_video {
            cx.tell_one(session, Event::MeetingChanged(settings));
        }
        if again || !self.spotlight.is_empty() {
            cx.tell_one(session, Event::MeetingSpotlight(self.spotlighted()));
        }
        if again || !self.board.speakers.is_empty() {
            cx.tell_one(session, Event::MeetingSpeakers(self.speakers_now()));
        }
        self.welcome_engagement(id, again, cx);
        self.send_over(id, false, cx);
        let manages = self
            .participants
            .get(&id)
            .is_some_and(|participant| manages_lobby(&participant.capabilities));
        if again || (manages && !self.board.lobby.is_empty()) {
            self.show_lobby(session, manages, cx);
        }
        self.welcome_video_count(id, cx);
    }

    /// Somebody may see more now, or less.
    pub(super) fn show_what_changed(&mut self, id: ParticipantId, new: &Capabilities, cx: &mut Context<'_>) {
        let Some(session) = self.participants.get(&id).and_then(Participant::welcomed_session) else {
            return;
        };
        if new.contains_key(&Capability::ViewAttendeeNames) {
            self.show_roster(id, session, cx);
        }
        if let Some(standing) = new.get(&Capability::ManageLobby) {
            self.show_lobby(session, standing.is_capable(), cx);
        }
        self.engagement_rights_changed(id, new, cx);
    }
}

pub(super) fn manages_lobby(capabilities: &Capabilities) -> bool {
    is_capable(capabilities, Capability::ManageLobby)
}

pub(super) fn is_capable(capabilities: &Capabilities, capability: Capability) -> bool {
    capabilities
        .get(&capability)
        .is_some_and(|standing| standing.is_capable())
}

/// What was told and what is differ by what is still to be told, and by nothing else.
pub(super) fn check(room: &Room) -> Result<(), String> {
    let board = &room.board;
    let pending = |id: &ParticipantId| board.dirty.contains(id) || board.gone.contains_key(id);
    for participant in room.participants.values() {
        let entry = room.entry(participant);
        let shown = board.shown.get(&participant.id).map(|shown| &shown.entry);
        if entry.as_ref() != shown && !pending(&participant.id) {
            return Err(format!("{} is {entry:?} and shown as {shown:?}", participant.id));
        }
        let waits = participant.is_waiting();
        if waits != board.lobby.contains_key(&participant.id)
            && !board.lobby_dirty.contains(&participant.id)
            && !board.unlobbied.contains_key(&participant.id)
        {
            return Err(format!(
                "{} waits: {waits}, and is shown otherwise",
                participant.id
            ));
        }
    }
    for id in board.shown.keys() {
        if !room.participants.contains_key(id) && !pending(id) {
            return Err(format!("{id} is gone and shown"));
        }
    }
    for id in board.lobby.keys() {
        if !room.participants.contains_key(id) && !board.unlobbied.contains_key(id) {
            return Err(format!("{id} is gone and shown in the lobby"));
        }
    }
    Ok(())
}
