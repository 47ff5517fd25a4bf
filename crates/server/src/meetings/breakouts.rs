//! Breakout rooms of a meeting that runs, as they are kept beside it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sidetone_meeting::{BreakoutMemory, BreakoutsMemory};
use sidetone_signaling::Identifier;
use sidetone_store::WallTime;

/// All of them, but who goes to which: those may be many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Breakouts {
    last: u32,
    rooms: Vec<BreakoutMemory>,
    managers: Vec<Identifier>,
    return_forbidden: bool,
    self_select: bool,
    /// In milliseconds since 1970.
    ends_ms: Option<u64>,
}

/// Who goes to which.
pub(super) type Assigned = Vec<(Identifier, u32)>;

impl Breakouts {
    pub(super) fn new(memory: BreakoutsMemory, (now, wall): (Instant, WallTime)) -> (Self, Assigned) {
        let ends_ms = memory.ends.map(|ends| {
            let left = ends.saturating_duration_since(now);
            wall.after(left).as_millis()
        });
        let kept = Self {
            last: memory.last,
            rooms: memory.rooms,
            managers: memory.managers.into_iter().collect(),
            return_forbidden: memory.return_forbidden,
            self_select: memory.self_select,
            ends_ms,
        };
        (kept, memory.assigned.into_iter().collect())
    }

    /// As the brain of meetings has them. An end that has passed meanwhile is now.
    pub(super) fn memory(self, assigned: Assigned, (now, wall): (Instant, WallTime)) -> BreakoutsMemory {
        let ends = self
            .ends_ms
            .map(|ends| now + Duration::from_millis(ends.saturating_sub(wall.as_millis())));
        BreakoutsMemory {
            last: self.last,
            rooms: self.rooms,
            assigned: assigned.into_iter().collect(),
            managers: self.managers.into_iter().collect(),
            return_forbidden: self.return_forbidden,
            self_select: self.self_select,
            ends,
        }
    }
}
