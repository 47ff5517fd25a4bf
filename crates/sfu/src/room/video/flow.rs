//! The way of a picture's packets through the room, and the moment in which a slot turns from one layer to another.

use super::super::cache::{Entry, State};
use super::super::forward::{Body, Unit, fan_out, give};
use super::super::intake::Place;
use super::super::packet::{Format, Forwarded, Packet};
use super::super::slab::Key;
use super::super::{Event, ParticipantKey, Room};
use super::{Counters, keyframe};

impl Room {
    /// A packet of a picture, from somebody who may be seen.
    pub(crate) fn picture(
        &mut self,
        now: u64,
        key: Key,
        packet: &Packet<'_>,
        format: Format,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let Some(body) = Body::parse(&stream.formats, format, packet.payload) else {
            self.counters.absurd += 1;
            return;
        };
        let begins = keyframe::begins(format, packet.payload);
        let place = stream.intake.place(packet.sequence, now);
        let gap = match place {
            Place::New { gap, .. } => gap,
            Place::Restart { .. } => 0,
            Place::Late { extended } => {
                let compact = stream.intake.cache().and_then(|cache| cache.get(extended));
                if let Some(compact) = compact.map(|entry| entry.compact).filter(|_| begins) {
                    self.requests.settle(key);
                    self.turn(key, compact, body);
                    self.late(key, extended, packet, format, body, sink);
                    return self.catch_up(key, compact, sink);
                }
                return self.late(key, extended, packet, format, body, sink);
            }
            Place::Stray { .. } | Place::Duplicate => {
                self.counters.duplicate += 1;
                return;
            }
            Place::Leap => {
                self.counters.absurd += 1;
                return;
            }
        };
        if stream.timeline.is_ahead(now) {
            self.counters.absurd += 1;
            return;
        }
        self.counters.received += 1;
        let first = stream.meter.silent_for(now).is_none();
        stream.meter.add(now, packet.payload.len());
        let same = stream.timeline.is_newest(packet.timestamp);
        stream.timeline.arrived(packet.timestamp, gap == 0, now);
        if !same {
            stream.timeline.follow();
        }
        let mut entry = Entry::new(0, 0, State::Sent, format).of(packet);
        entry.level = None;
        if packet.payload.is_empty() {
            // Padding, by which a sender probes its path: no hole where it was.
            stream.intake.hold(place, false, entry, packet.payload, now);
            self.counters.held += 1;
            return;
        }
        stream.format = Some(format);
        let compact = stream.intake.next() + gap;
        let restart = matches!(place, Place::Restart { .. });
        if restart {
            self.restart(now, key);
        }
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        if restart || !stream.timeline.continues(packet.timestamp, now) {
            if let Some(end) = stream.timeline.end() {
                for &slot in &stream.subscribers {
                    self.slots.renew(slot, compact, end, stream.counters);
                }
            }
            stream.timeline.begin(packet.timestamp, gap, compact, now);
        }
        if begins {
            self.requests.settle(key);
            self.turn(key, compact, body);
        }
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        entry.placed = stream.timeline.place(packet.timestamp, compact);
        let compact = stream.intake.send(place, entry, packet.payload, now);
        stream.timeline.sent(entry.placed);
        if let Body::Vp8(descriptor) = &body {
            stream.counters = descriptor.counters;
        }
        let unit = Unit::of(stream, &entry, compact, packet.payload, body);
        self.counters.forwarded += fan_out(&mut self.slots, &stream.subscribers, key, &unit, sink);
        if first {
            self.arrange_soon(now);
        }
        if !same {
            self.watch_layers(now, key);
        }
    }

    /// The sender began anew: nobody can go on before a keyframe.
    fn restart(&mut self, now: u64, key: Key) {
        while let Some(slot) = self
            .streams
            .get(key)
            .and_then(|stream| stream.subscribers.last().copied())
        {
            self.hide(slot);
            self.aim(now, slot, Some(key));
        }
    }

    /// Turns all slots that wait for a keyframe of the stream to it, from `compact` on.
    fn turn(&mut self, key: Key, compact: u64, body: Body) {
        let Some(stream) = self
            .streams
            .get_mut(key)
            .filter(|stream| !stream.waiting.is_empty())
        else {
            return;
        };
        let number = stream.number;
        let counters = match body {
            Body::Vp8(descriptor) => descriptor.counters,
            _ => Counters::default(),
        };
        let waiting = std::mem::take(&mut stream.waiting);
        for id in waiting {
            self.hide(id);
            let Some(stream) = self.streams.get_mut(key) else {
                return;
            };
            let (past, seen) = (&mut self.slots.past[id as usize], &self.slots.seen[id as usize]);
            past.position = stream.subscribers.len() as u32;
            stream.subscribers.push(id);
            past.view.target = None;
            if !std::mem::replace(&mut past.view.told, true) {
                let to = ParticipantKey(seen.receiver);
                self.events.push_back(Event::Shown {
                    to,
                    slot: seen.slot,
                    number: Some(number),
                });
            }
            self.slots.show(id, key, compact, counters);
        }
    }

    /// A keyframe's first packet came after others of it: gives those to whoever just turned to it.
    fn catch_up(&mut self, key: Key, compact: u64, sink: &mut impl FnMut(&Forwarded<'_>)) {
        let Some(stream) = self.streams.get(key) else {
            return;
        };
        let turned =
            |slots: &super::super::slot::Slots, id: u32| slots.seen[id as usize].segment.first == compact;
        for &id in &stream.subscribers {
            if !turned(&self.slots, id) {
                continue;
            }
            for compact in compact + 1..stream.intake.next() {
                if let Some(unit) = Unit::cached(stream, compact) {
                    self.counters.forwarded += u64::from(give(&mut self.slots, id, key, &unit, sink));
                }
            }
        }
    }
}
