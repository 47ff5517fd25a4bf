//! What receivers are told where the silence of a voice is held back: that it is a pause and no loss, as an encoder with
//! discontinuous transmission says it (RFC 7587 section 3.1.3). They fill it with comfort noise, and nobody counts it as
//! made up. The same is said where a voice is gone for good. It refuses to know when a pause begins.

use super::forward::{Body, Unit, fan_out};
use super::packet::{AudioLevel, Format, Forwarded, Header, Media, Packet};
use super::slab::Key;
use super::timeline::ticks;
use super::{ParticipantKey, Room};

/// Said so often when silence begins to be held: the last of it may be lost.
const TIMES: u32 = 2;
/// And again after this, in microseconds: there are receivers that take it for a loss when they hear nothing for a second.
const AGAIN: u64 = 800_000;

/// The last of a voice that is gone: one frame of no bytes and 10 ms (RFC 6716 section 3.1), in ticks. Short, for the next
/// voice in the slot begins behind it.
const LAST: (u8, u32) = (0xf0, 480);

/// What a pause sounds like.
const SILENCE: AudioLevel = AudioLevel {
    minus_dbov: 127,
    voice: false,
};

impl Room {
    /// Says that a voice pauses, where it is time to, in place of `packet`, the `held`th in a row that is held back. That one
    /// stays what a word may begin with. `coded` is what is in it.
    pub(crate) fn announce_pause(
        &mut self,
        now: u64,
        key: Key,
        packet: &Packet<'_>,
        coded: &[u8],
        held: u32,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let (Some(stream), Some(&toc)) = (self.streams.get_mut(key), coded.first()) else {
            return;
        };
        let begins = held <= TIMES;
        if !begins && now.saturating_sub(stream.announced) < AGAIN {
            return;
        }
        let Some(placed) = stream.timeline.pause(packet.timestamp, begins, now) else {
            return;
        };
        stream.announced = now;
        let unit = Unit {
            number: stream.number,
            compact: stream.intake.insert(),
            placed,
            media: stream.media,
            format: Format::Opus,
            marker: false,
            level: packet.level.map(|_| SILENCE),
            captured: None,
            playout: None,
            // One frame of no bytes (RFC 6716 section 3.2.2).
            payload: &[toc & 0xfc],
            body: Body::Plain,
            frame: stream.timeline.frame(),
        };
        stream.timeline.sent(placed);
        self.counters.forwarded += fan_out(&mut self.slots, &stream.subscribers, key, &unit, sink);
    }

    /// Shows nothing in a slot any longer, and says so where a voice was heard in it.
    pub(crate) fn quiet(&mut self, id: u32, sink: &mut impl FnMut(&Forwarded<'_>)) {
        let seen = &self.slots.seen[id as usize];
        let heard = seen.anchored && seen.slot.media == Media::Audio;
        let stream = self.slots.shows(id).and_then(|key| self.streams.get(key));
        let number = stream.map(|stream| stream.number).filter(|_| heard);
        self.hide(id);
        let payload_type = self.slots.seen[id as usize].formats.payload_type(Format::Opus);
        let Some((number, payload_type)) = number.zip(payload_type) else {
            return;
        };
        let clock = ticks(48_000, self.now);
        for _ in 0..TIMES {
            let (sequence, timestamp) = self.slots.append(id, clock, LAST.1);
            let seen = &mut self.slots.seen[id as usize];
            seen.packets = seen.packets.wrapping_add(1);
            seen.octets = seen.octets.wrapping_add(1);
            self.counters.forwarded += 1;
            sink(&Forwarded {
                to: ParticipantKey(seen.receiver),
                slot: seen.slot,
                header: Header {
                    ssrc: seen.ssrc,
                    sequence,
                    timestamp,
                    marker: false,
                    payload_type,
                    csrc: number,
                    level: (seen.level_id != 0).then_some((seen.level_id, SILENCE)),
                    captured: None,
                    playout: None,
                },
                head: &[],
                body: &[LAST.0],
                resent: false,
            });
        }
    }
}
