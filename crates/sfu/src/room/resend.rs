//! Packets sent again. A slot remembers in which segments it was sent what, and the streams' caches have the packets.

use std::time::Instant;

use super::forward::{Unit, copy};
use super::packet::Forwarded;
use super::{ParticipantKey, Room};

/// Most sequence numbers of one NACK that are looked at.
const MOST: usize = 256;
/// A receiver may have 1000 packets a second again, and a tenth of a second's worth at once.
const COST: u64 = 1_000;
const BURST: u64 = 100_000;

impl Room {
    /// A receiver misses packets of the slot with `ssrc` (RFC 4585 section 6.2.1). What is still known goes to `sink`.
    pub fn nack(
        &mut self,
        now: Instant,
        from: ParticipantKey,
        ssrc: u32,
        missing: impl IntoIterator<Item = u16>,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let now = self.advance(now);
        let Some(id) = self.slot_with(from.0, ssrc) else {
            return;
        };
        for sequence in missing.into_iter().take(MOST) {
            let allowed = match self.participants.get_mut(from.0) {
                Some(participant) => participant.resends.allow(now, COST, BURST),
                None => false,
            };
            if allowed && self.resend(id, sequence, sink).is_some() {
                self.counters.resent += 1;
            } else {
                self.counters.not_resent += 1;
            }
        }
    }

    fn resend(&mut self, id: u32, sequence: u16, sink: &mut impl FnMut(&Forwarded<'_>)) -> Option<()> {
        let shows = self.slots.shows(id);
        let (seen, past) = (&mut self.slots.seen[id as usize], &self.slots.past[id as usize]);
        let shown = shows.filter(|_| seen.anchored);
        let shown = shown.and_then(|key| Some((key, self.streams.get(key)?.intake.next())));
        let next = shown.map_or(past.next(), |(_, next)| seen.segment.sequence(next));
        let back = u64::from((next as u16).wrapping_sub(sequence));
        let sequence = next.checked_sub(back).filter(|_| (1..0x8000).contains(&back))?;
        let current = shown.filter(|_| sequence >= seen.segment.sequence(seen.segment.first));
        let (key, segment) = match current {
            Some((key, _)) => (key, seen.segment),
            None => past
                .shown_with(sequence)
                .map(|shown| (shown.stream, shown.segment))?,
        };
        let stream = self.streams.get(key)?;
        let unit = Unit::cached(stream, sequence.wrapping_sub(segment.shift))?;
        copy(seen, &segment, &unit, true, sink).then_some(())
    }
}
