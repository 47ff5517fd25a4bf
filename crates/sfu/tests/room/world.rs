//! The world around a room: a clock, a network towards the room, and what everybody gets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_sfu::room::{
    AudioLevel, Event, Format, Formats, Forwarded, Joining, Media, Packet, ParticipantKey, Publication,
    Receive, Rights, Room, SlotConfig,
};

use crate::ear::{CONTENT, Ear, OPUS, RED, content};
use crate::people::{Frame, Manner, Said, Voice};

/// What the network does between a sender and the room.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    pub loss: f64,
    /// Milliseconds at most.
    pub jitter: u64,
}

#[derive(Debug)]
pub struct Person {
    pub key: ParticipantKey,
    pub voice: Voice,
    pub rights: Rights,
    /// Counts how often it joined.
    pub visit: u32,
    pub muted: bool,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Timestamp and content of the last two frames.
    before: Vec<(u32, [u8; CONTENT])>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flying {
    at: u64,
    order: u64,
    number: u32,
    visit: u32,
    index: u32,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    payload_type: u8,
    level: Option<(u8, bool)>,
    payload: Vec<u8>,
}

pub struct World {
    pub room: Room,
    pub rng: ChaCha8Rng,
    pub people: BTreeMap<u32, Person>,
    pub truth: BTreeMap<u32, Vec<Said>>,
    /// By receiver, visit and slot.
    pub ears: BTreeMap<(u32, u32, u8), Ear>,
    pub network: Network,
    /// Who keeps all it gets; everybody if empty.
    pub listeners: Vec<u32>,
    pub orders: Vec<(u64, Vec<u32>)>,
    pub copies: u64,
    by_index: BTreeMap<usize, u32>,
    flying: BinaryHeap<Reverse<Flying>>,
    epoch: Instant,
    pub now: u64,
    order: u64,
}

pub fn audio_slots(slots: usize, seed: u32, red: bool) -> Receive {
    let formats = Formats::new().with(Format::Opus, OPUS);
    let formats = if red {
        formats.with(Format::Red, RED)
    } else {
        formats
    };
    let config = |n| SlotConfig {
        ssrc: seed * 1000 + n as u32,
        formats,
        level_id: Some(1),
        capture_id: Some(5),
        playout_id: Some(6),
    };
    Receive {
        audio: (0..slots).map(config).collect(),
        ..Receive::default()
    }
}

/// Takes what listeners are told where a voice is gone.
fn farewells<'a>(
    people: &'a BTreeMap<u32, Person>,
    by_index: &'a BTreeMap<usize, u32>,
    listeners: &'a [u32],
    ears: &'a mut BTreeMap<(u32, u32, u8), Ear>,
    at: u64,
) -> impl FnMut(&Forwarded<'_>) + 'a {
    move |forwarded| {
        let to = by_index[&forwarded.to.index()];
        if listeners.is_empty() || listeners.contains(&to) {
            let ear = (to, people[&to].visit, forwarded.slot.number);
            ears.entry(ear).or_default().take(forwarded, at);
            assert_eq!(forwarded.body, [0xf0], "a voice after it is gone");
        }
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let epoch = Instant::now();
        Self {
            room: Room::new(epoch),
            rng: ChaCha8Rng::seed_from_u64(seed),
            people: BTreeMap::new(),
            truth: BTreeMap::new(),
            ears: BTreeMap::new(),
            network: Network::default(),
            listeners: Vec::new(),
            orders: Vec::new(),
            copies: 0,
            by_index: BTreeMap::new(),
            flying: BinaryHeap::new(),
            epoch,
            now: 0,
            order: 0,
        }
    }

    pub fn instant(&self) -> Instant {
        self.epoch + Duration::from_millis(self.now)
    }

    pub fn join(&mut self, number: u32, slots: usize, manner: Manner) -> ParticipantKey {
        let receive = audio_slots(slots, number, !number.is_multiple_of(3));
        let joining = Joining {
            number,
            rights: Rights::ALL,
            receive,
        };
        let key = self.room.join(self.instant(), &joining).unwrap();
        let ssrc = self.rng.random();
        let person = Person {
            key,
            voice: Voice::new(manner),
            rights: Rights::ALL,
            visit: self.order as u32,
            muted: false,
            ssrc,
            sequence: self.rng.random(),
            timestamp: self.rng.random(),
            before: Vec::new(),
        };
        self.people.insert(number, person);
        self.by_index.insert(key.index(), number);
        self.order += 1;
        self.publish(number, ssrc);
        key
    }

    /// A new SSRC, sequence and time, as after a restart of the sender.
    pub fn restart(&mut self, number: u32) {
        let (ssrc, sequence, timestamp) = self.rng.random();
        let person = self.people.get_mut(&number).unwrap();
        (person.ssrc, person.sequence, person.timestamp) = (ssrc, sequence, timestamp);
        person.before.clear();
        self.publish(number, ssrc);
    }

    fn publish(&mut self, number: u32, ssrc: u32) {
        let formats = Formats::new().with(Format::Opus, 111).with(Format::Red, 63);
        let publication = Publication {
            media: Media::Audio,
            layer: 0,
            ssrc,
            formats,
            height: 0,
        };
        let key = self.people[&number].key;
        self.room.publish(self.instant(), key, &publication).unwrap();
    }

    pub fn leave(&mut self, number: u32) {
        let person = self.people.remove(&number).unwrap();
        let now = self.instant();
        let farewells = farewells(
            &self.people,
            &self.by_index,
            &self.listeners,
            &mut self.ears,
            self.now,
        );
        self.room.leave(now, person.key, &mut { farewells });
        self.by_index.remove(&person.key.index());
    }

    pub fn set_rights(&mut self, number: u32, rights: Rights) {
        let person = self.people.get_mut(&number).unwrap();
        person.rights = rights;
        let key = person.key;
        let now = self.instant();
        let farewells = farewells(
            &self.people,
            &self.by_index,
            &self.listeners,
            &mut self.ears,
            self.now,
        );
        self.room.set_rights(now, key, rights, &mut { farewells });
    }

    pub fn say(&mut self, number: u32, frames: u32) {
        self.people.get_mut(&number).unwrap().voice.say(frames);
    }

    /// Lets so many milliseconds pass; everybody speaks in frames of 20.
    pub fn run(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        while self.now < end {
            if self.now.is_multiple_of(20) {
                self.speak();
            }
            self.now += 1;
            self.arrive();
            let now = self.instant();
            if self.room.timeout().is_some_and(|due| due <= now) {
                self.room.handle_timeout(now);
            }
            while let Some(event) = self.room.poll_event() {
                if event == Event::SpeakersChanged {
                    self.orders.push((self.now, self.room.speakers().to_vec()));
                }
            }
        }
    }

    fn speak(&mut self) {
        let mut said = Vec::new();
        for (&number, person) in &mut self.people {
            let (frame, level, sent) = person.voice.next(&mut self.rng);
            person.timestamp = person.timestamp.wrapping_add(960);
            if person.muted || !sent {
                continue;
            }
            said.push((number, frame, level));
        }
        let voices = said.iter().filter(|(_, frame, _)| *frame != Frame::Quiet).count();
        for (number, frame, level) in said {
            let person = self.people.get_mut(&number).unwrap();
            let truth = self.truth.entry(number).or_default();
            let index = truth.len() as u32;
            let lost = self.network.loss > 0.0 && self.rng.random_bool(self.network.loss);
            let others = voices - usize::from(frame != Frame::Quiet);
            truth.push(Said {
                frame,
                at: self.now,
                lost,
                came: u64::MAX,
                others,
            });
            let (sequence, timestamp) = (person.sequence, person.timestamp);
            person.sequence = sequence.wrapping_add(1);
            let primary = content(number, index);
            let (payload_type, mut payload) = if person.voice.manner.red {
                red(person, &primary)
            } else {
                (111, primary.to_vec())
            };
            payload.resize(payload.len() + if frame == Frame::Quiet { 12 } else { 60 }, 0);
            person.before.push((timestamp, primary));
            if person.before.len() > 2 {
                person.before.remove(0);
            }
            if lost {
                continue;
            }
            let level = person
                .voice
                .manner
                .levels
                .then_some((level.minus_dbov, level.voice));
            self.order += 1;
            let delay = 1 + if self.network.jitter > 0 {
                self.rng.random_range(0..self.network.jitter)
            } else {
                0
            };
            self.flying.push(Reverse(Flying {
                at: self.now + delay,
                order: self.order,
                number,
                visit: person.visit,
                index,
                ssrc: person.ssrc,
                sequence,
                timestamp,
                payload_type,
                level,
                payload,
            }));
        }
    }

    fn arrive(&mut self) {
        while self.flying.peek().is_some_and(|flying| flying.0.at <= self.now) {
            let Reverse(flying) = self.flying.pop().unwrap();
            let person = self.people.get(&flying.number);
            let Some(person) =
                person.filter(|person| person.visit == flying.visit && person.ssrc == flying.ssrc)
            else {
                self.truth.get_mut(&flying.number).unwrap()[flying.index as usize].lost = true;
                continue;
            };
            if !person.rights.audio {
                self.truth.get_mut(&flying.number).unwrap()[flying.index as usize].lost = true;
            }
            let level = flying
                .level
                .map(|(minus_dbov, voice)| AudioLevel { minus_dbov, voice });
            let packet = Packet {
                captured: None,
                playout: None,
                ssrc: flying.ssrc,
                sequence: flying.sequence,
                timestamp: flying.timestamp,
                marker: false,
                payload_type: flying.payload_type,
                level,
                payload: &flying.payload,
            };
            let at = self.now;
            let now = self.instant();
            self.truth.get_mut(&flying.number).unwrap()[flying.index as usize].came = at;
            let (people, ears, by_index) = (&self.people, &mut self.ears, &self.by_index);
            let (listeners, copies) = (&self.listeners, &mut self.copies);
            self.room.packet(now, person.key, &packet, &mut |forwarded| {
                *copies += 1;
                let to = by_index[&forwarded.to.index()];
                let receiver = &people[&to];
                assert_eq!(receiver.key, forwarded.to);
                assert!(receiver.rights.receive, "{to} may not receive");
                let from = forwarded.header.csrc;
                assert_ne!(to, from, "its own voice");
                assert!(people[&from].rights.audio, "{from} may not speak");
                if listeners.is_empty() || listeners.contains(&to) {
                    let ear = ears
                        .entry((to, receiver.visit, forwarded.slot.number))
                        .or_default();
                    ear.take(forwarded, at);
                }
            });
        }
    }

    /// Every ear checks what it got.
    pub fn check(&mut self) {
        for Reverse(flying) in self.flying.drain() {
            self.truth.get_mut(&flying.number).unwrap()[flying.index as usize].lost = true;
        }
        for (whose, ear) in &self.ears {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ear.check(&self.truth)));
            if let Err(panic) = result {
                eprintln!("at receiver, visit, slot {whose:?}");
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// Packets of `talker` that `receiver` got, by index.
    pub fn heard(&self, receiver: u32, talker: u32) -> std::collections::BTreeSet<u32> {
        let ears = self.ears.iter().filter(|((to, _, _), _)| *to == receiver);
        let got = ears.flat_map(|(_, ear)| ear.got.values());
        got.filter(|got| got.number == talker)
            .map(|got| got.index)
            .collect()
    }
}

/// RFC 2198 with the last two frames.
fn red(person: &Person, primary: &[u8; CONTENT]) -> (u8, Vec<u8>) {
    let mut out = Vec::new();
    let near = person
        .before
        .iter()
        .filter(|(timestamp, _)| person.timestamp.wrapping_sub(*timestamp) < 1 << 14);
    for (timestamp, frame) in near.clone() {
        let offset = person.timestamp.wrapping_sub(*timestamp);
        out.extend((0x8000_0000 | 111 << 24 | offset << 10 | frame.len() as u32).to_be_bytes());
    }
    out.push(111);
    near.for_each(|(_, frame)| out.extend(frame));
    out.extend(primary);
    (63, out)
}
