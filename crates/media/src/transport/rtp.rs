//! RTP on the wire (RFC 3550) to and from [`VoicePacket`], with the audio level extension (RFC 6464).
//!
//! Sequence numbers, time stamps and payloads pass through untouched; what order they come in, and whether one
//! is missing, is the jitter buffer's business. Nothing here keeps state.

use std::time::Instant;

use bytes::Bytes;
use rtc_shared::marshal::Unmarshal;
use rtp::header::Header;

pub use ::rtp::Packet;

use super::red;
use crate::packet::{AudioLevel, RtpTimestamp, SequenceNumber, VoicePacket};

/// Payload type we offer for Opus; an answer may name another (RFC 3551 section 6: 96 to 127 are dynamic).
pub const OPUS_PAYLOAD_TYPE: u8 = 111;

/// Payload type we offer for redundant audio data (RFC 2198), the one browsers use.
pub const RED_PAYLOAD_TYPE: u8 = 63;

/// URI of the client-to-mixer audio level (RFC 6464 section 4).
pub const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// Why a received RTP packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// Not an RTP packet.
    #[error("peer misbehaved: malformed RTP packet")]
    Malformed,
    /// A payload type that was not negotiated.
    #[error("peer misbehaved: payload type {0} was not negotiated")]
    PayloadType(u8),
    /// No payload, as padding-only probes have.
    #[error("RTP packet without payload")]
    Empty,
    /// More payload than [`MAX_PAYLOAD`](crate::packet::MAX_PAYLOAD).
    #[error("peer misbehaved: RTP payload of {0} bytes")]
    TooLarge(usize),
    /// Redundant audio data that cannot be read.
    #[error(transparent)]
    Red(#[from] red::Malformed),
}

/// What an offer and its answer settled about the packets of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Payload type of Opus.
    pub payload_type: u8,
    /// Id of the audio level extension, 1 to 14, if both ends want it (RFC 8285 section 4.2).
    pub level_id: Option<u8>,
    /// Payload type of redundant audio data with Opus in it, if both ends want it (RFC 2198).
    pub red_payload_type: Option<u8>,
    /// Id of the [absolute capture time](crate::video::AbsoluteCaptureTime) extension, likewise.
    pub capture_id: Option<u8>,
}

impl Default for Negotiated {
    fn default() -> Self {
        Self {
            payload_type: OPUS_PAYLOAD_TYPE,
            level_id: None,
            red_payload_type: None,
            capture_id: None,
        }
    }
}

/// Reads an RTP packet from a decrypted datagram.
pub fn parse(mut datagram: &[u8]) -> Result<rtp::Packet, RtpError> {
    let packet = rtp::Packet::unmarshal(&mut datagram).map_err(|_| RtpError::Malformed)?;
    if packet.header.version == 2 {
        Ok(packet)
    } else {
        Err(RtpError::Malformed)
    }
}

/// Copies `packet` into `voice`. On an error `voice` must not be used.
pub fn read(
    packet: &rtp::Packet,
    negotiated: Negotiated,
    at: Instant,
    voice: &mut VoicePacket,
) -> Result<(), RtpError> {
    let header = &packet.header;
    let is_red = negotiated.red_payload_type == Some(header.payload_type);
    if header.payload_type != negotiated.payload_type && !is_red {
        return Err(RtpError::PayloadType(header.payload_type));
    }
    if packet.payload.is_empty() {
        return Err(RtpError::Empty);
    }
    if is_red {
        red::read(&packet.payload, negotiated.payload_type, voice)?;
    } else if !voice.set_payload(&packet.payload) {
        return Err(RtpError::TooLarge(packet.payload.len()));
    }
    voice.sequence = SequenceNumber(header.sequence_number);
    voice.timestamp = RtpTimestamp(header.timestamp);
    voice.ssrc = header.ssrc;
    voice.slot = 0;
    voice.source = header.csrc.first().copied();
    voice.marker = header.marker;
    voice.level = negotiated.level_id.and_then(|id| level(header, id));
    voice.at = at;
    Ok(())
}

/// Makes the packet that carries `voice` from source `ssrc`, with the frames it repeats when that was negotiated.
/// Copies the payload: the packet outlives the pool slot.
pub fn write(voice: &VoicePacket, ssrc: u32, negotiated: Negotiated) -> rtp::Packet {
    let red = negotiated
        .red_payload_type
        .filter(|_| voice.copies().next().is_some());
    let mut header = Header {
        version: 2,
        marker: voice.marker,
        payload_type: red.unwrap_or(negotiated.payload_type),
        sequence_number: voice.sequence.0,
        timestamp: voice.timestamp.0,
        ssrc,
        // Without one it allocates nothing.
        csrc: voice.source.into_iter().collect(),
        ..Header::default()
    };
    if let (Some(id), Some(level)) = (negotiated.level_id, voice.level) {
        // Refused only for ids outside 1 to 14, which negotiation does not let through.
        let _ = header.set_extension(id, LEVELS.slice(usize::from(encode_level(level))));
    }
    rtp::Packet {
        header,
        payload: match red {
            Some(_) => red::write(voice, negotiated.payload_type),
            None => Bytes::copy_from_slice(voice.payload()),
        },
    }
}

/// Every value of the one-byte extension, so that sending a level allocates nothing.
struct Levels([u8; 256]);

static LEVELS: Levels = Levels({
    let mut bytes = [0; 256];
    let mut value = 0;
    while value < 256 {
        bytes[value] = value as u8;
        value += 1;
    }
    bytes
});

impl Levels {
    fn slice(&'static self, value: usize) -> Bytes {
        Bytes::from_static(&self.0[value..=value])
    }
}

/// The extension's byte: voice activity in the top bit, level below (RFC 6464 section 3).
fn encode_level(level: AudioLevel) -> u8 {
    level.minus_dbov.min(127) | if level.voice { 0x80 } else { 0 }
}

fn level(header: &Header, id: u8) -> Option<AudioLevel> {
    let bytes = header.get_extension(id)?;
    // One byte, or two in the two-byte form where the second is padding (RFC 6464 section 3).
    let byte = *bytes.first()?;
    Some(AudioLevel {
        minus_dbov: byte & 0x7f,
        voice: byte & 0x80 != 0,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtc_shared::marshal::Marshal;

    use super::*;
    use crate::packet::MAX_PAYLOAD;

    fn voice(
        sequence: u16,
        timestamp: u32,
        marker: bool,
        level: Option<AudioLevel>,
        payload: &[u8],
    ) -> VoicePacket {
        let mut voice = VoicePacket::empty(Instant::now());
        voice.sequence = SequenceNumber(sequence);
        voice.timestamp = RtpTimestamp(timestamp);
        voice.marker = marker;
        voice.level = level;
        assert!(voice.set_payload(payload));
        voice
    }

    fn any_level() -> impl Strategy<Value = Option<AudioLevel>> {
        proptest::option::of(
            (0u8..=127, any::<bool>()).prop_map(|(minus_dbov, voice)| AudioLevel { minus_dbov, voice }),
        )
    }

    proptest! {
        #[test]
        fn a_packet_survives_the_wire(
            sequence: u16, timestamp: u32, ssrc: u32, source: Option<u32>, marker: bool, level in any_level(),
            id in proptest::option::of(1u8..=14), payload_type in 96u8..=127,
            payload in proptest::collection::vec(any::<u8>(), 1..=MAX_PAYLOAD),
        ) {
            let negotiated = Negotiated { payload_type, level_id: id, ..Negotiated::default() };
            let mut sent = voice(sequence, timestamp, marker, level, &payload);
            sent.source = source;
            let wire = write(&sent, ssrc, negotiated).marshal().unwrap();
            prop_assert!(wire.len() <= payload.len() + 24);
            let mut received = VoicePacket::empty(Instant::now());
            read(&parse(&wire).unwrap(), negotiated, Instant::now(), &mut received).unwrap();
            prop_assert_eq!(received.sequence, sent.sequence);
            prop_assert_eq!(received.timestamp, sent.timestamp);
            prop_assert_eq!(received.ssrc, ssrc);
            prop_assert_eq!(received.source, source);
            prop_assert_eq!(received.marker, marker);
            prop_assert_eq!(received.level, id.and(level));
            prop_assert_eq!(received.payload(), &payload[..]);
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..1600), id in 0u8..=15) {
            if let Ok(packet) = parse(&bytes) {
                for red_payload_type in [None, Some(packet.header.payload_type)] {
                let negotiated = Negotiated {
                    payload_type: packet.header.payload_type, level_id: Some(id), red_payload_type, capture_id: None,
                };
                let mut received = VoicePacket::empty(Instant::now());
                if read(&packet, negotiated, Instant::now(), &mut received).is_ok() {
                    prop_assert!(!received.payload().is_empty() && received.payload().len() <= bytes.len());
                }
                }
            }
        }

        #[test]
        fn mutated_packets_are_read_or_refused(
            payload in proptest::collection::vec(any::<u8>(), 1..100), level in any_level(),
            flips in proptest::collection::vec((any::<proptest::sample::Index>(), 0u8..8), 1..6), cut: proptest::sample::Index,
        ) {
            let negotiated = Negotiated { level_id: Some(1), ..Negotiated::default() };
            let mut wire = write(&voice(1, 2, true, level, &payload), 3, negotiated).marshal().unwrap().to_vec();
            for (at, bit) in flips {
                let at = at.index(wire.len());
                wire[at] ^= 1 << bit;
            }
            wire.truncate(cut.index(wire.len()) + 1);
            if let Ok(packet) = parse(&wire) {
                let mut received = VoicePacket::empty(Instant::now());
                let _ = read(&packet, negotiated, Instant::now(), &mut received);
            }
        }
    }

    #[test]
    fn repeated_frames_travel_where_both_ends_want_them() {
        let mut sent = voice(1, 2000, false, None, b"now");
        assert!(sent.add_copy(960, b"before"));
        let both = Negotiated {
            red_payload_type: Some(RED_PAYLOAD_TYPE),
            ..Negotiated::default()
        };
        let packet = write(&sent, 3, both);
        assert_eq!(packet.header.payload_type, RED_PAYLOAD_TYPE);
        let mut received = VoicePacket::empty(Instant::now());
        read(&packet, both, Instant::now(), &mut received).unwrap();
        assert_eq!(received.payload(), b"now");
        assert_eq!(received.copies().collect::<Vec<_>>(), [(960, &b"before"[..])]);
        assert_eq!(
            read(&packet, Negotiated::default(), Instant::now(), &mut received),
            Err(RtpError::PayloadType(RED_PAYLOAD_TYPE))
        );

        let plain = write(&sent, 3, Negotiated::default());
        assert_eq!(
            (plain.header.payload_type, &plain.payload[..]),
            (OPUS_PAYLOAD_TYPE, &b"now"[..])
        );
        read(&plain, both, Instant::now(), &mut received).unwrap();
        assert_eq!((received.payload(), received.copies().count()), (&b"now"[..], 0));
    }

    #[test]
    fn refusals_are_named() {
        let good = write(&voice(1, 2, false, None, b"opus"), 3, Negotiated::default());
        let mut slot = VoicePacket::empty(Instant::now());
        let other = Negotiated {
            payload_type: 96,
            ..Negotiated::default()
        };
        assert_eq!(
            read(&good, other, Instant::now(), &mut slot),
            Err(RtpError::PayloadType(111))
        );
        let empty = rtp::Packet {
            payload: Bytes::new(),
            ..good.clone()
        };
        assert_eq!(
            read(&empty, Negotiated::default(), Instant::now(), &mut slot),
            Err(RtpError::Empty)
        );
        let huge = rtp::Packet {
            payload: vec![0; MAX_PAYLOAD + 1].into(),
            ..good
        };
        assert_eq!(
            read(&huge, Negotiated::default(), Instant::now(), &mut slot),
            Err(RtpError::TooLarge(1201))
        );
        assert_eq!(parse(b"\x80"), Err(RtpError::Malformed));
    }
}
