//! Key frames: when a receiver asks for one (PLI, RFC 4585 section 6.3.1), and when a sender makes one that it is asked for
//! (PLI and FIR, RFC 5104 section 4.3.1).

use std::time::{Duration, Instant};

/// A request that is not answered for so long, and a round trip, is made again, and once more: the first key frame is often
/// lost in what made it necessary. Then after twice as long, and so on.
const AGAIN: Duration = Duration::from_millis(300);

/// Doublings of that.
const PATIENCE: u32 = 3;

/// Requests of a receiver: one at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyFrameRequests {
    pending: Option<Pending>,
    /// When the last one was made.
    asked: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    next: Instant,
    tries: u32,
}

impl KeyFrameRequests {
    /// A key frame is needed.
    pub fn want(&mut self, now: Instant) {
        let earliest = self.asked.map_or(now, |asked| now.max(asked + AGAIN));
        self.pending.get_or_insert(Pending {
            next: earliest,
            tries: 0,
        });
    }

    /// One has come, or is needed no more.
    pub fn settle(&mut self) {
        self.pending = None;
    }

    /// Whether one is waited for.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// When to ask.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.pending.map(|pending| pending.next)
    }

    /// Whether to ask now.
    pub fn poll(&mut self, round_trip: Duration, now: Instant) -> bool {
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.next <= now) else {
            return false;
        };
        pending.next = now + round_trip + AGAIN * (1 << pending.tries.saturating_sub(1).min(PATIENCE));
        pending.tries = pending.tries.saturating_add(1);
        self.asked = Some(now);
        true
    }
}

/// Least time between two key frames of a sender, where a round trip is shorter: a key frame takes that long to arrive.
const LEAST: Duration = Duration::from_millis(200);

/// What is asked of a sender: requests within a round trip of a key frame had not seen it.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyFrameDemand {
    wanted: bool,
    made: Option<Instant>,
    /// Last sequence number of FIR: one that is repeated is the same request (RFC 5104 section 4.3.1.1).
    command: Option<u8>,
}

impl KeyFrameDemand {
    /// A PLI came.
    pub fn picture_lost(&mut self) {
        self.wanted = true;
    }

    /// A FIR with this sequence number came.
    pub fn intra_requested(&mut self, command: u8) {
        self.wanted |= self.command.replace(command) != Some(command);
    }

    /// A key frame was made, for whatever reason, or has just left: what was asked until now is answered.
    pub fn made(&mut self, now: Instant) {
        self.made = Some(now);
        self.wanted = false;
    }

    /// Whether the next frame should be a key frame. Once given, it counts as made.
    pub fn poll(&mut self, round_trip: Duration, now: Instant) -> bool {
        if !self.wanted {
            return false;
        }
        let wait = round_trip.max(LEAST);
        let recent = |made: Instant| now.saturating_duration_since(made) < wait;
        self.wanted = false;
        if self.made.is_some_and(recent) {
            return false;
        }
        self.made = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIP: Duration = Duration::from_millis(50);

    #[test]
    fn requests_are_never_made_twice_at_once() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::default();
        assert!(!requests.poll(TRIP, now));
        requests.want(now);
        requests.want(now);
        assert!(requests.poll(TRIP, now));
        assert!(!requests.poll(TRIP, now));
        let second = requests.next_timeout().unwrap();
        assert_eq!(second, now + TRIP + AGAIN);
        assert!(requests.poll(TRIP, second));
        let third = requests.next_timeout().unwrap();
        assert_eq!(third, second + TRIP + AGAIN);
        assert!(requests.poll(TRIP, third));
        assert_eq!(requests.next_timeout().unwrap(), third + TRIP + 2 * AGAIN);
        requests.settle();
        requests.want(third);
        assert!(!requests.poll(TRIP, third), "nor so soon");
        assert!(requests.poll(TRIP, third + AGAIN));
    }

    #[test]
    fn many_requests_are_one_key_frame() {
        let now = Instant::now();
        let mut demand = KeyFrameDemand::default();
        assert!(!demand.poll(TRIP, now));
        demand.picture_lost();
        demand.intra_requested(7);
        assert!(demand.poll(TRIP, now));
        demand.picture_lost();
        assert!(!demand.poll(TRIP, now + TRIP), "it had not seen the key frame");
        demand.intra_requested(7);
        assert!(!demand.poll(TRIP, now + LEAST), "the same request");
        demand.intra_requested(8);
        assert!(demand.poll(TRIP, now + LEAST));
    }
}
