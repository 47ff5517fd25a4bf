//! One stream of pictures at its receiver: packets in, pictures for the decoder out, each at its time; and what is to be
//! asked of the sender.
//!
//! Feed it packets, poll it until it gives nothing, come again at [`VideoReceiver::next_timeout`].

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::assembly::{Assembled, Assembly, Inserted};
use super::frames::{Frames, Queued};
use super::playout::Playout;
use super::recovery::{KeyFrameRequests, Nack, NackGenerator, rtx};
use super::stats::{Standstill, VideoStats};
use super::{Codec, PlayoutDelay, VideoPacket};
use crate::packet::RtpTimestamp;

/// What must be missing for so long, beyond two round trips, that a key frame is asked for, while packets are asked for
/// again. Sooner costs a key frame where a packet would have done; later is a longer standstill.
const PATIENCE: Duration = Duration::from_millis(150);

/// The same where a key frame is on its way, and packets of it are missing.
const KEY_PATIENCE: Duration = Duration::from_millis(700);

/// The same before anything could be decoded: packets of a key frame may have changed places with others.
const START_PATIENCE: Duration = Duration::from_millis(20);

/// A picture counts as late when it goes out so long after its time.
const LATE: Duration = Duration::from_millis(5);

/// Round trip while none is known.
const UNKNOWN: Duration = Duration::from_millis(100);

/// A picture for the decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedFrame {
    /// Media timestamp.
    pub timestamp: RtpTimestamp,
    /// The same, unwrapped: it never turns back within a stream.
    pub media: i64,
    /// Whether it needs no other.
    pub key: bool,
    /// The bitstream.
    pub data: Bytes,
    /// When it was to be shown.
    pub due: Instant,
}

/// What a receiver gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiverOutput {
    /// To be decoded and shown now.
    Frame(ReceivedFrame),
    /// To be asked for (RFC 4585 section 6.2.1).
    Nack(Vec<Nack>),
    /// A key frame is needed: a PLI is to be sent (RFC 4585 section 6.3.1).
    PictureLoss,
}

/// Receives one stream.
#[derive(Debug)]
pub struct VideoReceiver {
    assembly: Assembly,
    frames: Frames,
    playout: Playout,
    nack: NackGenerator,
    requests: KeyFrameRequests,
    round_trip: Duration,
    /// Since when packets come and no picture can be decoded.
    stuck: Option<Instant>,
    /// Whether a packet has come.
    begun: bool,
    standstill: Standstill,
    stats: VideoStats,
}

impl VideoReceiver {
    /// For a stream in `codec`.
    pub fn new(codec: Codec, now: Instant) -> Self {
        Self {
            assembly: Assembly::new(codec),
            frames: Frames::default(),
            playout: Playout::new(now),
            nack: NackGenerator::default(),
            requests: KeyFrameRequests::default(),
            round_trip: UNKNOWN,
            stuck: None,
            begun: false,
            standstill: Standstill::default(),
            stats: VideoStats::default(),
        }
    }

    /// Takes the place of one in another codec, and counts on from its counters.
    pub fn count_on(&mut self, before: VideoStats) {
        self.stats = before;
    }

    /// What a round trip takes, as reports say (RFC 3550 section 6.4.1) or ICE does.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
        self.nack.set_round_trip(round_trip);
        self.playout.set_round_trip(round_trip);
    }

    /// Least delay beyond that of the path, as [`LipSync`](super::LipSync) wants it.
    pub fn set_minimum_delay(&mut self, minimum: Duration) {
        self.playout.set_minimum(minimum);
    }

    /// Bounds of that delay, as the sender wants them.
    pub fn set_bounds(&mut self, bounds: PlayoutDelay) {
        self.playout.set_bounds(bounds);
    }

    /// Takes a packet.
    pub fn packet(&mut self, packet: VideoPacket, now: Instant) {
        self.arrived(&packet);
        let sequence = self.assembly.sequence(&packet);
        let resent = self.nack.packet(sequence, false, now);
        self.place(packet, resent, now);
    }

    /// Takes a packet of the retransmission stream (RFC 4588): `packet` as it came, with the payload still wrapped.
    pub fn retransmission(&mut self, packet: VideoPacket, now: Instant) {
        // Without anything in it, it is a probe.
        let Ok((sequence, payload)) = rtx::unwrap(&packet.payload) else {
            return;
        };
        self.arrived(&packet);
        self.stats.retransmitted_packets_received += 1;
        let packet = VideoPacket {
            sequence,
            payload,
            ..packet
        };
        let number = self.assembly.sequence(&packet);
        self.nack.packet(number, true, now);
        self.place(packet, true, now);
    }

    fn arrived(&mut self, packet: &VideoPacket) {
        self.begun = true;
        self.stats.packets_received += 1;
        self.stats.bytes_received += packet.payload.len() as u64;
    }

    fn place(&mut self, packet: VideoPacket, resent: bool, now: Instant) {
        match self.assembly.insert(packet, resent, now) {
            Inserted::Stored => {}
            Inserted::Whole(pictures) => {
                for picture in pictures {
                    self.whole(picture);
                }
            }
            Inserted::Duplicate | Inserted::Late | Inserted::Malformed => self.stats.packets_discarded += 1,
        }
    }

    fn whole(&mut self, picture: Assembled) {
        self.stats.frames_received += 1;
        self.stats.frames_assembled_from_retransmissions += u64::from(picture.resent);
        self.playout.arrived(
            picture.timestamp,
            picture.data.len(),
            picture.resent,
            picture.whole,
        );
        match self.frames.insert(picture) {
            Queued::Waits => {}
            Queued::Late => self.stats.frames_dropped += 1,
            Queued::Overflow(dropped) => self.stats.frames_dropped += dropped as u64,
        }
    }

    /// The decoder could not decode what it got: only a key frame helps.
    pub fn decoder_failed(&mut self, now: Instant) {
        self.frames.decoder_lost();
        self.stats.frames_dropped += 1;
        if !self.frames.has_key() {
            self.requests.want(now);
        }
    }

    /// The decoder has decoded a frame.
    pub fn decoded(&mut self, key: bool) {
        self.stats.frames_decoded += 1;
        self.stats.key_frames_decoded += u64::from(key);
    }

    /// A decoded frame was not shown, since a newer one was there.
    pub fn not_shown(&mut self) {
        self.stats.frames_dropped += 1;
    }

    /// A frame is shown.
    pub fn rendered(&mut self, now: Instant) {
        self.standstill.rendered(now, &mut self.stats);
    }

    /// The sender pauses by intent, or nobody looks: what passes until the next frame is no freeze.
    pub fn pause(&mut self) {
        self.standstill.pause();
    }

    /// What is to be done now.
    pub fn poll(&mut self, now: Instant) -> Option<ReceiverOutput> {
        if let Some(frame) = self.release(now) {
            return Some(ReceiverOutput::Frame(frame));
        }
        let nacks = self.nack.poll(now);
        if !nacks.is_empty() {
            self.stats.nack_count += nacks.len() as u64;
            return Some(ReceiverOutput::Nack(nacks));
        }
        if self.is_lost(now) {
            self.requests.want(now);
        }
        if self.requests.poll(self.round_trip, now) {
            self.stats.pli_count += 1;
            return Some(ReceiverOutput::PictureLoss);
        }
        None
    }

    fn release(&mut self, now: Instant) -> Option<ReceivedFrame> {
        let next = self.frames.decodable()?;
        self.requests.settle();
        self.stuck = None;
        let due = self.playout.due(next.timestamp).unwrap_or(now);
        if due > now {
            return None;
        }
        let (picture, dropped) = self.frames.take()?;
        self.assembly.forget(picture.last);
        self.nack.forget(picture.last);
        let stats = &mut self.stats;
        stats.frames_dropped += dropped as u64;
        stats.frames_late += u64::from(now > due + LATE && !self.playout.is_at_once());
        stats.jitter_buffer_delay += now.saturating_duration_since(picture.began).as_secs_f64();
        stats.jitter_buffer_target_delay += self.playout.target().as_secs_f64();
        stats.jitter_buffer_emitted_count += 1;
        Some(ReceivedFrame {
            timestamp: RtpTimestamp(picture.timestamp as u32),
            media: picture.timestamp,
            key: picture.key,
            data: picture.data,
            due,
        })
    }

    /// When what is missing is not waited for any more. `None` while nothing is.
    fn patience(&mut self) -> Option<Duration> {
        let taken = self.frames.taken();
        let incomplete = self.nack.is_waiting() || self.nack.has_lost() || !self.frames.is_empty();
        let begun = taken.is_some() || self.begun;
        if !begun || taken.is_some() && !incomplete {
            return None;
        }
        let after = taken.unwrap_or(i64::MIN);
        let waits = self.nack.is_waiting();
        Some(match taken {
            _ if self.nack.has_lost() => Duration::ZERO,
            // It is large, and the path is slow.
            _ if !waits && self.assembly.is_key_coming(after) => return None,
            _ if waits && self.assembly.has_key_after(after) => KEY_PATIENCE + 2 * self.round_trip,
            None => START_PATIENCE,
            Some(_) => PATIENCE + 2 * self.round_trip,
        })
    }

    /// Whether packets have come for too long, and nothing can be decoded.
    fn is_lost(&mut self, now: Instant) -> bool {
        if self.requests.is_pending() || self.frames.decodable().is_some() {
            return false;
        }
        let Some(patience) = self.patience() else {
            self.stuck = None;
            return false;
        };
        let since = *self.stuck.get_or_insert(now);
        now.saturating_duration_since(since) >= patience
    }

    /// When to poll next, if nothing comes before.
    pub fn next_timeout(&mut self) -> Option<Instant> {
        let due = self
            .frames
            .decodable()
            .map(|picture| picture.timestamp)
            .and_then(|timestamp| self.playout.due(timestamp));
        let lost = match (self.requests.is_pending(), due, self.stuck) {
            (false, None, Some(since)) => self.patience().map(|patience| since + patience),
            _ => None,
        };
        [due, lost, self.nack.next_timeout(), self.requests.next_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The delay beyond that of the path: by so much pictures are shown later than the fastest could be.
    pub fn delay(&self) -> Duration {
        self.playout.delay()
    }

    /// When a picture with that media timestamp (unwrapped) is shown.
    pub fn due(&self, media: i64) -> Option<Instant> {
        self.playout.due(media)
    }

    /// Its counters, when it is over.
    pub fn into_stats(self) -> VideoStats {
        self.stats
    }

    /// Counters up to now.
    pub fn stats(&mut self, now: Instant) -> &VideoStats {
        self.standstill.refresh(now, &mut self.stats);
        &self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::super::TemporalLayer;
    use super::super::payload::{Mtu, Outgoing, Packetizer, TemporalLayers};
    use super::*;
    use crate::packet::SequenceNumber;

    /// H.264 says in each packet that it is one of a key frame. What was sent before the first packet that came is not asked
    /// for again, so the frame is never whole.
    #[test]
    fn a_key_frame_without_its_beginning_is_not_waited_for() {
        let start = Instant::now();
        let mut receiver = VideoReceiver::new(Codec::H264, start);
        let mut packetizer = Packetizer::new(Codec::H264, Mtu::DEFAULT, TemporalLayers::ONE, 0);
        let (mut sequence, mut asked) = (100u16, Vec::new());
        for n in 0..30u32 {
            let now = start + Duration::from_millis(u64::from(n) * 33);
            let key = n == 0;
            let mut data = vec![0, 0, 0, 1, if key { 0x65 } else { 0x41 }];
            data.resize(if key { 4_000 } else { 300 }, 7);
            let frame = Outgoing {
                data: &data,
                key,
                temporal: None::<TemporalLayer>,
                discardable: false,
            };
            let mut payloads = Vec::new();
            packetizer.packetize(&frame, &mut payloads).unwrap();
            for (at, payload) in payloads.into_iter().enumerate() {
                sequence += 1;
                let packet = VideoPacket {
                    sequence: SequenceNumber(sequence),
                    timestamp: RtpTimestamp(n * 3_000),
                    marker: payload.marker,
                    payload: payload.bytes,
                    dependency: None,
                };
                if !(key && at == 0) {
                    receiver.packet(packet, now);
                }
            }
            while let Some(output) = receiver.poll(now) {
                asked.push((n, output));
            }
        }
        let first = asked
            .iter()
            .find(|(_, output)| *output == ReceiverOutput::PictureLoss);
        assert!(first.is_some_and(|(n, _)| *n < 6), "{asked:?}");
    }
}
