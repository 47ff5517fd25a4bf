//! Breakout rooms: rooms beside a meeting to which some of its people go for a while.
//!
//! Each that is open is a [`Room`] of its own with a call and media of its own, so that it hears only itself. Whoever goes
//! there stays in the meeting, with the same number, and nothing passes to or from them there: the meeting is where they
//! are found, where they come back to at once, and what counts as their attendance. So nobody can be in two rooms, or lost
//! between them. What the meeting knows of its rooms is here; [`manage`] is what people want of them, [`crossing`] who goes
//! where, [`sight`] what each is told.

mod crossing;
mod manage;
mod sight;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{Capability, ParticipantId};
use sidetone_signaling::{Identifier, Reason};

use super::engage::Bucket;
use super::participant::Participant;
use super::{Context, Founding, House, Room, Timer};
use crate::api::MediaOrder;
use crate::fact::Fact;
use crate::memory::{BreakoutMemory, BreakoutsMemory};
use crate::minutes::{BreakoutMinutes, Minutes, Visit};

pub(super) use crossing::fact_within;
pub(crate) use crossing::{Standing, Visitor};

/// Most rooms of one meeting.
const MOST: usize = 50;
/// Most people who are assigned.
const MOST_ASSIGNED: usize = 2_000;
/// Most who are told of as having been in one room.
const MOST_VISITS: usize = 5_000;
/// Most openings of rooms of which is kept what was done there.
const MOST_PAST: usize = 500;
/// Longest name of one, in bytes.
const LONGEST_NAME: usize = 128;
/// Longest announcement, in bytes.
const LONGEST_TEXT: usize = 1024;
/// Announcements at once; one comes back each second.
const BURST: u32 = 5;
const REFILL: Duration = Duration::from_secs(1);
/// The latest end.
const LATEST: Duration = Duration::from_secs(24 * 60 * 60);
/// So long before they close, everyone is told once more.
const WARNINGS: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(10)];

/// Which breakout room of which meeting a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Within {
    /// The meeting's call.
    pub(crate) main: CallId,
    /// The room's number in it.
    pub(crate) number: u32,
}

/// What a room wants done in another, as soon as it is done itself.
pub(crate) enum Across {
    /// A breakout room opens. Those named were in it when the service was cut off.
    Found(Box<Founding>, Vec<Visitor>),
    /// One closes.
    Close(CallId, Reason),
    /// Somebody is in one no longer.
    PutOut(CallId, ParticipantId, Reason),
    /// Somebody is something else in the meeting, and so there.
    Standing(CallId, ParticipantId, Standing),
    /// Somebody is in one: for the meeting.
    Entered(Within, ParticipantId),
    /// Somebody is in one no longer: for the meeting.
    Left(Within, ParticipantId),
    /// One is over: for the meeting.
    Over(Within, CallId, Box<Minutes>),
}

/// Where somebody of the meeting is meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::room) struct Away {
    pub(in crate::room) room: u32,
    /// They are there. Otherwise they left and may not come back to the meeting before it closes: they are in neither.
    pub(in crate::room) present: bool,
}

/// A breakout room.
#[derive(Debug)]
struct One {
    display_name: String,
    thread: ThreadId,
    by_hand: bool,
    /// The call that it is while it is open.
    call: Option<CallId>,
    help: BTreeSet<ParticipantId>,
    visits: Vec<Visit>,
}

/// All breakout rooms of a meeting.
#[derive(Debug, Default)]
pub(super) struct Breakouts {
    rooms: BTreeMap<u32, One>,
    last: u32,
    /// By identity: whoever comes late or again has their room.
    assigned: BTreeMap<Identifier, u32>,
    managers: BTreeSet<Identifier>,
    return_forbidden: bool,
    self_select: bool,
    ends: Option<Instant>,
    /// How fast announcements come.
    said: Bucket,
    /// Rooms to be told of.
    dirty: BTreeSet<u32>,
    settings_dirty: bool,
    /// What was done in rooms that are closed, each time that one was open.
    past: Vec<(CallId, BreakoutMinutes)>,
    /// Rooms that were closed and are not over yet.
    closing: u32,
}

impl Breakouts {
    /// Whether somebody was made to manage them.
    pub(super) fn is_managed_by(&self, identity: &Identifier) -> bool {
        self.managers.contains(identity)
    }

    /// Whether nothing more comes of those that were closed.
    pub(super) fn are_over(&self) -> bool {
        self.closing == 0
    }

    fn one(&self, room: u32) -> Result<&One, Reason> {
        self.rooms.get(&room).ok_or(Reason::NO_SUCH_OBJECT)
    }

    fn one_mut(&mut self, room: u32) -> Result<&mut One, Reason> {
        self.rooms.get_mut(&room).ok_or(Reason::NO_SUCH_OBJECT)
    }

    /// The call of a room that is open.
    fn call(&self, room: u32) -> Option<CallId> {
        self.rooms.get(&room).and_then(|one| one.call)
    }

    fn by_call(&self, call: CallId) -> Option<u32> {
        let mut all = self.rooms.iter();
        all.find(|(_, one)| one.call == Some(call)).map(|(room, _)| *room)
    }

    /// The open rooms among these, or all of them.
    fn open(&self, among: &[u32]) -> Vec<(u32, CallId)> {
        let meant = |room: &u32| among.is_empty() || among.contains(room);
        let open = self.rooms.iter().filter(|(room, _)| meant(room));
        open.filter_map(|(room, one)| Some((*room, one.call?))).collect()
    }

    fn all_dirty(&mut self) {
        self.dirty.extend(self.rooms.keys().copied());
    }

    /// What was done in them, so far.
    pub(super) fn record(&self) -> Vec<BreakoutMinutes> {
        let past = self.past.iter().map(|(_, one)| one.clone());
        let mut record: Vec<BreakoutMinutes> = past
            .filter(|one| !one.visits.is_empty() || !one.minutes.is_empty())
            .collect();
        let visited = self.rooms.iter().filter(|(_, one)| !one.visits.is_empty());
        record.extend(visited.map(|(room, one)| BreakoutMinutes {
            room: *room,
            display_name: one.display_name.clone(),
            visits: one.visits.clone(),
            minutes: Minutes::default(),
        }));
        record
    }
}

impl Participant {
    /// The breakout room in which they are.
    pub(super) fn breakout(&self) -> Option<u32> {
        self.away.filter(|away| away.present).map(|away| away.room)
    }
}

impl Room {
    /// Which breakout room it is, where it is one.
    pub(crate) fn within(&self) -> Option<Within> {
        self.within
    }

    /// Whether somebody may manage the breakout rooms.
    fn manages(&self, participant: &Participant) -> bool {
        super::board::is_capable(&participant.capabilities, Capability::ManageBreakouts)
    }

    /// Opens a room's call.
    fn open_breakout(&mut self, room: u32, call: CallId, back: Vec<Visitor>, cx: &mut Context<'_>) {
        let Ok(one) = self.breakouts.one_mut(room) else {
            return;
        };
        one.call = Some(call);
        let (display_name, thread) = (one.display_name.clone(), one.thread);
        // Where the meeting has a conversation, each of its rooms has one.
        let thread = self.thread.as_ref().map(|_| thread);
        let founding = Founding {
            call,
            house: self.house.clone(),
            hall: self.hall,
            subject: display_name.clone(),
            key: String::new(),
            thread: thread.map(|thread| thread.to_string()),
            within: Some(Within {
                main: self.call,
                number: room,
            }),
        };
        if let Some(meeting) = self.meeting() {
            cx.fact(Fact::BreakoutOpened {
                call: self.call,
                meeting,
                room,
                breakout: call,
                display_name,
                thread,
            });
        }
        cx.across.push_back(Across::Found(Box::new(founding), back));
        self.mark_breakout(room, cx);
    }

    /// Closes a room, if it is open. Everyone in it is back in the meeting.
    fn close_breakout(&mut self, room: u32, reason: &Reason, cx: &mut Context<'_>) {
        let Ok(one) = self.breakouts.one_mut(room) else {
            return;
        };
        let Some(breakout) = one.call.take() else { return };
        one.help.clear();
        let now = self.together.since(cx.now);
        let mut visits = std::mem::take(&mut one.visits);
        for visit in &mut visits {
            visit.left_ms.get_or_insert(now);
        }
        let done = BreakoutMinutes {
            room,
            display_name: one.display_name.clone(),
            visits,
            minutes: Minutes::default(),
        };
        if self.breakouts.past.len() < MOST_PAST {
            self.breakouts.past.push((breakout, done));
        }
        self.breakouts.closing += 1;
        cx.across.push_back(Across::Close(breakout, reason.clone()));
        self.mark_breakout(room, cx);
        if self.breakouts.open(&[]).is_empty() && self.breakouts.ends.take().is_some() {
            cx.timers.cancel(Timer::Breakouts(self.call));
            self.mark_settings(cx);
        }
        self.settle_away(cx);
    }

    /// Closes those that are open of these rooms; none named: of all.
    fn close_some(&mut self, rooms: &[u32], reason: &Reason, cx: &mut Context<'_>) {
        for (room, _) in self.breakouts.open(rooms) {
            self.close_breakout(room, reason, cx);
        }
    }

    /// The meeting is over, and so are they.
    pub(super) fn close_breakouts(&mut self, reason: &Reason, cx: &mut Context<'_>) {
        self.close_some(&[], reason, cx);
        cx.timers.cancel(Timer::Breakouts(self.call));
    }

    /// Time to warn, or to close.
    pub(crate) fn breakouts_due(&mut self, cx: &mut Context<'_>) {
        let Some(ends) = self.breakouts.ends else { return };
        if ends <= cx.now {
            self.close_some(&[], &Reason::BREAKOUT_CLOSED, cx);
            self.breakouts.ends = None;
        }
        self.mark_settings(cx);
        self.watch_breakouts(cx);
    }

    /// Sets the deadline by when they close.
    fn watch_breakouts(&mut self, cx: &mut Context<'_>) {
        let timer = Timer::Breakouts(self.call);
        cx.timers.cancel(timer);
        let Some(ends) = self.breakouts.ends else { return };
        let warnings = WARNINGS.iter().filter_map(|before| ends.checked_sub(*before));
        let next = warnings.filter(|at| *at > cx.now).min();
        cx.timers.set(timer, next.unwrap_or(ends));
    }

    /// What must be kept of them.
    pub(super) fn breakouts_memory(&self) -> BreakoutsMemory {
        let all = &self.breakouts;
        let there = |room: u32| {
            let away = Away { room, present: true };
            let mut present: Vec<ParticipantId> = Vec::new();
            present.extend(
                self.participants
                    .values()
                    .filter(|one| one.away == Some(away))
                    .map(|one| one.id),
            );
            present
        };
        BreakoutsMemory {
            last: all.last,
            rooms: all
                .rooms
                .iter()
                .map(|(room, one)| BreakoutMemory {
                    room: *room,
                    display_name: one.display_name.clone(),
                    thread: one.thread,
                    by_hand: one.by_hand,
                    call: one.call,
                    present: there(*room),
                })
                .collect(),
            assigned: all.assigned.clone(),
            managers: all.managers.clone(),
            return_forbidden: all.return_forbidden,
            self_select: all.self_select,
            ends: all.ends,
        }
    }

    /// They are as they were remembered, after the people of the meeting.
    pub(super) fn recall_breakouts(&mut self, memory: BreakoutsMemory, cx: &mut Context<'_>) {
        self.breakouts = Breakouts {
            last: memory.last,
            assigned: memory.assigned,
            managers: memory.managers,
            return_forbidden: memory.return_forbidden,
            self_select: memory.self_select,
            ends: memory.ends,
            ..Breakouts::default()
        };
        for remembered in memory.rooms {
            let room = remembered.room;
            let one = One {
                display_name: remembered.display_name,
                thread: remembered.thread,
                by_hand: remembered.by_hand,
                call: None,
                help: BTreeSet::new(),
                visits: Vec::new(),
            };
            self.breakouts.rooms.insert(room, one);
            let Some(call) = remembered.call else { continue };
            let mut back = Vec::new();
            for id in remembered.present {
                if let Some(participant) = self.participants.get_mut(&id) {
                    participant.away = Some(Away { room, present: true });
                    let visitor = Visitor::of(participant);
                    let since = self.together.since(cx.now);
                    if let Ok(one) = self.breakouts.one_mut(room) {
                        one.visits.push(visitor.visit(since));
                    }
                    back.push(visitor);
                }
            }
            self.open_breakout(room, call, back, cx);
        }
        self.watch_breakouts(cx);
    }

    /// Closes what carries media and says what was done, where this is a breakout room.
    pub(super) fn end_breakout(&mut self, cx: &mut Context<'_>) {
        cx.media(self.call, MediaOrder::Close);
        if let Some(within) = self.within {
            cx.across
                .push_back(Across::Over(within, self.call, Box::new(self.minutes())));
        }
    }

    /// Nobody is in two rooms, and whoever is in one is not heard in the meeting.
    pub(crate) fn check_breakouts(&self, rooms: &BTreeMap<CallId, Self>) -> Result<(), String> {
        for participant in self.participants.values() {
            if participant.away.is_some() && participant.rights != crate::api::Rights::NONE {
                return Err(format!("{} is away and has rights", participant.id));
            }
            let there = |call: &CallId| {
                let room = rooms.get(call)?;
                room.participants
                    .get(&participant.id)
                    .filter(|one| one.is_inside())
            };
            let rooms = self.breakouts.rooms.iter();
            let of = |(room, one): (&u32, &One)| one.call.filter(|call| there(call).is_some()).map(|_| *room);
            let there: Vec<u32> = rooms.filter_map(of).collect();
            let wanted: Vec<u32> = participant.breakout().into_iter().collect();
            if there != wanted {
                return Err(format!(
                    "{} is in {there:?} and not in {wanted:?}",
                    participant.id
                ));
            }
        }
        let Some(within) = self.within else { return Ok(()) };
        let main = rooms
            .get(&within.main)
            .ok_or("a breakout room without a meeting")?;
        if main.breakouts.call(within.number) != Some(self.call) {
            return Err(format!("breakout room {} is closed and goes on", within.number));
        }
        for participant in self.participants.values().filter(|one| one.is_inside()) {
            let known = main.participants.get(&participant.id);
            if known.is_none_or(|known| known.identity != participant.identity) {
                return Err(format!(
                    "{} is in a breakout room and not in the meeting",
                    participant.id
                ));
            }
        }
        Ok(())
    }

    /// Whether it is a meeting itself, that outlives the service and has breakout rooms: no group call, and none of those.
    pub(crate) fn is_meeting(&self) -> bool {
        matches!(self.house, House::Meeting { .. }) && self.within.is_none()
    }
}
