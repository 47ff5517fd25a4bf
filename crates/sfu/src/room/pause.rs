//! What receivers are told where the silence of a voice is held back: that it is a pause and no loss, as an encoder with
//! discontinuous transmission says it (RFC 7587 section 3.1.3). They fill it with comfort noise, and nobody counts it as
//! made up. It refuses to know when a pause begins.

use super::Room;
use super::forward::{Body, Unit, fan_out};
use super::packet::{AudioLevel, Format, Forwarded, Packet};
use super::slab::Key;

/// Said so often, in place of the first packets that are held: the last of it may be lost.
pub(crate) const TIMES: u32 = 2;

/// What a pause sounds like.
const SILENCE: AudioLevel = AudioLevel {
    minus_dbov: 127,
    voice: false,
};

impl Room {
    /// Says that a voice pauses, in place of `packet`, which was just held and stays what a word may begin with. `coded` is
    /// what is in it.
    pub(crate) fn announce_pause(
        &mut self,
        now: u64,
        key: Key,
        packet: &Packet<'_>,
        coded: &[u8],
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let (Some(stream), Some(&toc)) = (self.streams.get_mut(key), coded.first()) else {
            return;
        };
        if !stream.timeline.continues(packet.timestamp, now) {
            return;
        }
        let compact = stream.intake.insert();
        let unit = Unit {
            number: stream.number,
            compact,
            placed: stream.timeline.place(packet.timestamp, compact),
            media: stream.media,
            format: Format::Opus,
            marker: false,
            level: packet.level.map(|_| SILENCE),
            // One frame of no bytes (RFC 6716 section 3.2.2).
            payload: &[toc & 0xfc],
            body: Body::Plain,
            frame: stream.timeline.frame(),
        };
        stream.timeline.sent(unit.placed);
        self.counters.forwarded += fan_out(&mut self.slots, &stream.subscribers, key, &unit, sink);
    }
}
