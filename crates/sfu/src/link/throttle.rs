//! How much of what costs something before it is believed is looked at.

use std::time::{Duration, Instant};

/// Counts anew after this.
const WINDOW: Duration = Duration::from_secs(1);

/// Lets so many pass in a second.
pub(super) struct Throttle {
    most: u32,
    count: u32,
    since: Instant,
}

impl Throttle {
    pub const fn new(now: Instant, most: u32) -> Self {
        Self {
            most,
            count: 0,
            since: now,
        }
    }

    pub fn pass(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= WINDOW {
            (self.count, self.since) = (0, now);
        }
        self.count = self.count.saturating_add(1);
        self.count <= self.most
    }
}
