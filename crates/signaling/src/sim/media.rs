//! Media that behaves like ICE and DTLS as far as signaling can tell: it needs an offer, an answer and candidates
//! of the same generation at both ends and a network between them; it is lost some time after the network, fails
//! some time after that, and then needs a restart.

use std::time::{Duration, Instant};

use super::{ClientId, Occurrence, World};
use crate::agent::{AgentInput, MediaAction, MediaEvent, Role};
use crate::protocol::{CallId, CandidateLine, IceServer, LegId, MediaState, SessionDescription};

/// How long a handshake takes once everything is there.
const HANDSHAKE: Duration = Duration::from_millis(60);
/// Without packets for this long, a connection is `Disconnected`.
const DISCONNECTED_AFTER: Duration = Duration::from_secs(5);
/// And after this, `Failed`. Also how long a connection may take to come up.
const FAILED_AFTER: Duration = Duration::from_secs(20);

/// One end of a leg's media.
#[derive(Clone, Debug)]
pub struct LegMedia {
    /// Which end.
    pub role: Role,
    /// Whether it sends and plays.
    pub audio_open: bool,
    /// How many times it was restarted.
    pub restarts: u32,
    /// Servers for connectivity that it was made with.
    pub ice_servers: Vec<IceServer>,
    held: bool,
    /// ICE generation of what was sent, and of what the peer sent.
    generation: u32,
    remote_description: Option<u32>,
    remote_candidates: Option<u32>,
    state: Option<MediaState>,
    /// The generation that failed: it does not come back, a restart makes another.
    failed: Option<u32>,
    /// Since when there was no way to the peer, as of the last look.
    unwired: Option<Instant>,
}

impl LegMedia {
    /// Whether media can flow, as far as this end knows.
    pub fn is_connected(&self) -> bool {
        self.state == Some(MediaState::Connected)
    }
}

/// Something that media does by itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum MediaStep {
    Describe,
    Look,
}

impl World {
    pub(super) fn media_action(&mut self, client: ClientId, call: CallId, leg: LegId, action: MediaAction) {
        let key = (call, leg);
        let now = self.now;
        let Some(known) = self.client_mut(client) else {
            return;
        };
        if let MediaAction::Create {
            role,
            hold_candidates,
            ice_servers,
            ..
        } = action
        {
            let media = LegMedia {
                role,
                audio_open: false,
                restarts: 0,
                ice_servers,
                held: hold_candidates,
                generation: 0,
                remote_description: None,
                remote_candidates: None,
                state: None,
                failed: None,
                unwired: None,
            };
            known.media.insert(key, media);
            if role == Role::Offerer {
                self.media_later(client, key, MediaStep::Describe, Duration::from_millis(3));
            }
            return;
        }
        let Some(media) = known.media.get_mut(&key) else {
            return;
        };
        match action {
            MediaAction::Create { .. } => {}
            MediaAction::RemoteDescription(SessionDescription { sdp, .. }) => {
                let generation = sdp
                    .rsplit(' ')
                    .next()
                    .and_then(|number| number.parse().ok())
                    .unwrap_or(0);
                media.remote_description = Some(generation);
                media.unwired = Some(now);
                if media.role == Role::Answerer {
                    media.generation = generation;
                    self.media_later(client, key, MediaStep::Describe, Duration::from_millis(2));
                }
                self.look_at_leg(call, leg);
            }
            MediaAction::RemoteCandidate(Some(line)) => {
                media.remote_candidates = line.username_fragment.parse().ok();
                self.look_at_leg(call, leg);
            }
            MediaAction::RemoteCandidate(None) => {}
            MediaAction::ReleaseCandidates => {
                media.held = false;
                media.unwired = Some(now);
                self.send_candidates(client, key);
            }
            MediaAction::OpenAudio => media.audio_open = true,
            MediaAction::PauseAudio => media.audio_open = false,
            MediaAction::Restart => {
                media.generation += 1;
                media.restarts += 1;
                media.held = false;
                self.media_later(client, key, MediaStep::Describe, Duration::from_millis(3));
            }
            MediaAction::Close => {
                known.media.remove(&key);
                self.look_at_leg(call, leg);
            }
        }
    }

    pub(super) fn media_step(&mut self, client: ClientId, call: CallId, leg: LegId, step: MediaStep) {
        match step {
            MediaStep::Describe => self.describe(client, (call, leg)),
            MediaStep::Look => self.look(client, (call, leg)),
        }
    }

    pub(super) fn check_all_media(&mut self, client: ClientId) {
        let keys: Vec<_> = self
            .client(client)
            .map(|c| c.media.keys().copied().collect())
            .unwrap_or_default();
        for (call, leg) in keys {
            self.look_at_leg(call, leg);
        }
    }

    /// Looks at all media again, after something changed for everybody.
    pub fn check_all_peers(&mut self) {
        for client in 0..self.clients.len() {
            self.check_all_media(ClientId(client));
        }
    }

    fn media_later(
        &mut self,
        client: ClientId,
        (call, leg): (CallId, LegId),
        step: MediaStep,
        delay: Duration,
    ) {
        self.plan(self.now + delay, Occurrence::Media(client, call, leg, step));
    }

    fn look_at_leg(&mut self, call: CallId, leg: LegId) {
        for client in 0..self.clients.len() {
            if self
                .clients
                .get(client)
                .is_some_and(|client| client.media.contains_key(&(call, leg)))
            {
                self.media_later(ClientId(client), (call, leg), MediaStep::Look, HANDSHAKE);
            }
        }
    }

    fn media(&self, client: ClientId, key: (CallId, LegId)) -> Option<&LegMedia> {
        self.client(client)?.media.get(&key)
    }

    fn describe(&mut self, client: ClientId, key: (CallId, LegId)) {
        let Some(media) = self.media(client, key) else {
            return;
        };
        let sdp = format!("{:?} of generation {}", media.role, media.generation);
        let held = media.held;
        self.media_event(client, key, MediaEvent::LocalDescription { sdp });
        if !held {
            self.send_candidates(client, key);
        }
    }

    fn send_candidates(&mut self, client: ClientId, key: (CallId, LegId)) {
        let Some(media) = self.media(client, key) else {
            return;
        };
        let username_fragment = media.generation.to_string();
        for number in 1..=2 {
            let candidate = format!("candidate:{number} 1 udp 1 192.0.2.{number} 4000 typ host");
            let line = CandidateLine {
                candidate,
                mid: "0".into(),
                username_fragment: username_fragment.clone(),
            };
            self.media_event(client, key, MediaEvent::LocalCandidate(Some(line)));
        }
        self.media_event(client, key, MediaEvent::LocalCandidate(None));
    }

    fn media_event(&mut self, client: ClientId, (call, leg): (CallId, LegId), event: MediaEvent) {
        self.tell_agent(client, AgentInput::Media { call, leg, event });
    }

    /// Whether both ends have what they need of each other, and a network.
    fn is_wired(&self, client: ClientId, key: (CallId, LegId)) -> bool {
        let Some(mine) = self.media(client, key) else {
            return false;
        };
        let others = (0..self.clients.len())
            .map(ClientId)
            .filter(|other| *other != client);
        let mut peers = others.filter(|other| self.media(*other, key).is_some_and(|m| m.role != mine.role));
        let Some(peer) = peers.next() else { return false };
        let Some(theirs) = self.media(peer, key) else {
            return false;
        };
        let ready = |a: &LegMedia, b: &LegMedia| {
            a.remote_description == Some(b.generation) && a.remote_candidates == Some(b.generation)
        };
        !self.media_blocked
            && self.is_alive(client)
            && self.is_alive(peer)
            && ready(mine, theirs)
            && ready(theirs, mine)
    }

    /// Looks at the way to the peer, and changes state as a real connection would.
    fn look(&mut self, client: ClientId, key: (CallId, LegId)) {
        let wired = self.is_wired(client, key);
        let now = self.now;
        let Some(media) = self
            .client_mut(client)
            .and_then(|client| client.media.get_mut(&key))
        else {
            return;
        };
        let (state, again) = if wired && media.failed != Some(media.generation) {
            media.unwired = None;
            (Some(MediaState::Connected), None)
        } else if media.held && media.state.is_none() {
            (None, None)
        } else {
            let since = *media.unwired.get_or_insert(now);
            let gone = now.saturating_duration_since(since);
            if gone >= FAILED_AFTER {
                (Some(MediaState::Failed), None)
            } else if gone >= DISCONNECTED_AFTER && media.state == Some(MediaState::Connected) {
                (Some(MediaState::Disconnected), Some(FAILED_AFTER - gone))
            } else {
                let next = if gone < DISCONNECTED_AFTER {
                    DISCONNECTED_AFTER
                } else {
                    FAILED_AFTER
                };
                (media.state, Some(next - gone))
            }
        };
        if let Some(again) = again {
            self.media_later(client, key, MediaStep::Look, again);
        }
        self.change_state(client, key, state);
    }

    fn change_state(&mut self, client: ClientId, key: (CallId, LegId), state: Option<MediaState>) {
        let now = self.now;
        let Some(media) = self
            .client_mut(client)
            .and_then(|client| client.media.get_mut(&key))
        else {
            return;
        };
        if media.state == state {
            return;
        }
        media.state = state;
        if state == Some(MediaState::Failed) {
            media.failed = Some(media.generation);
            media.unwired = Some(now);
        }
        if let Some(state) = state {
            self.media_event(client, key, MediaEvent::State(state));
        }
    }
}
