//! The picture side of a transport: coded frames in, frames to be decoded out, and what each end wants of the other.
//!
//! Encoders and decoders run on threads of their own. Nothing here makes them wait, and they make the network task wait
//! for nothing: queues are bounded and drop, wishes are single words. It refuses to know codecs.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sidetone_opus::Bitrate;
use sidetone_pipeline::{Notifier, QueueReceiver, QueueSender, queue};

use super::MAX_SLOTS;
use crate::packet::RtpTimestamp;
use crate::video::payload::TemporalLayers;
use crate::video::{
    Codec, Content, Demand, NtpTime, PlayoutDelay, StreamStats, TemporalLayer, VideoStats, Wanted,
};

/// Most layers of simulcast.
pub const MAX_LAYERS: usize = 3;

/// Most cameras that can be seen at the same time.
pub const MAX_CAMERAS: usize = 25;

/// Coded frames that may wait for the network task: more means that it is starved.
const OUTGOING: usize = 16;

/// Frames that may wait for a decoder: over a second of 30 a second.
const INCOMING: usize = 48;

/// What decoders say that may wait.
const SAID: usize = 128;

/// Share of the rate that is left to headers.
const HEADERS: f64 = 0.06;

/// Which pictures can be sent and received. All of it is in the first offer, whether a camera is on or not: to begin and
/// to end needs no negotiation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoConfig {
    /// Codecs that can be coded and decoded, the preferred first. VP8 must be among them: every peer has it.
    pub codecs: Vec<Codec>,
    /// Those of them that the shared screen is sent in where the peer takes one, the preferred first.
    pub screen: Vec<Codec>,
    /// Layers of simulcast (RFC 8853) that the camera is sent in, 1 to [`MAX_LAYERS`]. A call with one other end has one.
    pub layers: usize,
    /// Temporal layers of what is sent.
    pub temporal: TemporalLayers,
    /// How many cameras can be seen at the same time, in a meeting: at most [`MAX_CAMERAS`]. In a call with one other end
    /// there is one, whatever is said here.
    pub cameras: usize,
}

impl Default for VideoConfig {
    fn default() -> Self {
        Self {
            codecs: vec![Codec::Vp8],
            screen: Vec::new(),
            layers: 1,
            temporal: TemporalLayers::ONE,
            cameras: 1,
        }
    }
}

impl VideoConfig {
    /// The codecs that pictures of this content are sent in, the preferred first.
    pub(crate) fn preferred(&self, content: Content) -> Vec<Codec> {
        let first = match content {
            Content::Camera => &[],
            Content::Screen => &self.screen[..],
        };
        let rest = self.codecs.iter().filter(|codec| !first.contains(codec));
        first.iter().chain(rest).copied().collect()
    }
}

/// A coded picture to be sent.
#[derive(Clone, Debug)]
pub struct CodedFrame {
    /// The bitstream, as [`Outgoing::data`](crate::video::payload::Outgoing::data) wants it.
    pub data: Bytes,
    /// Whether it needs no other.
    pub key: bool,
    /// Its temporal layer, where there are several.
    pub temporal: Option<TemporalLayer>,
    /// Whether no other needs it.
    pub discardable: bool,
    /// When the picture was captured.
    pub captured: Instant,
    /// With which delay it is to be shown, where that is not left to the receiver.
    pub playout: Option<PlayoutDelay>,
}

/// A picture to be decoded and shown.
#[derive(Clone, Debug)]
pub struct RemoteFrame {
    /// Its codec. It may change at a key frame.
    pub codec: Codec,
    /// Whose picture it is, by number in the meeting (CSRC, RFC 3550 section 5.1); `None` in a call with one other end.
    pub participant: Option<u32>,
    /// Media timestamp.
    pub timestamp: RtpTimestamp,
    /// Whether it needs no other.
    pub key: bool,
    /// The bitstream.
    pub data: Bytes,
    /// When it is to be shown.
    pub due: Instant,
    /// When it was captured, by the clock of who did, where that is known.
    pub captured: Option<NtpTime>,
}

/// The queues and wishes of all pictures.
pub struct VideoPort {
    /// The camera's layers of simulcast, the smallest first.
    pub camera: Vec<LocalVideo>,
    /// The shared screen.
    pub screen: LocalVideo,
    /// What can be seen: the cameras, then the shared screen.
    pub remote: Vec<RemoteVideo>,
}

/// Rings when something was put into a queue.
pub(super) type Bell = Arc<dyn Fn() + Send + Sync>;

/// [`Wanted`], and a key frame that is being made.
const NOTHING: u8 = 0;
const FRAME: u8 = 1;
const KEY: u8 = 2;
const MAKING: u8 = 3;

/// What encoder and network task tell each other.
#[derive(Debug, Default)]
pub(super) struct Wish {
    wanted: AtomicU8,
    bitrate: AtomicU32,
    /// Index in [`Codec::ALL`] and one; 0 while none is negotiated.
    codec: AtomicU8,
    /// The least and the most; 0 is off.
    demand: AtomicU64,
    skipped: AtomicU32,
}

impl Wish {
    pub(super) fn demand(&self) -> Option<Demand> {
        let both = self.demand.load(Acquire);
        (both > 0).then_some(Demand {
            least: Bitrate((both >> 32) as u32),
            most: Bitrate(both as u32),
        })
    }

    pub(super) fn set_codec(&self, codec: Option<Codec>) {
        let index = codec.and_then(|codec| Codec::ALL.iter().position(|known| *known == codec));
        self.codec
            .store(index.map_or(0, |index| index as u8 + 1), Release);
    }

    pub(super) fn set_bitrate(&self, bitrate: Bitrate) {
        self.bitrate.store(bitrate.0, Release);
    }

    pub(super) fn bitrate(&self) -> Bitrate {
        Bitrate(self.bitrate.load(Acquire))
    }

    pub(super) fn set_wanted(&self, wanted: Wanted) {
        let word = match wanted {
            Wanted::Nothing => NOTHING,
            Wanted::Frame => FRAME,
            Wanted::KeyFrame => KEY,
        };
        self.wanted.store(word, Release);
    }

    /// Whether a key frame was asked for and has not come.
    pub(super) fn waits_for_key(&self) -> bool {
        self.wanted.load(Acquire) >= KEY
    }

    /// Pictures that were not coded since others had not left.
    pub(super) fn skipped(&self) -> u32 {
        self.skipped.load(Relaxed)
    }
}

/// A stream of pictures that is sent, at its encoder.
pub struct LocalVideo {
    content: Content,
    wish: Arc<Wish>,
    frames: QueueSender<CodedFrame>,
    bell: Bell,
}

impl LocalVideo {
    /// What it shows.
    pub fn content(&self) -> Content {
        self.content
    }

    /// The codec that was negotiated; `None` before, and where the other end takes no such pictures.
    pub fn codec(&self) -> Option<Codec> {
        let index = usize::from(self.wish.codec.load(Acquire));
        Codec::ALL.get(index.checked_sub(1)?).copied()
    }

    /// Begins to send, with rates that are useful for it, all headers included; or says that they have changed; or ends.
    pub fn set_demand(&self, demand: Option<Demand>) {
        let both = demand.map_or(0, |demand| {
            u64::from(demand.least.0) << 32 | u64::from(demand.most.0.max(1))
        });
        self.wish.demand.store(both, Release);
        (self.bell)();
    }

    /// Whether the next picture should be coded: to be asked once before each. A key frame that is asked for must be made.
    pub fn wanted(&self) -> Wanted {
        let taken = self
            .wish
            .wanted
            .compare_exchange(KEY, MAKING, AcqRel, Acquire)
            .unwrap_or_else(|now| now);
        match taken {
            KEY => Wanted::KeyFrame,
            FRAME | MAKING => Wanted::Frame,
            _ => {
                if self.wish.demand().is_some() {
                    self.wish.skipped.fetch_add(1, Relaxed);
                }
                Wanted::Nothing
            }
        }
    }

    /// What to code with now, headers left aside; 0 while nothing should be.
    pub fn bitrate(&self) -> Bitrate {
        let whole = f64::from(self.wish.bitrate.load(Acquire));
        Bitrate((whole * (1.0 - HEADERS)) as u32)
    }

    /// Hands in a coded picture. Never waits: where the network task is starved, what waits longest falls out.
    pub fn push(&self, frame: CodedFrame) {
        self.frames.push(frame);
        (self.bell)();
    }

    /// Pictures that fell out on the way to the network task.
    pub fn dropped(&self) -> u64 {
        self.frames.dropped()
    }
}

/// The network task's end of a [`LocalVideo`].
pub(super) struct LocalEnd {
    pub(super) content: Content,
    pub(super) wish: Arc<Wish>,
    pub(super) frames: QueueReceiver<CodedFrame>,
}

/// What a decoder says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Decoded { key: bool },
    Failed,
    Shown { timestamp: RtpTimestamp, at: Instant },
    NotShown,
    Hidden,
}

/// A stream of pictures that is received, at its decoder.
pub struct RemoteVideo {
    content: Content,
    frames: QueueReceiver<RemoteFrame>,
    said: QueueSender<Said>,
    bell: Bell,
}

impl RemoteVideo {
    /// What it shows.
    pub fn content(&self) -> Content {
        self.content
    }

    /// Takes the next picture, in decoding order. Never waits.
    pub fn pop(&self) -> Option<RemoteFrame> {
        self.frames.pop()
    }

    /// Waits for the next picture, on any executor. `None` after the transport has ended.
    pub async fn recv(&self) -> Option<RemoteFrame> {
        self.frames.recv().await
    }

    /// Has `notifier` notified of each picture. Only the first one set counts; returns whether this was it.
    pub fn set_notifier(&self, notifier: Notifier) -> bool {
        self.frames.set_notifier(notifier)
    }

    /// A picture was decoded.
    pub fn decoded(&self, key: bool) {
        self.said.push(Said::Decoded { key });
    }

    /// A picture could not be decoded: a key frame is asked for, and none given out before it comes.
    pub fn failed(&self) {
        self.said.push(Said::Failed);
        (self.bell)();
    }

    /// The picture with that timestamp is shown.
    pub fn shown(&self, timestamp: RtpTimestamp, at: Instant) {
        self.said.push(Said::Shown { timestamp, at });
    }

    /// A decoded picture was not shown, since a newer one was there.
    pub fn not_shown(&self) {
        self.said.push(Said::NotShown);
    }

    /// Nobody looks, or the sender has said that it pauses: until the next picture is shown it is no freeze.
    pub fn hidden(&self) {
        self.said.push(Said::Hidden);
    }
}

/// The network task's end of a [`RemoteVideo`].
pub(super) struct RemoteEnd {
    pub(super) content: Content,
    pub(super) frames: QueueSender<RemoteFrame>,
    pub(super) said: QueueReceiver<Said>,
}

/// A sample that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayedSound {
    /// Which of the link's streams it belongs to.
    pub slot: u8,
    /// The stream's source.
    pub ssrc: u32,
    /// Whose it is, by number in the meeting (CSRC); `None` in a call with one other end.
    pub participant: Option<u32>,
    /// Media timestamp.
    pub timestamp: RtpTimestamp,
    /// Its delay in the jitter buffer, over the fastest packets.
    pub delay: Duration,
    /// How much of that the network needs.
    pub needed: Duration,
    /// When it is in the air.
    pub at: Instant,
}

/// Sound and pictures played together: the playout says when it plays what, and is told how long to wait. No call waits,
/// locks or allocates.
#[derive(Clone)]
pub struct Lips {
    played: QueueSender<PlayedSound>,
    minimum: Arc<[AtomicU32; MAX_SLOTS]>,
}

impl Lips {
    /// Says what is played. Some times a second, for each stream, is enough.
    pub fn played(&self, sound: PlayedSound) {
        self.played.push(sound);
    }

    /// Least delay that the jitter buffer of that stream should have, so that pictures are with the sound.
    pub fn minimum_delay(&self, slot: u8) -> Duration {
        let minimum = self.minimum.get(usize::from(slot));
        Duration::from_micros(minimum.map_or(0, |minimum| minimum.load(Acquire)).into())
    }
}

/// The network task's end of [`Lips`].
pub(super) struct LipsEnd {
    pub(super) played: QueueReceiver<PlayedSound>,
    minimum: Arc<[AtomicU32; MAX_SLOTS]>,
}

impl LipsEnd {
    pub(super) fn set_minimum_delay(&self, slot: usize, minimum: Duration) {
        if let Some(word) = self.minimum.get(slot) {
            word.store(minimum.as_micros().min(u32::MAX.into()) as u32, Release);
        }
    }
}

/// The network task's end of a [`VideoPort`].
pub(super) struct VideoEnd {
    pub(super) local: Vec<LocalEnd>,
    pub(super) remote: Vec<RemoteEnd>,
    pub(super) lips: LipsEnd,
}

/// What is played that may wait to be noted.
const PLAYED: usize = 4 * MAX_SLOTS;

/// Both ends, and what the playout of sound has to do with them. The screen is the last of the local ones, and of the
/// remote ones.
pub(super) fn port(layers: usize, cameras: usize, bell: &Bell) -> (VideoPort, Lips, VideoEnd) {
    let local = |content| {
        let (frames, to_send) = queue(OUTGOING);
        let wish = Arc::new(Wish::default());
        let end = LocalEnd {
            content,
            wish: Arc::clone(&wish),
            frames: to_send,
        };
        let bell = Arc::clone(bell);
        let video = LocalVideo {
            content,
            wish,
            frames,
            bell,
        };
        (video, end)
    };
    let remote = |content| {
        let (received, frames) = queue(INCOMING);
        let (said, heard) = queue(SAID);
        let end = RemoteEnd {
            content,
            frames: received,
            said: heard,
        };
        let bell = Arc::clone(bell);
        let video = RemoteVideo {
            content,
            frames,
            said,
            bell,
        };
        (video, end)
    };
    let (camera, mut ends): (Vec<_>, Vec<_>) = (0..layers).map(|_| local(Content::Camera)).unzip();
    let (screen, end) = local(Content::Screen);
    ends.push(end);
    let contents = (0..cameras).map(|_| Content::Camera).chain([Content::Screen]);
    let (seen, remote) = contents.map(remote).unzip();
    let (said, played) = queue(PLAYED);
    let minimum = Arc::<[AtomicU32; MAX_SLOTS]>::default();
    let lips = Lips {
        played: said,
        minimum: Arc::clone(&minimum),
    };
    let end = VideoEnd {
        local: ends,
        remote,
        lips: LipsEnd { played, minimum },
    };
    let port = VideoPort {
        camera,
        screen,
        remote: seen,
    };
    (port, lips, end)
}

/// One stream that is sent, as of webrtc-stats `outbound-rtp` and its `remote-inbound-rtp`.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboundVideo {
    /// What it shows.
    pub content: Content,
    /// Layer of simulcast, 0 the smallest.
    pub layer: usize,
    /// `codecId`, while one is negotiated.
    pub codec: Option<Codec>,
    /// `targetBitrate`.
    pub target_bitrate: Bitrate,
    /// Pictures that were not coded since others had not left.
    pub frames_skipped: u32,
    /// `remote-inbound-rtp.fractionLost`, 0 to 1.
    pub remote_fraction_lost: f64,
    /// The counters.
    pub counters: StreamStats,
}

/// One stream that is received, as of webrtc-stats `inbound-rtp`.
#[derive(Clone, Debug, PartialEq)]
pub struct InboundVideo {
    /// What it shows.
    pub content: Content,
    /// `codecId`, after the first packet.
    pub codec: Option<Codec>,
    /// Whose it is, in a meeting.
    pub participant: Option<u32>,
    /// Pictures that no decoder took in time.
    pub frames_overflowed: u64,
    /// By how many seconds it was behind the sound of whom it shows when both were played last, less than nothing where it
    /// was ahead. `None` for a screen, and before that.
    pub behind_sound: Option<f64>,
    /// The counters.
    pub counters: VideoStats,
}

/// All pictures of a transport.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VideoReport {
    /// As in [`VideoPort`]: the camera's layers, then the screen.
    pub outbound: Vec<OutboundVideo>,
    /// As in [`VideoPort::remote`].
    pub inbound: Vec<InboundVideo>,
    /// Packets that belong to no stream, or have a codec that was not negotiated.
    pub packets_discarded: u64,
}

/// Where the network task leaves its report.
#[derive(Clone, Default)]
pub(super) struct LatestVideo(Arc<Mutex<VideoReport>>);

impl LatestVideo {
    pub(super) fn get(&self) -> VideoReport {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, report: VideoReport) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }
}
