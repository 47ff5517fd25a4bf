//! The forwarding brain of one room: which decrypted packet goes to whom, in which slot, with which header. It takes
//! `now` and facts, and gives copies to a sink and events to whoever polls. It knows no socket, cipher, organisation or
//! chat, and allocates nothing for a packet.
//!
//! # Contract
//! Call any method with a `now` that does not run backwards. After each call, take events with [`Room::poll_event`]
//! until there are none, and call [`Room::handle_timeout`] when [`Room::timeout`] has come. A [`ParticipantKey`] of
//! somebody who left is harmless: calls with it do nothing.

mod activity;
mod audio;
mod cache;
mod config;
mod forward;
mod intake;
mod late;
mod limit;
mod members;
mod meter;
mod packet;
mod pause;
mod red;
mod resend;
mod slot;
mod speakers;
mod stage;
mod stream;
mod timeline;
mod video;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::slab::{self, Key, Slab};
use members::Participant;
use slot::Slots;
use speakers::{Speakers, Voice};
use stage::Stage;
use stream::{MAX_PAYLOAD, Stream};
use timeline::ticks;
use video::{Requests, Rounds};

pub use config::{Joining, MAX_LAYERS, MAX_SLOTS, Publication, Receive, Rights, SlotConfig, Want};
pub use packet::{AudioLevel, Format, Formats, Forwarded, Header, MAX_HEADER, Media, Packet, Slot};
pub use video::layers;

/// A participant of one room, for as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParticipantKey(slab::Key);

impl ParticipantKey {
    /// A small number, unique among those present, that is used again after a participant left: good as an index.
    pub fn index(self) -> usize {
        self.0.index as usize
    }
}

/// Why somebody could not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// Somebody with this number is there. Let it leave first.
    #[error("participant {0} is in the room already")]
    Present(u32),
    /// More than [`MAX_SLOTS`] slots of one media.
    #[error("more than {MAX_SLOTS} slots of one media")]
    TooManySlots,
    /// Two slots have one SSRC.
    #[error("two slots have SSRC {0}")]
    SsrcInUse(u32),
}

/// Why a stream could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No such participant.
    #[error("the participant is not in the room")]
    Absent,
    /// The participant sends another stream with this SSRC.
    #[error("SSRC {0} is in use by another stream of the participant")]
    SsrcInUse(u32),
    /// A layer above [`MAX_LAYERS`], or a second one of audio.
    #[error("there is no layer {0}")]
    NoSuchLayer(u8),
}

/// What the room asks of its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Ask the participant for a keyframe of its stream (PLI, RFC 4585). Already limited in rate.
    KeyframeWanted {
        /// The sender.
        from: ParticipantKey,
        /// Its stream.
        ssrc: u32,
    },
    /// The dominant speakers changed; read them with [`Room::speakers`].
    SpeakersChanged,
    /// The path of a receiver carries more cameras than before, or fewer.
    Carries {
        /// The receiver.
        to: ParticipantKey,
        /// How many, no more than it has slots.
        cameras: usize,
    },
    /// A picture begins or ends in a slot. (Voices come and go without: their packets say whose they are.)
    Shown {
        /// The receiver.
        to: ParticipantKey,
        /// Its slot.
        slot: Slot,
        /// The number of the participant who is seen there from now on; `None` when the slot is empty.
        number: Option<u32>,
    },
}

/// What a sender report (RFC 3550 section 6.4.1) says of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotReport {
    /// SSRC of the slot.
    pub ssrc: u32,
    /// RTP timestamp of now.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Octets of payload sent.
    pub octets: u32,
}

/// What happened to packets, since the room began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that came in and were taken.
    pub received: u64,
    /// Copies given to sinks, without those resent.
    pub forwarded: u64,
    /// Copies resent after a NACK.
    pub resent: u64,
    /// Asked for again, but gone from the cache, never sent, or too many.
    pub not_resent: u64,
    /// Silence that nobody needs, announced as a pause or not.
    pub held: u64,
    /// From an SSRC that was not published, or with an unknown payload type.
    pub unknown: u64,
    /// Of a sender without the right.
    pub forbidden: u64,
    /// Twice the same.
    pub duplicate: u64,
    /// Impossible: sequence or timestamp out of all bounds, malformed payload.
    pub absurd: u64,
    /// Above the rate that a stream may have.
    pub flood: u64,
}

/// One room.
#[derive(Debug)]
pub struct Room {
    epoch: Instant,
    /// Microseconds since the epoch, at the newest call.
    now: u64,
    participants: Slab<Participant>,
    /// Participants by number. Not for packets.
    numbers: HashMap<u32, Key>,
    streams: Slab<Stream>,
    slots: Slots,
    stages: Vec<Stage>,
    speakers: Speakers,
    /// Whom all shall see, by number.
    spotlight: Vec<u32>,
    /// Who sends a camera, and who a screen.
    senders: [Vec<Key>; 2],
    requests: Requests,
    rounds: Rounds,
    events: VecDeque<Event>,
    counters: Counters,
}

impl Room {
    /// An empty room.
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            now: 0,
            participants: Slab::default(),
            numbers: HashMap::new(),
            streams: Slab::default(),
            slots: Slots::default(),
            stages: Vec::new(),
            speakers: Speakers::default(),
            spotlight: Vec::new(),
            senders: [Vec::new(), Vec::new()],
            requests: Requests::default(),
            rounds: Rounds::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// A packet came. Its copies go to `sink`, now.
    pub fn packet(
        &mut self,
        now: Instant,
        from: ParticipantKey,
        packet: &Packet<'_>,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let now = self.advance(now);
        let Some(participant) = self.participants.get(from.0) else {
            return;
        };
        let sends = participant.sends.iter().find(|sends| sends.ssrc == packet.ssrc);
        let Some((sends, stream)) =
            sends.and_then(|sends| Some((sends, self.streams.get_mut(sends.stream)?)))
        else {
            self.counters.unknown += 1;
            return;
        };
        let Some(format) = stream.formats.format(packet.payload_type) else {
            self.counters.unknown += 1;
            return;
        };
        if !participant.rights.may_send(sends.media) {
            self.counters.forbidden += 1;
            return;
        }
        if packet.payload.len() > MAX_PAYLOAD {
            self.counters.absurd += 1;
            return;
        }
        if !stream.may_come(now, packet.payload.len()) {
            self.counters.flood += 1;
            return;
        }
        let key = sends.stream;
        match sends.media {
            Media::Audio => self.voice(now, key, packet, format, sink),
            Media::Video | Media::Share => self.picture(now, key, packet, format, sink),
        }
    }

    /// The dominant speakers, by number, the active one first.
    pub fn speakers(&self) -> &[u32] {
        self.speakers.order()
    }

    /// How many participants there are.
    pub fn population(&self) -> usize {
        self.participants.len()
    }

    /// Facts for the sender report of the slot with `ssrc`. `None` before its first packet.
    pub fn report(&self, now: Instant, who: ParticipantKey, ssrc: u32) -> Option<SlotReport> {
        let now = self.now.max(self.micros(now));
        let id = self.slot_with(who.0, ssrc)?;
        let seen = &self.slots.seen[id as usize];
        let rate = if seen.slot.media == Media::Audio {
            48_000
        } else {
            90_000
        };
        (seen.packets > 0).then_some(SlotReport {
            ssrc,
            timestamp: ticks(rate, now).wrapping_add(seen.segment.offset),
            packets: seen.packets,
            octets: seen.octets,
        })
    }

    /// When [`Room::handle_timeout`] wants to be called.
    pub fn timeout(&self) -> Option<Instant> {
        let due = [self.speakers.due(), self.requests.due(), self.rounds.due];
        due.into_iter()
            .flatten()
            .min()
            .map(|due| self.epoch + Duration::from_micros(due))
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        if self.speakers.due().is_some_and(|due| due <= now) {
            let streams = &mut self.streams;
            let changed = self.speakers.look(now, |key| {
                let stream = streams.get_mut(key)?;
                let quiet = stream.activity.quiet_for(now);
                stream.warm = quiet <= speakers::FORGET;
                let speaking = stream.activity.speaking_for(now);
                stream.warm.then_some(Voice {
                    number: stream.number,
                    score: if speaking > 0 {
                        stream.activity.score()
                    } else {
                        0.0
                    },
                    speaking,
                    quiet,
                })
            });
            if changed {
                self.events.push_back(Event::SpeakersChanged);
                if !self.senders[0].is_empty() {
                    self.arrange_soon(now);
                }
            }
        }
        self.arrange_some(now);
        self.ask(now);
    }

    /// The next event, until there are none.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn micros(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_micros() as u64
    }

    /// The room's time never runs backwards.
    fn advance(&mut self, now: Instant) -> u64 {
        self.now = self.now.max(self.micros(now));
        self.now
    }

    fn slot_with(&self, who: Key, ssrc: u32) -> Option<u32> {
        let slots = self.participants.get(who)?.slots.iter().copied();
        slots
            .into_iter()
            .find(|slot| self.slots.seen[*slot as usize].ssrc == ssrc)
    }
}
