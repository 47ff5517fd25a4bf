//! What receivers are told where the silence of a voice is held back: that it is a pause and no loss, as an encoder with
//! discontinuous transmission says it (RFC 7587 section 3.1.3). They fill it with comfort noise, and nobody counts it as
//! made up. It refuses to know when a pause begins.

use super::Room;
use super::forward::{Body, Unit, fan_out};
use super::packet::{AudioLevel, Format, Forwarded, Packet};
use super::slab::Key;

/// Said so often when silence begins to be held: the last of it may be lost.
const TIMES: u32 = 2;
/// And again after this, in microseconds: there are receivers that take it for a loss when they hear nothing for a second.
const AGAIN: u64 = 800_000;

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
            // One frame of no bytes (RFC 6716 section 3.2.2).
            payload: &[toc & 0xfc],
            body: Body::Plain,
            frame: stream.timeline.frame(),
        };
        stream.timeline.sent(placed);
        self.counters.forwarded += fan_out(&mut self.slots, &stream.subscribers, key, &unit, sink);
    }
}
