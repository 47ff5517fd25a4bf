//! One end's media connection of a call in virtual time: what the SDK's driver and the two audio workers do with it.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use sidetone_media::jitter::JitterConfig;
use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::memory::{MemoryNetwork, MemoryTransport};
use sidetone_media::transport::{
    Candidate, ConnectionState, Description, DescriptionKind, Transport, TransportCommand, TransportConfig,
    TransportError, TransportEvent, VoicePort,
};
use sidetone_media::voice::{BLOCK, Downlink, Processing, Profile, Uplink};
use sidetone_pipeline::Pool;
use sidetone_signaling::agent::{MediaAction, MediaEvent, Role};
use sidetone_signaling::protocol::{CandidateLine, DescriptionType, MediaFailure, MediaState};

/// What is said.
#[derive(Clone)]
pub enum Talk {
    /// A packet every 100 ms with nothing in it: shows whether the way is open, and costs little.
    Packets,
    /// These samples (48 kHz), coded, sent, buffered and decoded in blocks of 10 ms as in a real call.
    Speech(Arc<[f32]>),
}

/// One end of a leg.
pub struct Leg {
    transport: MemoryTransport,
    port: VoicePort,
    pool: Pool<VoicePacket>,
    /// The connection's state.
    pub state: ConnectionState,
    /// Whether it sends and plays.
    pub open: bool,
    /// Packets that arrived while listening.
    pub heard: u64,
    /// Sum of the squares of what was played while listening.
    pub energy: f64,
    sequence: u16,
    said: usize,
    codec: Option<Box<(Uplink, Downlink)>>,
}

impl Leg {
    pub(crate) fn create(
        network: &MemoryNetwork,
        pool: Pool<VoicePacket>,
        role: Role,
        hold_candidates: bool,
        now: Instant,
    ) -> Option<Self> {
        let config = TransportConfig {
            hold_candidates,
            ..TransportConfig::default()
        };
        let mut transport = network.transport(&config, pool.clone(), None);
        let port = transport.take_voice()?;
        if role == Role::Offerer {
            transport.command(TransportCommand::Offer { restart: false }, now);
        }
        Some(Self {
            transport,
            port,
            pool,
            state: ConnectionState::New,
            open: false,
            heard: 0,
            energy: 0.0,
            sequence: 0,
            said: 0,
            codec: None,
        })
    }

    pub(crate) fn act(&mut self, action: MediaAction, now: Instant) {
        let command = match action {
            MediaAction::OpenAudio => return self.open = true,
            MediaAction::PauseAudio => return self.open = false,
            MediaAction::Create { .. } => return,
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
            MediaAction::ReleaseCandidates => TransportCommand::ReleaseCandidates,
            MediaAction::Restart => TransportCommand::Offer { restart: true },
            MediaAction::Close => TransportCommand::Close,
        };
        self.transport.command(command, now);
    }

    /// What happened on the connection, as signaling wants to hear it.
    pub(crate) fn poll(&mut self) -> Option<MediaEvent> {
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(event) = self.transport.poll_event(&mut cx) {
            let told = match event {
                TransportEvent::LocalDescription(description) => {
                    MediaEvent::LocalDescription { sdp: description.sdp }
                }
                TransportEvent::LocalCandidate(candidate) => {
                    MediaEvent::LocalCandidate(candidate.map(|candidate| CandidateLine {
                        candidate: candidate.candidate,
                        mid: candidate.mid,
                        username_fragment: candidate.username_fragment,
                    }))
                }
                TransportEvent::State(state) => {
                    self.state = state;
                    MediaEvent::State(match state {
                        ConnectionState::Connected => MediaState::Connected,
                        ConnectionState::Disconnected => MediaState::Disconnected,
                        ConnectionState::Failed => MediaState::Failed,
                        ConnectionState::New | ConnectionState::Connecting | ConnectionState::Closed => {
                            continue;
                        }
                    })
                }
                TransportEvent::Error(TransportError::BadDescription(_)) => {
                    MediaEvent::Error(MediaFailure::Description)
                }
                TransportEvent::Estimate(_) | TransportEvent::Error(_) => continue,
            };
            return Some(told);
        }
        None
    }

    pub(crate) fn start_listening(&mut self) {
        while self.port.incoming.pop().is_some() {}
        (self.heard, self.energy) = (0, 0.0);
    }

    /// One turn of both workers: says a packet or a block, and takes in what came.
    pub(crate) fn turn(&mut self, talk: &Talk, now: Instant) {
        match talk {
            Talk::Packets => {
                if let Some(mut packet) = self.pool.take().filter(|_| self.open) {
                    self.sequence = self.sequence.wrapping_add(1);
                    packet.sequence.0 = self.sequence;
                    packet.timestamp.0 = u32::from(self.sequence) * 4800;
                    let _ = packet.set_payload(&[0; 40]);
                    self.port.outgoing.push(packet);
                }
                while self.port.incoming.pop().is_some() {
                    self.heard += 1;
                }
            }
            Talk::Speech(samples) => self.speak(samples, now),
        }
    }

    fn speak(&mut self, samples: &[f32], now: Instant) {
        if self.codec.is_none() {
            let profile = Profile::BALANCED;
            let uplink = Uplink::new(&profile, Processing::OFF, self.pool.clone(), 1);
            let downlink = Downlink::new(&profile, JitterConfig::default(), now);
            self.codec = uplink.ok().zip(downlink.ok()).map(Box::new);
        }
        let Some((uplink, downlink)) = self.codec.as_deref_mut() else {
            return;
        };
        let mut block = [0.0; BLOCK];
        for (slot, sample) in block.iter_mut().zip(samples.iter().cycle().skip(self.said)) {
            *slot = *sample;
        }
        self.said = (self.said + BLOCK) % samples.len().max(1);
        if let Some(packet) = uplink.push(&block, now).filter(|_| self.open) {
            self.port.outgoing.push(packet);
        }
        while let Some(packet) = self.port.incoming.pop() {
            self.heard += 1;
            downlink.insert(packet);
        }
        if self.open {
            downlink.pull(&mut block, now);
            self.energy += block.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
        }
    }
}
