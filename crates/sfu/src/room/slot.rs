//! One slot of a receiver: what is shown in it and how headers are rewritten for it. Sequence numbers go on without a
//! gap and timestamps with real time, whoever is shown. What was shown before is remembered in segments of constant
//! rewriting, so that any packet of the last seconds can be sent again without a note of each.

use super::packet::{Formats, Media, Slot};
use super::slab::Key;
use super::timeline::{distance, later};
use super::video::Counters;

/// Segments remembered. A slot changes hands a few times a second at most.
const SEGMENTS: usize = 6;

/// A stretch of one stream under constant rewriting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// First compact number of the stream.
    pub(crate) first: u64,
    /// Added to compact numbers.
    pub(crate) shift: u64,
    /// Added to placed timestamps.
    pub(crate) offset: u32,
    /// Nothing of this segment is played before this: there another one was, or what was said then was sent already.
    pub(crate) floor: u32,
    /// Added to the picture's counters.
    pub(crate) counters: Counters,
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
    /// Identifiers of header extensions; 0 for none.
    pub(crate) level_id: u8,
    pub(crate) capture_id: u8,
    pub(crate) playout_id: u8,
    /// Whether the segment's offset is final: it is after the segment's first packet.
    pub(crate) anchored: bool,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// What is needed now and then.
#[derive(Debug)]
pub(crate) struct Past {
    /// What is shown.
    shows: Option<Key>,
    /// What shall be shown, for pictures.
    pub(crate) view: View,
    /// Where it stands in the stream's list of subscribers.
    pub(crate) position: u32,
    /// Added to the room's clock.
    base: u32,
    /// The last of them, in a ring that begins when the first is over: most slots of most people stay silent.
    segments: Vec<Shown>,
    oldest: usize,
    /// While nothing is shown: the next sequence number, where it may begin, and the newest picture.
    next: u64,
    end: u32,
    counters: Counters,
}

/// A segment that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) stream: Key,
    pub(crate) segment: Segment,
    /// The compact number that ended it.
    end: u64,
    /// Where the next one begins, at the earliest.
    until: u32,
}

impl Shown {
    /// Whether a late packet, placed at `placed` and `frame` ticks long, ends before the next segment begins.
    pub(crate) fn has_room(&self, placed: u32, frame: u32) -> bool {
        let end = placed.wrapping_add(frame).wrapping_add(self.segment.offset);
        distance(end, self.until) <= 0
    }
}

/// One of the identifiers that fit the one-byte form (RFC 8285 section 4.2), or none.
fn identifier(id: Option<u8>) -> u8 {
    id.filter(|id| (1..15).contains(id)).unwrap_or(0)
}

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
                first: 0,
                shift: 0,
                offset: base,
                floor: 0,
                counters: Counters::default(),
            },
            receiver,
            ssrc: config.ssrc,
            formats: config.formats,
            level_id: identifier(config.level_id),
            capture_id: identifier(config.capture_id),
            playout_id: identifier(config.playout_id),
            slot,
            anchored: false,
            packets: 0,
            octets: 0,
        };
        let past = Past {
            shows: None,
            view: View::default(),
            position: 0,
            base,
            segments: Vec::new(),
            oldest: 0,
            next: chance >> 20 & 0x3fff,
            // Up to a second back: what a newcomer is given first may have been said just before it came.
            end: base.wrapping_add(clock).wrapping_sub(48_000),
            counters: Counters::default(),
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

    /// What a slot shows.
    pub(crate) fn shows(&self, id: u32) -> Option<Key> {
        self.past[id as usize].shows
    }

    /// Up to which compact number of `stream` a slot has been given it.
    pub(crate) fn given(&self, id: u32, stream: Key) -> Option<u64> {
        let past = &self.past[id as usize];
        if past.shows == Some(stream) {
            return Some(u64::MAX);
        }
        let segments = past.segments.iter();
        let ends = segments
            .filter(|shown| shown.stream == stream)
            .map(|shown| shown.end);
        ends.max()
    }

    /// Gives a number back. The slot shows nothing.
    pub(crate) fn remove(&mut self, id: u32) {
        self.free.push(id);
    }

    /// Begins to show `stream` from its compact number `first` on, a picture with `counters`.
    pub(crate) fn show(&mut self, id: u32, stream: Key, first: u64, counters: Counters) {
        self.open(id, first, counters);
        self.past[id as usize].shows = Some(stream);
    }

    /// Shows nothing any longer. `next` is the stream's next compact number, `end` where it ends on the room's clock, and
    /// `counters` are its newest picture's.
    pub(crate) fn hide(&mut self, id: u32, next: u64, end: Option<u32>, counters: Counters) {
        self.close(id, next, end, counters);
        self.past[id as usize].shows = None;
    }

    /// A new spurt of the same stream begins with `compact`; the one before ended at `end`.
    pub(crate) fn renew(&mut self, id: u32, compact: u64, end: u32, counters: Counters) {
        let segment = self.seen[id as usize].segment;
        if self.seen[id as usize].anchored {
            self.close(id, compact, Some(end), counters);
            self.open(id, compact, counters);
            // The pictures go on as they are.
            self.seen[id as usize].segment.counters = segment.counters;
        }
    }

    /// Leaves out one packet of a voice, which nobody misses, so that what follows may be that much earlier.
    pub(crate) fn skip(&mut self, id: u32, compact: u64, end: u32) {
        let seen = &self.seen[id as usize];
        if seen.anchored || seen.segment.first == compact {
            self.close(id, compact, Some(end), Counters::default());
            self.open(id, compact + 1, Counters::default());
        }
    }

    /// Sequence number and timestamp of one more packet, `frame` ticks long, in a slot that shows nothing: in step with the
    /// room's `clock`, and behind all that was shown.
    pub(crate) fn append(&mut self, id: u32, clock: u32, frame: u32) -> (u64, u32) {
        let past = &mut self.past[id as usize];
        let at = (past.next, later(past.end, past.base.wrapping_add(clock)));
        past.next += 1;
        past.end = at.1.wrapping_add(frame);
        at
    }

    /// Whether a slot runs behind by `frame` ticks or more, more than its stream.
    pub(crate) fn lags(&self, id: u32, frame: u32) -> bool {
        let (seen, past) = (&self.seen[id as usize], &self.past[id as usize]);
        let lag = distance(seen.segment.offset, past.base);
        seen.slot.media == Media::Audio && lag >= frame.max(1) as i32
    }

    fn open(&mut self, id: u32, first: u64, counters: Counters) {
        let (seen, past) = (&mut self.seen[id as usize], &self.past[id as usize]);
        seen.segment = Segment {
            first,
            shift: past.next.wrapping_sub(first),
            offset: past.base,
            floor: past.end,
            counters: past.counters.next().less(counters),
        };
        seen.anchored = false;
    }

    fn close(&mut self, id: u32, next: u64, end: Option<u32>, counters: Counters) {
        let (seen, past) = (&mut self.seen[id as usize], &mut self.past[id as usize]);
        if !seen.anchored {
            return;
        }
        let next = next.max(seen.segment.first);
        past.next = seen.segment.sequence(next);
        past.end = end.map_or(past.end, |end| {
            later(past.end, end.wrapping_add(seen.segment.offset))
        });
        past.remember(seen.segment, next);
        past.counters = counters.plus(seen.segment.counters);
        seen.anchored = false;
    }

    /// Fixes where the segment lies in time, before its first packet is sent: `first` is where on the room's clock its
    /// first number is placed, and `real` where it shall be: later than that, if it comes late.
    pub(crate) fn anchor(&mut self, id: u32, first: u32, real: u32) {
        let (seen, past) = (&mut self.seen[id as usize], &self.past[id as usize]);
        let begin = later(real.wrapping_add(past.base), seen.segment.floor);
        seen.segment.offset = begin.wrapping_sub(first);
        seen.segment.floor = begin;
        seen.anchored = true;
    }
}

impl Past {
    /// How far the end of what was shown lies ahead of `clock`, in ticks.
    pub(crate) fn ahead(&self, clock: u32) -> u32 {
        distance(self.end, self.base.wrapping_add(clock)).max(0) as u32
    }

    /// The next sequence number, while nothing is shown.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    fn remember(&mut self, segment: Segment, end: u64) {
        let Some(stream) = self.shows else { return };
        let shown = Shown {
            stream,
            segment,
            end,
            until: self.end,
        };
        if self.segments.len() < SEGMENTS {
            self.segments.reserve_exact(SEGMENTS - self.segments.len());
            self.segments.push(shown);
        } else {
            self.segments[self.oldest] = shown;
        }
        self.oldest = (self.oldest + 1) % SEGMENTS;
    }

    /// The segment of `stream` that `compact` belongs to.
    pub(crate) fn shown_of(&self, stream: Key, compact: u64) -> Option<&Shown> {
        let mut segments = self.segments.iter();
        let within = |shown: &&Shown| (shown.segment.first..shown.end).contains(&compact);
        segments.find(|shown| shown.stream == stream && within(shown))
    }

    /// What was shown when a receiver's sequence number was sent.
    pub(crate) fn shown_with(&self, sequence: u64) -> Option<&Shown> {
        self.segments.iter().find(|shown| {
            let segment = &shown.segment;
            (segment.sequence(segment.first)..segment.sequence(shown.end)).contains(&sequence)
        })
    }
}

/// What a slot for pictures is meant to show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    /// Whose picture.
    pub(crate) owner: Option<Key>,
    /// How high it is shown, in pixels.
    pub(crate) height: u16,
    /// The layer that is waited for, until it begins with a keyframe.
    pub(crate) target: Option<Key>,
    /// Whether its receiver was told that it shows its owner.
    pub(crate) told: bool,
}
