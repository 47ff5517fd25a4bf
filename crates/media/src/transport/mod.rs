//! How packets reach the other end: the [`Transport`] trait and its implementations.
//!
//! A transport knows descriptions, candidates and packets. It refuses to know calls: which peer it talks to and
//! why is the caller's business. Contract: commands never block; everything that happens comes out of
//! [`Transport::poll_event`], in order.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sidetone_pipeline::{Pooled, QueueReceiver, QueueSender};

use self::video::{Lips, VideoConfig, VideoPort, VideoReport};
use crate::bandwidth::Estimate;
use crate::packet::VoicePacket;

#[cfg(feature = "memory")]
pub mod memory;
#[cfg(any(feature = "webrtc", feature = "memory"))]
#[cfg_attr(
    not(feature = "webrtc"),
    expect(dead_code, reason = "that transport alone has reports of others")
)]
mod pictures;
mod reception;
#[cfg(any(feature = "webrtc", feature = "memory"))]
mod receptions;
#[cfg(feature = "rtp")]
pub mod red;
#[cfg(feature = "rtp")]
pub mod rtp;
mod seconds;
#[cfg_attr(
    not(feature = "webrtc"),
    expect(dead_code, reason = "some ends are at that transport only")
)]
pub mod video;
#[cfg(feature = "webrtc")]
pub mod webrtc;

pub use reception::Reception;

/// Offer or answer (RFC 8829).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DescriptionKind {
    /// Proposes.
    Offer,
    /// Settles.
    Answer,
}

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its role in the exchange.
    pub kind: DescriptionKind,
    /// The SDP text (RFC 8866).
    pub sdp: String,
}

/// One trickled ICE candidate (RFC 8838, RFC 8839).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The `candidate:` line.
    pub candidate: String,
    /// The media section it belongs to.
    pub mid: String,
    /// ICE user fragment of the generation it belongs to (empty where unknown).
    pub username_fragment: String,
}

/// What the owner asks of a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportCommand {
    /// Make a local offer; answered by [`TransportEvent::LocalDescription`].
    Offer {
        /// Whether to restart ICE with new credentials.
        restart: bool,
    },
    /// Apply the peer's description. An offer is answered by [`TransportEvent::LocalDescription`].
    Remote(Description),
    /// Add a candidate of the peer's; `None` ends them. Those that arrive before a description are kept.
    RemoteCandidate(Option<Candidate>),
    /// Let go of the local candidates that were held back (see [`TransportConfig::hold_candidates`]).
    ReleaseCandidates,
    /// End. The transport emits [`ConnectionState::Closed`] and nothing after it.
    Close,
}

/// State of the connection, ICE and DTLS together (W3C `RTCPeerConnectionState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionState {
    /// Nothing tried yet.
    New,
    /// ICE or DTLS under way.
    Connecting,
    /// Media can flow.
    Connected,
    /// Consent is being lost; may come back by itself.
    Disconnected,
    /// ICE or DTLS gave up; an ICE restart may help.
    Failed,
    /// Ended.
    Closed,
}

/// What a transport tells its owner.
#[derive(Clone, Debug, PartialEq)]
pub enum TransportEvent {
    /// A description to carry to the peer.
    LocalDescription(Description),
    /// A candidate to carry to the peer; `None` after the last.
    LocalCandidate(Option<Candidate>),
    /// The connection's state changed.
    State(ConnectionState),
    /// More or less may be sent than before.
    Estimate(Estimate),
    /// A command failed. The transport goes on unless it also says `Failed`.
    Error(TransportError),
}

/// Why a transport refused or failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The peer sent a description that cannot be used.
    #[error("peer misbehaved: bad description: {0}")]
    BadDescription(String),
    /// The peer sent a candidate that cannot be used.
    #[error("peer misbehaved: bad candidate: {0}")]
    BadCandidate(String),
    /// A command came in a state that does not allow it.
    #[error("caller misuse: {0}")]
    Misuse(String),
    /// Sockets could not be opened.
    #[error("network: {0}")]
    Network(String),
}

/// A STUN or TURN server (RFC 8489, RFC 8656).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// `stun:` and `turn:` addresses.
    pub urls: Vec<String>,
    /// TURN user name, empty for STUN.
    pub username: String,
    /// TURN password, empty for STUN.
    pub credential: String,
}

/// How a transport is set up.
#[derive(Clone, Debug, Default)]
pub struct TransportConfig {
    /// Local addresses to bind, port 0 for any. Empty: every interface that is up.
    pub bind: Vec<SocketAddr>,
    /// Address announced instead of the bound one (static port forwarding, or a test relay).
    pub advertise: Option<SocketAddr>,
    /// Servers for reflexive and relayed candidates.
    pub ice_servers: Vec<IceServer>,
    /// Keep candidates back, and check none of the peer's, until [`TransportCommand::ReleaseCandidates`] (privacy
    /// switch: a check would tell our address as well). Without effect when `relay_only`.
    pub hold_candidates: bool,
    /// Only relayed candidates (W3C `iceTransportPolicy: relay`).
    pub relay_only: bool,
    /// How many streams can come at the same time from a server that selects talkers (RFC 7667 section 3.7): each has
    /// its own section in our offer. Zero for a call with one other end, where one section goes both ways.
    pub slots: usize,
    /// Pictures, if any are to be sent or seen.
    pub video: Option<VideoConfig>,
}

/// Streams a participant of a meeting listens to at the same time, unless it has reasons: more than three talkers at
/// once are not understood anyway.
pub const DEFAULT_SLOTS: usize = 3;

/// Most streams that can come at the same time.
pub const MAX_SLOTS: usize = 8;

/// The voice side of a transport: two queues, one each way, and what pictures ask of the playout.
///
/// The capture worker pushes to `outgoing`, the playout worker pops from `incoming`; the transport has the
/// other ends.
pub struct VoicePort {
    /// Packets to send.
    pub outgoing: QueueSender<Pooled<VoicePacket>>,
    /// Packets received, of all streams in order of arrival.
    pub incoming: QueueReceiver<Pooled<VoicePacket>>,
    /// As in [`TransportConfig::slots`]: [`VoicePacket::slot`] is below this, and zero where this is zero.
    pub slots: usize,
    /// What keeps sound with pictures, with [`TransportConfig::video`].
    pub lips: Option<Lips>,
}

/// Counters and measurements of a transport, named as in W3C webrtc-stats, durations in seconds when serialised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TransportStats {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Payload bytes sent, without headers.
    pub bytes_sent: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// Payload bytes received, without headers.
    pub bytes_received: u64,
    /// Packets lost on the way here, RFC 3550 (may be negative with duplicates).
    pub packets_lost: i64,
    /// Interarrival jitter of the incoming stream, RFC 3550.
    #[serde(with = "seconds")]
    pub jitter: Duration,
    /// Loss the peer reported for what we send, 0 to 1 (`remote-inbound-rtp.fractionLost`).
    pub remote_fraction_lost: f64,
    /// Whether both ends take repeated frames (RED, RFC 2198).
    pub redundancy: bool,
    /// Jitter the peer reported.
    #[serde(with = "seconds")]
    pub remote_jitter: Duration,
    /// Round trip by STUN, else by RTCP, if known (`candidate-pair.currentRoundTripTime`).
    #[serde(with = "seconds::optional")]
    pub round_trip_time: Option<Duration>,
    /// Round trip by RTCP, if known (`remote-inbound-rtp.roundTripTime`).
    #[serde(with = "seconds::optional")]
    pub remote_round_trip_time: Option<Duration>,
    /// What the path there carries at least, headers included, if known (`candidate-pair.availableOutgoingBitrate`).
    pub available_outgoing_bitrate: Option<u32>,
    /// Received packets that were malformed, too large, not negotiated, or found no pool slot or fell out of a full
    /// queue. Those that fell out on the way to the network are [`VoicePort::outgoing`]'s `dropped`.
    pub packets_discarded: u64,
    /// Type of the selected local candidate: `host`, `srflx`, `prflx`, `relay`.
    pub local_candidate_type: String,
    /// Type of the selected remote candidate.
    pub remote_candidate_type: String,
}

/// One peer connection for voice, and for pictures where wanted.
pub trait Transport: Send {
    /// Takes a command. Never blocks; the outcome comes as an event.
    fn command(&mut self, command: TransportCommand, now: Instant);

    /// Next event, or registers the waker.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<TransportEvent>;

    /// The packet queues. `Some` on the first call only.
    fn take_voice(&mut self) -> Option<VoicePort>;

    /// The pictures' queues and wishes. `Some` on the first call only, and with [`TransportConfig::video`].
    fn take_video(&mut self) -> Option<VideoPort> {
        None
    }

    /// Statistics as of the last second.
    fn stats(&self) -> TransportStats;

    /// Statistics of pictures as of the last quarter second.
    fn video_stats(&self) -> VideoReport {
        VideoReport::default()
    }
}
