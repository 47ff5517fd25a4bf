//! A packet and its copies: the inner loop. For each subscriber a number is added to the sequence and one to the
//! timestamp; everything else happens when a slot changes hands.

use std::num::NonZeroU64;

use super::cache::Entry;
use super::packet::{AudioLevel, Format, Formats, Forwarded, Header, Media};
use super::red::{MAX_HEAD, Red};
use super::slot::{Seen, Segment, Slots};
use super::stream::Stream;
use super::timeline::{MISSING, distance};
use super::video::vp8::{Descriptor, MAX_DESCRIPTOR};
use super::{Key, ParticipantKey};

/// What a payload is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// Nothing that is rewritten.
    Plain,
    /// Frames with their repetitions.
    Red(Red),
    /// A piece of a picture with counters.
    Vp8(Descriptor),
}

impl Body {
    /// Reads it. `None` if it is malformed.
    pub(crate) fn parse(formats: &Formats, format: Format, payload: &[u8]) -> Option<Self> {
        match format {
            _ if payload.is_empty() => Some(Self::Plain),
            Format::Red => Red::parse(payload, formats.payload_type(Format::Opus)?).map(Self::Red),
            Format::Vp8 => Descriptor::parse(payload).map(Self::Vp8),
            Format::Opus | Format::Vp9 | Format::H264 | Format::Av1 => Some(Self::Plain),
        }
    }
}

/// One packet of a stream, numbered and placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit<'a> {
    /// The number of the participant it comes from.
    pub(crate) number: u32,
    pub(crate) compact: u64,
    pub(crate) placed: u32,
    pub(crate) media: Media,
    pub(crate) format: Format,
    pub(crate) marker: bool,
    pub(crate) level: Option<AudioLevel>,
    pub(crate) captured: Option<NonZeroU64>,
    pub(crate) playout: Option<[u8; 3]>,
    pub(crate) payload: &'a [u8],
    pub(crate) body: Body,
    /// Ticks a packet.
    pub(crate) frame: u32,
}

impl<'a> Unit<'a> {
    /// A packet that has just come.
    pub(crate) fn of(stream: &Stream, entry: &Entry, compact: u64, payload: &'a [u8], body: Body) -> Self {
        Self {
            number: stream.number,
            compact,
            placed: entry.placed,
            media: stream.media,
            format: entry.format,
            marker: entry.marker,
            level: entry.level,
            captured: entry.captured,
            playout: entry.playout,
            payload,
            body,
            frame: stream.timeline.frame(),
        }
    }

    /// A packet of the cache.
    pub(crate) fn cached(stream: &'a Stream, compact: u64) -> Option<Self> {
        let (entry, payload) = stream.intake.cache()?.sent(compact)?;
        let body = Body::parse(&stream.formats, entry.format, payload)?;
        Some(Self::of(stream, entry, compact, payload, body))
    }
}

/// How a slot's segment is fixed in time when `unit` is the first packet that comes.
fn anchor(slots: &mut Slots, id: u32, unit: &Unit<'_>) {
    let first = slots.seen[id as usize].segment.first;
    let missing = unit.compact.saturating_sub(first).min(MISSING) as u32;
    let first = unit.placed.wrapping_sub(missing * unit.frame);
    slots.anchor(id, first, first);
}

/// Gives `unit` of `stream` to all `targets`. Returns how many copies were made.
pub(crate) fn fan_out(
    slots: &mut Slots,
    targets: &[u32],
    stream: Key,
    unit: &Unit<'_>,
    sink: &mut impl FnMut(&Forwarded<'_>),
) -> u64 {
    let mut copies = 0;
    for &id in targets {
        copies += u64::from(give(slots, id, stream, unit, sink));
    }
    copies
}

/// Gives `unit` of `stream` to one slot that shows it.
pub(crate) fn give(
    slots: &mut Slots,
    id: u32,
    stream: Key,
    unit: &Unit<'_>,
    sink: &mut impl FnMut(&Forwarded<'_>),
) -> bool {
    if unit.compact < slots.seen[id as usize].segment.first {
        // Late: from before the segment began.
        let shown = slots.past[id as usize].shown_of(stream, unit.compact).copied();
        let shown = shown.filter(|shown| shown.has_room(unit.placed, unit.frame));
        let seen = &mut slots.seen[id as usize];
        return shown.is_some_and(|shown| copy(seen, &shown.segment, unit, false, sink));
    }
    if !slots.seen[id as usize].anchored {
        anchor(slots, id, unit);
    }
    let seen = &mut slots.seen[id as usize];
    let segment = seen.segment;
    copy(seen, &segment, unit, false, sink)
}

/// Gives what was sent in `segment` to its slot. Returns whether the receiver has a payload type for it. What is sent again
/// is the same to the bit, for it is sealed under the same number: all of it follows from `segment` and `unit`.
#[inline]
pub(crate) fn copy(
    seen: &mut Seen,
    segment: &Segment,
    unit: &Unit<'_>,
    resent: bool,
    sink: &mut impl FnMut(&Forwarded<'_>),
) -> bool {
    let timestamp = unit.placed.wrapping_add(segment.offset);
    let mut buffer = [0; MAX_HEAD];
    let (mut head, mut body): (&[u8], &[u8]) = (&[], unit.payload);
    let mut payload_type = seen.formats.payload_type(unit.format);
    match &unit.body {
        Body::Plain => {}
        Body::Red(red) => {
            let opus = seen.formats.payload_type(Format::Opus);
            if let Some((_, opus)) = payload_type.zip(opus) {
                // What lies before the segment belongs to another voice's time.
                let back = distance(timestamp, segment.floor).max(0) as u32;
                (head, body) = red.cut(unit.payload, red.excess(back), opus, &mut buffer);
            } else {
                body = red.primary(unit.payload);
                payload_type = opus;
            }
        }
        Body::Vp8(descriptor) => {
            const { assert!(MAX_DESCRIPTOR <= MAX_HEAD) };
            (head, body) = descriptor.rewrite(unit.payload, segment.counters, &mut buffer);
        }
    }
    let Some(payload_type) = payload_type else {
        return false;
    };
    let begins = unit.compact == segment.first;
    let header = Header {
        ssrc: seen.ssrc,
        sequence: segment.sequence(unit.compact),
        timestamp,
        marker: unit.marker || (begins && unit.media == Media::Audio),
        payload_type,
        csrc: unit.number,
        level: unit
            .level
            .filter(|_| seen.level_id != 0)
            .map(|level| (seen.level_id, level)),
        captured: unit
            .captured
            .filter(|_| seen.capture_id != 0)
            .map(|captured| (seen.capture_id, captured)),
        playout: unit
            .playout
            .filter(|_| seen.playout_id != 0)
            .map(|playout| (seen.playout_id, playout)),
    };
    if !resent {
        seen.packets = seen.packets.wrapping_add(1);
        seen.octets = seen.octets.wrapping_add((head.len() + body.len()) as u32);
    }
    sink(&Forwarded {
        to: ParticipantKey(seen.receiver),
        slot: seen.slot,
        header,
        head,
        body,
        resent,
    });
    true
}
