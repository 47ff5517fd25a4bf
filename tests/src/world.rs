//! The world: its clock, its clients, its service, and what happens next.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::memory::{MemoryConfig, MemoryNetwork};
use sidetone_netsim::Config;
use sidetone_pipeline::Pool;
use sidetone_signaling::agent::{
    Agent, AgentConfig, AgentEvent, AgentInput, AgentOutput, Command, MediaAction, SocketEvent, SocketId,
};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::{CallId, LegId};
use sidetone_signaling::switchboard::{
    ConnectionId, Grant, Record, ServerInput, ServerOutput, Switchboard, SwitchboardConfig,
};
use sidetone_signaling::{Identifier, Reason};

use crate::leg::{Leg, Talk};
use crate::wire::Wire;

/// Packets that may be anywhere in the world at once.
const POOL: usize = 2048;
/// Between two packets that only show that the way is open.
const TOUCH: Duration = Duration::from_millis(100);
/// A block of speech.
const BLOCK: Duration = Duration::from_millis(10);

/// A client of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub usize);

/// What happens from outside.
#[derive(Clone)]
pub enum Happening {
    /// The client's application wants something.
    Command(Command),
    /// The client's way to the service goes away: nothing arrives, nobody is told.
    Cut,
    /// It comes back.
    Restore,
    /// The client's socket breaks; both ends learn of it soon.
    DropSocket,
    /// The client's process is killed, with all its media.
    Kill,
    /// The network between the clients becomes like this, for all of them.
    Weather(Config),
}

/// A call as a client's application has seen it.
#[derive(Clone, Debug, Default)]
pub struct CallView {
    /// Every state it was told, in order, with the reconnecting mark.
    pub states: Vec<(CallState, bool)>,
    /// Every end it was told. More than one is a defect.
    pub ends: Vec<Reason>,
    /// The call that took its place.
    pub merged_into: Option<CallId>,
    /// What it was told after the end. Anything is a defect.
    pub afterwards: usize,
}

impl CallView {
    /// The state it was told last.
    pub fn state(&self) -> Option<CallState> {
        self.states.last().map(|(state, _)| *state)
    }

    /// Whether it goes on.
    pub fn is_live(&self) -> bool {
        self.ends.is_empty() && self.merged_into.is_none()
    }
}

/// One client.
pub struct Client {
    /// Whose.
    pub identity: String,
    /// `None` when it was killed.
    pub agent: Option<Agent>,
    /// The calls that its application was told of.
    pub calls: BTreeMap<CallId, CallView>,
    /// Its media.
    pub legs: BTreeMap<(CallId, LegId), Leg>,
    pub(crate) reachable: bool,
    pub(crate) socket: Option<(SocketId, ConnectionId)>,
    wake: Option<Instant>,
}

pub(crate) enum Occurrence {
    ClientTimeout(ClientId),
    ServerTimeout,
    SocketOpened(ClientId, SocketId, ConnectionId),
    SocketGone(ClientId, SocketId),
    ToClient(ConnectionId, Option<String>),
    ToServer(ConnectionId, Option<String>),
    Verdict(ConnectionId, String),
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
    /// Everything that the service recorded.
    pub records: Vec<Record>,
    /// The network between the clients.
    pub network: MemoryNetwork,
    /// Every packet there is.
    pub packets: Pool<VoicePacket>,
    /// Messages of the service and its clients take this long.
    delay: Range<Duration>,
    rng: ChaCha8Rng,
    agenda: BTreeMap<(Instant, u64), Occurrence>,
    occurrences: u64,
    pub(crate) wires: BTreeMap<ConnectionId, Wire>,
    pub(crate) connections: u64,
    server_wake: Option<Instant>,
    fresh: VecDeque<(ClientId, AgentEvent)>,
}

impl World {
    /// An empty world. Its time starts at `start`, its messages take `delay`, its media network is like `weather`.
    pub fn new(
        seed: u64,
        config: SwitchboardConfig,
        delay: Range<Duration>,
        weather: Config,
        start: Instant,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        let network = MemoryConfig {
            conditions: weather,
            seed,
            ..MemoryConfig::default()
        };
        Self {
            now: start,
            switchboard: Switchboard::new(config, secret),
            clients: Vec::new(),
            records: Vec::new(),
            network: MemoryNetwork::new(network, start),
            packets: Pool::new(POOL, || VoicePacket::empty(start)),
            delay,
            rng,
            agenda: BTreeMap::new(),
            occurrences: 0,
            wires: BTreeMap::new(),
            connections: 0,
            server_wake: None,
            fresh: VecDeque::new(),
        }
    }

    /// Adds a client of this identity. What `config` says of token and seed is replaced.
    pub fn add(&mut self, identity: &str, config: AgentConfig) -> ClientId {
        let id = ClientId(self.clients.len());
        let config = AgentConfig {
            token: identity.to_owned(),
            seed: self.rng.next_u64(),
            ..config
        };
        self.clients.push(Client {
            identity: identity.to_owned(),
            agent: Some(Agent::new(config, self.now)),
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            reachable: true,
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

    /// Lets something happen now.
    pub fn happen(&mut self, id: ClientId, happening: Happening) {
        match happening {
            Happening::Command(command) => self.tell_agent(id, AgentInput::Command(command)),
            Happening::Cut => self.set_reachable(id, false),
            Happening::Restore => self.set_reachable(id, true),
            Happening::DropSocket => self.break_socket(id),
            Happening::Kill => {
                self.orphan(id);
                let client = &mut self.clients[id.0];
                (client.agent, client.wake) = (None, None);
                client.legs.clear();
            }
            Happening::Weather(weather) => self.network.set_conditions(weather),
        }
    }

    /// Lets something happen later.
    pub fn happen_in(&mut self, delay: Duration, id: ClientId, happening: Happening) {
        self.plan(self.now + delay, Occurrence::Happening(id, happening));
    }

    /// Lets this much time pass.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.next().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
        self.network.advance(end);
        self.hear_media();
    }

    /// Lets everybody whose audio is open talk for this long, and counts what is heard in [`Leg::heard`] and
    /// [`Leg::energy`].
    pub fn talk_for(&mut self, duration: Duration, talk: &Talk) {
        let end = self.now + duration;
        let turn = match talk {
            Talk::Packets => TOUCH,
            Talk::Speech(_) => BLOCK,
        };
        for client in &mut self.clients {
            client.legs.values_mut().for_each(Leg::start_listening);
        }
        while self.now < end {
            let now = self.now;
            for client in &mut self.clients {
                client.legs.values_mut().for_each(|leg| leg.turn(talk, now));
            }
            self.run_for(turn);
        }
    }

    /// When something happens next.
    fn next(&self) -> Option<Instant> {
        let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
        planned.into_iter().chain(self.network.next_timeout()).min()
    }

    /// Carries out what comes next; `false` when nothing does.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next() else { return false };
        self.now = self.now.max(at);
        // Media first: what is on the agenda for this moment finds it as it is now.
        self.network.advance(self.now);
        self.hear_media();
        let due = self
            .agenda
            .first_key_value()
            .is_some_and(|((at, _), _)| *at <= self.now);
        if let Some(((at, _), occurrence)) = due.then(|| self.agenda.pop_first()).flatten() {
            self.occur(at, occurrence);
            self.hear_media();
        }
        true
    }

    fn occur(&mut self, at: Instant, occurrence: Occurrence) {
        match occurrence {
            Occurrence::ClientTimeout(id) => {
                if self.clients[id.0].wake == Some(at) {
                    self.tell_agent(id, AgentInput::Timeout);
                }
            }
            Occurrence::ServerTimeout => {
                if self.server_wake == Some(at) {
                    self.tell_server(ServerInput::Timeout);
                }
            }
            Occurrence::SocketOpened(id, socket, connection) => self.socket_opened(id, socket, connection),
            Occurrence::SocketGone(id, socket) => {
                let event = SocketEvent::Closed;
                self.tell_agent(id, AgentInput::Socket { socket, event });
            }
            Occurrence::ToClient(connection, text) => self.arrive_at_client(connection, text),
            Occurrence::ToServer(connection, text) => self.arrive_at_server(connection, text),
            Occurrence::Verdict(connection, token) => {
                let result = verdict(&token);
                self.tell_server(ServerInput::Authenticated { connection, result });
            }
            Occurrence::Happening(id, happening) => self.happen(id, happening),
        }
    }

    /// What applications were told since the last call of this.
    pub fn take_events(&mut self) -> Vec<(ClientId, AgentEvent)> {
        self.fresh.drain(..).collect()
    }

    /// Clients that were not killed.
    pub fn alive(&self) -> impl Iterator<Item = (ClientId, &Client)> {
        let all = self
            .clients
            .iter()
            .enumerate()
            .map(|(index, client)| (ClientId(index), client));
        all.filter(|(_, client)| client.agent.is_some())
    }

    pub(crate) fn plan(&mut self, at: Instant, occurrence: Occurrence) {
        self.occurrences += 1;
        self.agenda.insert((at, self.occurrences), occurrence);
    }

    pub(crate) fn draw_delay(&mut self) -> Duration {
        self.rng.random_range(self.delay.clone())
    }

    pub(crate) fn tell_agent(&mut self, id: ClientId, input: AgentInput) {
        let now = self.now;
        if let Some(agent) = &mut self.clients[id.0].agent {
            agent.handle(input, now);
            self.drain_agent(id);
        }
    }

    fn drain_agent(&mut self, id: ClientId) {
        while let Some(output) = self.clients[id.0].agent.as_mut().map(Agent::poll) {
            match output {
                AgentOutput::Connect { socket } => self.connect(id, socket),
                AgentOutput::Send { socket, text } => self.client_sends(id, socket, Some(text)),
                AgentOutput::CloseSocket { socket } => self.client_sends(id, socket, None),
                AgentOutput::Media { call, leg, action } => self.act(id, (call, leg), action),
                AgentOutput::Event(event) => self.note(id, event),
                AgentOutput::Timeout(at) => {
                    let at = at.map(|at| at.max(self.now));
                    self.clients[id.0].wake = at;
                    if let Some(at) = at {
                        self.plan(at, Occurrence::ClientTimeout(id));
                    }
                    return;
                }
            }
        }
    }

    fn act(&mut self, id: ClientId, key: (CallId, LegId), action: MediaAction) {
        let (network, pool, now) = (&self.network, self.packets.clone(), self.now);
        let legs = &mut self.clients[id.0].legs;
        match action {
            MediaAction::Create {
                role,
                hold_candidates,
                ..
            } => {
                if let Some(leg) = Leg::create(network, pool, role, hold_candidates, now) {
                    legs.insert(key, leg);
                }
            }
            MediaAction::Close => {
                if let Some(mut leg) = legs.remove(&key) {
                    leg.act(MediaAction::Close, now);
                }
            }
            other => {
                if let Some(leg) = legs.get_mut(&key) {
                    leg.act(other, now);
                }
            }
        }
    }

    /// Tells the agents what happened on their media connections.
    fn hear_media(&mut self) {
        for index in 0..self.clients.len() {
            let next = |client: &mut Client| {
                let legs = client.legs.iter_mut();
                legs.filter_map(|(key, leg)| Some((*key, leg.poll()?))).next()
            };
            while let Some(((call, leg), event)) = next(&mut self.clients[index]) {
                self.tell_agent(ClientId(index), AgentInput::Media { call, leg, event });
            }
        }
    }

    fn note(&mut self, id: ClientId, event: AgentEvent) {
        let calls = &mut self.clients[id.0].calls;
        match &event {
            AgentEvent::IncomingCall { call, .. } => {
                calls.entry(*call).or_default();
            }
            AgentEvent::CallStateChanged {
                call,
                state,
                reconnecting,
            } => {
                let view = calls.entry(*call).or_default();
                view.afterwards += view.ends.len();
                view.states.push((*state, *reconnecting));
            }
            AgentEvent::CallEnded { call, reason } => {
                calls.entry(*call).or_default().ends.push(reason.clone());
            }
            AgentEvent::CallMerged { call, into } => {
                calls.entry(*call).or_default().merged_into = Some(*into);
            }
            _ => {}
        }
        self.fresh.push_back((id, event));
    }

    pub(crate) fn tell_server(&mut self, input: ServerInput) {
        self.switchboard.handle(input, self.now);
        loop {
            match self.switchboard.poll() {
                ServerOutput::Send { connection, text } => self.server_sends(connection, Some(text)),
                ServerOutput::Close { connection, .. } => self.server_sends(connection, None),
                ServerOutput::Authenticate { connection, token } => {
                    let at = self.now + self.draw_delay();
                    self.plan(at, Occurrence::Verdict(connection, token));
                }
                // Nobody here joins meetings, so what is asked of the rest of the service stays unanswered.
                ServerOutput::Ask(_) => {}
                ServerOutput::Record(record) => self.records.push(*record),
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

/// In this world a token is the raw id of its owner, good for a day.
fn verdict(token: &str) -> Result<Grant, Reason> {
    let identity: Identifier = token.parse().map_err(|_| Reason::INVALID_TOKEN)?;
    Ok(Grant {
        display_name: String::new(),
        identity,
        expires_in: Duration::from_secs(86_400),
        may_start_calls: true,
        may_take_calls: true,
        application: None,
    })
}
