//! One stream of pictures that is sent: how it was negotiated, its sequence numbers, and its packets as they leave.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::packet::{RtpTimestamp, SequenceNumber};
use crate::video::payload::{Mtu, Packetizer, Payload, TemporalLayers};
use crate::video::recovery::{History, KeyFrameDemand, Resent, rtx};
use crate::video::{CLOCK_RATE, Codec};

/// Bytes around a payload: IPv4, UDP, RTP with its usual extensions, and the tag of SRTP (RFC 3711 section 5.2).
pub const AROUND: usize = 20 + 8 + 12 + 20 + 10;

/// What pictures show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// A screen or a window: goes first.
    Screen,
    /// A camera.
    Camera,
}

/// A stream to be sent, as it was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// What it shows.
    pub content: Content,
    /// Its codec.
    pub codec: Codec,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Payload type.
    pub payload_type: u8,
    /// Synchronisation source and payload type of retransmissions (RFC 4588), where the other end takes them.
    pub rtx: Option<(u32, u8)>,
    /// Largest payload.
    pub mtu: Mtu,
    /// Temporal layers.
    pub layers: TemporalLayers,
    /// Where sequence numbers, and picture identifiers, begin: should be random (RFC 3550 section 5.1).
    pub first: u16,
}

/// One of the streams of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(pub(super) usize);

/// An RTP packet to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingPacket {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: SequenceNumber,
    /// Media timestamp.
    pub timestamp: RtpTimestamp,
    /// Marker bit.
    pub marker: bool,
    /// Payload.
    pub payload: Bytes,
    /// Bytes of padding behind it (RFC 3550 section 5.1); 0 is none.
    pub padding: u8,
    /// The dependency descriptor extension, if it was negotiated.
    pub dependency: Option<Bytes>,
}

impl OutgoingPacket {
    /// The packet that carries `packet` under those numbers.
    fn of(ssrc: u32, payload_type: u8, sequence: SequenceNumber, payload: Bytes, packet: Resent) -> Self {
        Self {
            ssrc,
            payload_type,
            sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload,
            padding: 0,
            dependency: packet.dependency,
        }
    }

    /// Its size on the wire, about.
    pub fn wire_bytes(&self) -> usize {
        AROUND
            + self.payload.len()
            + usize::from(self.padding)
            + self.dependency.as_ref().map_or(0, Bytes::len)
    }
}

/// Counters of one stream, named as in W3C webrtc-stats (`outbound-rtp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Packets sent, retransmissions included.
    pub packets_sent: u64,
    /// Their payload bytes.
    pub bytes_sent: u64,
    /// Retransmissions.
    pub retransmitted_packets_sent: u64,
    /// Their payload bytes.
    pub retransmitted_bytes_sent: u64,
    /// Frames taken.
    pub frames_sent: u64,
    /// Those of them that need no other.
    pub key_frames_sent: u64,
    /// Frames that should not be made since others had not left.
    pub frames_skipped: u64,
    /// Requests for packets received.
    pub nack_count: u64,
    /// Requests for key frames received: PLI and FIR.
    pub pli_count: u64,
    /// Packets dropped before they left.
    pub packets_dropped: u64,
}

/// A stream, its counters, and what it has sent.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) config: StreamConfig,
    pub(super) packetizer: Packetizer,
    next: SequenceNumber,
    next_rtx: SequenceNumber,
    pub(super) history: History,
    pub(super) demand: KeyFrameDemand,
    pub(super) stats: StreamStats,
}

impl Stream {
    pub(super) fn new(config: StreamConfig) -> Self {
        let mut demand = KeyFrameDemand::default();
        demand.picture_lost();
        Self {
            packetizer: Packetizer::new(config.codec, config.mtu, config.layers, config.first),
            next: SequenceNumber(config.first),
            next_rtx: SequenceNumber(config.first),
            history: History::default(),
            demand,
            stats: StreamStats::default(),
            config,
        }
    }

    /// The packet of a payload that has not been sent.
    pub(super) fn fresh(
        &mut self,
        timestamp: RtpTimestamp,
        payload: Payload,
        now: Instant,
    ) -> OutgoingPacket {
        let sequence = self.next;
        self.next = sequence.next();
        let sent = Resent {
            sequence,
            timestamp,
            marker: payload.marker,
            payload: payload.bytes,
            dependency: payload.dependency,
        };
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += sent.payload.len() as u64;
        self.history.sent(sent.clone(), now);
        let (ssrc, payload_type) = (self.config.ssrc, self.config.payload_type);
        OutgoingPacket::of(ssrc, payload_type, sequence, sent.payload.clone(), sent)
    }

    /// The packet that carries one again: in the stream of retransmissions, or where there is none as it was (RFC 4585).
    pub(super) fn again(&mut self, packet: Resent) -> OutgoingPacket {
        let bytes = packet.payload.len() as u64;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += bytes;
        self.stats.retransmitted_packets_sent += 1;
        self.stats.retransmitted_bytes_sent += bytes;
        match self.config.rtx {
            Some((ssrc, payload_type)) => {
                let sequence = self.next_rtx;
                self.next_rtx = sequence.next();
                let payload = rtx::wrap(packet.sequence, &packet.payload);
                OutgoingPacket::of(ssrc, payload_type, sequence, payload, packet)
            }
            None => {
                let (ssrc, payload_type) = (self.config.ssrc, self.config.payload_type);
                OutgoingPacket::of(
                    ssrc,
                    payload_type,
                    packet.sequence,
                    packet.payload.clone(),
                    packet,
                )
            }
        }
    }

    /// A packet with nothing in it, where there is a stream of retransmissions: elsewhere it would be a gap.
    pub(super) fn padding(&mut self, padding: u8) -> Option<OutgoingPacket> {
        let (ssrc, payload_type) = self.config.rtx?;
        let sequence = self.next_rtx;
        self.next_rtx = sequence.next();
        let newest = self.history.newest();
        Some(OutgoingPacket {
            ssrc,
            payload_type,
            sequence,
            timestamp: newest.map_or(RtpTimestamp(0), |newest| newest.timestamp),
            marker: false,
            payload: Bytes::new(),
            padding,
            dependency: None,
        })
    }
}

/// The media timestamp of a picture captured so long after the stream's epoch, whose timestamp is `start`.
pub fn timestamp(start: RtpTimestamp, since: Duration) -> RtpTimestamp {
    let ticks = since.as_nanos() * u128::from(CLOCK_RATE) / 1_000_000_000;
    RtpTimestamp(start.0.wrapping_add(ticks as u32))
}
