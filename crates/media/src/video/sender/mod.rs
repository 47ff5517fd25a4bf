//! All streams of pictures of a connection at their sender: frames in, RTP packets out, each when the path has room for it.
//! It answers requests for packets and key frames, and finds out by bursts whether the path carries more.
//!
//! One estimate of what the path carries is for sound and pictures together: [`BandwidthEstimator`] makes it,
//! [`VideoSender::estimate`] is told. Poll until it gives nothing, come again at [`VideoSender::next_timeout`].
//!
//! [`BandwidthEstimator`]: crate::bandwidth::BandwidthEstimator

mod stream;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sidetone_opus::Bitrate;

use self::stream::Stream;
pub use self::stream::{AROUND, Content, OutgoingPacket, StreamConfig, StreamId, StreamStats, timestamp};
use super::pacer::{Class, Pacer, Pressure, Prober};
use super::payload::{Outgoing, Payload, PayloadError};
use super::recovery::{Nack, Resent, rtx};
use crate::bandwidth::{Delivery, Estimate};
use crate::packet::{RtpTimestamp, SequenceNumber};

/// Probes of which the answer may be under way.
const PROBES: usize = 256;

/// While no pictures are sent, bursts find out how fast a first one could go. More than this is not looked for ...
const READY: Bitrate = Bitrate::kbps(2_500);
/// ... it is looked for anew this often ...
const IDLE: Duration = Duration::from_secs(20);
/// ... and with no more than 20 ms of this, 2 kB, for sound is under way.
const SHORT: Bitrate = Bitrate::kbps(800);

/// Over this the rate of retransmissions is taken.
const MEMORY: Duration = Duration::from_secs(1);

/// Round trip while none is known.
const UNKNOWN: Duration = Duration::from_millis(100);

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
    /// Whether pictures could be sent and none are, and when a burst is due then.
    idle: bool,
    idle_due: Instant,
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
            idle: false,
            idle_due: now,
            round_trip: UNKNOWN,
            resent: 0.0,
            counted: now,
            payloads: Vec::new(),
        }
    }

    /// Adds a stream. It begins with a key frame.
    pub fn add(&mut self, config: StreamConfig) -> StreamId {
        self.streams.push(Stream::new(config));
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

    /// Whether pictures could be sent and none are: what the path would carry is found out all the same, seldom, so that the
    /// first picture can be sent as fast as it carries.
    pub fn set_idle(&mut self, idle: bool) {
        self.idle = idle;
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
        let known = self.sought()?;
        let found = self.prober.result(known, self.estimate.beginning, now);
        if found.is_some_and(|found| found > known && found < READY) {
            self.idle_due = now;
        }
        found
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

    /// What is known, where bursts are to find out whether the path carries more.
    fn sought(&self) -> Option<Bitrate> {
        match self.estimate.limit {
            Some(limit) => (limit < self.wanted).then_some(limit),
            None => self
                .idle
                .then(|| self.estimate.available.max(crate::bandwidth::START)),
        }
    }

    /// Whether they may.
    fn can_probe(&self) -> bool {
        !self.estimate.congested && self.streams.iter().any(|stream| stream.config.rtx.is_some())
    }

    /// Begins a burst where it is time for one.
    fn probe(&mut self, now: Instant) {
        let Some(known) = self.sought().filter(|_| self.burst.0 == 0 && self.can_probe()) else {
            return;
        };
        let idle = self.estimate.limit.is_none();
        if idle && now < self.idle_due {
            return;
        }
        let size = if idle { known.min(SHORT) } else { known };
        if let Some(burst) = self.prober.start(size, AROUND, now) {
            self.burst = burst;
            self.idle_due = now + IDLE;
        }
    }

    fn padding(&mut self, padding: u8) -> Option<OutgoingPacket> {
        let packet = self
            .streams
            .iter_mut()
            .find_map(|stream| stream.padding(padding))?;
        if self.probes.len() == PROBES {
            self.probes.pop_front();
        }
        self.probes.push_back((packet.ssrc, packet.sequence));
        Some(packet)
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
                Some(stream.fresh(timestamp, payload, now))
            }
            Item::Again { stream, packet } => {
                self.resent = self.resent_until(now) + packet.payload.len() as f64;
                self.counted = now;
                Some(self.streams.get_mut(stream)?.again(packet))
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
        let probing = self.sought().is_some() && self.can_probe();
        let probe = probing.then(|| match self.estimate.limit {
            Some(_) => self.prober.next_timeout(),
            None => self.prober.next_timeout().max(self.idle_due),
        });
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
