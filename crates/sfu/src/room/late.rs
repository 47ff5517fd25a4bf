//! What comes too late to be in order, and what ends: packets that fill holes, and slots that show nothing any longer.

use super::Room;
use super::cache::{Entry, State};
use super::forward::{Body, Unit, fan_out};
use super::packet::{Format, Forwarded, Media, Packet};
use super::slab::Key;
use super::video::Counters;

/// How far away another packet of the same frame is looked for: more than that many lost in a row leave none.
const FRAME: u64 = 16;

impl Room {
    /// A packet that fills a hole.
    pub(crate) fn late(
        &mut self,
        key: Key,
        extended: u64,
        packet: &Packet<'_>,
        format: Format,
        body: Body,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let compact = stream.intake.cache().and_then(|cache| cache.get(extended));
        let compact = compact.map_or(0, |entry| entry.compact);
        let mut entry = Entry::new(extended, compact, State::Sent, format).of(packet);
        // All packets of a frame lie at one place: that of the nearest of it that is here.
        let cache = stream.intake.cache();
        let beside = |extended: u64| cache.and_then(|cache| cache.get(extended));
        let here = |entry: &&Entry| entry.state == State::Sent && entry.timestamp == packet.timestamp;
        let near = (1..=FRAME).find_map(|away| {
            let before = beside(extended - away).filter(here);
            before.or_else(|| beside(extended + away).filter(here))
        });
        let placed = near.map(|entry| entry.placed);
        entry.placed = placed.unwrap_or_else(|| stream.timeline.place(packet.timestamp, compact));
        // Late padding of a picture goes on as it is: the hole for it is there.
        let empty = packet.payload.is_empty() && stream.media == Media::Audio;
        if !stream.timeline.admits(entry.placed, compact) || empty {
            self.counters.absurd += 1;
            return;
        }
        stream.timeline.sent(entry.placed);
        if stream.intake.fill(extended, entry, packet.payload).is_none() {
            return;
        }
        self.counters.received += 1;
        let unit = Unit::of(stream, &entry, compact, packet.payload, body);
        self.counters.forwarded += fan_out(&mut self.slots, &stream.subscribers, key, &unit, sink);
    }

    /// Shows nothing in a slot any longer.
    pub(crate) fn hide(&mut self, id: u32) {
        let Some(key) = self.slots.shows(id) else {
            return;
        };
        let (mut next, mut end, mut counters) = (0, None, Counters::default());
        if let Some(stream) = self.streams.get_mut(key) {
            (next, end, counters) = (stream.intake.next(), stream.timeline.end(), stream.counters);
            let position = self.slots.past[id as usize].position as usize;
            stream.subscribers.swap_remove(position);
            if let Some(moved) = stream.subscribers.get(position) {
                self.slots.past[*moved as usize].position = position as u32;
            }
        }
        self.slots.hide(id, next, end, counters);
    }
}
