//! How coded frames travel in the payloads of RTP packets, and come out again.
//!
//! Writing: a [`Packetizer`] for each stream. Reading: [`read`] for each packet when it comes, [`join`] when all of a
//! picture are there. Reading takes any bytes; it refuses to know which packets belong together.

pub mod av1;
pub mod dependency;
pub mod h264;
mod layers;
mod packetizer;
mod split;
pub mod vp8;
pub mod vp9;

#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use layers::TemporalLayers;
pub use packetizer::{Outgoing, Packetizer, Payload};

use super::Codec;

/// Why a payload cannot be read, or a frame cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// It ends within what its header announces.
    #[error("payload is cut short")]
    Truncated,
    /// It has no media in it.
    #[error("payload without media")]
    Empty,
    /// A unit of a type that the packetization mode has no place for (RFC 6184 section 5.4).
    #[error("payload structure {0} has no place in this packetization mode")]
    Structure(u8),
    /// A fragment whose beginning or end is missing, or that is not of the same unit.
    #[error("fragments do not fit together")]
    Fragment,
    /// A length that cannot be (AV1 leb128 above 32 bits).
    #[error("a length that cannot be")]
    Length,
    /// The frame is not a bitstream of its codec, as far as packets need to know.
    #[error("caller misuse: not a frame of the codec")]
    Frame,
}

/// Most bytes of payload in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mtu(usize);

impl Mtu {
    /// What goes everywhere: 1200 bytes of UDP payload (RFC 9000 section 14.1), less 10 of SRTP, 12 of RTP, 2 of RTX and
    /// 76 of header extensions.
    pub const DEFAULT: Self = Self(1_100);

    /// Below this, headers would be most of it.
    pub const LEAST: usize = 32;

    /// `None` below [`Self::LEAST`] bytes, and above what a datagram holds.
    pub const fn new(bytes: usize) -> Option<Self> {
        if bytes < Self::LEAST || bytes > u16::MAX as usize {
            None
        } else {
            Some(Self(bytes))
        }
    }

    /// In bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Default for Mtu {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What the payload of one packet says of its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// RFC 7741.
    Vp8(vp8::Descriptor),
    /// RFC 9628.
    Vp9(vp9::Descriptor),
    /// The aggregation header.
    Av1(av1::AggregationHeader),
    /// What kinds of units it has.
    H264(h264::Units),
}

impl Piece {
    /// Whether it is the first packet of a picture. `None` where the payload does not tell: then a packet is first when
    /// the one before it, by sequence number, is of another picture.
    pub fn begins(&self) -> Option<bool> {
        match self {
            Self::Vp8(descriptor) => Some(descriptor.begins()),
            Self::Vp9(descriptor) => Some(descriptor.begins()),
            Self::Av1(header) => match (header.new_sequence, header.continues) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            Self::H264(units) => units.begins.then_some(true),
        }
    }

    /// Whether it belongs to a picture that needs no other. Only the first packet of a picture is sure to tell; for H.264
    /// any may.
    pub fn key(&self) -> bool {
        match self {
            Self::Vp8(descriptor) => descriptor.key,
            Self::Vp9(descriptor) => descriptor.begins() && !descriptor.predicted,
            Self::Av1(header) => header.new_sequence,
            Self::H264(units) => units.idr,
        }
    }
}

/// Reads what a payload says of its frame.
pub fn read(codec: Codec, payload: &[u8]) -> Result<Piece, PayloadError> {
    Ok(match codec {
        Codec::Vp8 => Piece::Vp8(vp8::Descriptor::read(payload)?.0),
        Codec::Vp9 => Piece::Vp9(vp9::Descriptor::read(payload)?.0),
        Codec::Av1 => Piece::Av1(av1::AggregationHeader::read(payload)?.0),
        Codec::H264 => Piece::H264(h264::Units::read(payload)?),
    })
}

/// Puts the payloads of all packets of a picture, in order, together to the bitstream that a decoder takes: a VP8 frame, a
/// VP9 frame or the frames of its spatial layers, an AV1 temporal unit, an H.264 access unit in Annex B format.
pub fn join<'a>(codec: Codec, payloads: impl IntoIterator<Item = &'a [u8]>) -> Result<Bytes, PayloadError> {
    let mut frame = Vec::new();
    match codec {
        Codec::Vp8 => {
            for payload in payloads {
                frame.extend_from_slice(vp8::Descriptor::read(payload)?.1);
            }
        }
        Codec::Vp9 => {
            for payload in payloads {
                frame.extend_from_slice(vp9::Descriptor::read(payload)?.1);
            }
        }
        Codec::Av1 => av1::join(payloads, &mut frame)?,
        Codec::H264 => h264::join(payloads, &mut frame)?,
    }
    if frame.is_empty() {
        return Err(PayloadError::Empty);
    }
    Ok(Bytes::from(frame))
}
