//! Breakout rooms of a meeting that runs, as they are kept beside it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sidetone_meeting::{BreakoutMemory, BreakoutsMemory};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::ParticipantId;
use sidetone_store::WallTime;

/// All of them, but who goes to which: those may be many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Breakouts {
    last: u32,
    rooms: Vec<Breakout>,
    managers: Vec<Identifier>,
    return_forbidden: bool,
    self_select: bool,
    /// In milliseconds since 1970.
    ends_ms: Option<u64>,
}

/// One.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Breakout {
    room: u32,
    display_name: String,
    thread: ThreadId,
    by_hand: bool,
    call: Option<CallId>,
    present: Vec<ParticipantId>,
}

/// Who goes to which.
pub(super) type Assigned = Vec<(Identifier, u32)>;

impl Breakouts {
    pub(super) fn new(memory: BreakoutsMemory, (now, wall): (Instant, WallTime)) -> (Self, Assigned) {
        let ends_ms = memory.ends.map(|ends| {
            let left = ends.saturating_duration_since(now);
            wall.after(left).as_millis()
        });
        let rooms = memory.rooms.into_iter().map(|one| Breakout {
            room: one.room,
            display_name: one.display_name,
            thread: one.thread,
            by_hand: one.by_hand,
            call: one.call,
            present: one.present,
        });
        let kept = Self {
            last: memory.last,
            rooms: rooms.collect(),
            managers: memory.managers.into_iter().collect(),
            return_forbidden: memory.return_forbidden,
            self_select: memory.self_select,
            ends_ms,
        };
        (kept, memory.assigned.into_iter().collect())
    }

    /// As the brain of meetings has them. An end that has passed meanwhile is now.
    pub(super) fn memory(self, assigned: Assigned, (now, wall): (Instant, WallTime)) -> BreakoutsMemory {
        let rooms = self.rooms.into_iter().map(|one| BreakoutMemory {
            room: one.room,
            display_name: one.display_name,
            thread: one.thread,
            by_hand: one.by_hand,
            call: one.call,
            present: one.present,
        });
        let ends = self
            .ends_ms
            .map(|ends| now + Duration::from_millis(ends.saturating_sub(wall.as_millis())));
        BreakoutsMemory {
            last: self.last,
            rooms: rooms.collect(),
            assigned: assigned.into_iter().collect(),
            managers: self.managers.into_iter().collect(),
            return_forbidden: self.return_forbidden,
            self_select: self.self_select,
            ends,
        }
    }
}
