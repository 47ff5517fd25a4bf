//! Keyframes that are asked for: one request for all who wait for a stream, repeated until it is heard.

use std::time::Instant;

use super::super::slab::Key;
use super::super::{Event, ParticipantKey, Room};

/// Shortest time between two requests for one stream, in microseconds. Twice a second is what a keyframe of ten times
/// the size of other frames is worth.
const INTERVAL: u64 = 500_000;
/// Doublings of the interval while a sender does not answer.
const PATIENCE: u32 = 3;
/// Requests before one that nobody waits for is given up.
const MOST: u32 = 4;
/// A receiver may ask for a keyframe every 2.5 s, and for some more at once: one that always asks must not make the
/// picture worse for all others.
const COST: u64 = 2_500_000;
const BURST: u64 = 10_000_000;

#[derive(Clone, Copy, Debug)]
struct Pending {
    stream: Key,
    next: u64,
    tries: u32,
}

/// Requests that were not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Requests(Vec<Pending>);

impl Requests {
    pub(crate) fn due(&self) -> Option<u64> {
        self.0.iter().map(|pending| pending.next).min()
    }

    /// A keyframe of `stream` begins.
    pub(crate) fn settle(&mut self, stream: Key) {
        self.0.retain(|pending| pending.stream != stream);
    }
}

impl Room {
    /// A receiver cannot show the slot with `ssrc` without a keyframe (PLI or FIR).
    pub fn keyframe_wanted(&mut self, now: Instant, from: ParticipantKey, ssrc: u32) {
        let now = self.advance(now);
        let Some(id) = self.slot_with(from.0, ssrc) else {
            return;
        };
        let shows = self.slots.shows(id).or(self.slots.past[id as usize].view.target);
        let Some(participant) = self.participants.get_mut(from.0) else {
            return;
        };
        if let Some(stream) = shows.filter(|_| participant.keyframes.allow(now, COST, BURST)) {
            self.request(now, stream);
        }
    }

    /// Asks for a keyframe, unless it has been asked for.
    pub(crate) fn request(&mut self, now: u64, key: Key) {
        let Some(stream) = self.streams.get(key) else {
            return;
        };
        if self.requests.0.iter().any(|pending| pending.stream == key) {
            return;
        }
        let next = stream.asked.map_or(now, |asked| now.max(asked + INTERVAL));
        self.requests.0.push(Pending {
            stream: key,
            next,
            tries: 0,
        });
        self.ask(now);
    }

    /// Sends the requests that are due.
    pub(crate) fn ask(&mut self, now: u64) {
        let (streams, participants, events) = (&mut self.streams, &self.participants, &mut self.events);
        self.requests.0.retain_mut(|pending| {
            let Some(stream) = streams.get_mut(pending.stream) else {
                return false;
            };
            if pending.next > now {
                return true;
            }
            if pending.tries >= MOST && stream.waiting.is_empty() {
                return false;
            }
            stream.asked = Some(now);
            pending.next = now + (INTERVAL << pending.tries.min(PATIENCE));
            pending.tries = pending.tries.saturating_add(1);
            let sends = participants.get(stream.owner).map(|owner| owner.sends.iter());
            let sends = sends.and_then(|mut sends| sends.find(|sends| sends.stream == pending.stream));
            if let Some(sends) = sends {
                let from = ParticipantKey(stream.owner);
                events.push_back(Event::KeyframeWanted {
                    from,
                    ssrc: sends.ssrc,
                });
            }
            true
        });
    }
}
