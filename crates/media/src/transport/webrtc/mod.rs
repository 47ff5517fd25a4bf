//! The WebRTC transport: ICE, DTLS-SRTP and RTCP by the `webrtc` crate, one Opus stream each way, or one out and several
//! in; and pictures beside it, which the crate describes and seals and which are otherwise carried here.
//!
//! [`WebRtcTransport`] is a handle; a session task owns the peer connection and talks to the handle by channels,
//! so commands never block. It runs where the handle was made, best on a current-thread tokio runtime. The
//! library drops what a slow reader leaves, panics are possible on hostile text, and it has no notion of holding
//! candidates back: the files here each take care of one of these.

mod also;
mod arrivals;
mod bandwidth;
mod candidate;
mod description;
mod flights;
mod pictures;
pub mod probe;
mod reports;
mod runtime;
mod sections;
mod session;
mod settings;
mod signals;
mod stats;
mod voice;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use rtc::rtp_transceiver::RTCRtpTransceiverDirection;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::shared::time::SystemInstant;
use sidetone_pipeline::{Notifier, Pool, Pooled, QueueReceiver, QueueSender, queue};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{PeerConnection, PeerConnectionBuilder};

use self::arrivals::Arrivals;
use self::bandwidth::Bandwidth;
use self::pictures::{Pictures, Surroundings};
use self::reports::{Latest, ReportObserver};
use self::runtime::WatchedRuntime;
use self::session::{Local, Negotiation, Remote, Session};
use self::settings::Parts;
use self::signals::{Signal, SignalHandler};
use self::stats::SelectedPair;
use self::voice::Voice;
use super::pictures::MediaClock;
use super::video::{
    LatestVideo, MAX_CAMERAS, MAX_LAYERS, VideoConfig, VideoEnd, VideoPort, VideoReport, port,
};
use super::{
    ConnectionState, MAX_SLOTS, Transport, TransportCommand, TransportConfig, TransportError, TransportEvent,
    TransportStats, VoicePort,
};
use crate::packet::VoicePacket;
use crate::video::{Codec, NtpTime};

/// Packets that may wait to be sent; more means the network task is starved, and old voice is useless.
pub const OUTGOING_CAPACITY: usize = 32;

/// Packets that may wait for the playout worker, for each slot: over a second of 20 ms frames.
pub const INCOMING_CAPACITY: usize = 64;

/// Every interface that is up, IPv4 and IPv6, any port.
const ANY: [&str; 2] = ["0.0.0.0:0", "[::]:0"];

/// A [`Transport`] over the network. Dropping it closes it.
pub struct WebRtcTransport {
    commands: UnboundedSender<TransportCommand>,
    events: UnboundedReceiver<TransportEvent>,
    port: Option<VoicePort>,
    video: Option<VideoPort>,
    seen: LatestVideo,
    voice: Arc<Voice>,
    latest: Latest,
    bandwidth: Bandwidth,
    selected: Arc<Mutex<SelectedPair>>,
}

impl WebRtcTransport {
    /// Starts a transport on the current tokio runtime. Received packets are copied into slots of `pool`;
    /// `playout`, if given, is notified of each.
    ///
    /// # Errors
    /// [`TransportError::Misuse`] outside a tokio runtime, with a server address that is none, with more than
    /// [`MAX_SLOTS`], with pictures that cannot be (see [`VideoConfig`]), or with relayed candidates only and no TURN
    /// server. Sockets are opened in the background: when that fails, [`TransportEvent::Error`] and
    /// [`ConnectionState::Failed`] follow.
    pub fn new(
        config: TransportConfig,
        pool: Pool<VoicePacket>,
        playout: Option<Notifier>,
    ) -> Result<Self, TransportError> {
        let handle = tokio::runtime::Handle::try_current()
            .map_err(|_| TransportError::Misuse("a WebRTC transport lives in a tokio runtime".into()))?;
        for url in config.ice_servers.iter().flat_map(|server| &server.urls) {
            check_url(url)?;
        }
        if config.slots > MAX_SLOTS {
            return Err(TransportError::Misuse(format!("more than {MAX_SLOTS} slots")));
        }
        if let Some(video) = &config.video {
            check_video(video, config.slots > 0)?;
        }
        let has_relay = config
            .ice_servers
            .iter()
            .flat_map(|server| &server.urls)
            .any(|url| url.starts_with("turn"));
        if config.relay_only && !has_relay {
            return Err(TransportError::Misuse(
                "relayed candidates only, and no TURN server".into(),
            ));
        }
        let (commands, command_reader) = unbounded_channel();
        let (event_writer, events) = unbounded_channel();
        let (outgoing, to_send) = queue(OUTGOING_CAPACITY);
        let slots = config.slots;
        let (received, incoming) = queue(INCOMING_CAPACITY * slots.max(1));
        if let Some(playout) = playout {
            received.set_notifier(playout);
        }
        let voice = Arc::new(Voice::default());
        let latest = Latest::default();
        let (signal_writer, signals) = unbounded_channel();
        let bandwidth = Bandwidth::new(signal_writer.clone(), config.video.is_some(), Instant::now());
        let runtime = Arc::new(WatchedRuntime::default());
        let (mut lips, mut pictures) = (None, None);
        let video = config.video.as_ref().map(|video| {
            let bell = Arc::clone(&runtime);
            let cameras = sections::cameras(video, slots > 0);
            let (port, with_sound, end) = port(video.layers, cameras, &(Arc::new(move || bell.ring()) as _));
            lips = Some(with_sound);
            pictures = Some(end);
            port
        });
        let seen = LatestVideo::default();
        let selected = Arc::<Mutex<SelectedPair>>::default();
        let start = Start {
            config,
            pool,
            voice: Arc::clone(&voice),
            latest: latest.clone(),
            bandwidth: bandwidth.clone(),
            selected: Arc::clone(&selected),
            to_send,
            received,
            runtime,
            pictures,
            seen: seen.clone(),
        };
        handle.spawn(start.run(command_reader, event_writer, (signal_writer, signals)));
        let port = Some(VoicePort {
            outgoing,
            incoming,
            slots,
            lips,
        });
        Ok(Self {
            commands,
            events,
            port,
            video,
            seen,
            voice,
            latest,
            bandwidth,
            selected,
        })
    }
}

impl Transport for WebRtcTransport {
    fn command(&mut self, command: TransportCommand, _now: Instant) {
        // Refused only after the close.
        let _ = self.commands.send(command);
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<TransportEvent> {
        match self.events.poll_recv(cx) {
            Poll::Ready(Some(event)) => Poll::Ready(event),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn take_voice(&mut self) -> Option<VoicePort> {
        self.port.take()
    }

    fn take_video(&mut self) -> Option<VideoPort> {
        self.video.take()
    }

    fn video_stats(&self) -> VideoReport {
        self.seen.get()
    }

    fn stats(&self) -> TransportStats {
        let remote = self.latest.get();
        let selected = self
            .selected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let reception = self
            .voice
            .reception
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        TransportStats {
            packets_sent: self.voice.packets_sent.load(Relaxed),
            bytes_sent: self.voice.bytes_sent.load(Relaxed),
            packets_received: self.voice.packets_received.load(Relaxed),
            bytes_received: self.voice.bytes_received.load(Relaxed),
            packets_lost: reception.lost(),
            jitter: reception.jitter(),
            remote_fraction_lost: remote.fraction_lost,
            redundancy: self.voice.negotiated().red_payload_type.is_some(),
            remote_jitter: remote.jitter,
            round_trip_time: selected.round_trip.or(remote.round_trip),
            remote_round_trip_time: remote.round_trip,
            available_outgoing_bitrate: self.bandwidth.estimate().known(),
            packets_discarded: self.voice.discarded.load(Relaxed),
            local_candidate_type: selected.local_type,
            remote_candidate_type: selected.remote_type,
        }
    }
}

/// What a session starts from.
struct Start {
    config: TransportConfig,
    pool: Pool<VoicePacket>,
    voice: Arc<Voice>,
    latest: Latest,
    bandwidth: Bandwidth,
    selected: Arc<Mutex<SelectedPair>>,
    to_send: QueueReceiver<Pooled<VoicePacket>>,
    received: QueueSender<Pooled<VoicePacket>>,
    runtime: Arc<WatchedRuntime>,
    pictures: Option<VideoEnd>,
    seen: LatestVideo,
}

impl Start {
    async fn run(
        self,
        mut commands: UnboundedReceiver<TransportCommand>,
        events: UnboundedSender<TransportEvent>,
        (signal_writer, signals): (UnboundedSender<Signal>, UnboundedReceiver<Signal>),
    ) {
        match self.connect(signal_writer, events.clone()).await {
            Ok(session) => session.run(commands, signals).await,
            Err(error) => {
                let _ = events.send(TransportEvent::Error(TransportError::Network(error.to_string())));
                let _ = events.send(TransportEvent::State(ConnectionState::Failed));
                while !matches!(commands.recv().await, None | Some(TransportCommand::Close)) {}
                let _ = events.send(TransportEvent::State(ConnectionState::Closed));
            }
        }
    }

    async fn connect(
        self,
        signals: UnboundedSender<Signal>,
        events: UnboundedSender<TransportEvent>,
    ) -> rtc::shared::error::Result<Session> {
        // Zero would read as unknown.
        let ssrc = rand::random::<u32>().max(1);
        let now = Instant::now();
        let config = &self.config;
        let (layouts, settled) = queue(4);
        let clock = MediaClock::new(now, rand::random(), NtpTime(SystemInstant::now(now).ntp(now)));
        let pictures = self.pictures.zip(config.video.as_ref()).map(|(end, video)| {
            let around = Surroundings {
                ssrc,
                open: Arc::clone(&self.voice.open),
                bandwidth: self.bandwidth.clone(),
                latest: self.latest.clone(),
                selected: Arc::clone(&self.selected),
                layouts: settled,
                report: self.seen,
                clock,
                temporal: video.temporal,
            };
            Pictures::new(end, around, now)
        });
        let clocks = (pictures.is_some().then_some(clock), self.voice.spoken.clone());
        let (media, registry, tellers) = settings::media(Parts {
            observer: ReportObserver::new(ssrc, self.latest, clocks, self.bandwidth.clone()),
            bandwidth: self.bandwidth,
            arrivals: Arrivals::new(now),
            pictures,
            codecs: config
                .video
                .iter()
                .flat_map(|video| video.codecs.clone())
                .collect(),
        })?;
        let runtime = self.runtime;
        let bind: Vec<String> = match &config.bind[..] {
            [] => ANY.map(str::to_owned).to_vec(),
            addresses => addresses.iter().map(ToString::to_string).collect(),
        };
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_configuration(settings::configuration(config))
                .with_media_engine(media)
                .with_interceptor_registry(registry)
                .with_setting_engine(settings::engine())
                .with_runtime(Arc::clone(&runtime) as Arc<_>)
                .with_handler(Arc::new(SignalHandler {
                    signals,
                    open: Arc::clone(&self.voice.open),
                }))
                .with_udp_addrs(bind)
                .build()
                .await?,
        );
        let track: Arc<dyn TrackLocal> = Arc::new(TrackLocalStaticRTP::new(settings::track(ssrc)));
        if config.slots == 0 {
            connection.add_track(Arc::clone(&track)).await?;
        } else {
            let send = settings::one_way(RTCRtpTransceiverDirection::Sendonly);
            connection
                .add_transceiver_from_track(Arc::clone(&track), send)
                .await?;
            for _ in 0..config.slots {
                let receive = settings::one_way(RTCRtpTransceiverDirection::Recvonly);
                connection
                    .add_transceiver_from_kind(RtpCodecKind::Audio, receive)
                    .await?;
            }
        }
        if let Some(video) = &config.video {
            add_pictures(&*connection, video, config.slots > 0).await?;
        }
        let mut loops = JoinSet::new();
        let voice = Arc::clone(&self.voice);
        loops.spawn(async move { voice.send(self.to_send, (track, ssrc), clock).await });
        // Relayed candidates show nothing of ours, so with those alone there is nothing to hold.
        let hold = self.config.hold_candidates && !self.config.relay_only;
        Ok(Session {
            connection,
            runtime,
            events,
            config: self.config,
            voice: self.voice,
            pool: self.pool,
            incoming: self.received,
            selected: self.selected,
            loops,
            negotiation: Negotiation::new(layouts, tellers),
            local: Local::new(hold),
            remote: Remote::default(),
            state: ConnectionState::New,
            since: Instant::now(),
        })
    }
}

/// Adds the sections of pictures, always the same, in the order that [`sections`] reads them in.
async fn add_pictures(
    connection: &dyn PeerConnection,
    video: &VideoConfig,
    meeting: bool,
) -> rtc::shared::error::Result<()> {
    let way = if meeting {
        RTCRtpTransceiverDirection::Sendonly
    } else {
        RTCRtpTransceiverDirection::Sendrecv
    };
    for (name, layers) in [("camera", video.layers), ("screen", 1)] {
        let track: Arc<dyn TrackLocal> = Arc::new(TrackLocalStaticRTP::new(settings::pictures(name, layers)));
        let init = settings::one_way(way);
        connection.add_transceiver_from_track(track, init).await?;
    }
    let seen = if meeting { video.cameras + 1 } else { 0 };
    for _ in 0..seen {
        let receive = settings::one_way(RTCRtpTransceiverDirection::Recvonly);
        connection
            .add_transceiver_from_kind(RtpCodecKind::Video, receive)
            .await?;
    }
    Ok(())
}

fn check_video(video: &VideoConfig, meeting: bool) -> Result<(), TransportError> {
    let layers = 1..=if meeting { MAX_LAYERS } else { 1 };
    let twice = |at: usize| video.codecs[..at].contains(&video.codecs[at]);
    let reason = match () {
        _ if !video.codecs.contains(&Codec::Vp8) => "pictures without VP8",
        _ if (0..video.codecs.len()).any(twice) => "a codec twice",
        _ if video.screen.iter().any(|codec| !video.codecs.contains(codec)) => "a codec for the screen only",
        _ if !layers.contains(&video.layers) => "layers of pictures that cannot be",
        _ if meeting && video.cameras > MAX_CAMERAS => "more cameras than can be seen",
        _ => return Ok(()),
    };
    Err(TransportError::Misuse(reason.to_owned()))
}

/// `stun:` and `turn:` with a host (RFC 7064, RFC 7065). TURN over TCP or TLS is accepted and not used.
fn check_url(url: &str) -> Result<(), TransportError> {
    let known = ["stun:", "stuns:", "turn:", "turns:"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    match known {
        Some(host) if !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic()) => Ok(()),
        _ => Err(TransportError::Misuse(format!(
            "not the address of a STUN or TURN server: {url}"
        ))),
    }
}
