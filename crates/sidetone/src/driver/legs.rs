//! The media connections of an agent's calls, one for each leg.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use sidetone_media::bandwidth::Estimate;
use sidetone_media::packet::VoicePacket;
use sidetone_media::pictures::{self, VideoReportCard};
use sidetone_media::transport::video::{MAX_LAYERS, VideoConfig, VideoPort, VideoReport};
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{
    Candidate, ConnectionState, Description, DescriptionKind, IceServer, Transport, TransportCommand,
    TransportConfig, TransportError, TransportEvent, TransportStats, VoicePort,
};
use sidetone_media::video::payload::TemporalLayers;
use sidetone_media::voice::{FrameDuration, LinkId, Profile, SOUND_RATE, Terms, VOICE_RATE, VoiceStats};
use sidetone_pipeline::Pool;
use sidetone_signaling::agent::{MediaAction, MediaEvent, Role};
use sidetone_signaling::protocol::{
    self, CallId, CandidateLine, DescriptionType, LegId, MediaFailure, MediaState,
};

use super::quality::Quality;
use crate::call::CallStats;
use crate::options::NetworkOptions;

/// A leg's media connection.
pub struct Leg {
    pub call: CallId,
    pub leg: LegId,
    pub link: LinkId,
    pub state: ConnectionState,
    /// The queues, until they are given to the engine.
    pub port: Option<VoicePort>,
    /// The same of pictures, and their temporal layers.
    pub video: Option<VideoPort>,
    pub temporal: TemporalLayers,
    /// How it sounds.
    pub quality: Quality,
    transport: Box<dyn Transport>,
    /// What may be sent.
    estimate: Estimate,
    /// Whether it ever connected: losing a connection and never having one are different ends.
    connected: bool,
    relay: Relay,
}

/// What happens on a leg.
pub enum LegEvent {
    /// Something that signaling wants to hear.
    Media(MediaEvent),
    /// More or less may be sent.
    Estimate,
}

/// Whether a relay was found where one is configured.
struct Relay {
    wanted: bool,
    found: bool,
    /// Every candidate there is was told.
    gathered: bool,
    /// Since when candidates may be told, when they are not held back.
    since: Option<Instant>,
}

/// Cameras that are seen at the same time in a meeting.
const CAMERAS: usize = 9;

/// Temporal layers of what is sent in a meeting: those on narrow networks are sent half of the pictures.
const TEMPORAL: Option<TemporalLayers> = TemporalLayers::new(2);

/// Pictures of a call with one other end, or in a meeting, where others may see them in several sizes.
fn video(meeting: bool) -> VideoConfig {
    let layers = if meeting { MAX_LAYERS } else { 1 };
    let temporal = TEMPORAL.filter(|_| meeting).unwrap_or(TemporalLayers::ONE);
    VideoConfig {
        layers,
        temporal,
        cameras: CAMERAS,
        ..pictures::config()
    }
}

/// A relay that was not found by then is not reachable. Asking one takes a few round trips.
const RELAY: Duration = Duration::from_secs(10);

impl Leg {
    pub fn stats(&self) -> TransportStats {
        self.transport.stats()
    }

    /// What the coding of its voice has to keep to. `sound` is whether other sound is sent along with it.
    pub fn terms(&self, profile: &Profile, stats: &TransportStats, sound: bool) -> Terms {
        // Who asks for the least delay is not made to begin with longer frames.
        let is_careful = self.estimate.beginning && profile.frame < FrameDuration::Ms20;
        Terms {
            profile: *profile,
            cap: if sound { SOUND_RATE } else { VOICE_RATE },
            limit: self.estimate.limit.filter(|_| !is_careful),
            congested: self.estimate.congested,
            red: stats.redundancy,
            sound,
        }
    }

    pub fn video_stats(&self) -> VideoReport {
        self.transport.video_stats()
    }

    /// Everything about a call that is told to the app.
    pub fn call_stats(&self, voice: VoiceStats, video: VideoReportCard) -> CallStats {
        CallStats {
            voice,
            video,
            transport: self.stats(),
            connection_state: Some(self.state),
        }
    }

    pub fn was_connected(&self) -> bool {
        self.connected
    }

    /// Whether a relay is configured and was not found.
    pub fn has_no_relay(&self, now: Instant) -> bool {
        let late = self.relay.since.is_some_and(|since| now >= since + RELAY);
        self.relay.wanted && !self.relay.found && (self.relay.gathered || late)
    }

    /// Looks at the statistics as they are now.
    pub fn observe(&mut self, voice: &VoiceStats, video: &VideoReportCard, now: Instant) {
        // Which of several is this leg's is not told.
        let inbound = match &voice.inbound[..] {
            [inbound] => Some(inbound),
            _ => None,
        };
        self.quality.observe(&self.transport.stats(), inbound);
        self.quality.look(video, now);
    }
}

/// All legs of an agent. A handful at most, so a list is the right map.
pub struct Legs {
    network: NetworkOptions,
    pool: Pool<VoicePacket>,
    list: Vec<Leg>,
    links: u64,
}

impl Legs {
    pub fn new(network: NetworkOptions, pool: Pool<VoicePacket>) -> Self {
        Self {
            network,
            pool,
            list: Vec::new(),
            links: 0,
        }
    }

    pub fn get_mut(&mut self, call: CallId, leg: LegId) -> Option<&mut Leg> {
        self.list.iter_mut().find(|l| l.call == call && l.leg == leg)
    }

    /// Legs of a call.
    pub fn of(&self, call: CallId) -> impl Iterator<Item = &Leg> {
        self.list.iter().filter(move |leg| leg.call == call)
    }

    /// The leg of a call whose sound is the engine's.
    pub fn talking_in(&self, call: CallId) -> Option<&Leg> {
        // The newest, while a call moves from one to another.
        self.of(call)
            .filter(|leg| leg.port.is_none())
            .max_by_key(|leg| leg.link.0)
    }

    /// Legs whose sound is the engine's.
    pub fn talking(&mut self) -> impl Iterator<Item = &mut Leg> {
        self.list.iter_mut().filter(|leg| leg.port.is_none())
    }

    /// Makes a leg's connection.
    pub fn create(
        &mut self,
        (call, leg): (CallId, LegId),
        role: Role,
        hold_candidates: bool,
        (ice_servers, slots): (Vec<protocol::IceServer>, usize),
        now: Instant,
    ) -> Result<(), TransportError> {
        let mut urls = ice_servers.iter().flat_map(|server| &server.urls);
        let relay = Relay {
            wanted: urls.any(|url| url.starts_with("turn")),
            found: false,
            gathered: false,
            since: (!hold_candidates).then_some(now),
        };
        let video = video(slots > 0);
        let config = TransportConfig {
            bind: self.network.bind.clone(),
            advertise: self.network.advertise,
            ice_servers: ice_servers
                .into_iter()
                .map(|s| IceServer {
                    urls: s.urls,
                    username: s.username,
                    credential: s.credential,
                })
                .collect(),
            hold_candidates,
            relay_only: self.network.relay_only,
            slots,
            video: Some(video.clone()),
        };
        let mut transport = WebRtcTransport::new(config, self.pool.clone(), None)?;
        let port = transport.take_voice();
        let pictures = transport.take_video();
        if role == Role::Offerer {
            transport.command(TransportCommand::Offer { restart: false }, now);
        }
        self.links += 1;
        self.list.push(Leg {
            call,
            leg,
            link: LinkId(self.links),
            state: ConnectionState::New,
            port,
            video: pictures,
            temporal: video.temporal,
            quality: Quality::default(),
            transport: Box::new(transport),
            estimate: Estimate::FIRST,
            connected: false,
            relay,
        });
        Ok(())
    }

    /// A call has another id.
    pub fn rename(&mut self, call: CallId, id: CallId) {
        let legs = self.list.iter_mut().filter(|leg| leg.call == call);
        legs.for_each(|leg| leg.call = id);
    }

    /// Passes on what concerns the connection alone.
    pub fn act(&mut self, call: CallId, leg: LegId, action: MediaAction, now: Instant) {
        let Some(leg) = self.get_mut(call, leg) else {
            return;
        };
        let command = match action {
            MediaAction::RemoteDescription(description) => TransportCommand::Remote(Description {
                kind: match description.kind {
                    DescriptionType::Offer => DescriptionKind::Offer,
                    DescriptionType::Answer => DescriptionKind::Answer,
                },
                sdp: description.sdp,
            }),
            MediaAction::RemoteCandidate(line) => {
                TransportCommand::RemoteCandidate(line.map(|line| Candidate {
                    candidate: line.candidate,
                    mid: line.mid,
                    username_fragment: line.username_fragment,
                }))
            }
            MediaAction::ReleaseCandidates => {
                leg.relay.since = Some(now);
                TransportCommand::ReleaseCandidates
            }
            MediaAction::Restart => TransportCommand::Offer { restart: true },
            MediaAction::Create { .. }
            | MediaAction::OpenAudio
            | MediaAction::PauseAudio
            | MediaAction::Close => {
                return;
            }
        };
        leg.transport.command(command, now);
    }

    /// Ends a leg's connection and returns it.
    pub fn close(&mut self, call: CallId, leg: LegId, now: Instant) -> Option<Leg> {
        let index = self.list.iter().position(|l| l.call == call && l.leg == leg)?;
        let mut leg = self.list.swap_remove(index);
        leg.transport.command(TransportCommand::Close, now);
        Some(leg)
    }

    /// Next thing that happened on any connection.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(CallId, LegId, LegEvent)> {
        for leg in &mut self.list {
            while let Poll::Ready(event) = leg.transport.poll_event(cx) {
                if let Some(event) = leg.translate(event) {
                    return Poll::Ready((leg.call, leg.leg, event));
                }
            }
        }
        Poll::Pending
    }
}

impl Leg {
    fn translate(&mut self, event: TransportEvent) -> Option<LegEvent> {
        Some(LegEvent::Media(match event {
            TransportEvent::LocalDescription(description) => {
                MediaEvent::LocalDescription { sdp: description.sdp }
            }
            TransportEvent::LocalCandidate(candidate) => {
                match &candidate {
                    Some(candidate) => self.relay.found |= candidate.candidate.contains(" typ relay"),
                    None => self.relay.gathered = true,
                }
                MediaEvent::LocalCandidate(candidate.map(|candidate| CandidateLine {
                    candidate: candidate.candidate,
                    mid: candidate.mid,
                    username_fragment: candidate.username_fragment,
                }))
            }
            TransportEvent::State(state) => {
                self.state = state;
                self.connected |= state == ConnectionState::Connected;
                MediaEvent::State(match state {
                    ConnectionState::Connected => MediaState::Connected,
                    ConnectionState::Disconnected => MediaState::Disconnected,
                    ConnectionState::Failed => MediaState::Failed,
                    ConnectionState::New | ConnectionState::Connecting | ConnectionState::Closed => {
                        return None;
                    }
                })
            }
            TransportEvent::Estimate(estimate) => {
                self.estimate = estimate;
                return Some(LegEvent::Estimate);
            }
            TransportEvent::Error(error) => {
                tracing::warn!(call = %self.call, %error, "media connection");
                match error {
                    TransportError::BadDescription(_) => MediaEvent::Error(MediaFailure::Description),
                    TransportError::Network(_) if !self.connected => MediaEvent::Error(MediaFailure::Setup),
                    // A bad candidate is one candidate less; a misuse is ours, and already logged.
                    _ => return None,
                }
            }
        }))
    }
}
