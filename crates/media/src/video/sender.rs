//! All streams of pictures of a connection at their sender: frames in, RTP packets out, each when the path has room for it.
//! It answers requests for packets and key frames, and finds out by bursts whether the path carries more.
//!
//! One estimate of what the path carries is for sound and pictures together: [`BandwidthEstimator`] makes it,
//! [`VideoSender::estimate`] is told. Poll until it gives nothing, come again at [`VideoSender::next_timeout`].
//!
//! [`BandwidthEstimator`]: crate::bandwidth::BandwidthEstimator

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sidetone_opus::Bitrate;

use super::pacer::{Class, Pacer, Pressure, Prober};
use super::payload::{Mtu, Outgoing, Packetizer, Payload, PayloadError, TemporalLayers};
use super::recovery::{History, KeyFrameDemand, Nack, Resent, rtx};
use super::{CLOCK_RATE, Codec};
use crate::bandwidth::{Delivery, Estimate};
use crate::packet::{RtpTimestamp, SequenceNumber};

/// Bytes around a payload: IPv4, UDP, RTP with its usual extensions, and the tag of SRTP (RFC 3711 section 5.2).
pub const AROUND: usize = 20 + 8 + 12 + 20 + 10;

/// Probes of which the answer may be under way.
const PROBES: usize = 256;

/// Over this the rate of retransmissions is taken.
const MEMORY: Duration = Duration::from_secs(1);

/// Round trip while none is known.
const UNKNOWN: Duration = Duration::from_millis(100);

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
pub struct StreamId(usize);

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
    /// Its size on the wire, about.
    pub fn wire_bytes(&self) -> usize {
        AROUND
            + self.payload.len()
            + usize::from(self.padding)
            + self.dependency.as_ref().map_or(0, Bytes::len)
    }
}

/// What feedback says of one packet that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its synchronisation source.
    pub ssrc: u32,
    /// Its sequence number.
    pub sequence: SequenceNumber,
    /// What became of it.
    pub delivery: Delivery,
}

/// Whether the next picture of a stream should be coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No: those before it have not left yet.
    Nothing,
    /// Yes.
    Frame,
    /// Yes, and so that it needs no other.
    KeyFrame,
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

#[derive(Debug)]
struct Stream {
    config: StreamConfig,
    packetizer: Packetizer,
    next: SequenceNumber,
    next_rtx: SequenceNumber,
    history: History,
    demand: KeyFrameDemand,
    stats: StreamStats,
}

#[derive(Debug)]
enum Item {
    /// Gets its sequence number when it leaves.
    Fresh {
        stream: usize,
        key: bool,
        timestamp: RtpTimestamp,
        payload: Payload,
    },
    Again {
        stream: usize,
        packet: Resent,
    },
}

/// Sends the pictures of one connection.
#[derive(Debug)]
pub struct VideoSender {
    streams: Vec<Stream>,
    pacer: Pacer<Item>,
    prober: Prober,
    /// Packets of a burst that have not left, and their padding.
    burst: (usize, u8),
    probes: VecDeque<(u32, SequenceNumber)>,
    estimate: Estimate,
    /// What sound and pictures together can use.
    wanted: Bitrate,
    round_trip: Duration,
    /// Payload bytes of retransmissions, and when they were counted.
    resent: f64,
    counted: Instant,
    payloads: Vec<Payload>,
}

impl VideoSender {
    /// With no stream, before anything is known of the path.
    pub fn new(now: Instant) -> Self {
        Self {
            streams: Vec::new(),
            pacer: Pacer::new(crate::bandwidth::START, now),
            prober: Prober::new(now),
            burst: (0, 0),
            probes: VecDeque::new(),
            estimate: Estimate::FIRST,
            wanted: Bitrate(0),
            round_trip: UNKNOWN,
            resent: 0.0,
            counted: now,
            payloads: Vec::new(),
        }
    }

    /// Adds a stream. It begins with a key frame.
    pub fn add(&mut self, config: StreamConfig) -> StreamId {
        let mut demand = KeyFrameDemand::default();
        demand.picture_lost();
        self.streams.push(Stream {
            packetizer: Packetizer::new(config.codec, config.mtu, config.layers, config.first),
            next: SequenceNumber(config.first),
            next_rtx: SequenceNumber(config.first),
            history: History::default(),
            demand,
            stats: StreamStats::default(),
            config,
        });
        StreamId(self.streams.len() - 1)
    }

    /// What a round trip takes.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// What sound and pictures together can use ([`Demands::wanted`](super::Demands::wanted)): while the path is not known
    /// to carry it, bursts find out.
    pub fn set_wanted(&mut self, wanted: Bitrate, now: Instant) {
        self.wanted = wanted;
        self.set_rate(now);
    }

    /// What may be sent has changed.
    pub fn estimate(&mut self, estimate: Estimate, now: Instant) {
        if estimate.congested && !self.estimate.congested {
            self.prober.failed(now);
            self.burst = (0, 0);
        }
        self.estimate = estimate;
        self.set_rate(now);
    }

    fn limit(&self) -> Bitrate {
        self.estimate
            .limit
            .unwrap_or(self.wanted.max(self.estimate.available))
    }

    fn set_rate(&mut self, now: Instant) {
        let limit = self.limit();
        self.pacer.set_rate(limit, now);
        for stream in &mut self.streams {
            stream.history.set_rate(limit);
        }
    }

    /// Sound of so many bytes on the wire was sent: it never waits for pictures, they for it.
    pub fn audio_sent(&mut self, bytes: usize, now: Instant) {
        self.pacer.spend(bytes, now);
    }

    /// Whether the next picture of a stream should be coded: to be asked before each. A key frame that is asked for here
    /// must be made.
    pub fn wants(&mut self, id: StreamId, now: Instant) -> Wanted {
        let pressure = self.pacer.pressure(now);
        if pressure == Pressure::Flush {
            for (index, stream) in self.streams.iter_mut().enumerate() {
                let dropped = self.pacer.discard(index);
                stream.stats.packets_dropped += dropped as u64;
                if dropped > 0 {
                    stream.demand.picture_lost();
                }
            }
        }
        let (round_trip, holds_key) = (self.round_trip, self.pacer.holds_key(id.0));
        let Some(stream) = self.streams.get_mut(id.0) else {
            return Wanted::Nothing;
        };
        // Who asks while one is on its way has not seen it; else what waits is of no use to who asks.
        let key = !holds_key && stream.demand.poll(round_trip, now);
        if key {
            stream.stats.packets_dropped += self.pacer.discard(id.0) as u64;
            return Wanted::KeyFrame;
        }
        if pressure == Pressure::Skip {
            stream.stats.frames_skipped += 1;
            return Wanted::Nothing;
        }
        Wanted::Frame
    }

    /// Takes a coded frame.
    pub fn frame(
        &mut self,
        id: StreamId,
        frame: &Outgoing<'_>,
        timestamp: RtpTimestamp,
        now: Instant,
    ) -> Result<(), PayloadError> {
        let Some(stream) = self.streams.get_mut(id.0) else {
            return Ok(());
        };
        self.payloads.clear();
        stream.packetizer.packetize(frame, &mut self.payloads)?;
        stream.stats.frames_sent += 1;
        if frame.key {
            stream.stats.key_frames_sent += 1;
            stream.demand.made(now);
            stream.history.forget();
            stream.stats.packets_dropped += self.pacer.discard(id.0) as u64;
        }
        let class = match (frame.key, stream.config.content) {
            (true, Content::Screen) => Class::ScreenKey,
            (true, Content::Camera) => Class::CameraKey,
            (false, Content::Screen) => Class::Screen,
            (false, Content::Camera) => Class::Camera,
        };
        for payload in self.payloads.drain(..) {
            let bytes = AROUND + payload.bytes.len() + payload.dependency.as_ref().map_or(0, Bytes::len);
            let item = Item::Fresh {
                stream: id.0,
                key: frame.key,
                timestamp,
                payload,
            };
            self.pacer.push(class, id.0, bytes, item, now);
        }
        Ok(())
    }

    /// Packets of the stream with that SSRC are asked for again.
    pub fn nack(&mut self, ssrc: u32, nacks: &[Nack], now: Instant) {
        let found = self.streams.iter_mut().enumerate();
        let Some((index, stream)) = found.into_iter().find(|(_, stream)| stream.config.ssrc == ssrc) else {
            return;
        };
        stream.stats.nack_count += nacks.len() as u64;
        for sequence in nacks.iter().flat_map(|nack| nack.sequences()) {
            let resent = stream
                .history
                .resend(SequenceNumber(sequence), self.round_trip, now);
            let Some((packet, copies)) = resent else { continue };
            let bytes = AROUND + rtx::OVERHEAD + packet.payload.len();
            for packet in std::iter::repeat_n(packet, copies) {
                let item = Item::Again {
                    stream: index,
                    packet,
                };
                self.pacer.push(Class::Retransmission, index, bytes, item, now);
            }
        }
    }

    /// A receiver of the stream with that SSRC has lost the picture (PLI).
    pub fn picture_lost(&mut self, ssrc: u32) {
        if let Some(stream) = self.stream_of(ssrc) {
            stream.stats.pli_count += 1;
            stream.demand.picture_lost();
        }
    }

    /// A receiver of the stream with that SSRC begins (FIR, with its command sequence number).
    pub fn intra_requested(&mut self, ssrc: u32, command: u8) {
        if let Some(stream) = self.stream_of(ssrc) {
            stream.stats.pli_count += 1;
            stream.demand.intra_requested(command);
        }
    }

    fn stream_of(&mut self, ssrc: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.config.ssrc == ssrc)
    }

    /// Feedback on single packets came; the estimator has had it. Gives what a burst has found, if one has ended, for
    /// [`on_probe`](crate::bandwidth::BandwidthEstimator::on_probe).
    pub fn reports(&mut self, reports: &[Report], now: Instant) -> Option<Bitrate> {
        for report in reports {
            let is_probe = self.probes.contains(&(report.ssrc, report.sequence));
            if let Some(arrived) = report.delivery.arrived.filter(|_| is_probe) {
                self.prober.arrived(report.delivery.bytes, arrived);
            }
        }
        let limit = self.estimate.limit?;
        self.prober.result(limit, self.estimate.beginning, now)
    }

    /// The next packet to send.
    pub fn poll(&mut self, now: Instant) -> Option<OutgoingPacket> {
        self.probe(now);
        if self.burst.0 > 0 {
            self.burst.0 -= 1;
            if let Some(packet) = self.padding(self.burst.1) {
                self.pacer.spend(packet.wire_bytes(), now);
                return Some(packet);
            }
        }
        self.pacer.poll(now).and_then(|item| self.packet(item, now))
    }

    /// Begins a burst where it is time for one.
    fn probe(&mut self, now: Instant) {
        let Some(limit) = self.estimate.limit else { return };
        let can = self.streams.iter().any(|stream| stream.config.rtx.is_some());
        if can && limit < self.wanted && !self.estimate.congested && self.burst.0 == 0 {
            self.burst = self.prober.start(limit, AROUND, now).unwrap_or((0, 0));
        }
    }

    fn padding(&mut self, padding: u8) -> Option<OutgoingPacket> {
        let stream = self
            .streams
            .iter_mut()
            .find(|stream| stream.config.rtx.is_some())?;
        let (ssrc, payload_type) = stream.config.rtx?;
        let sequence = stream.next_rtx;
        stream.next_rtx = sequence.next();
        if self.probes.len() == PROBES {
            self.probes.pop_front();
        }
        self.probes.push_back((ssrc, sequence));
        Some(OutgoingPacket {
            ssrc,
            payload_type,
            sequence,
            timestamp: stream
                .history
                .newest()
                .map_or(RtpTimestamp(0), |newest| newest.timestamp),
            marker: false,
            payload: Bytes::new(),
            padding,
            dependency: None,
        })
    }

    fn packet(&mut self, item: Item, now: Instant) -> Option<OutgoingPacket> {
        match item {
            Item::Fresh {
                stream,
                key,
                timestamp,
                payload,
            } => {
                let stream = self.streams.get_mut(stream)?;
                if key && payload.marker {
                    stream.demand.made(now);
                }
                let sequence = stream.next;
                stream.next = sequence.next();
                let sent = Resent {
                    sequence,
                    timestamp,
                    marker: payload.marker,
                    payload: payload.bytes,
                    dependency: payload.dependency,
                };
                stream.stats.packets_sent += 1;
                stream.stats.bytes_sent += sent.payload.len() as u64;
                stream.history.sent(sent.clone(), now);
                Some(OutgoingPacket {
                    ssrc: stream.config.ssrc,
                    payload_type: stream.config.payload_type,
                    sequence,
                    timestamp,
                    marker: sent.marker,
                    payload: sent.payload,
                    padding: 0,
                    dependency: sent.dependency,
                })
            }
            Item::Again { stream, packet } => {
                let bytes = packet.payload.len();
                self.resent = self.resent_until(now) + bytes as f64;
                self.counted = now;
                let stream = self.streams.get_mut(stream)?;
                stream.stats.packets_sent += 1;
                stream.stats.bytes_sent += bytes as u64;
                stream.stats.retransmitted_packets_sent += 1;
                stream.stats.retransmitted_bytes_sent += bytes as u64;
                let (ssrc, payload_type, sequence, payload) = match stream.config.rtx {
                    Some((ssrc, payload_type)) => {
                        let sequence = stream.next_rtx;
                        stream.next_rtx = sequence.next();
                        (
                            ssrc,
                            payload_type,
                            sequence,
                            rtx::wrap(packet.sequence, &packet.payload),
                        )
                    }
                    // Without a stream of their own they are sent as they were (RFC 4585).
                    None => {
                        let config = &stream.config;
                        (config.ssrc, config.payload_type, packet.sequence, packet.payload)
                    }
                };
                Some(OutgoingPacket {
                    ssrc,
                    payload_type,
                    sequence,
                    timestamp: packet.timestamp,
                    marker: packet.marker,
                    payload,
                    padding: 0,
                    dependency: packet.dependency,
                })
            }
        }
    }

    fn resent_until(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.counted).as_secs_f64();
        self.resent * (-passed / MEMORY.as_secs_f64()).exp()
    }

    /// What retransmissions take, about: [`Allocator`](super::Allocator) leaves it to them.
    pub fn retransmission_rate(&self, now: Instant) -> Bitrate {
        Bitrate((self.resent_until(now) * 8.0 / MEMORY.as_secs_f64()) as u32)
    }

    /// When to poll next, if nothing comes before.
    pub fn next_timeout(&self) -> Option<Instant> {
        let can = self.streams.iter().any(|stream| stream.config.rtx.is_some());
        let probing =
            can && !self.estimate.congested && self.estimate.limit.is_some_and(|limit| limit < self.wanted);
        let probe = probing.then(|| self.prober.next_timeout());
        [probe, self.pacer.next_timeout()].into_iter().flatten().min()
    }

    /// How long what waits now takes to leave.
    pub fn delay(&self) -> Duration {
        self.pacer.delay()
    }

    /// Counters of a stream.
    pub fn stats(&self, id: StreamId) -> Option<&StreamStats> {
        self.streams.get(id.0).map(|stream| &stream.stats)
    }
}

/// The media timestamp of a picture captured so long after the stream's epoch, whose timestamp is `start`.
pub fn timestamp(start: RtpTimestamp, since: Duration) -> RtpTimestamp {
    let ticks = since.as_nanos() * u128::from(CLOCK_RATE) / 1_000_000_000;
    RtpTimestamp(start.0.wrapping_add(ticks as u32))
}
