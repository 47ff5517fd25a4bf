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

use std::time::{Duration, Instant};

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

/// One room.
#[derive(Debug)]
pub struct Room {
    counters: Counters,
}

impl Room {
    /// An empty room.
    pub fn new(now: Instant) -> Self {
        let _ = now;
        Self {
            counters: Counters::default(),
        }
    }

    /// Somebody comes in. Costs time in the order of its slots.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn join(&mut self, now: Instant, joining: &Joining) -> Result<ParticipantKey, JoinError> {
        let _ = now;
        Err(JoinError::Present(joining.number))
    }

    /// Somebody is gone, with all it sent.
    pub fn leave(&mut self, now: Instant, who: ParticipantKey) {
        let _ = (now, who);
    }

    /// What somebody may do has changed.
    pub fn set_rights(&mut self, now: Instant, who: ParticipantKey, rights: Rights) {
        let _ = (now, who, rights);
    }

    /// Somebody sends a stream, or the same media and layer with another SSRC than before.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub fn publish(
        &mut self,
        now: Instant,
        who: ParticipantKey,
        publication: &Publication,
    ) -> Result<(), PublishError> {
        let _ = (now, who, publication);
        Ok(())
    }

    /// Somebody sends `media` no longer, in no layer.
    pub fn unpublish(&mut self, now: Instant, who: ParticipantKey, media: Media) {
        let _ = (now, who, media);
    }

    /// A packet came. Its copies go to `sink`, now.
    pub fn packet(
        &mut self,
        now: Instant,
        from: ParticipantKey,
        packet: &Packet<'_>,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let _ = (now, from, packet, sink);
    }

    /// A receiver misses packets of the slot with `ssrc` (RFC 4585 section 6.2.1). What is still known goes to `sink`.
    pub fn nack(
        &mut self,
        now: Instant,
        from: ParticipantKey,
        ssrc: u32,
        missing: impl IntoIterator<Item = u16>,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let _ = (now, from, ssrc, missing, sink);
    }

    /// A receiver cannot show the slot with `ssrc` without a keyframe (PLI or FIR).
    pub fn keyframe_wanted(&mut self, now: Instant, from: ParticipantKey, ssrc: u32) {
        let _ = (now, from, ssrc);
    }

    /// What a receiver's path carries, in bit/s, from transport-wide feedback or REMB.
    pub fn set_available(&mut self, now: Instant, who: ParticipantKey, bits_per_second: u64) {
        let _ = (now, who, bits_per_second);
    }

    /// What a receiver wants to see, most important first, in place of what it wanted before. Slots that are left over
    /// show the dominant speakers.
    pub fn watch(&mut self, now: Instant, who: ParticipantKey, wants: &[Want]) {
        let _ = (now, who, wants);
    }

    /// Who everybody shall see first, by number, in place of those before.
    pub fn spotlight(&mut self, now: Instant, numbers: &[u32]) {
        let _ = (now, numbers);
    }

    /// The dominant speakers, by number, the active one first.
    pub fn speakers(&self) -> &[u32] {
        &[]
    }

    /// Facts for the sender report of the slot with `ssrc`. `None` before its first packet.
    pub fn report(&self, now: Instant, who: ParticipantKey, ssrc: u32) -> Option<SlotReport> {
        let _ = (now, who, ssrc);
        None
    }

    /// When [`Room::handle_timeout`] wants to be called.
    pub fn timeout(&self) -> Option<Instant> {
        None
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// The next event, until there are none.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Shortest time between two keyframe requests for one stream.
    pub const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);
}
