//! The server's brain: connections, the sessions on them, and the calls between those.
//!
//! It refuses to know how tokens are verified (it asks), who may call whom (it asks a [`Policy`]), and what a
//! session description says. Every request gets one response; everything that happens is also a [`Record`].

mod api;
mod asking;
mod call;
mod calls;
mod connection;
mod endpoint;
mod notice;
mod pickup;
mod placing;
mod policy;
mod presence;
mod relay;
mod transfer;
mod way;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

pub use api::{
    Ask, CloseCode, ConnectionId, End, Grant, Pair, Record, Relays, ServerInput, ServerOutput, Stats,
    SwitchboardConfig, Way,
};
pub use policy::{
    AllowAll, Availability, CallRequest, Consented, Onward, Policy, Purpose, Reach, Reaches, Route, Target,
    TransferRequest, Unanswered,
};

use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::{CallId, Event, IceServer, LegId, ServerFrame, SessionId};
use crate::session::server::ServerSession;
use crate::timers::Timers;
use call::Call;
use connection::Connection;

/// What the switchboard waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A connection must have a session.
    Open(ConnectionId),
    /// A session without a socket ends.
    Resume(SessionId),
    /// A session's token ends.
    Token(SessionId),
    /// A call was not answered.
    Answer(CallId),
    /// More of those whom a call is for ring.
    Ring(CallId),
    /// A call was not answered where it rings.
    GiveUp(CallId),
    /// A ringing endpoint without a socket is given up.
    Reach(CallId, LegId),
    /// An answered call has no media.
    Setup(CallId),
    /// An end of a call has neither socket nor media.
    Lease(CallId),
    /// A call is handed over, and the transferee has not placed the new one.
    Transfer(CallId),
}

/// The server's brain. See the crate's page for how it is driven.
pub struct Switchboard {
    config: SwitchboardConfig,
    policy: Box<dyn Policy>,
    relays: Option<Relays>,
    rng: ChaCha20Rng,
    connections: BTreeMap<ConnectionId, Connection>,
    sessions: BTreeMap<SessionId, ServerSession>,
    endpoints: BTreeMap<Identifier, BTreeSet<SessionId>>,
    calls: BTreeMap<CallId, Call>,
    timers: Timers<Timer>,
    /// Sessions whose client stopped acknowledging; ended when the input is done with.
    overflowed: Vec<SessionId>,
    stopping: bool,
    outputs: VecDeque<ServerOutput>,
}

impl Switchboard {
    /// An empty switchboard. `seed` must be secret and random: session ids and resume tokens are drawn from it.
    pub fn new(config: SwitchboardConfig, seed: [u8; 32]) -> Self {
        Self {
            config,
            policy: Box::new(AllowAll),
            relays: None,
            rng: ChaCha20Rng::from_seed(seed),
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            calls: BTreeMap::new(),
            timers: Timers::new(),
            overflowed: Vec::new(),
            stopping: false,
            outputs: VecDeque::new(),
        }
    }

    /// Replaces the policy, which lets everything through at first.
    pub fn set_policy(&mut self, policy: Box<dyn Policy>) {
        self.policy = policy;
    }

    /// Gives every session servers of its own besides those of [`SwitchboardConfig::ice_servers`].
    pub fn set_relays(&mut self, relays: Relays) {
        self.relays = Some(relays);
    }

    /// The servers for connectivity of a session whose token is good for `life`.
    fn ice_servers(&self, session: SessionId, life: Duration) -> Vec<IceServer> {
        let own = self.relays.as_ref().map(|relays| relays(session, life));
        let shared = self.config.ice_servers.iter().cloned();
        shared.chain(own.into_iter().flatten()).collect()
    }

    /// Takes one input.
    pub fn handle(&mut self, input: ServerInput, now: Instant) {
        match input {
            ServerInput::Connected { connection } => self.connected(connection, now),
            ServerInput::Frame { connection, text } => self.frame(connection, &text, now),
            ServerInput::Disconnected { connection } => self.disconnected(connection, now),
            ServerInput::Authenticated { connection, result } => self.authenticated(connection, result, now),
            ServerInput::EndIdentity { identity, reason } => {
                let sessions = self.endpoints.get(&identity).cloned().unwrap_or_default();
                self.end_sessions(sessions, &reason, now);
            }
            ServerInput::EndSessions { reason } => {
                let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
                self.end_sessions(sessions, &reason, now);
            }
            ServerInput::Tell { identity, event } => {
                let sessions: Vec<SessionId> = self
                    .endpoints
                    .get(&identity)
                    .into_iter()
                    .flatten()
                    .copied()
                    .collect();
                self.emit_to(&sessions, &event);
            }
            ServerInput::TellSessions { sessions, event } => self.emit_to(&sessions, &event),
            ServerInput::Answer { session, id, result } => self.answer_asked(session, id, &result),
            ServerInput::MoveCall { call } => self.move_call(call, now),
            ServerInput::Occupied { session, occupied } => {
                if let Some(known) = self.sessions.get_mut(&session) {
                    known.occupied = occupied;
                }
            }
            ServerInput::EndCall { call, reason } => self.end_call(call, &reason, None, now),
            ServerInput::Shutdown => self.shut_down(now),
            ServerInput::Timeout => {
                while let Some(timer) = self.timers.expired(now) {
                    self.expire(timer, now);
                }
            }
        }
        while let Some(session) = self.overflowed.pop() {
            self.end_session(session, &Reason::TOO_SLOW, now);
        }
    }

    /// The next output; `Timeout` when there is none.
    pub fn poll(&mut self) -> ServerOutput {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| ServerOutput::Timeout(self.timers.next()))
    }

    /// How much there is right now.
    pub fn stats(&self) -> Stats {
        let active = self.calls.values().filter(|call| call.is_answered()).count();
        Stats {
            connections: self.connections.len(),
            sessions: self.sessions.len(),
            detached_sessions: self
                .sessions
                .values()
                .filter(|session| !session.is_attached())
                .count(),
            identities: self.endpoints.len(),
            ringing_calls: self.calls.len() - active,
            active_calls: active,
            unacknowledged_events: self.sessions.values().map(ServerSession::unacknowledged).sum(),
        }
    }

    /// Whether nothing is left: no connection, session, call or timer.
    pub fn is_idle(&self) -> bool {
        self.connections.is_empty()
            && self.sessions.is_empty()
            && self.endpoints.is_empty()
            && self.calls.is_empty()
            && self.timers.is_empty()
    }

    fn expire(&mut self, timer: Timer, now: Instant) {
        match timer {
            Timer::Open(connection) => self.open_timed_out(connection),
            Timer::Resume(session) => self.end_session(session, &Reason::NETWORK_LOST, now),
            Timer::Token(session) => self.end_session(session, &Reason::INVALID_TOKEN, now),
            Timer::Answer(call) => self.end_call(call, &Reason::NO_ANSWER, None, now),
            Timer::Ring(call) => self.ring_more(call, now),
            Timer::GiveUp(call) => self.go_on(call, Unanswered::NoAnswer, now),
            Timer::Reach(call, leg) => self.leg_unreachable(call, leg, now),
            Timer::Setup(call) => self.setup_timed_out(call, now),
            Timer::Lease(call) => self.end_call(call, &Reason::PEER_GONE, None, now),
            Timer::Transfer(call) => self.transfer_failed(call, &Reason::TRANSFER_FAILED),
        }
    }

    /// Sends an event to an endpoint, now or when it comes back.
    fn emit(&mut self, session: SessionId, event: &Event) {
        self.emit_to(&[session], event);
    }

    /// Sends an event to several endpoints, and writes it only once.
    fn emit_to(&mut self, sessions: &[SessionId], event: &Event) {
        let body = ServerFrame::event_body(event);
        for session in sessions {
            self.emit_body(*session, &body);
        }
    }

    fn emit_body(&mut self, session: SessionId, body: &str) {
        let Some(endpoint) = self.sessions.get_mut(&session) else {
            return;
        };
        match endpoint.push(body) {
            Ok(Some((connection, text))) => self.send(connection, text),
            Ok(None) => {}
            Err(_) => {
                if !self.overflowed.contains(&session) {
                    self.overflowed.push(session);
                }
            }
        }
    }

    fn send(&mut self, connection: ConnectionId, text: String) {
        self.outputs.push_back(ServerOutput::Send { connection, text });
    }

    fn record(&mut self, record: Record) {
        self.outputs.push_back(ServerOutput::Record(Box::new(record)));
    }
}
