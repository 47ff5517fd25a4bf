//! The way of a voice through the room: who is heard in which slot, what is silence, and where a talk spurt begins.

use super::activity::Sound;
use super::cache::{Entry, State};
use super::forward::{Body, Unit, fan_out, give};
use super::intake::Place;
use super::packet::{Format, Forwarded, Packet};
use super::slab::Key;
use super::timeline::{distance, later, ticks};
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
                let entry = Entry::new(extended, 0, State::Held, format).of(packet);
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
        let coded = match body {
            Body::Red(red) => red.primary(packet.payload),
            _ => packet.payload,
        };
        let duration = u64::from(stream.timeline.frame()) * 1_000 / 48;
        let sound = stream.activity.hear(now, packet.level, coded.len(), duration);
        let mut entry = Entry::new(0, 0, State::Sent, format).of(packet);
        // A clock that runs faster than ours, or a lie: left out as silence is, and forgotten.
        let ahead = stream.timeline.is_ahead(now);
        // The pause after a voice is the moment to become timely again, where its beginning was sent late.
        let slack = gap == 0 && stream.activity.is_over();
        let silent = stream.activity.silent() > HANGOVER || packet.payload.is_empty();
        if ahead || silent || (slack && stream.timeline.lags()) {
            if gap > 0 && !stream.intake.is_holding() {
                stream.timeline.reserve(packet.timestamp, now);
            }
            let payload = if ahead { &[] } else { packet.payload };
            stream.intake.hold(place, true, entry, payload, now);
            self.counters.held += 1;
            let held = stream.activity.silent().saturating_sub(HANGOVER);
            if held > 0 && !ahead {
                self.announce_pause(now, key, packet, coded, held, sink);
            }
            return;
        }
        if sound != Sound::Silent {
            self.hear(now, key, sound, sink);
        }
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let restart = matches!(place, Place::Restart { .. });
        let resumes = restart || stream.intake.is_holding();
        if resumes || !stream.timeline.continues(packet.timestamp, now) {
            let onset = if sound == Sound::Speech && !restart {
                ONSET
            } else {
                (0, 0)
            };
            self.begin_spurt(now, key, packet.timestamp, gap, onset, sink);
        }
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let compact = stream.intake.next() + gap;
        entry.placed = stream.timeline.place(packet.timestamp, compact);
        if let Some(end) = stream.timeline.end().filter(|_| slack) {
            let frame = stream.timeline.frame();
            for &slot in &stream.subscribers {
                if self.slots.lags(slot, frame) {
                    self.slots.skip(slot, compact, end);
                }
            }
        }
        let compact = stream.intake.send(place, entry, packet.payload, now);
        stream.timeline.sent(entry.placed);
        let unit = Unit::of(stream, &entry, compact, packet.payload, body);
        self.counters.forwarded += fan_out(&mut self.slots, &stream.subscribers, key, &unit, sink);
    }

    /// Begins a talk spurt with a packet that is about to be sent, and sends what was held of it: at most so many ticks and
    /// packets.
    fn begin_spurt(
        &mut self,
        now: u64,
        key: Key,
        timestamp: u32,
        gap: u64,
        onset: (u32, u64),
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let first = stream.intake.next();
        let released = stream.intake.release(timestamp, onset.0, onset.1);
        let cached = stream.intake.cache().and_then(|cache| cache.sent(first));
        let (begins, missing) = match cached {
            Some((entry, _)) if released > 0 => (entry.timestamp, 0),
            _ => (timestamp, gap),
        };
        if let Some(end) = stream.timeline.end() {
            for &slot in &stream.subscribers {
                self.slots.renew(slot, first, end, stream.counters);
            }
        }
        stream.timeline.begin(begins, missing, first, now);
        for compact in first..first + released {
            let timeline = &stream.timeline;
            stream
                .intake
                .set_placed(compact, |timestamp| timeline.place(timestamp, compact));
            if let Some(unit) = Unit::cached(stream, compact) {
                let copies = fan_out(&mut self.slots, &stream.subscribers, key, &unit, sink);
                self.counters.forwarded += copies;
            }
        }
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
            self.reseat(now, stage, change, sink);
        }
    }

    /// Takes somebody off all stages.
    pub(crate) fn clear_seats(&mut self, now: u64, owner: Key, sink: &mut impl FnMut(&Forwarded<'_>)) {
        for stage in 0..self.stages.len() {
            while let Some(seat) = self.stages[stage].seat_of(owner) {
                self.stages[stage].vacate(seat);
                let understudy = seat == self.stages[stage].slots();
                let change = stage::Change {
                    seat: Some(seat).filter(|_| !understudy),
                    understudy,
                };
                self.reseat(now, stage, change, sink);
            }
        }
    }

    /// Makes slots show what the stage says.
    fn reseat(
        &mut self,
        now: u64,
        stage: usize,
        change: stage::Change,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        if let Some(seat) = change.seat {
            for index in 0..self.stages[stage].audience.len() {
                let listener = self.stages[stage].audience[index];
                self.tune(now, stage, seat, listener, Some(&mut *sink));
            }
        }
        if change.understudy {
            for seat in 0..self.stages[stage].slots() {
                let Some(owner) = self.stages[stage].owner(seat) else {
                    continue;
                };
                let listens = self.participants.get(owner).and_then(|owner| owner.seat);
                if listens.is_some_and(|(listens, _)| listens == stage) {
                    self.tune(now, stage, seat, owner, Some(&mut *sink));
                }
            }
        }
    }

    /// Makes one slot of a listener show what the stage says; with a sink, what has just been said goes there, or that it
    /// was all.
    pub(crate) fn tune(
        &mut self,
        now: u64,
        stage: usize,
        seat: usize,
        listener: Key,
        mut sink: Option<&mut impl FnMut(&Forwarded<'_>)>,
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
        match sink.as_deref_mut() {
            Some(sink) if wanted.is_none() => self.quiet(id, sink),
            _ => self.hide(id),
        }
        let Some((key, stream)) = wanted.and_then(|key| Some((key, self.streams.get_mut(key)?))) else {
            return;
        };
        let (next, clock) = (stream.intake.next(), ticks(48_000, now));
        // As far back as the spurt goes and the slot is free: what is sent late pushes its playout back. Where talkers
        // have come one upon another it is behind already, and a newcomer loses its first frame instead.
        let ahead = self.slots.past[id as usize].ahead(clock);
        let budget = CATCH_UP.saturating_sub(ahead);
        let behind = ahead
            .saturating_sub(CATCH_UP)
            .div_ceil(stream.timeline.frame().max(1));
        let end = stream.timeline.end().unwrap_or(0);
        let recent = distance(clock, end) < CATCH_UP as i32;
        let anew = recent
            && sink.is_some()
            && !stream.intake.is_holding()
            && stream.activity.is_speaking(now)
            && stream.activity.speaking_for(now) <= ANEW;
        let from = stream.timeline.since().max(next.saturating_sub(64));
        let from = from.max(heard.unwrap_or(0));
        let mut first = next + u64::from(behind);
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
            let real = later(clock, entry.placed);
            self.slots.anchor(id, entry.placed, real);
        }
        for compact in first..next {
            if let Some(unit) = Unit::cached(stream, compact) {
                self.counters.forwarded += u64::from(give(&mut self.slots, id, key, &unit, sink));
            }
        }
    }
}
