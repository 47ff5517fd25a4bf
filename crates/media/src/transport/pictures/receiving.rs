//! The pictures of others: packets in, from whatever source, frames for the decoders out, and what to ask of the senders.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::layout::{Identifiers, Layout, Receives};
use super::lips::Lips;
use crate::packet::{RtpTimestamp, SequenceNumber};
use crate::transport::Reception;
use crate::transport::video::{InboundVideo, LipsEnd, RemoteEnd, RemoteFrame, Said};
use crate::video::recovery::Nack;
use crate::video::{
    AbsoluteCaptureTime, CLOCK_RATE, Codec, Content, LipSync, NtpTime, PlayoutDelay, ReceiverOutput,
    Timeline, VideoPacket, VideoReceiver, VideoStats,
};

/// Sources that no description names and that are remembered: a sender has a handful.
const MAX_SOURCES: usize = 64;

/// Pictures of which the particulars are remembered: as many as wait to be put together and shown.
const REMEMBERED: usize = 128;

/// What is to be sent to whoever sends a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Nack(u32, Vec<Nack>),
    PictureLoss(u32),
}

/// What packets say of a picture beside its bytes.
#[derive(Clone, Copy)]
struct Particulars {
    timestamp: RtpTimestamp,
    participant: Option<u32>,
    captured: Option<NtpTime>,
}

struct Remote {
    end: RemoteEnd,
    settled: Option<Receives>,
    receiver: Option<(Codec, VideoReceiver)>,
    /// Of receivers that are no more.
    past: VideoStats,
    reception: Reception,
    /// The source of its pictures.
    ssrc: Option<u32>,
    participant: Option<u32>,
    /// Whose packets come.
    sender: Option<u32>,
    particulars: VecDeque<Particulars>,
    timeline: Timeline,
    lips: LipSync,
    /// The decoder's queue was full: until the next key frame nothing fits.
    overflowed: bool,
    overflows: u64,
}

/// Receives all pictures of a connection.
pub(crate) struct Receiving {
    remotes: Vec<Remote>,
    identifiers: Identifiers,
    /// Of sources that were sorted, to an index of `remotes`.
    sources: HashMap<u32, usize>,
    round_trip: Option<Duration>,
    lips: Lips,
    discarded: u64,
}

impl Receiving {
    pub(crate) fn new(ends: Vec<RemoteEnd>, lips: LipsEnd, now: Instant) -> Self {
        let remotes = ends.into_iter().map(|end| Remote {
            end,
            settled: None,
            receiver: None,
            past: VideoStats::default(),
            reception: Reception::new(CLOCK_RATE),
            ssrc: None,
            participant: None,
            sender: None,
            particulars: VecDeque::with_capacity(REMEMBERED),
            timeline: Timeline::new(CLOCK_RATE),
            lips: LipSync::default(),
            overflowed: false,
            overflows: 0,
        });
        Self {
            remotes: remotes.collect(),
            identifiers: Identifiers::default(),
            sources: HashMap::new(),
            round_trip: None,
            lips: Lips::new(lips, now),
            discarded: 0,
        }
    }

    /// Begins anew with what was settled.
    pub(crate) fn settle(&mut self, layout: &Layout) {
        self.identifiers = layout.identifiers;
        self.sources.clear();
        for (index, (remote, settled)) in self.remotes.iter_mut().zip(&layout.receives).enumerate() {
            remote.settled = settled.clone();
            if let Some((_, receiver)) = remote.receiver.take() {
                remote.past = receiver.into_stats();
            }
            remote.ssrc = settled.as_ref().and_then(|settled| settled.ssrc);
            remote.particulars.clear();
            let sources = settled
                .iter()
                .flat_map(|settled| [settled.ssrc, settled.rtx_ssrc]);
            self.sources.extend(sources.flatten().map(|ssrc| (ssrc, index)));
        }
    }

    pub(crate) fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = Some(round_trip);
        for (_, receiver) in self
            .remotes
            .iter_mut()
            .filter_map(|remote| remote.receiver.as_mut())
        {
            receiver.set_round_trip(round_trip);
        }
    }

    /// Packets that went no further.
    pub(crate) fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Which stream a packet belongs to: by its source, else by the section that it names, else because nothing else has
    /// its payload type (RFC 9143 section 9.2). `None` for what is no picture.
    fn sort(&mut self, header: &rtp::Header) -> Option<usize> {
        if let Some(index) = self.sources.get(&header.ssrc) {
            return Some(*index);
        }
        let carries = |remote: &Remote| {
            remote.settled.as_ref().is_some_and(|settled| {
                let formats = &settled.formats;
                let payload_type = header.payload_type;
                formats
                    .codec(payload_type)
                    .or(formats.repeats(payload_type))
                    .is_some()
            })
        };
        if !self.remotes.iter().any(carries) {
            return None;
        }
        let mid = header
            .get_extension(self.identifiers.mid)
            .filter(|_| self.identifiers.mid > 0);
        let named = |remote: &Remote| {
            let settled = remote.settled.as_ref();
            mid.as_ref()
                .is_none_or(|mid| settled.is_some_and(|settled| settled.mid.as_bytes() == &mid[..]))
        };
        let mut all = (0..)
            .zip(&self.remotes)
            .filter(|(_, remote)| carries(remote) && named(remote));
        let found = all
            .next()
            .filter(|_| all.next().is_none())
            .map(|(index, _)| index);
        match found {
            Some(index) if self.sources.len() < MAX_SOURCES => {
                self.sources.insert(header.ssrc, index);
                Some(index)
            }
            // A picture, but nobody's: it must not go on to where sound is sorted.
            _ => Some(usize::MAX),
        }
    }

    /// Takes a packet. Whether it was one of a picture.
    pub(crate) fn packet(&mut self, packet: &rtp::Packet, now: Instant) -> bool {
        let header = &packet.header;
        let identifiers = self.identifiers;
        let extension = |id: u8| if id > 0 { header.get_extension(id) } else { None };
        let captured = extension(identifiers.capture).and_then(|value| AbsoluteCaptureTime::read(&value));
        let captured = captured.map(|time| time.captured);
        let participant = header.csrc.first().copied();
        let Some(index) = self.sort(header) else {
            self.sound(header.ssrc, participant, RtpTimestamp(header.timestamp), captured);
            return false;
        };
        let known = self.remotes.get_mut(index).and_then(|remote| {
            let formats = &remote.settled.as_ref()?.formats;
            let fresh = formats.codec(header.payload_type);
            let again = formats.repeats(header.payload_type);
            Some((remote, fresh.or(again)?, fresh.is_none()))
        });
        let Some((remote, codec, again)) = known else {
            self.discarded += 1;
            return true;
        };
        let is_current = remote
            .receiver
            .as_ref()
            .is_some_and(|(current, _)| *current == codec);
        if again && !is_current && (packet.payload.is_empty() || remote.receiver.is_some()) {
            // Padding before the first picture, or what is of no use any more.
            self.discarded += u64::from(!packet.payload.is_empty());
            return true;
        }
        if !is_current {
            let mut receiver = VideoReceiver::new(codec, now);
            if let Some((_, before)) = remote.receiver.take() {
                remote.past = before.into_stats();
            }
            receiver.count_on(std::mem::take(&mut remote.past));
            if let Some(round_trip) = self.round_trip {
                receiver.set_round_trip(round_trip);
            }
            remote.receiver = Some((codec, receiver));
        }
        let video = VideoPacket {
            sequence: SequenceNumber(header.sequence_number),
            timestamp: RtpTimestamp(header.timestamp),
            marker: header.marker,
            payload: packet.payload.clone(),
            dependency: extension(identifiers.dependency).map(|value| Bytes::copy_from_slice(&value)),
        };
        if !again {
            remote.ssrc = Some(header.ssrc);
            remote
                .reception
                .on_packet(header.ssrc, video.sequence, video.timestamp, now);
        }
        remote.note(video.timestamp, participant, captured);
        if let Some((_, receiver)) = &mut remote.receiver {
            let bounds = extension(identifiers.playout).and_then(|value| PlayoutDelay::read(&value));
            if let Some(bounds) = bounds {
                receiver.set_bounds(bounds);
            }
            match again {
                true => receiver.retransmission(video, now),
                false => receiver.packet(video, now),
            }
        }
        true
    }

    /// A packet of sound has come.
    pub(crate) fn sound(
        &mut self,
        ssrc: u32,
        participant: Option<u32>,
        timestamp: RtpTimestamp,
        captured: Option<NtpTime>,
    ) {
        self.lips.packet(ssrc, participant, timestamp, captured);
    }

    /// A sender report: which media timestamp belongs to which time (RFC 3550 section 6.4.1).
    pub(crate) fn sender_report(&mut self, ssrc: u32, ntp: u64, rtp: u32) {
        let ntp = NtpTime(ntp);
        match self.sources.get(&ssrc) {
            Some(index) => {
                if let Some(remote) = self
                    .remotes
                    .get_mut(*index)
                    .filter(|remote| remote.ssrc == Some(ssrc))
                {
                    remote.timeline.reported(ntp, rtp);
                }
            }
            None => self.lips.sender_report(ssrc, ntp, rtp),
        }
    }

    /// Takes what decoders say, gives them what is due, and collects what is to be asked.
    pub(crate) fn work(&mut self, asks: &mut Vec<Ask>, now: Instant) {
        while let Some((sound, made)) = self.lips.next_played() {
            let remotes = self.remotes.iter_mut();
            remotes
                .filter(|remote| remote.participant == sound.participant)
                .for_each(|remote| remote.lips.audio_played(made, sound.at));
        }
        for remote in &mut self.remotes {
            remote.work(asks, now);
        }
        if self.lips.is_due(now) {
            self.keep_together(now);
        }
    }

    /// Sound waits for the camera of who speaks, while that is seen: it shows lips. A screen does not.
    fn keep_together(&mut self, now: Instant) {
        for remote in self.remotes.iter_mut().filter(|remote| remote.is_camera()) {
            if !remote.lips.is_seen(now) {
                remote.lips = LipSync::default();
            }
            let Some((_, receiver)) = &mut remote.receiver else {
                continue;
            };
            if let Some(sound) = self.lips.of(remote.participant) {
                remote.lips.adjust((sound.delay, sound.needed), receiver.delay());
            }
            receiver.set_minimum_delay(remote.lips.minimum_delays().1);
        }
        let remotes = &self.remotes;
        self.lips.set_minimum_delays(|participant| {
            let mut cameras = remotes.iter().filter(|remote| remote.is_camera());
            let seen = cameras.find(|remote| remote.participant == participant);
            seen.map_or(Duration::ZERO, |remote| remote.lips.minimum_delays().0)
        });
    }

    /// When to work next, if nothing comes before.
    pub(crate) fn next_timeout(&mut self) -> Option<Instant> {
        let receivers = self
            .remotes
            .iter_mut()
            .filter_map(|remote| remote.receiver.as_mut());
        receivers
            .filter_map(|(_, receiver)| receiver.next_timeout())
            .chain(self.lips.next_timeout())
            .min()
    }

    pub(crate) fn stats(&mut self, now: Instant) -> Vec<InboundVideo> {
        let remotes = self.remotes.iter_mut();
        remotes
            .map(|remote| {
                let (codec, counters) = match &mut remote.receiver {
                    Some((codec, receiver)) => (Some(*codec), receiver.stats(now)),
                    None => (None, &remote.past),
                };
                let counters = VideoStats {
                    packets_lost: remote.reception.lost(),
                    jitter: remote.reception.jitter().as_secs_f64(),
                    ..counters.clone()
                };
                InboundVideo {
                    content: remote.end.content,
                    codec,
                    participant: remote.participant,
                    frames_overflowed: remote.overflows,
                    behind_sound: remote.lips.video_behind().filter(|_| remote.is_camera()),
                    counters,
                }
            })
            .collect()
    }
}

impl Remote {
    fn is_camera(&self) -> bool {
        self.end.content == Content::Camera
    }

    /// Keeps what a packet says of its picture.
    fn note(&mut self, timestamp: RtpTimestamp, participant: Option<u32>, captured: Option<NtpTime>) {
        if participant.is_some() && self.sender != participant {
            self.sender = participant;
            self.timeline.forget_capturer();
        }
        if let Some(captured) = captured {
            self.timeline.captured(captured, timestamp.0);
        }
        if let Some(known) = self
            .particulars
            .iter_mut()
            .rev()
            .find(|known| known.timestamp == timestamp)
        {
            known.participant = known.participant.or(participant);
            known.captured = known.captured.or(captured);
            return;
        }
        if self.particulars.len() == REMEMBERED {
            self.particulars.pop_front();
        }
        self.particulars.push_back(Particulars {
            timestamp,
            participant,
            captured,
        });
    }

    fn work(&mut self, asks: &mut Vec<Ask>, now: Instant) {
        while let Some(said) = self.end.said.pop() {
            self.hear(said, now);
        }
        let Some((codec, receiver)) = &mut self.receiver else {
            return;
        };
        while let Some(output) = receiver.poll(now) {
            let Some(ssrc) = self.ssrc else { continue };
            let frame = match output {
                ReceiverOutput::Nack(nacks) => {
                    asks.push(Ask::Nack(ssrc, nacks));
                    continue;
                }
                ReceiverOutput::PictureLoss => {
                    asks.push(Ask::PictureLoss(ssrc));
                    continue;
                }
                ReceiverOutput::Frame(frame) => frame,
            };
            let known = self
                .particulars
                .iter()
                .find(|known| known.timestamp == frame.timestamp);
            let participant = known.and_then(|known| known.participant);
            let captured = known.and_then(|known| known.captured);
            if self.participant != participant {
                self.participant = participant;
                self.lips = LipSync::default();
            }
            let made = self.timeline.at(frame.timestamp.0);
            let frames = &self.end.frames;
            // What falls out of the queue would be missing to those behind it, so the newest falls, and all to the next
            // key frame.
            let full = frames.len() >= frames.capacity() || (self.overflowed && !frame.key);
            if full {
                self.overflows += 1;
                if !self.overflowed || frame.key {
                    receiver.decoder_failed(now);
                }
                self.overflowed = true;
                continue;
            }
            self.overflowed = false;
            frames.push(RemoteFrame {
                codec: *codec,
                participant,
                timestamp: frame.timestamp,
                key: frame.key,
                data: frame.data,
                due: frame.due,
                captured: captured.or(made.captured).or(made.reported),
            });
        }
    }

    fn hear(&mut self, said: Said, now: Instant) {
        let Some((_, receiver)) = &mut self.receiver else {
            return;
        };
        match said {
            Said::Decoded { key } => receiver.decoded(key),
            Said::Failed => receiver.decoder_failed(now),
            Said::Shown { timestamp, at } => {
                receiver.rendered(at);
                self.lips.video_shown(self.timeline.at(timestamp.0), at);
            }
            Said::NotShown => receiver.not_shown(),
            Said::Hidden => {
                receiver.pause();
                self.lips = LipSync::default();
            }
        }
    }
}
