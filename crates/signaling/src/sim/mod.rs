//! A small world in virtual time: one switchboard, agents, sockets that lag and break, and media that needs
//! descriptions, candidates and a network like real media does. For tests of this crate and of the whole system.
//!
//! Everything follows from the seed: the same world does the same things again. Nothing here reads a clock; the
//! world's time starts at an instant that the caller gives, and jumps from event to event.

mod media;
mod network;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::agent::{
    Agent, AgentConfig, AgentEvent, AgentInput, AgentOutput, Command, ConnectionState, SocketEvent, SocketId,
    StartOptions,
};
use crate::call::CallState;
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::{CallId, ClientFrame, LegId, Request};
use crate::switchboard::{
    ConnectionId, Grant, Record, ServerInput, ServerOutput, Switchboard, SwitchboardConfig,
};

pub use media::LegMedia;
use network::Wire;

/// A client of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub usize);

/// How the world's network behaves.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// One-way delay of a message. Order is kept within a socket only.
    pub delay: Range<Duration>,
    /// How long the service takes to notice a silent socket.
    pub keepalive: Duration,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(5)..Duration::from_millis(40),
            keepalive: Duration::from_secs(15),
        }
    }
}

/// What happens to a client from outside.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "passed on one at a time")]
pub enum Happening {
    /// Its application wants something.
    Command(Command),
    /// Its network goes away: nothing arrives, nobody is told.
    Cut,
    /// Only the way to the service goes away; media goes on.
    CutSignaling,
    /// Its network comes back.
    Restore,
    /// Its socket breaks; both ends learn of it soon.
    DropSocket,
    /// Its process is killed.
    Kill,
}

/// A call as a client's application has seen it.
#[derive(Clone, Debug, Default)]
pub struct CallView {
    /// Every state it was told, in order, with the reconnecting mark.
    pub states: Vec<(CallState, bool)>,
    /// Every end it was told. More than one is a defect.
    pub ends: Vec<Reason>,
    /// Whether it was announced as incoming.
    pub incoming: bool,
    /// The call that took its place.
    pub merged_into: Option<CallId>,
}

impl CallView {
    /// The state it was told last.
    pub fn state(&self) -> Option<CallState> {
        self.states.last().map(|(state, _)| *state)
    }
}

/// One client: an agent, and what it did.
pub struct Client {
    /// `None` when it was killed.
    pub agent: Option<Agent>,
    /// Everything that the application was told.
    pub events: Vec<(Instant, AgentEvent)>,
    /// The calls that it was told of.
    pub calls: BTreeMap<CallId, CallView>,
    /// How the agent says its connection stands.
    pub connection: Option<ConnectionState>,
    /// Its media, by leg.
    pub media: BTreeMap<(CallId, LegId), LegMedia>,
    reachable: bool,
    media_reachable: bool,
    socket: Option<(SocketId, ConnectionId)>,
    wake: Option<Instant>,
}

enum Occurrence {
    ClientTimeout(ClientId),
    ServerTimeout,
    SocketOpened(ClientId, SocketId, ConnectionId),
    SocketRefused(ClientId, SocketId),
    ToClient(ConnectionId, Option<String>),
    ToServer(ConnectionId, Option<String>),
    Verdict(ConnectionId, String),
    Answer(Box<ServerInput>),
    Media(ClientId, CallId, LegId, media::MediaStep),
    Happening(ClientId, Happening),
}

/// The world.
pub struct World {
    /// The time now.
    pub now: Instant,
    /// The service.
    pub switchboard: Switchboard,
    /// The clients.
    pub clients: Vec<Client>,
    /// No media gets through anywhere, as behind a firewall.
    pub media_blocked: bool,
    /// Everything that the service recorded.
    pub records: Vec<(Instant, Record)>,
    conditions: Conditions,
    rng: ChaCha8Rng,
    agenda: BTreeMap<(Instant, u64), Occurrence>,
    occurrences: u64,
    raw_requests: u64,
    wires: BTreeMap<ConnectionId, Wire>,
    connections: u64,
    server_wake: Option<Instant>,
    fresh: VecDeque<(ClientId, AgentEvent)>,
}

impl World {
    /// An empty world whose time starts at `start`.
    pub fn new(seed: u64, config: SwitchboardConfig, conditions: Conditions, start: Instant) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        Self {
            now: start,
            switchboard: Switchboard::new(config, secret),
            clients: Vec::new(),
            media_blocked: false,
            records: Vec::new(),
            conditions,
            rng,
            agenda: BTreeMap::new(),
            occurrences: 0,
            raw_requests: 0,
            wires: BTreeMap::new(),
            connections: 0,
            server_wake: None,
            fresh: VecDeque::new(),
        }
    }

    /// A token that this world's service takes: the raw id, and the seconds it is good for.
    pub fn token(identity: &str, seconds: u64) -> String {
        format!("{identity} {seconds}")
    }

    /// Adds a client of this identity, with a token for a day.
    pub fn add(&mut self, identity: &str) -> ClientId {
        self.add_with(AgentConfig::new(Self::token(identity, 86_400)))
    }

    /// Adds a client.
    pub fn add_with(&mut self, mut config: AgentConfig) -> ClientId {
        let id = ClientId(self.clients.len());
        config.seed = self.rng.next_u64();
        self.clients.push(Client {
            agent: Some(Agent::new(config, self.now)),
            events: Vec::new(),
            calls: BTreeMap::new(),
            connection: None,
            media: BTreeMap::new(),
            reachable: true,
            media_reachable: true,
            socket: None,
            wake: None,
        });
        self.drain_agent(id);
        id
    }

    /// A random call id.
    pub fn draw_call(&mut self) -> CallId {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        CallId(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Lets a client place a call now. `to` must be a raw id.
    ///
    /// # Errors
    /// `to` is no raw id.
    pub fn start_call(
        &mut self,
        client: ClientId,
        to: &str,
    ) -> Result<CallId, crate::identifier::IdentifierError> {
        let to: Identifier = to.parse()?;
        let call = self.draw_call();
        let options = StartOptions::default();
        self.happen(
            client,
            Happening::Command(Command::StartCall { call, to, options }),
        );
        Ok(call)
    }

    /// Hands the service a request of a client's session that its agent would not make. The answer goes nowhere.
    pub fn send_raw(&mut self, client: ClientId, request: &Request) {
        // Far beyond what the agent has used.
        self.raw_requests += 1;
        let text = ClientFrame::request(1_000_000 + self.raw_requests, request);
        if let Some((_, connection)) = self.client(client).and_then(|client| client.socket) {
            self.tell_server(ServerInput::Frame { connection, text });
        }
    }

    /// Lets something happen now.
    pub fn happen(&mut self, client: ClientId, happening: Happening) {
        match happening {
            Happening::Command(command) => self.tell_agent(client, AgentInput::Command(command)),
            Happening::Cut => self.set_reachable(client, false, false),
            Happening::CutSignaling => self.set_reachable(client, false, true),
            Happening::Restore => self.set_reachable(client, true, true),
            Happening::DropSocket => self.break_socket(client),
            Happening::Kill => self.kill(client),
        }
    }

    /// Lets something happen later.
    pub fn happen_in(&mut self, delay: Duration, client: ClientId, happening: Happening) {
        self.plan(self.now + delay, Occurrence::Happening(client, happening));
    }

    /// Lets this much time pass.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self
            .agenda
            .first_key_value()
            .is_some_and(|((at, _), _)| *at <= end)
        {
            self.step();
        }
        self.now = end;
    }

    /// Carries out what comes next; `false` when nothing does.
    pub fn step(&mut self) -> bool {
        let Some(((at, _), occurrence)) = self.agenda.pop_first() else {
            return false;
        };
        self.now = self.now.max(at);
        match occurrence {
            Occurrence::ClientTimeout(client) => {
                if self.client(client).is_some_and(|client| client.wake == Some(at)) {
                    self.tell_agent(client, AgentInput::Timeout);
                }
            }
            Occurrence::ServerTimeout => {
                if self.server_wake == Some(at) {
                    self.tell_server(ServerInput::Timeout);
                }
            }
            Occurrence::SocketOpened(client, socket, connection) => {
                self.socket_opened(client, socket, connection);
            }
            Occurrence::SocketRefused(client, socket) => {
                self.tell_agent(
                    client,
                    AgentInput::Socket {
                        socket,
                        event: SocketEvent::Closed,
                    },
                );
            }
            Occurrence::ToClient(connection, text) => self.arrive_at_client(connection, text),
            Occurrence::ToServer(connection, text) => self.arrive_at_server(connection, text),
            Occurrence::Answer(answer) => self.tell_server(*answer),
            Occurrence::Verdict(connection, token) => {
                let result = verdict(&token);
                self.tell_server(ServerInput::Authenticated { connection, result });
            }
            Occurrence::Media(client, call, leg, step) => self.media_step(client, call, leg, step),
            Occurrence::Happening(client, happening) => self.happen(client, happening),
        }
        true
    }

    /// What applications were told since the last call of this.
    pub fn take_events(&mut self) -> Vec<(ClientId, AgentEvent)> {
        self.fresh.drain(..).collect()
    }

    /// How a client's application sees a call.
    pub fn view(&self, client: ClientId, call: CallId) -> CallView {
        self.client(client)
            .and_then(|client| client.calls.get(&call))
            .cloned()
            .unwrap_or_default()
    }

    /// The newest call that a client was told is incoming.
    pub fn incoming(&self, client: ClientId) -> Option<CallId> {
        self.client(client)?
            .events
            .iter()
            .rev()
            .find_map(|(_, event)| match event {
                AgentEvent::IncomingCall { call, .. } => Some(*call),
                _ => None,
            })
    }

    /// The legs of a call on which a client sends and plays, and whose media is connected.
    pub fn talking_legs(&self, client: ClientId, call: CallId) -> Vec<LegId> {
        let media = self
            .client(client)
            .map(|client| client.media.iter())
            .into_iter()
            .flatten();
        media
            .filter(|((of, _), media)| *of == call && media.audio_open && media.is_connected())
            .map(|((_, leg), _)| *leg)
            .collect()
    }

    fn client(&self, id: ClientId) -> Option<&Client> {
        self.clients.get(id.0)
    }

    fn client_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.clients.get_mut(id.0)
    }

    fn plan(&mut self, at: Instant, occurrence: Occurrence) {
        self.occurrences += 1;
        self.agenda.insert((at, self.occurrences), occurrence);
    }

    fn draw(&mut self, range: &Range<Duration>) -> Duration {
        let span = range.end.saturating_sub(range.start);
        range.start + span.mul_f64(f64::from(self.rng.next_u32()) / f64::from(u32::MAX))
    }

    fn draw_delay(&mut self) -> Duration {
        let range = self.conditions.delay.clone();
        self.draw(&range)
    }

    fn tell_agent(&mut self, id: ClientId, input: AgentInput) {
        let now = self.now;
        if let Some(agent) = self.client_mut(id).and_then(|client| client.agent.as_mut()) {
            agent.handle(input, now);
            self.drain_agent(id);
        }
    }

    fn drain_agent(&mut self, id: ClientId) {
        while let Some(output) = self
            .client_mut(id)
            .and_then(|client| client.agent.as_mut())
            .map(Agent::poll)
        {
            match output {
                AgentOutput::Connect { socket } => self.connect(id, socket),
                AgentOutput::Send { socket, text } => self.client_sends(id, socket, Some(text)),
                AgentOutput::CloseSocket { socket } => self.client_sends(id, socket, None),
                AgentOutput::Media { call, leg, action } => self.media_action(id, call, leg, action),
                AgentOutput::Event(event) => self.note(id, event),
                AgentOutput::Timeout(at) => {
                    let now = self.now;
                    let at = at.map(|at| at.max(now));
                    if let Some(client) = self.client_mut(id) {
                        client.wake = at;
                    }
                    if let Some(at) = at {
                        self.plan(at, Occurrence::ClientTimeout(id));
                    }
                    return;
                }
            }
        }
    }

    fn note(&mut self, id: ClientId, event: AgentEvent) {
        let now = self.now;
        self.fresh.push_back((id, event.clone()));
        let Some(client) = self.client_mut(id) else { return };
        match &event {
            AgentEvent::Connection(state) => client.connection = Some(state.clone()),
            AgentEvent::IncomingCall { call, .. } => client.calls.entry(*call).or_default().incoming = true,
            AgentEvent::CallStateChanged {
                call,
                state,
                reconnecting,
            } => {
                client
                    .calls
                    .entry(*call)
                    .or_default()
                    .states
                    .push((*state, *reconnecting));
            }
            AgentEvent::CallEnded { call, reason } => {
                client.calls.entry(*call).or_default().ends.push(reason.clone());
            }
            AgentEvent::CallMerged { call, into } => {
                client.calls.entry(*call).or_default().merged_into = Some(*into);
            }
            _ => {}
        }
        client.events.push((now, event));
    }

    /// Tells the service something.
    pub fn tell_server(&mut self, input: ServerInput) {
        self.switchboard.handle(input, self.now);
        loop {
            match self.switchboard.poll() {
                ServerOutput::Send { connection, text } => self.server_sends(connection, Some(text)),
                ServerOutput::Close { connection, .. } => self.server_sends(connection, None),
                ServerOutput::Authenticate { connection, token } => {
                    let delay = self.draw_delay();
                    self.plan(self.now + delay, Occurrence::Verdict(connection, token));
                }
                // There is no other part here.
                ServerOutput::Ask(ask) => {
                    let answer = ServerInput::Answer {
                        session: ask.session,
                        id: ask.id,
                        result: Err(Reason::UNKNOWN_REQUEST),
                    };
                    self.plan(self.now, Occurrence::Answer(Box::new(answer)));
                }
                ServerOutput::Record(record) => self.records.push((self.now, *record)),
                ServerOutput::Timeout(at) => {
                    let at = at.map(|at| at.max(self.now));
                    if self.server_wake != at {
                        self.server_wake = at;
                        if let Some(at) = at {
                            self.plan(at, Occurrence::ServerTimeout);
                        }
                    }
                    return;
                }
            }
        }
    }
}

fn verdict(token: &str) -> Result<Grant, Reason> {
    let (identity, seconds) = token.split_once(' ').ok_or(Reason::INVALID_TOKEN)?;
    let expires_in = Duration::from_secs(seconds.parse().map_err(|_| Reason::INVALID_TOKEN)?);
    let identity: Identifier = identity.parse().map_err(|_| Reason::INVALID_TOKEN)?;
    Ok(Grant {
        display_name: format!("{identity} by token"),
        identity,
        expires_in,
        may_start_calls: true,
        may_take_calls: true,
        application: None,
    })
}
