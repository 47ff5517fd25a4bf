//! Whose picture is shown to whom, and in which layer: what a receiver asked to see, then whom all shall see, then who
//! speaks. Runs when something changed and once a second, never for a packet.

use std::time::Instant;

use super::super::config::{MAX_LAYERS, Want};
use super::super::packet::{Format, Media, Slot};
use super::super::slab::Key;
use super::super::{Event, ParticipantKey, Room};
use super::layers::{Layer, Picture, allocate};

/// Between two arrangements of all, in microseconds, while pictures are sent: as bitrates change.
const PERIOD: u64 = 1_000_000;
/// And at least, however much changes.
const PAUSE: u64 = 100_000;
/// How many are arranged at a time, and the time between, in microseconds: packets do not wait for a thousand.
const SLICE: usize = 64;
const MOMENT: u64 = 2_000;
/// A layer without packets for this long is not sent any more, in microseconds.
const DEAD: u64 = 2_000_000;
/// What layers are taken to cost and how high they are until that is known.
const NOMINAL: [(u64, u16); MAX_LAYERS] = [(150_000, 180), (500_000, 360), (1_500_000, 720)];
/// How high a picture is shown that nobody asked for, in pixels: of the dominant speaker, and of others.
const SPEAKER: u16 = 360;
const OTHERS: u16 = 180;
/// A new estimate of a receiver's path is acted on at once if it differs by this much from the one before, in percent.
const NEWS: u64 = 10;

/// What a receiver sees and can see.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    pub(crate) wants: Vec<Want>,
    /// Most cameras to show; none: as many as there are slots.
    cameras: Option<usize>,
    /// How many cameras the path was last found to carry.
    carries: Option<usize>,
    pub(crate) available: Option<u64>,
    /// The estimate that was acted on.
    acted: Option<u64>,
}

/// How far the arrangement of all has come.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    /// The place of who is next; 0 between rounds.
    at: usize,
    /// Whether something has changed since the round began.
    again: bool,
    finished: Option<u64>,
    pub(crate) due: Option<u64>,
}

impl Room {
    /// What a receiver's path carries, in bit/s, from transport-wide feedback or REMB. Until it is told, everything is
    /// taken to fit.
    pub fn set_available(&mut self, now: Instant, who: ParticipantKey, bits_per_second: u64) {
        let now = self.advance(now);
        let Some(participant) = self.participants.get_mut(who.0) else {
            return;
        };
        let watching = &mut participant.watching;
        watching.available = Some(bits_per_second);
        let news = watching
            .acted
            .is_none_or(|acted| acted.abs_diff(bits_per_second) > acted / 100 * NEWS);
        if news {
            self.arrange(now, who.0);
        }
    }

    /// What a receiver wants to see, most important first, in place of what it wanted before. Slots that are left over
    /// show the dominant speakers, then anybody who sends a picture.
    pub fn watch(&mut self, now: Instant, who: ParticipantKey, wants: &[Want]) {
        let now = self.advance(now);
        if let Some(participant) = self.participants.get_mut(who.0) {
            participant.watching.wants.clear();
            participant
                .watching
                .wants
                .extend(wants.iter().take(2 * super::super::MAX_SLOTS));
            self.arrange(now, who.0);
        }
    }

    /// Most cameras that a receiver is shown, in place of what was said before. `None`: as many as it has slots.
    pub fn show_cameras(&mut self, now: Instant, who: ParticipantKey, most: Option<usize>) {
        let now = self.advance(now);
        if let Some(participant) = self.participants.get_mut(who.0)
            && participant.watching.cameras != most
        {
            participant.watching.cameras = most;
            self.arrange(now, who.0);
        }
    }

    /// Who everybody shall see first, by number, in place of those before.
    pub fn spotlight(&mut self, now: Instant, numbers: &[u32]) {
        let now = self.advance(now);
        self.spotlight = numbers.to_vec();
        self.arrange_soon(now);
    }

    /// Arranges all, as soon as it may be.
    pub(crate) fn arrange_soon(&mut self, now: u64) {
        let rounds = &mut self.rounds;
        if rounds.at > 0 {
            rounds.again = true;
            return;
        }
        let due = rounds.finished.map_or(now, |finished| now.max(finished + PAUSE));
        rounds.due = Some(rounds.due.map_or(due, |before| before.min(due)));
    }

    /// Arranges all, if it is time: some of them now, and the rest in a moment.
    pub(crate) fn arrange_some(&mut self, now: u64) {
        if self.rounds.due.is_none_or(|due| due > now) {
            return;
        }
        let end = (self.rounds.at + SLICE).min(self.participants.places());
        for index in self.rounds.at..end {
            if let Some(who) = self.participants.at(index) {
                self.arrange(now, who);
            }
        }
        if end < self.participants.places() {
            (self.rounds.at, self.rounds.due) = (end, Some(now + MOMENT));
            return;
        }
        let pictures = self.senders.iter().any(|senders| !senders.is_empty());
        let period = if std::mem::take(&mut self.rounds.again) {
            PAUSE
        } else {
            PERIOD
        };
        self.rounds.at = 0;
        self.rounds.finished = Some(now);
        self.rounds.due = (pictures || period == PAUSE).then_some(now + period);
    }

    /// Keeps the list of those who send pictures.
    pub(crate) fn list_sender(&mut self, now: u64, who: Key, media: Media) {
        let row = match media {
            Media::Audio => return,
            Media::Video => 0,
            Media::Share => 1,
        };
        let senders = &mut self.senders[row];
        let participant = self.participants.get_mut(who);
        let sends = participant.is_some_and(|participant| {
            let sends = participant.sends.iter().any(|sends| sends.media == media);
            participant.shows[row] = sends && participant.rights.may_send(media);
            participant.shows[row]
        });
        match senders.iter().position(|sender| *sender == who) {
            Some(position) if !sends => {
                senders.remove(position);
            }
            None if sends => senders.push(who),
            _ => return,
        }
        self.arrange_soon(now);
    }

    /// Empties all picture slots of somebody.
    pub(crate) fn clear_views(&mut self, now: u64, who: Key) {
        let Some(participant) = self.participants.get(who) else {
            return;
        };
        let (slots, audio) = (participant.slots.clone(), participant.audio);
        for id in &slots[audio..] {
            self.empty(now, *id);
        }
    }

    /// Chooses pictures and layers for one receiver.
    pub(crate) fn arrange(&mut self, now: u64, who: Key) {
        let Some(participant) = self.participants.get_mut(who) else {
            return;
        };
        if participant.slots.len() == participant.audio || !participant.rights.receive {
            return;
        }
        participant.watching.acted = participant.watching.available;
        let (audio, video) = (participant.audio, participant.audio + participant.video);
        let slots = participant.slots.clone();
        let most = participant.watching.cameras.unwrap_or(usize::MAX);
        let mut rows = self.seat_pictures(now, who, Media::Share, usize::MAX, &slots[video..]);
        let shares = rows.len();
        rows.extend(self.seat_pictures(now, who, Media::Video, most, &slots[audio..video]));
        let pictures: Vec<Picture> = rows.iter().map(|row| self.picture_of(now, *row)).collect();
        let mut given = vec![None; pictures.len()];
        allocate(self.budget(who), &pictures, &mut given);
        self.count_cameras(who, (&pictures[shares..], &given[shares..]), video - audio);
        for (&id, layer) in rows.iter().zip(given) {
            let owner = self.slots.past[id as usize].view.owner;
            let media = self.slots.seen[id as usize].slot.media;
            let stream = layer.and_then(|layer| self.layer(owner?, media, layer));
            self.aim(now, id, stream);
        }
    }

    /// Finds how many cameras the path carries: where one that is wanted and there gets no layer, no more than those that
    /// get one; otherwise as many as there are slots.
    fn count_cameras(&mut self, who: Key, (pictures, given): (&[Picture], &[Option<u8>]), slots: usize) {
        let there = |picture: &Picture| picture.layers.iter().any(Option::is_some);
        let cut = pictures
            .iter()
            .zip(given)
            .any(|(picture, layer)| there(picture) && layer.is_none());
        let carries = if cut {
            given.iter().filter(|layer| layer.is_some()).count()
        } else {
            slots
        };
        let Some(participant) = self.participants.get_mut(who) else {
            return;
        };
        if participant.watching.carries.replace(carries) != Some(carries) {
            self.events.push_back(Event::Carries {
                to: ParticipantKey(who),
                cameras: carries,
            });
        }
    }

    /// What is left for pictures, in bit/s.
    fn budget(&self, who: Key) -> u64 {
        let Some(participant) = self.participants.get(who) else {
            return 0;
        };
        let Some(available) = participant.watching.available else {
            return u64::MAX;
        };
        let voices = participant.slots[..participant.audio].iter();
        let voices = voices.filter_map(|slot| self.streams.get(self.slots.shows(*slot)?));
        let audio: u64 = voices.map(|stream| stream.meter.rate().max(40_000)).sum();
        available.saturating_sub(audio)
    }

    /// Decides who is seen in `slots`, and returns those in use, the most important first. Who is there already stays
    /// in the same slot.
    fn seat_pictures(&mut self, now: u64, who: Key, media: Media, most: usize, slots: &[u32]) -> Vec<u32> {
        let chosen = self.choose(who, media, slots.len().min(most));
        for &id in slots {
            let owner = self.slots.past[id as usize].view.owner;
            if owner.is_some_and(|owner| chosen.iter().all(|(chosen, _)| *chosen != owner)) {
                self.empty(now, id);
            }
        }
        let mut rows = Vec::with_capacity(chosen.len());
        for (owner, height) in chosen {
            let mut place = slots.iter().copied();
            let view = |id: &u32| self.slots.past[*id as usize].view.owner;
            let place = place.find(|id| view(id) == Some(owner)).or_else(|| {
                let mut free = slots.iter().copied();
                free.find(|id| view(id).is_none())
            });
            if let Some(id) = place {
                let view = &mut self.slots.past[id as usize].view;
                (view.owner, view.height) = (Some(owner), height);
                rows.push(id);
            }
        }
        rows
    }

    /// At most `most` who shall be seen, the most important first, with the height to see them at.
    fn choose(&self, who: Key, media: Media, most: usize) -> Vec<(Key, u16)> {
        let mut chosen: Vec<(Key, u16)> = Vec::with_capacity(most);
        let Some(participant) = self.participants.get(who).filter(|_| most > 0) else {
            return chosen;
        };
        let row = usize::from(media == Media::Share);
        let wants = || {
            participant
                .watching
                .wants
                .iter()
                .filter(|want| want.media == media)
        };
        let dominant = self.speakers.order().first().copied();
        let largest = wants().map(|want| want.height).max().unwrap_or(0);
        let pinned = wants().filter(|want| want.pinned).map(|want| want.number);
        let rest = wants()
            .map(|want| want.number)
            .chain(self.speakers.order().iter().copied());
        let numbers = pinned.chain(self.spotlight.iter().copied()).chain(rest);
        let owners = numbers.filter_map(|number| self.numbers.get(&number).copied());
        let shows = |owner: &Key| {
            self.participants
                .get(*owner)
                .is_some_and(|owner| owner.shows[row])
        };
        let owners = owners.filter(shows).chain(self.senders[row].iter().copied());
        for owner in owners {
            if chosen.len() == most {
                break;
            }
            if owner == who || chosen.iter().any(|(chosen, _)| *chosen == owner) {
                continue;
            }
            let number = self.participants.get(owner).map_or(0, |owner| owner.number);
            let wanted = wants().find(|want| want.number == number).map(|want| want.height);
            let speaks = dominant == Some(number) || self.spotlight.contains(&number);
            let height = match (media, wanted) {
                (Media::Share, wanted) => wanted.unwrap_or(u16::MAX),
                // Who speaks will be shown large, and is sent so before that is asked.
                (_, wanted) if speaks => wanted.unwrap_or(0).max(largest).max(SPEAKER),
                (_, wanted) => wanted.unwrap_or(OTHERS),
            };
            chosen.push((owner, height));
        }
        chosen
    }

    /// The picture of a slot, as it can be had.
    fn picture_of(&self, now: u64, id: u32) -> Picture {
        let (seen, past) = (&self.slots.seen[id as usize], &self.slots.past[id as usize]);
        let media = seen.slot.media;
        let mut picture = Picture {
            share: media == Media::Share,
            height: past.view.height,
            layers: [None; MAX_LAYERS],
            current: None,
        };
        let Some(owner) = past.view.owner.and_then(|owner| self.participants.get(owner)) else {
            return picture;
        };
        let sends = owner.sends.iter().filter(|sends| sends.media == media);
        let alone = sends.clone().count() == 1;
        for sends in sends {
            let Some(stream) = self.streams.get(sends.stream) else {
                continue;
            };
            // A still screen sends nothing for minutes; a layer among others that stops has been switched off.
            let alive = stream
                .meter
                .silent_for(now)
                .is_some_and(|silent| alone || silent < DEAD);
            let readable = stream
                .format
                .is_some_and(|format: Format| seen.formats.payload_type(format).is_some());
            let (rate, height) = NOMINAL[usize::from(sends.layer)];
            let bitrate = if stream.meter.rate() == 0 {
                rate
            } else {
                stream.meter.rate()
            };
            let height = if stream.height == 0 { height } else { stream.height };
            picture.layers[usize::from(sends.layer)] =
                (alive && readable).then_some(Layer { bitrate, height });
            if past.view.target.or(self.slots.shows(id)) == Some(sends.stream) {
                picture.current = Some(sends.layer);
            }
        }
        picture
    }

    fn layer(&self, owner: Key, media: Media, layer: u8) -> Option<Key> {
        let sends = &self.participants.get(owner)?.sends;
        let sends = sends
            .iter()
            .find(|sends| (sends.media, sends.layer) == (media, layer));
        sends.map(|sends| sends.stream)
    }

    /// Makes a slot show `target` from its next keyframe on, or nothing from now on.
    pub(crate) fn aim(&mut self, now: u64, id: u32, target: Option<Key>) {
        let before = self.slots.past[id as usize].view.target;
        let shows = self.slots.shows(id);
        let wanted = target.filter(|target| shows != Some(*target));
        if before != wanted {
            if let Some(stream) = before.and_then(|before| self.streams.get_mut(before)) {
                stream.waiting.retain(|waiting| *waiting != id);
            }
            self.slots.past[id as usize].view.target = wanted;
            if let Some(stream) = wanted.and_then(|wanted| self.streams.get_mut(wanted)) {
                stream.waiting.push(id);
            }
        }
        if let Some(wanted) = wanted {
            self.request(now, wanted);
        }
        if target.is_none() {
            self.hide(id);
            self.tell_empty(id);
        }
    }

    /// Empties a slot.
    fn empty(&mut self, now: u64, id: u32) {
        self.aim(now, id, None);
        self.slots.past[id as usize].view.owner = None;
    }

    fn tell_empty(&mut self, id: u32) {
        let (past, seen) = (&mut self.slots.past[id as usize], &self.slots.seen[id as usize]);
        if std::mem::replace(&mut past.view.told, false) {
            let slot: Slot = seen.slot;
            self.events.push_back(Event::Shown {
                to: ParticipantKey(seen.receiver),
                slot,
                number: None,
            });
        }
    }
}
