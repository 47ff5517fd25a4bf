//! Our pictures: from the encoders' queues through the pacer to packets of the library's kind.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtp::Header;
use sidetone_opus::Bitrate;

use super::layout::{Identifiers, Layout, Sends};
use crate::bandwidth::{Estimate, START};
use crate::packet::RtpTimestamp;
use crate::transport::video::{LocalEnd, OutboundVideo};
use crate::video::payload::{Mtu, Outgoing, TemporalLayers};
use crate::video::recovery::Nack;
use crate::video::{
    AbsoluteCaptureTime, Allocator, Content, Demand, Demands, NtpTime, OutgoingPacket, PlayoutDelay, Report,
    StreamConfig, StreamId, VideoSender, Wanted, timestamp,
};
use crate::voice::VOICE_RATE;

/// How often wishes are looked at again while something is sent.
const LOOK: Duration = Duration::from_millis(10);

/// A key frame that was asked for and has not come for so long is asked for again.
const KEY_PATIENCE: Duration = Duration::from_secs(1);

/// Pictures of which it is remembered what their first packet says: as many as may wait to leave.
const REMEMBERED: usize = 64;

/// Identifier of a header extension that nobody has negotiated, which is therefore ignored (RFC 8285 section 4.1.2). It
/// carries the weight of probes: the library pads payloads by four bytes at most.
const FILLER: u8 = 255;

/// The filler.
static ZEROS: [u8; 255] = [0; 255];

/// The media clock of all our pictures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MediaClock {
    epoch: Instant,
    start: RtpTimestamp,
    /// The time of day at the epoch.
    time: NtpTime,
}

impl MediaClock {
    /// Begins at `epoch`, with the timestamp `start`, which should be random, and at that time of day.
    pub(crate) fn new(epoch: Instant, start: u32, time: NtpTime) -> Self {
        Self {
            epoch,
            start: RtpTimestamp(start),
            time,
        }
    }

    /// The media timestamp of that moment.
    pub(crate) fn at(&self, moment: Instant) -> RtpTimestamp {
        timestamp(self.start, moment.saturating_duration_since(self.epoch))
    }

    /// The time of day at that moment.
    pub(crate) fn ntp(&self, moment: Instant) -> NtpTime {
        let since = moment.saturating_duration_since(self.epoch);
        let units = (since.as_nanos() << 32) / 1_000_000_000;
        NtpTime(self.time.0.wrapping_add(units as u64))
    }
}

/// What the first packet of a picture says of it.
#[derive(Clone, Copy)]
struct Shown {
    captured: Instant,
    playout: Option<PlayoutDelay>,
}

struct Local {
    end: LocalEnd,
    settled: Option<(Sends, StreamId)>,
    on: bool,
    /// Whether something was sent since it was settled.
    begun: bool,
    dropped: u64,
    asked: Option<Instant>,
    shown: VecDeque<(RtpTimestamp, Shown)>,
    /// Timestamp of the last packet that left: where it changes, a picture begins.
    last: Option<RtpTimestamp>,
    fraction_lost: f64,
}

/// Sends all pictures of a connection.
pub(crate) struct Sending {
    locals: Vec<Local>,
    sender: VideoSender,
    identifiers: Identifiers,
    temporal: TemporalLayers,
    allocator: Allocator,
    clock: MediaClock,
    look: Instant,
    estimate: Estimate,
    demands: Demands,
}

impl Sending {
    pub(crate) fn new(
        ends: Vec<LocalEnd>,
        temporal: TemporalLayers,
        clock: MediaClock,
        now: Instant,
    ) -> Self {
        let locals = ends.into_iter().map(|end| Local {
            end,
            settled: None,
            on: false,
            begun: false,
            dropped: 0,
            asked: None,
            shown: VecDeque::with_capacity(REMEMBERED),
            last: None,
            fraction_lost: 0.0,
        });
        Self {
            locals: locals.collect(),
            sender: VideoSender::new(now),
            identifiers: Identifiers::default(),
            temporal,
            allocator: Allocator::default(),
            clock,
            look: now,
            estimate: Estimate::FIRST,
            demands: Demands::default(),
        }
    }

    /// Begins anew with what was settled. `random` gives where sequence numbers begin.
    pub(crate) fn settle(&mut self, layout: &Layout, mut random: impl FnMut() -> u16, now: Instant) {
        self.identifiers = layout.identifiers;
        self.sender = VideoSender::new(now);
        self.sender.estimate(self.estimate, now);
        for (local, sends) in self.locals.iter_mut().zip(&layout.sends) {
            local.settled = sends.clone().map(|sends| {
                let id = self.sender.add(StreamConfig {
                    content: local.end.content,
                    codec: sends.codec,
                    ssrc: sends.ssrc,
                    payload_type: sends.payload_type,
                    rtx: sends.rtx,
                    mtu: Mtu::DEFAULT,
                    layers: self.temporal,
                    // Some receivers take the first number for one after a turn where it is a high one.
                    first: random() & 0x7fff,
                });
                (sends, id)
            });
            local.begun = false;
            local.last = None;
            local.asked = None;
            let codec = local.settled.as_ref().map(|(sends, _)| sends.codec);
            local.end.wish.set_codec(codec);
            local.end.wish.set_wanted(Wanted::Nothing);
        }
        self.look = now;
    }

    fn of(&mut self, ssrc: u32) -> Option<&mut Local> {
        let mut locals = self.locals.iter_mut();
        locals.find(|local| matches!(&local.settled, Some((sends, _)) if sends.ssrc == ssrc))
    }

    pub(crate) fn nack(&mut self, ssrc: u32, nacks: &[Nack], now: Instant) {
        self.sender.nack(ssrc, nacks, now);
    }

    pub(crate) fn picture_lost(&mut self, ssrc: u32, now: Instant) {
        self.sender.picture_lost(ssrc);
        self.look = now;
    }

    pub(crate) fn intra_requested(&mut self, ssrc: u32, command: u8, now: Instant) {
        self.sender.intra_requested(ssrc, command);
        self.look = now;
    }

    pub(crate) fn reception(&mut self, ssrc: u32, fraction_lost: f64) {
        if let Some(local) = self.of(ssrc) {
            local.fraction_lost = fraction_lost;
        }
    }

    /// Feedback on single packets. Gives what a burst has found.
    pub(crate) fn reports(&mut self, reports: &[Report], now: Instant) -> Option<Bitrate> {
        self.sender.reports(reports, now)
    }

    pub(crate) fn audio_sent(&mut self, bytes: usize, now: Instant) {
        self.sender.audio_sent(bytes, now);
    }

    pub(crate) fn set_round_trip(&mut self, round_trip: Duration) {
        self.sender.set_round_trip(round_trip);
    }

    /// What may be sent.
    pub(crate) fn estimate(&mut self, estimate: Estimate, now: Instant) {
        if self.estimate != estimate {
            self.estimate = estimate;
            self.sender.estimate(estimate, now);
            self.look = now;
        }
    }

    /// What sound and pictures together can use now. `open` is whether anything can be sent. To be asked before
    /// [`estimate`](Self::estimate) is told: who has begun to want more gets no more than is known of the path.
    pub(crate) fn wanted(&mut self, open: bool, now: Instant) -> Bitrate {
        if self.listen(open) {
            self.look = now;
        }
        self.demands.wanted().max(VOICE_RATE)
    }

    /// Takes what encoders have made, and tells them what is wanted.
    pub(crate) fn work(&mut self, open: bool, now: Instant) {
        for local in &mut self.locals {
            take(local, &mut self.sender, &self.clock, open, now);
        }
        if now >= self.look {
            self.share(now);
            self.look = now + LOOK;
        }
    }

    /// Looks whether something was begun or ended.
    fn listen(&mut self, open: bool) -> bool {
        let mut demands = Demands {
            audio: Some(Demand {
                least: START,
                most: VOICE_RATE,
            }),
            ..Demands::default()
        };
        let mut changed = false;
        for local in &mut self.locals {
            let demand = local
                .end
                .wish
                .demand()
                .filter(|_| open && local.settled.is_some());
            changed |= local.on != demand.is_some();
            if local.on && demand.is_none() {
                local.end.wish.set_wanted(Wanted::Nothing);
                local.end.wish.set_bitrate(Bitrate(0));
                local.asked = None;
            }
            local.on = demand.is_some();
            match local.end.content {
                Content::Camera => demands.camera.push(demand),
                Content::Screen => demands.screen = demand,
            }
        }
        changed |= self.demands != demands;
        self.demands = demands;
        let can = open && self.locals.iter().any(|local| local.settled.is_some());
        self.sender
            .set_idle(can && !self.locals.iter().any(|local| local.on));
        changed
    }

    /// Shares what may be sent, and decides what is wanted of each.
    fn share(&mut self, now: Instant) {
        self.sender.set_wanted(self.demands.wanted(), now);
        let lost = self.sender.retransmission_rate(now);
        let shares = self.allocator.allocate(self.estimate.limit, lost, &self.demands);
        let mut camera = shares.camera.into_iter();
        for local in &mut self.locals {
            let rate = match local.end.content {
                Content::Camera => camera.next().unwrap_or_default(),
                Content::Screen => shares.screen,
            };
            let wish = &local.end.wish;
            let Some((sends, id)) = local.settled.as_ref().filter(|_| local.on && rate.0 > 0) else {
                wish.set_bitrate(Bitrate(0));
                wish.set_wanted(Wanted::Nothing);
                // What comes after this needs what is not sent now.
                if local.begun {
                    local.begun = false;
                }
                local.asked = None;
                continue;
            };
            wish.set_bitrate(rate);
            let overdue = local.asked.is_some_and(|asked| now >= asked + KEY_PATIENCE);
            if wish.waits_for_key() && local.asked.is_some() && !overdue {
                continue;
            }
            let mut wanted = self.sender.wants(*id, now);
            if overdue || !local.begun {
                wanted = Wanted::KeyFrame;
            }
            if wanted == Wanted::KeyFrame {
                local.asked = Some(now);
                local.begun = true;
                tracing::trace!(ssrc = sends.ssrc, "a key frame is wanted");
            }
            wish.set_wanted(wanted);
        }
    }

    /// The next packet that leaves now.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<rtp::Packet> {
        let packet = self.sender.poll(now)?;
        let clock = self.clock;
        let identifiers = self.identifiers;
        let local = self.locals.iter_mut().find(|local| {
            matches!(&local.settled, Some((sends, _))
                if sends.ssrc == packet.ssrc || sends.rtx.is_some_and(|(rtx, _)| rtx == packet.ssrc))
        })?;
        let (sends, _) = local.settled.as_ref()?;
        let fresh = packet.ssrc == sends.ssrc;
        let begins = fresh && local.last != Some(packet.timestamp);
        if fresh {
            local.last = Some(packet.timestamp);
        }
        let mut known = local.shown.iter();
        let shown = known
            .find(|(timestamp, _)| begins && *timestamp == packet.timestamp)
            .map(|(_, shown)| *shown);
        let captured = shown.map(|shown| clock.ntp(shown.captured));
        let playout = shown.and_then(|shown| shown.playout);
        Some(write(packet, sends, fresh, (captured, playout), identifiers))
    }

    /// When to poll next, if nothing comes before.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let looking = self.locals.iter().any(|local| local.on).then_some(self.look);
        [looking, self.sender.next_timeout()].into_iter().flatten().min()
    }

    pub(crate) fn stats(&self) -> Vec<OutboundVideo> {
        let layers = self.locals.len().saturating_sub(1);
        let streams = self.locals.iter().enumerate();
        streams
            .map(|(index, local)| {
                let counters = local.settled.as_ref().and_then(|(_, id)| self.sender.stats(*id));
                OutboundVideo {
                    content: local.end.content,
                    layer: index % layers.max(1),
                    codec: local.settled.as_ref().map(|(sends, _)| sends.codec),
                    target_bitrate: local.end.wish.bitrate(),
                    frames_skipped: local.end.wish.skipped(),
                    remote_fraction_lost: local.fraction_lost,
                    counters: counters.copied().unwrap_or_default(),
                }
            })
            .collect()
    }
}

/// Takes what an encoder has made.
fn take(local: &mut Local, sender: &mut VideoSender, clock: &MediaClock, open: bool, now: Instant) {
    while let Some(frame) = local.end.frames.pop() {
        let Some((_, id)) = local.settled.as_ref().filter(|_| open && local.on) else {
            continue;
        };
        let timestamp = clock.at(frame.captured);
        if local.shown.len() == REMEMBERED {
            local.shown.pop_front();
        }
        let shown = Shown {
            captured: frame.captured,
            playout: frame.playout,
        };
        local.shown.push_back((timestamp, shown));
        if frame.key && local.end.wish.waits_for_key() {
            local.asked = None;
            local.end.wish.set_wanted(Wanted::Frame);
        }
        let outgoing = Outgoing {
            data: &frame.data,
            key: frame.key,
            temporal: frame.temporal,
            discardable: frame.discardable,
        };
        if let Err(error) = sender.frame(*id, &outgoing, timestamp, now) {
            tracing::debug!(%error, "a frame of an encoder");
        }
    }
    let dropped = local.end.frames.dropped();
    if local.dropped != dropped {
        local.dropped = dropped;
        // What follows may need what fell out.
        local.begun = false;
    }
}

/// The packet as the library has it.
fn write(
    packet: OutgoingPacket,
    sends: &Sends,
    fresh: bool,
    (captured, playout): (Option<NtpTime>, Option<PlayoutDelay>),
    identifiers: Identifiers,
) -> rtp::Packet {
    let mut header = Header {
        version: 2,
        marker: packet.marker,
        payload_type: packet.payload_type,
        sequence_number: packet.sequence.0,
        timestamp: packet.timestamp.0,
        ssrc: packet.ssrc,
        ..Header::default()
    };
    // The longest decides on the form of all (RFC 8285 section 4), so it goes first.
    let mut set = |id: u8, value: Bytes| {
        if id > 0 && !value.is_empty() {
            // Only what is too long is refused, and goes without.
            let _ = header.set_extension(id, value);
        }
    };
    if packet.padding > 0 {
        // Above 16 bytes the form with identifiers above 14 is taken.
        set(
            FILLER,
            Bytes::from_static(&ZEROS[..usize::from(packet.padding).max(17)]),
        );
    }
    if let Some(dependency) = packet.dependency {
        set(identifiers.dependency, dependency);
    }
    if let Some(captured) = captured {
        let value = AbsoluteCaptureTime::write(captured);
        set(identifiers.capture, Bytes::copy_from_slice(&value));
    }
    if let Some(playout) = playout {
        set(identifiers.playout, Bytes::copy_from_slice(&playout.write()));
    }
    if let Some((mid, rid)) = &sends.names {
        set(identifiers.mid, Bytes::copy_from_slice(mid.as_bytes()));
        let id = if fresh {
            identifiers.rid
        } else {
            identifiers.repaired_rid
        };
        set(id, Bytes::copy_from_slice(rid.as_bytes()));
    }
    rtp::Packet {
        header,
        payload: packet.payload,
    }
}
