//! One slot of a receiver: what is shown in it and how headers are rewritten for it. Sequence numbers go on without a
//! gap and timestamps with real time, whoever is shown. What was shown before is remembered in segments of constant
//! rewriting, so that any packet of the last seconds can be sent again without a note of each.

use super::packet::{Formats, Slot};
use super::slab::Key;
use super::timeline::{distance, later};

/// Segments remembered. A slot changes hands a few times a second at most.
const SEGMENTS: usize = 6;

/// A stretch of one stream under constant rewriting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) stream: Key,
    /// First compact number of the stream.
    pub(crate) first: u64,
    /// Added to compact numbers.
    pub(crate) shift: u64,
    /// Added to placed timestamps.
    pub(crate) offset: u32,
    /// Nothing of this segment is played before this: there another one was.
    pub(crate) floor: u32,
}

impl Segment {
    /// The receiver's sequence number.
    pub(crate) fn sequence(&self, compact: u64) -> u64 {
        compact.wrapping_add(self.shift)
    }
}

/// What a receiver sees in one place. Sized for a cache line: this is all that a copy touches.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) segment: Segment,
    pub(crate) receiver: Key,
    pub(crate) ssrc: u32,
    pub(crate) formats: Formats,
    pub(crate) slot: Slot,
    /// 0 for none.
    pub(crate) level_id: u8,
    /// Whether the segment's offset is final: it is after the segment's first packet.
    pub(crate) anchored: bool,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

impl Seen {
    /// What is shown.
    pub(crate) fn stream(&self) -> Option<Key> {
        (self.segment.stream != NOBODY).then_some(self.segment.stream)
    }
}

/// What is needed now and then.
#[derive(Debug)]
pub(crate) struct Past {
    /// Where it stands in the stream's list of subscribers.
    pub(crate) position: u32,
    /// Added to the room's clock.
    base: u32,
    /// With the compact number that ended each.
    segments: [Option<(Segment, u64)>; SEGMENTS],
    newest: usize,
    /// While nothing is shown: the next sequence number, and where it may begin.
    next: u64,
    end: u32,
}

const NOBODY: Key = Key {
    index: u32::MAX,
    generation: 0,
};

/// All slots of a room, by number.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    pub(crate) seen: Vec<Seen>,
    pub(crate) past: Vec<Past>,
    free: Vec<u32>,
}

impl Slots {
    /// A new slot. Its numbers begin where chance would have them, the sequence in the lower half.
    pub(crate) fn insert(
        &mut self,
        receiver: Key,
        slot: Slot,
        config: &super::SlotConfig,
        clock: u32,
    ) -> u32 {
        let chance = u64::from(config.ssrc).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let base = (chance >> 32) as u32;
        let seen = Seen {
            segment: Segment {
                stream: NOBODY,
                first: 0,
                shift: 0,
                offset: base,
                floor: 0,
            },
            receiver,
            ssrc: config.ssrc,
            formats: config.formats,
            level_id: config.level_id.filter(|id| (1..15).contains(id)).unwrap_or(0),
            slot,
            anchored: false,
            packets: 0,
            octets: 0,
        };
        let past = Past {
            position: 0,
            base,
            segments: [None; SEGMENTS],
            newest: 0,
            next: chance >> 20 & 0x3fff,
            // Up to a second back: what a newcomer is given first may have been said just before it came.
            end: base.wrapping_add(clock).wrapping_sub(48_000),
        };
        if let Some(id) = self.free.pop() {
            self.seen[id as usize] = seen;
            self.past[id as usize] = past;
            return id;
        }
        self.seen.push(seen);
        self.past.push(past);
        (self.seen.len() - 1) as u32
    }

    /// Up to which compact number of `stream` a slot has been given it.
    pub(crate) fn given(&self, id: u32, stream: Key) -> Option<u64> {
        if self.seen[id as usize].stream() == Some(stream) {
            return Some(u64::MAX);
        }
        let segments = self.past[id as usize].segments.iter().flatten();
        let ends = segments
            .filter(|(segment, _)| segment.stream == stream)
            .map(|(_, end)| *end);
        ends.max()
    }

    /// Gives a number back. The slot shows nothing.
    pub(crate) fn remove(&mut self, id: u32) {
        self.free.push(id);
    }

    /// Begins to show `stream` from its compact number `first` on.
    pub(crate) fn show(&mut self, id: u32, stream: Key, first: u64) {
        let (seen, past) = (&mut self.seen[id as usize], &self.past[id as usize]);
        seen.segment = Segment {
            stream,
            first,
            shift: past.next.wrapping_sub(first),
            offset: past.base,
            floor: past.end,
        };
        seen.anchored = false;
    }

    /// Shows nothing any longer. `next` is the stream's next compact number, and `end` where it ends on the room's clock.
    pub(crate) fn hide(&mut self, id: u32, next: u64, end: Option<u32>) {
        let (seen, past) = (&mut self.seen[id as usize], &mut self.past[id as usize]);
        if seen.anchored {
            let next = next.max(seen.segment.first);
            past.remember(seen.segment, next);
            past.next = seen.segment.sequence(next);
            past.end = end.map_or(past.end, |end| {
                later(past.end, end.wrapping_add(seen.segment.offset))
            });
        }
        seen.segment.stream = NOBODY;
    }

    /// Fixes where the segment lies in time, before its first packet is sent: `first` is where on the room's clock its
    /// first number is placed, and `real` where it shall be: later than that, if it comes late.
    pub(crate) fn anchor(&mut self, id: u32, first: u32, real: u32) {
        let (seen, past) = (&mut self.seen[id as usize], &self.past[id as usize]);
        let begin = later(real.wrapping_add(past.base), seen.segment.floor);
        seen.segment.offset = begin.wrapping_sub(first);
        seen.anchored = true;
    }

    /// A new spurt of the same stream begins with `compact`; the one before ended at `end`.
    pub(crate) fn renew(&mut self, id: u32, compact: u64, end: u32) {
        let (seen, past) = (&mut self.seen[id as usize], &mut self.past[id as usize]);
        if !seen.anchored {
            return;
        }
        past.remember(seen.segment, compact);
        seen.segment.floor = later(seen.segment.floor, end.wrapping_add(seen.segment.offset));
        seen.segment.first = compact;
        seen.segment.offset = past.base;
        seen.anchored = false;
    }
}

impl Past {
    /// How far the end of what was shown lies ahead of `clock`, in ticks.
    pub(crate) fn ahead(&self, clock: u32) -> u32 {
        distance(self.end, self.base.wrapping_add(clock)).max(0) as u32
    }

    /// The timestamp of `clock`.
    pub(crate) fn timestamp(&self, clock: u32) -> u32 {
        self.base.wrapping_add(clock)
    }

    /// The next sequence number, while nothing is shown.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    fn remember(&mut self, segment: Segment, end: u64) {
        self.newest = (self.newest + 1) % SEGMENTS;
        self.segments[self.newest] = Some((segment, end));
    }

    /// The segment of `stream` that `compact` belongs to.
    pub(crate) fn segment_of(&self, stream: Key, compact: u64) -> Option<&Segment> {
        let mut segments = self.segments.iter().flatten();
        let found = segments
            .find(|(segment, end)| segment.stream == stream && (segment.first..*end).contains(&compact));
        found.map(|(segment, _)| segment)
    }

    /// The segment that a receiver's sequence number was sent in.
    pub(crate) fn segment_with(&self, sequence: u64) -> Option<&Segment> {
        let mut segments = self.segments.iter().flatten();
        let found = segments.find(|(segment, end)| {
            (segment.sequence(segment.first)..segment.sequence(*end)).contains(&sequence)
        });
        found.map(|(segment, _)| segment)
    }
}
