//! The forwarding brain of one room: which decrypted packet goes to whom, in which slot, with which header. It takes
//! `now` and facts, and gives copies to a sink and events to whoever polls. It knows no socket, cipher, organisation or
//! chat, and allocates nothing for a packet.
//!
//! # Contract
//! Call any method with a `now` that does not run backwards. After each call, take events with [`Room::poll_event`]
//! until there are none, and call [`Room::handle_timeout`] when [`Room::timeout`] has come. A [`ParticipantKey`] of
//! somebody who left is harmless: calls with it do nothing.

mod config;
mod packet;
mod slab;

use std::time::Instant;

pub use config::{Joining, MAX_LAYERS, MAX_SLOTS, Publication, Receive, Rights, SlotConfig, Want};
pub use packet::{AudioLevel, Format, Formats, Forwarded, Header, MAX_HEADER, Media, Packet, Slot};

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
    /// Silence that nobody needs.
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

/// Stand-in: copies everything to everybody until the real one is merged.
#[derive(Debug, Default)]
pub struct Room {
    counters: Counters,
    members: slab::Slab<Member>,
}

#[derive(Debug)]
struct Member {
    rights: Rights,
    number: u32,
    slots: Vec<(Slot, SlotConfig, Option<ParticipantKey>, u64)>,
    publications: Vec<Publication>,
}

impl Room {
    /// An empty room.
    pub fn new(_now: Instant) -> Self {
        Self::default()
    }

    /// Somebody comes in.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn join(&mut self, _now: Instant, joining: &Joining) -> Result<ParticipantKey, JoinError> {
        if self
            .members
            .iter()
            .any(|(_, member)| member.number == joining.number)
        {
            return Err(JoinError::Present(joining.number));
        }
        let mut slots = Vec::new();
        for (media, configs) in [
            (Media::Audio, &joining.receive.audio),
            (Media::Video, &joining.receive.video),
            (Media::Share, &joining.receive.share),
        ] {
            for (number, config) in configs.iter().enumerate() {
                let number = number as u8;
                slots.push((Slot { media, number }, *config, None, 0));
            }
        }
        Ok(ParticipantKey(self.members.insert(Member {
            rights: joining.rights,
            number: joining.number,
            slots,
            publications: Vec::new(),
        })))
    }

    /// Somebody is gone.
    pub fn leave(&mut self, _now: Instant, who: ParticipantKey) {
        self.members.remove(who.0);
    }

    /// What somebody may do has changed.
    pub fn set_rights(&mut self, _now: Instant, who: ParticipantKey, rights: Rights) {
        if let Some(member) = self.members.get_mut(who.0) {
            member.rights = rights;
        }
    }

    /// Somebody sends a stream.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub fn publish(
        &mut self,
        _now: Instant,
        who: ParticipantKey,
        publication: &Publication,
    ) -> Result<(), PublishError> {
        let member = self.members.get_mut(who.0).ok_or(PublishError::Absent)?;
        member.publications.push(*publication);
        Ok(())
    }

    /// Nothing.
    pub fn unpublish(&mut self, _now: Instant, _who: ParticipantKey, _media: Media) {}

    /// A packet came.
    pub fn packet(
        &mut self,
        _now: Instant,
        from: ParticipantKey,
        packet: &Packet<'_>,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let Some(sender) = self.members.get(from.0) else {
            return;
        };
        let Some(publication) = sender.publications.iter().find(|of| of.ssrc == packet.ssrc) else {
            return;
        };
        let (media, number, rights) = (publication.media, sender.number, sender.rights);
        let Some(format) = publication.formats.format(packet.payload_type) else {
            return;
        };
        if !rights.may_send(media) || publication.layer > 0 {
            return;
        }
        self.counters.received += 1;
        for place in 0..self.members.places() {
            let Some((key, member)) = self.members.at(place) else {
                continue;
            };
            if key == from.0 || !member.rights.receive {
                continue;
            }
            let mut slots = member.slots.iter_mut().filter(|of| of.0.media == media);
            let Some((slot, config, holder, next)) =
                slots.find(|of| of.2.is_none_or(|holder| holder == from))
            else {
                continue;
            };
            *holder = Some(from);
            let Some(payload_type) = config.formats.payload_type(format) else {
                continue;
            };
            let sequence = *next;
            *next += 1;
            self.counters.forwarded += 1;
            sink(&Forwarded {
                to: ParticipantKey(key),
                slot: *slot,
                header: Header {
                    ssrc: config.ssrc,
                    sequence,
                    timestamp: packet.timestamp,
                    marker: packet.marker,
                    payload_type,
                    csrc: number,
                    level: config.level_id.zip(packet.level),
                },
                head: &[],
                body: packet.payload,
                resent: false,
            });
        }
    }

    /// Nothing.
    pub fn nack(
        &mut self,
        _now: Instant,
        _from: ParticipantKey,
        _ssrc: u32,
        _missing: impl IntoIterator<Item = u16>,
        _sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
    }

    /// Nothing.
    pub fn keyframe_wanted(&mut self, _now: Instant, _from: ParticipantKey, _ssrc: u32) {}

    /// Nothing.
    pub fn set_available(&mut self, _now: Instant, _who: ParticipantKey, _bits_per_second: u64) {}

    /// Nothing.
    pub fn watch(&mut self, _now: Instant, _who: ParticipantKey, _wants: &[Want]) {}

    /// Nothing.
    pub fn spotlight(&mut self, _now: Instant, _numbers: &[u32]) {}

    /// Nobody.
    pub fn speakers(&self) -> &[u32] {
        &[]
    }

    /// Nothing.
    pub fn report(&self, _now: Instant, _who: ParticipantKey, _ssrc: u32) -> Option<SlotReport> {
        None
    }

    /// Never.
    pub fn timeout(&self) -> Option<Instant> {
        None
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// None.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
