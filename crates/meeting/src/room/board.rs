//! What everyone is told of the roster, the lobby, hands, speakers and reactions: changes are gathered and told together,
//! the more seldom the more are told. What was told is kept, so that whoever comes is shown exactly what the others have
//! seen, and nobody is told that somebody left of whom they were never told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    self, Capabilities, Capability, Hands, Left, Lobby, LobbyEntry, ParticipantId, Reaction, Reactions,
    Roster, Speakers, Unlobbied, UnlobbiedWhy,
};
use sidetone_signaling::protocol::{Event, SessionId};

use super::participant::{Participant, Place};
use super::{Context, Room, Timer};
use crate::rights::on_stage;

/// Reactions are told with their senders as long as these are few.
const NAMED_REACTIONS: usize = 8;

/// An entry that was told.
#[derive(Debug)]
struct Shown {
    entry: meeting::Participant,
    /// It is, or was, one that everyone sees.
    staged: bool,
}

/// What was told, and what is to be told.
#[derive(Debug, Default)]
pub(super) struct Board {
    shown: BTreeMap<ParticipantId, Shown>,
    dirty: BTreeSet<ParticipantId>,
    gone: BTreeMap<ParticipantId, Reason>,
    total: u32,
    lobby: BTreeMap<ParticipantId, (LobbyEntry, Instant)>,
    lobby_dirty: BTreeSet<ParticipantId>,
    unlobbied: BTreeMap<ParticipantId, UnlobbiedWhy>,
    hands: BTreeMap<ParticipantId, u32>,
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
    }

    fn entry(&self, participant: &Participant) -> Option<meeting::Participant> {
        let seat = self.seat(participant);
        let forbidden = crate::rights::may_be_forbidden(participant.role);
        participant.entry(
            seat.audio_forbidden && forbidden,
            seat.video_forbidden && forbidden,
        )
    }

    fn flush_roster(&mut self, cx: &mut Context<'_>) {
        let dirty = std::mem::take(&mut self.board.dirty);
        let mut present: Vec<(meeting::Participant, bool)> = Vec::new();
        for id in dirty {
            let Some(entry) = self.participants.get(&id).and_then(|known| self.entry(known)) else {
                continue;
            };
            let before = self.board.shown.get(&id);
            if before.is_some_and(|shown| shown.entry == entry) {
                continue;
            }
            let staged = on_stage(entry.role) || before.is_some_and(|shown| shown.staged);
            self.board.shown.insert(
                id,
                Shown {
                    entry: entry.clone(),
                    staged,
                },
            );
            present.push((entry, staged));
        }
        let mut left: Vec<(Left, bool)> = Vec::new();
        for (participant, reason) in std::mem::take(&mut self.board.gone) {
            if let Some(shown) = self.board.shown.remove(&participant) {
                left.push((Left { participant, reason }, shown.staged));
            }
        }
        let total = self.total();
        let counted = std::mem::replace(&mut self.board.total, total) != total;
        let (all, stage) = self.viewers();
        if !present.is_empty() || !left.is_empty() {
            let present = present.iter().map(|(entry, _)| entry.clone()).collect();
            let left = left.iter().map(|(left, _)| left.clone()).collect();
            self.tell_roster(all, false, present, left, cx);
        }
        let present: Vec<_> = present
            .into_iter()
            .filter(|(_, staged)| *staged)
            .map(|(entry, _)| entry)
            .collect();
        let left: Vec<_> = left
            .into_iter()
            .filter(|(_, staged)| *staged)
            .map(|(left, _)| left)
            .collect();
        if counted || !present.is_empty() || !left.is_empty() {
            self.tell_roster(stage, false, present, left, cx);
        }
    }

    /// Those who see everyone, and those who see only those who speak.
    fn viewers(&self) -> (Vec<SessionId>, Vec<SessionId>) {
        let mut viewers = (Vec::new(), Vec::new());
        for participant in self.participants.values() {
            let Some(session) = participant.welcomed_session() else {
                continue;
            };
            if sees_all(&participant.capabilities) {
                viewers.0.push(session);
            } else {
                viewers.1.push(session);
            }
        }
        viewers
    }

    /// In pages, so that no frame is longer than a client reads.
    fn tell_roster(
        &self,
        sessions: Vec<SessionId>,
        snapshot: bool,
        present: Vec<meeting::Participant>,
        left: Vec<Left>,
        cx: &mut Context<'_>,
    ) {
        let mut page = Roster {
            call: self.call,
            snapshot,
            total: self.board.total,
            present: Vec::new(),
            left,
        };
        for entry in present {
            if page.present.len() + page.left.len() >= cx.config.page.max(1) {
                let full = std::mem::replace(
                    &mut page,
                    Roster {
                        call: self.call,
                        snapshot: false,
                        total: self.board.total,
                        present: Vec::new(),
                        left: Vec::new(),
                    },
                );
                cx.tell(sessions.clone(), Event::MeetingRoster(full));
            }
            page.present.push(entry);
        }
        cx.tell(sessions, Event::MeetingRoster(page));
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
            cx.tell(self.viewers().0, Event::MeetingHands(hands));
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

    fn flush_lobby(&mut self, cx: &mut Context<'_>) {
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
        let manages = self
            .participants
            .get(&id)
            .is_some_and(|participant| manages_lobby(&participant.capabilities));
        if again || (manages && !self.board.lobby.is_empty()) {
            self.show_lobby(session, manages, cx);
        }
    }

    fn show_roster(&self, id: ParticipantId, session: SessionId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let all = sees_all(&participant.capabilities);
        let shown = self.board.shown.values().filter(|shown| all || shown.staged);
        let present = shown.map(|shown| shown.entry.clone()).collect();
        self.tell_roster(vec![session], true, present, Vec::new(), cx);
        if all && !self.board.hands.is_empty() {
            let raised = self.board.hands.iter();
            let raised = raised
                .map(|(participant, order)| meeting::HandRaised {
                    participant: *participant,
                    order: *order,
                })
                .collect();
            cx.tell_one(
                session,
                Event::MeetingHands(Hands {
                    call: self.call,
                    raised,
                    lowered: Vec::new(),
                }),
            );
        }
    }

    fn show_lobby(&self, session: SessionId, manages: bool, cx: &mut Context<'_>) {
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

    /// Somebody may see more now, or less.
    pub(super) fn show_what_changed(&self, id: ParticipantId, new: &Capabilities, cx: &mut Context<'_>) {
        let Some(session) = self.participants.get(&id).and_then(Participant::welcomed_session) else {
            return;
        };
        if new.contains_key(&Capability::ViewAttendeeNames) {
            self.show_roster(id, session, cx);
        }
        if let Some(standing) = new.get(&Capability::ManageLobby) {
            self.show_lobby(session, standing.is_capable(), cx);
        }
    }
}

fn sees_all(capabilities: &Capabilities) -> bool {
    is_capable(capabilities, Capability::ViewAttendeeNames)
}

fn manages_lobby(capabilities: &Capabilities) -> bool {
    is_capable(capabilities, Capability::ManageLobby)
}

fn is_capable(capabilities: &Capabilities, capability: Capability) -> bool {
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
