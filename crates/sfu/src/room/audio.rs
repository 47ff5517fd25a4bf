//! The way of a voice through the room: who is heard in which slot, what is silence, and where a talk spurt begins.

use super::activity::Sound;
use super::cache::{Entry, State};
use super::forward::{Body, Unit, fan_out, give};
use super::intake::Place;
use super::packet::{Format, Forwarded, Packet};
use super::slab::Key;
use super::timeline::{distance, ticks};
use super::{Room, stage};

/// Silent packets that are sent before the rest is held: comfort noise for the pause, and the voice's end.
const HANGOVER: u32 = 6;
/// Silence before a voice that is sent after all, in ticks of 48 kHz and packets: the first sound of a word may be too
/// faint to be told from it.
const ONSET: (u32, u64) = (1_920, 8);
/// Most of a voice that is sent late to those who begin to hear it, in ticks. It is what their playout runs behind at
/// first, and what a newcomer may have said before somebody made room.
const CATCH_UP: u32 = 5_760;
/// A voice that has been speaking for longer than this when it comes to be heard is joined where it is, in microseconds.
const ANEW: u64 = 150_000;

impl Room {
    /// A packet of a voice, from somebody who may be heard.
    pub(crate) fn voice(
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
        let place = stream.intake.place(packet.sequence, now);
        let gap = match place {
            Place::New { gap, .. } => gap,
            Place::Restart { .. } => 0,
            Place::Late { extended } => return self.late(key, extended, packet, format, body, sink),
            Place::Stray { extended } => {
                let mut entry = Entry::new(extended, 0, State::Held, format);
                (entry.timestamp, entry.marker, entry.level) =
                    (packet.timestamp, packet.marker, packet.level);
                stream.intake.keep(entry, packet.payload);
                self.counters.held += 1;
                return;
            }
            Place::Duplicate => {
                self.counters.duplicate += 1;
                return;
            }
            Place::Leap => {
                self.counters.absurd += 1;
                return;
            }
        };
        self.counters.received += 1;
        stream.meter.add(now, packet.payload.len());
        stream.timeline.arrived(packet.timestamp, gap == 0, now);
        let size = match body {
            Body::Red(red) => red.primary(packet.payload).len(),
            _ => packet.payload.len(),
        };
        let duration = u64::from(stream.timeline.frame()) * 1_000 / 48;
        let sound = stream.activity.hear(now, packet.level, size, duration);
        let mut entry = Entry::new(0, 0, State::Sent, format);
        (entry.timestamp, entry.marker, entry.level) = (packet.timestamp, packet.marker, packet.level);
        if stream.timeline.is_ahead(now) {
            // A clock that runs faster than ours, or a lie: left out as silence would be, and forgotten.
            stream.intake.hold(place, true, entry, &[], now);
            self.counters.absurd += 1;
            return;
        }
        if stream.activity.silent() > HANGOVER || packet.payload.is_empty() {
            stream.intake.hold(place, true, entry, packet.payload, now);
            self.counters.held += 1;
            return;
        }
        if sound != Sound::Silent {
            self.hear(now, key, sound, sink);
        }
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let next = stream.intake.next();
        let restart = matches!(place, Place::Restart { .. });
        let resumes = stream.intake.is_holding() && !restart;
        let released = if resumes {
            stream.intake.release(packet.timestamp, ONSET.0, ONSET.1)
        } else {
            0
        };
        if resumes || restart || !stream.timeline.continues(packet.timestamp, now) {
            let first = stream.intake.cache().filter(|_| released > 0);
            let first = first.and_then(|cache| cache.sent(next));
            let first = first.map_or(packet.timestamp, |(entry, _)| entry.timestamp);
            if let Some(end) = stream.timeline.end() {
                for &slot in &stream.subscribers {
                    self.slots.renew(slot, next, end);
                }
            }
            let missing = if released > 0 { 0 } else { gap };
            stream.timeline.begin(first, missing, next, now);
        }
        for compact in next..next + released {
            let timeline = &stream.timeline;
            let placed = |timestamp| timeline.place(timestamp, compact);
            stream.intake.set_placed(compact, placed);
            if let Some(unit) = Unit::cached(stream, compact) {
                let copies = fan_out(&mut self.slots, &stream.subscribers, key, &unit, sink);
                self.counters.forwarded += copies;
            }
        }
        entry.placed = stream.timeline.place(packet.timestamp, next + released + gap);
        let compact = stream.intake.send(place, entry, packet.payload, now);
        stream.timeline.sent(entry.placed);
        let unit = Unit::of(stream, &entry, compact, packet.payload, body);
        self.counters.forwarded += fan_out(&mut self.slots, &stream.subscribers, key, &unit, sink);
    }

    /// Lets a voice compete on all stages and among the dominant speakers.
    fn hear(&mut self, now: u64, key: Key, sound: Sound, sink: &mut impl FnMut(&Forwarded<'_>)) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let owner = stream.owner;
        if sound == Sound::Speech && !stream.warm {
            stream.warm = true;
            self.speakers.add(key, now);
        }
        for stage in 0..self.stages.len() {
            if self.stages[stage].audience.is_empty() {
                continue;
            }
            let streams = &self.streams;
            let activity = |key| streams.get(key).map(|stream| &stream.activity);
            let change = self.stages[stage].challenge(now, key, owner, sound, activity);
            self.reseat(now, stage, change, Some(sink));
        }
    }

    /// Takes somebody off all stages.
    pub(crate) fn clear_seats(&mut self, now: u64, owner: Key) {
        for stage in 0..self.stages.len() {
            while let Some(seat) = self.stages[stage].seat_of(owner) {
                self.stages[stage].vacate(seat);
                let understudy = seat == self.stages[stage].slots();
                let change = stage::Change {
                    seat: Some(seat).filter(|_| !understudy),
                    understudy,
                };
                self.reseat(now, stage, change, None::<&mut fn(&Forwarded<'_>)>);
            }
        }
    }

    /// Makes slots show what the stage says.
    fn reseat(
        &mut self,
        now: u64,
        stage: usize,
        change: stage::Change,
        mut sink: Option<&mut impl FnMut(&Forwarded<'_>)>,
    ) {
        if let Some(seat) = change.seat {
            for index in 0..self.stages[stage].audience.len() {
                let listener = self.stages[stage].audience[index];
                self.tune(now, stage, seat, listener, sink.as_deref_mut());
            }
        }
        if change.understudy {
            for seat in 0..self.stages[stage].slots() {
                let Some(owner) = self.stages[stage].owner(seat) else {
                    continue;
                };
                let listens = self.participants.get(owner).and_then(|owner| owner.seat);
                if listens.is_some_and(|(listens, _)| listens == stage) {
                    self.tune(now, stage, seat, owner, sink.as_deref_mut());
                }
            }
        }
    }

    /// Makes one slot of a listener show what the stage says; with a sink, what has just been said goes there.
    pub(crate) fn tune(
        &mut self,
        now: u64,
        stage: usize,
        seat: usize,
        listener: Key,
        sink: Option<&mut impl FnMut(&Forwarded<'_>)>,
    ) {
        let Some(participant) = self.participants.get(listener) else {
            return;
        };
        let Some(&id) = participant.slots.get(seat) else {
            return;
        };
        let wanted = self.stages[stage].heard(seat, listener);
        if self.slots.shows(id) == wanted {
            return;
        }
        // Never again what this listener has heard, in whichever slot.
        let slots = participant.slots[..participant.audio].iter();
        let heard = wanted.and_then(|key| slots.filter_map(|slot| self.slots.given(*slot, key)).max());
        self.hide(id);
        let Some((key, stream)) = wanted.and_then(|key| Some((key, self.streams.get_mut(key)?))) else {
            return;
        };
        let next = stream.intake.next();
        // As far back as the spurt goes and the slot is free: what is sent late pushes its playout back.
        let ahead = self.slots.past[id as usize].ahead(ticks(48_000, now));
        let budget = CATCH_UP.saturating_sub(ahead);
        let end = stream.timeline.end().unwrap_or(0);
        let recent = distance(ticks(48_000, now), end) < CATCH_UP as i32;
        let anew = recent
            && sink.is_some()
            && !stream.intake.is_holding()
            && stream.activity.speaking_for(now) <= ANEW;
        let from = stream.timeline.since().max(next.saturating_sub(64));
        let from = from.max(heard.unwrap_or(0));
        let mut first = next;
        while anew && first > from {
            let entry = stream.intake.cache().and_then(|cache| cache.sent(first - 1));
            if entry.is_none_or(|(entry, _)| end.wrapping_sub(entry.placed) > budget) {
                break;
            }
            first -= 1;
        }
        self.slots.past[id as usize].position = stream.subscribers.len() as u32;
        stream.subscribers.push(id);
        self.slots.show(id, key, first, stream.counters);
        let Some(sink) = sink.filter(|_| first < next) else {
            return;
        };
        let placed = stream.intake.cache().and_then(|cache| cache.sent(first));
        if let Some((entry, _)) = placed {
            self.slots.anchor(id, entry.placed, end);
        }
        for compact in first..next {
            if let Some(unit) = Unit::cached(stream, compact) {
                self.counters.forwarded += u64::from(give(&mut self.slots, id, key, &unit, sink));
            }
        }
    }
}
