//! RTP as a room sees it: a parsed header and a payload on the way in, a rewritten header and two pieces of payload on
//! the way out. Knows the bytes of an RTP header (RFC 3550 section 5.1) and nothing of encryption.

use std::num::NonZeroU64;

use super::ParticipantKey;

/// What a stream carries, and which slots may show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Media {
    /// A voice. Slots are given to the loudest.
    Audio,
    /// A camera, in up to [`MAX_LAYERS`](super::MAX_LAYERS) simulcast layers.
    Video,
    /// A shared screen.
    Share,
}

/// How a payload is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Opus (RFC 7587).
    Opus,
    /// Opus with redundancy (RFC 2198).
    Red,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// H.264 (RFC 6184).
    H264,
    /// AV1 (AOM RTP specification).
    Av1,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Opus, Self::Red, Self::Vp8, Self::Vp9, Self::H264, Self::Av1];

    /// RTP clock rate, in Hz.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus | Self::Red => 48_000,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => 90_000,
        }
    }
}

/// Payload types as negotiated with one participant for one stream or slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats([u8; Format::ALL.len()]);

const NONE: u8 = u8::MAX;

impl Default for Formats {
    fn default() -> Self {
        Self([NONE; Format::ALL.len()])
    }
}

impl Formats {
    /// Nothing negotiated yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With `payload_type` (0 to 127) for `format`.
    #[must_use]
    pub fn with(mut self, format: Format, payload_type: u8) -> Self {
        self.0[format as usize] = payload_type & 0x7f;
        self
    }

    /// The payload type of `format`, if it was negotiated.
    pub fn payload_type(&self, format: Format) -> Option<u8> {
        let payload_type = self.0[format as usize];
        (payload_type != NONE).then_some(payload_type)
    }

    /// What `payload_type` means.
    pub fn format(&self, payload_type: u8) -> Option<Format> {
        Format::ALL
            .into_iter()
            .find(|format| self.0[*format as usize] == payload_type && payload_type != NONE)
    }
}

/// Audio level of a packet (RFC 6464).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// Level in -dBov, 0 (loudest) to 127 (silence).
    pub minus_dbov: u8,
    /// Whether the sender's detector heard a voice (the V bit).
    pub voice: bool,
}

/// A packet of a participant, decrypted and parsed. Packets of RTX (RFC 4588) come unwrapped.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Synchronisation source, as the participant sent it.
    pub ssrc: u32,
    /// Sequence number.
    pub sequence: u16,
    /// Media timestamp, in units of the format's clock rate.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Payload type.
    pub payload_type: u8,
    /// Level announced in the header, if any.
    pub level: Option<AudioLevel>,
    /// When it was captured by the clock of who did, as NTP has it, where the header says.
    pub captured: Option<NonZeroU64>,
    /// The bounds of the delay with which it is shown, as the header has them (the playout delay extension).
    pub playout: Option<[u8; 3]>,
    /// Payload without padding. Empty for a packet that was padding only.
    pub payload: &'a [u8],
}

/// A place at a receiver that streams are shown in, one after another: an SSRC of that receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// What it may show.
    pub media: Media,
    /// Which of the receiver's slots of this media, from 0, in the order of [`Receive`](super::Receive).
    pub number: u8,
}

/// The RTP header of a forwarded packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Synchronisation source of the slot.
    pub ssrc: u32,
    /// Sequence number, extended over all wrap-arounds: the low 16 bits go into the packet, bits 16 to 47 are SRTP's
    /// rollover counter. Begins below 2^15, so that the other end counts the same rollovers (RFC 3711 section 3.3.1).
    pub sequence: u64,
    /// Timestamp.
    pub timestamp: u32,
    /// Marker bit: for audio the first packet of a talk spurt or of another talker, for video the last of a frame.
    pub marker: bool,
    /// Payload type as negotiated with the receiver.
    pub payload_type: u8,
    /// Contributing source: the number of the participant it comes from.
    pub csrc: u32,
    /// Identifier of the audio level extension at the receiver, and the level to write there.
    pub level: Option<(u8, AudioLevel)>,
    /// The same of the time when it was captured.
    pub captured: Option<(u8, NonZeroU64)>,
    /// The same of the bounds of its delay.
    pub playout: Option<(u8, [u8; 3])>,
}

/// Largest header that [`Header::write`] writes, in bytes.
pub const MAX_HEADER: usize = 36;

impl Header {
    /// Writes the header with its contributing source and, where there are any, level, capture time and delay as one-byte
    /// header extensions (RFC 8285 section 4.2), and returns its length. A link that adds words to them counts
    /// them in byte 19.
    pub fn write(&self, out: &mut [u8; MAX_HEADER]) -> usize {
        let extended = self.level.is_some() || self.captured.is_some() || self.playout.is_some();
        out[0] = 0x80 | u8::from(extended) << 4 | 1;
        out[1] = u8::from(self.marker) << 7 | self.payload_type;
        out[2..4].copy_from_slice(&(self.sequence as u16).to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        out[12..16].copy_from_slice(&self.csrc.to_be_bytes());
        if !extended {
            return 16;
        }
        out[16..].fill(0);
        let mut at = 20;
        if let Some((id, level)) = self.level {
            let byte = u8::from(level.voice) << 7 | level.minus_dbov & 0x7f;
            out[at..at + 2].copy_from_slice(&[id << 4, byte]);
            at += 2;
        }
        if let Some((id, captured)) = self.captured {
            out[at] = id << 4 | 7;
            out[at + 1..at + 9].copy_from_slice(&captured.get().to_be_bytes());
            at += 9;
        }
        if let Some((id, playout)) = self.playout {
            out[at] = id << 4 | 2;
            out[at + 1..at + 4].copy_from_slice(&playout);
            at += 4;
        }
        let length = at.next_multiple_of(4);
        out[16..20].copy_from_slice(&[0xbe, 0xde, 0, ((length - 20) / 4) as u8]);
        length
    }
}

/// One packet for one receiver. Its payload is `head` followed by `body`.
#[derive(Clone, Copy, Debug)]
pub struct Forwarded<'a> {
    /// The receiver.
    pub to: ParticipantKey,
    /// The slot it goes to.
    pub slot: Slot,
    /// The rewritten header.
    pub header: Header,
    /// The beginning of the payload, where the room had to rewrite it; often empty.
    pub head: &'a [u8],
    /// The rest of the payload, as it came from the sender.
    pub body: &'a [u8],
    /// Whether it answers a NACK: then the link sends it with the same header, or as RTX (RFC 4588).
    pub resent: bool,
}
