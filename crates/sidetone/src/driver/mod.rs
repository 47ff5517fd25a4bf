//! The driver: one task for each agent that joins signaling, media connections and the voice engine.
//!
//! All decisions are made by the signaling crate's `Agent`; this carries them out and reports back. It is the only
//! place of the SDK that reads a clock.

mod audio;
mod legs;
mod socket;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sidetone_media::packet::VoicePacket;
use sidetone_media::voice::{Adaptation, VoiceEvent};
use sidetone_pipeline::Pool;
use sidetone_signaling::Reason;
use sidetone_signaling::agent::{
    Agent, AgentConfig, AgentEvent as Told, AgentInput, AgentOutput, Command, ConnectionState, MediaAction,
    MediaEvent, StartOptions,
};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::{CallId, EndpointOptions, LegId};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::http::Uri;

use crate::Error;
use crate::agent::{AgentEvent, AgentShared, CallAgent};
use crate::call::{Call, CallDirection, CallEvent, CallShared, CallStats, Participant, Snapshot};
use crate::call::IncomingCall;
use crate::devices::{DeviceManager, Selection};
use crate::options::{AcceptOptions, AgentOptions, Credential, Refresher, StartCallOptions};
use crate::pending::Reply;
use audio::{Audio, Opened};
use legs::Legs;
use socket::{Socket, SocketReport};

/// What a handle wants.
pub(crate) enum Ask {
    Start { call: Call, options: StartCallOptions, reply: Reply<Call> },
    Accept { call: CallId, options: AcceptOptions, reply: Reply<Call> },
    Decline { call: CallId },
    HangUp { call: CallId },
    Mute { call: CallId, muted: bool },
    MuteIncoming { muted: bool },
    Hold { call: CallId },
    Resume { call: CallId },
    Stats { call: CallId, reply: Reply<CallStats> },
    Token { token: String },
    NetworkChanged,
    Close { reply: Reply<()> },
}

/// How a driver is set up.
pub(crate) struct Config {
    uri: Uri,
    credential: Credential,
    options: AgentOptions,
    devices: DeviceManager,
}

/// Where the service's WebSocket is.
const PATH: &str = "/v1/ws";

impl Config {
    pub fn new(
        url: &str,
        credential: Credential,
        options: AgentOptions,
        devices: DeviceManager,
    ) -> Result<Self, Error> {
        let bad = |why: &str| Error::Argument(format!("service address: {why}"));
        let uri: Uri = format!("{}{PATH}", url.trim_end_matches('/')).parse().map_err(|_| bad("not an address"))?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") if cfg!(feature = "tls") => {}
            Some("wss") => return Err(bad("this build has no TLS (feature `tls`)")),
            _ => return Err(bad("must begin with ws:// or wss://")),
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(bad("no host"));
        }
        Ok(Self { uri, credential, options, devices })
    }
}

/// How long an agent may take to be created (spec AC14: an error within 5 s, never a hang).
const CREATION: Duration = Duration::from_secs(5);
/// How long saying goodbye may take when the service does not answer.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often the sender adapts to the loss the other end reports.
const ADAPT: Duration = Duration::from_secs(1);
/// Packets in flight anywhere in an agent: a second of 10 ms packets, both ways, and some.
const POOL: usize = 256;

/// A call the driver takes part in.
struct Entry {
    call: Call,
    /// It was started or accepted here: it needs the engine.
    active: bool,
    adaptation: Adaptation,
}

impl Entry {
    fn shared(&self) -> &CallShared {
        &self.call.shared
    }
}

/// Requests that wait for the engine.
enum Waiting {
    Start { call: Call, options: StartCallOptions, reply: Reply<Call> },
    Accept { call: CallId, options: AcceptOptions, reply: Reply<Call> },
}

pub(crate) struct Driver {
    uri: Uri,
    refresher: Option<Refresher>,
    agent: Agent,
    shared: Arc<AgentShared>,
    asks: mpsc::UnboundedReceiver<Ask>,
    own_asks: mpsc::WeakUnboundedSender<Ask>,
    running: watch::Receiver<()>,
    created: Option<(Reply<CallAgent>, CallAgent)>,
    closing: Option<(Instant, Option<Reply<()>>)>,
    deadline: Option<Instant>,
    socket: Option<Socket>,
    sockets: (mpsc::UnboundedSender<SocketReport>, mpsc::UnboundedReceiver<SocketReport>),
    legs: Legs,
    audio: Audio,
    opened: mpsc::UnboundedReceiver<Opened>,
    tokens: (mpsc::UnboundedSender<Option<String>>, mpsc::UnboundedReceiver<Option<String>>),
    waiting: Vec<Waiting>,
    selection: watch::Receiver<Selection>,
    calls: Vec<Entry>,
    born: Instant,
}

impl Driver {
    pub fn new(
        config: Config,
        asks: mpsc::UnboundedReceiver<Ask>,
        running: watch::Receiver<()>,
        created: (Reply<CallAgent>, CallAgent),
    ) -> Self {
        let now = Instant::now();
        let Config { uri, credential, options, devices } = config;
        let pool = Pool::new(POOL, || VoicePacket::empty(now));
        let (opened_sender, opened) = mpsc::unbounded_channel();
        let agent = AgentConfig {
            display_name: options.display_name,
            options: EndpointOptions { busy_when_in_call: options.busy_when_in_call },
            hide_addresses: options.network.hide_addresses,
            seed: rand::random(),
            ..AgentConfig::new(credential.token)
        };
        Self {
            uri,
            refresher: credential.refresher,
            agent: Agent::new(agent, now),
            shared: created.1.shared.clone(),
            own_asks: created.1.downgrade(),
            asks,
            running,
            created: Some(created),
            closing: None,
            deadline: None,
            socket: None,
            sockets: mpsc::unbounded_channel(),
            legs: Legs::new(options.network, pool.clone()),
            audio: Audio::new(options.audio, pool, opened_sender),
            opened,
            tokens: mpsc::unbounded_channel(),
            waiting: Vec::new(),
            selection: devices.watch(),
            calls: Vec::new(),
            born: now,
        }
    }

    /// Runs until the agent is closed.
    pub async fn run(mut self) {
        let mut adapt = tokio::time::interval(ADAPT);
        let events = self.audio.events.clone();
        self.drain(Instant::now());
        while !self.is_done(Instant::now()) {
            let deadline = self.next_deadline();
            tokio::select! {
                ask = self.asks.recv(), if self.closing.is_none() => match ask {
                    Some(ask) => self.ask(ask, Instant::now()),
                    None => self.close(None, Instant::now()),
                },
                _ = self.running.changed(), if self.closing.is_none() => self.close(None, Instant::now()),
                Some((socket, event)) = self.sockets.1.recv() => {
                    self.agent.handle(AgentInput::Socket { socket, event }, Instant::now());
                }
                (call, leg, event) = poll_fn(|cx| self.legs.poll(cx)) => self.media(call, leg, event, Instant::now()),
                Some(outcome) = self.opened.recv() => self.audio_opened(outcome, Instant::now()),
                Some(token) = self.tokens.1.recv() => self.token_fetched(token, Instant::now()),
                () = events.notified() => self.voice_events(),
                Ok(()) = self.selection.changed() => self.reselect(),
                _ = adapt.tick() => self.adapt(),
                () = tokio::time::sleep_until(deadline.into()) => {
                    self.agent.handle(AgentInput::Timeout, Instant::now());
                }
            }
            self.drain(Instant::now());
            self.settle();
        }
        self.finish();
    }

    fn next_deadline(&self) -> Instant {
        let agent = self.deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        let creation = self.created.as_ref().map(|_| self.born + CREATION);
        let goodbye = self.closing.as_ref().map(|(by, _)| *by);
        [creation, goodbye].into_iter().flatten().fold(agent, Instant::min)
    }

    fn is_done(&mut self, now: Instant) -> bool {
        if self.created.is_some() && now >= self.born + CREATION {
            self.not_created(Error::Network("the service did not answer in time".into()), now);
        }
        let Some((by, _)) = &self.closing else { return false };
        now >= *by || self.shared.state().connection == ConnectionState::Closed
    }

    /// Says goodbye: calls are hung up, the session closed.
    fn close(&mut self, reply: Option<Reply<()>>, now: Instant) {
        self.closing = Some((now + GOODBYE, reply));
        self.agent.handle(AgentInput::Command(Command::Close), now);
    }

    /// What must hold whatever way the driver ended: every call told of its end, every reader at its end.
    fn finish(mut self) {
        for entry in &self.calls {
            entry.shared().end(Reason::HUNG_UP);
        }
        self.audio.close();
        {
            let mut state = self.shared.state();
            state.connection = ConnectionState::Closed;
            state.calls.clear();
        }
        self.shared.events.close();
        if let Some((_, Some(reply))) = self.closing.take() {
            let _ = reply.send(Ok(()));
        }
    }

    fn not_created(&mut self, error: Error, now: Instant) {
        if let Some((reply, agent)) = self.created.take() {
            drop(agent);
            let _ = reply.send(Err(error));
            self.close(None, now);
        }
    }

    fn command(&mut self, command: Command, now: Instant) {
        self.agent.handle(AgentInput::Command(command), now);
        self.drain(now);
    }

    fn ask(&mut self, ask: Ask, now: Instant) {
        match ask {
            Ask::Start { call, options, reply } => {
                self.calls.push(Entry { call: call.clone(), active: true, adaptation: Adaptation::default() });
                self.calls_updated();
                self.waiting.push(Waiting::Start { call, options, reply });
                self.open_audio(now);
            }
            Ask::Accept { call, options, reply } => {
                let Some(entry) = self.entry(call) else {
                    let _ = reply.send(Err(Error::State("over")));
                    return;
                };
                if entry.active {
                    let _ = reply.send(Err(Error::State("already accepted")));
                    return;
                }
                entry.active = true;
                self.waiting.push(Waiting::Accept { call, options, reply });
                self.open_audio(now);
            }
            Ask::Decline { call } => self.command(Command::Decline { call }, now),
            Ask::HangUp { call } => {
                self.command(Command::HangUp { call }, now);
                self.forget_waiting(call);
            }
            Ask::Mute { call, muted } => self.mute(call, muted, now),
            Ask::MuteIncoming { muted } => {
                if let Some(engine) = self.audio.engine() {
                    engine.set_incoming_muted(muted);
                }
            }
            Ask::Hold { call } => self.command(Command::Hold { call }, now),
            Ask::Resume { call } => {
                self.hold_others(call, now);
                self.command(Command::Resume { call }, now);
            }
            Ask::Stats { call, reply } => {
                let _ = reply.send(self.stats(call));
            }
            Ask::Token { token } => self.command(Command::RefreshToken { token }, now),
            Ask::NetworkChanged => self.command(Command::NetworkChanged, now),
            Ask::Close { reply } => self.close(Some(reply), now),
        }
    }

    fn entry(&mut self, call: CallId) -> Option<&mut Entry> {
        self.calls.iter_mut().find(|entry| entry.call.id() == call)
    }

    fn mute(&mut self, call: CallId, muted: bool, now: Instant) {
        let Some(entry) = self.entry(call) else { return };
        entry.shared().update(CallEvent::IsMutedChanged(muted), |snapshot| snapshot.muted = muted);
        if let Some(engine) = self.audio.engine() {
            engine.set_muted(muted);
        }
        self.command(Command::Mute { call, muted }, now);
    }

    /// There is one microphone: whoever takes a call puts the others on hold.
    fn hold_others(&mut self, but: CallId, now: Instant) {
        let others: Vec<_> = self
            .calls
            .iter()
            .filter(|entry| entry.call.id() != but && entry.call.state() == CallState::Connected)
            .map(|entry| entry.call.id())
            .collect();
        for call in others {
            self.command(Command::Hold { call }, now);
        }
    }

    fn stats(&self, call: CallId) -> Result<CallStats, Error> {
        let leg = self.legs.of(call).max_by_key(|leg| leg.port.is_none()).ok_or(Error::State("without media"))?;
        let voice = self.audio.engine().map(|engine| engine.stats()).unwrap_or_default();
        Ok(CallStats { voice, transport: leg.stats(), connection_state: Some(leg.state) })
    }

    fn open_audio(&mut self, now: Instant) {
        if self.audio.engine().is_some() {
            self.resume_waiting(now);
        } else {
            self.audio.open(&self.selection.borrow());
        }
    }

    fn audio_opened(&mut self, outcome: Opened, now: Instant) {
        match self.audio.opened(outcome) {
            Ok(()) => self.resume_waiting(now),
            Err(error) => self.refuse_waiting(error),
        }
    }

    fn resume_waiting(&mut self, now: Instant) {
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Start { call, options, reply } => {
                    let id = call.id();
                    self.hold_others(id, now);
                    if let (true, Some(engine)) = (options.muted, self.audio.engine()) {
                        engine.set_muted(true);
                    }
                    let start = Command::StartCall {
                        call: id,
                        to: call.remote_participant().identifier,
                        options: StartOptions {
                            display_name: options.display_name,
                            context: options.context,
                            ring_for: options.ring_for,
                        },
                    };
                    let _ = reply.send(Ok(call));
                    self.command(start, now);
                    if options.muted {
                        self.command(Command::Mute { call: id, muted: true }, now);
                    }
                }
                Waiting::Accept { call: id, options, reply } => {
                    let Some(call) = self.entry(id).map(|entry| entry.call.clone()) else {
                        let _ = reply.send(Err(Error::State("over")));
                        continue;
                    };
                    self.hold_others(id, now);
                    self.command(Command::Accept { call: id }, now);
                    let _ = reply.send(Ok(call));
                    if options.muted {
                        self.mute(id, true, now);
                    }
                }
            }
        }
    }

    /// No sound, no call: an outgoing one never happened, an incoming one rings on.
    fn refuse_waiting(&mut self, error: Error) {
        // One cause, told to each; only the device's own words can be told twice.
        let words = error.to_string();
        let mut first = Some(error);
        for waiting in std::mem::take(&mut self.waiting) {
            let error = first.take().unwrap_or_else(|| Error::Audio(words.clone()));
            match waiting {
                Waiting::Start { call, reply, .. } => {
                    call.shared.end(Reason::MEDIA_SETUP_FAILED);
                    self.remove(call.id());
                    let _ = reply.send(Err(error));
                }
                Waiting::Accept { call, reply, .. } => {
                    if let Some(entry) = self.entry(call) {
                        entry.active = false;
                    }
                    let _ = reply.send(Err(error));
                }
            }
        }
    }

    /// A call that was hung up before the microphone was open was never told to the service.
    fn forget_waiting(&mut self, id: CallId) {
        let (gone, kept) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| matches!(waiting, Waiting::Start { call, .. } if call.id() == id));
        self.waiting = kept;
        let gone: Vec<Waiting> = gone;
        for waiting in gone {
            if let Waiting::Start { call, reply, .. } = waiting {
                call.shared.end(Reason::CANCELLED);
                self.remove(id);
                let _ = reply.send(Ok(call));
            }
        }
    }

    fn remove(&mut self, id: CallId) {
        self.calls.retain(|entry| entry.call.id() != id);
        self.calls_updated();
    }

    fn calls_updated(&self) {
        self.shared.state().calls =
            self.calls.iter().filter(|entry| entry.active).map(|entry| entry.call.clone()).collect();
        self.shared.events.emit(AgentEvent::CallsUpdated);
    }

    fn media(&mut self, call: CallId, leg: LegId, event: MediaEvent, now: Instant) {
        self.agent.handle(AgentInput::Media { call, leg, event }, now);
    }

    /// Carries out what the agent wants, until there is nothing more.
    fn drain(&mut self, now: Instant) {
        loop {
            match self.agent.poll() {
                AgentOutput::Connect { socket } => {
                    self.socket = Some(Socket::open(socket, self.uri.clone(), self.sockets.0.clone()));
                }
                AgentOutput::Send { socket, text } => {
                    if let Some(open) = self.socket.as_ref().filter(|open| open.id == socket) {
                        open.send(text);
                    }
                }
                AgentOutput::CloseSocket { socket } => {
                    self.socket.take_if(|open| open.id == socket);
                }
                AgentOutput::Media { call, leg, action } => self.act(call, leg, action, now),
                AgentOutput::Event(event) => self.told(event, now),
                AgentOutput::Timeout(at) => {
                    self.deadline = at;
                    return;
                }
            }
        }
    }

    fn act(&mut self, call: CallId, leg: LegId, action: MediaAction, now: Instant) {
        match action {
            MediaAction::Create { role, hold_candidates, ice_servers } => {
                if let Err(error) = self.legs.create((call, leg), role, hold_candidates, ice_servers, now) {
                    tracing::warn!(%call, %error, "no media connection");
                    let failure = sidetone_signaling::protocol::MediaFailure::Setup;
                    // Not from inside the drain: the agent is in the middle of its outputs.
                    self.agent.handle(AgentInput::Media { call, leg, event: MediaEvent::Error(failure) }, now);
                }
            }
            MediaAction::OpenAudio => self.set_audio(call, leg, true),
            MediaAction::PauseAudio => self.set_audio(call, leg, false),
            MediaAction::Close => {
                if let (Some(leg), Some(engine)) = (self.legs.close(call, leg, now), self.audio.engine()) {
                    engine.disconnect(leg.link);
                }
            }
            other => self.legs.act(call, leg, other, now),
        }
    }

    fn set_audio(&mut self, call: CallId, leg: LegId, on: bool) {
        let (Some(engine), Some(leg)) = (self.audio.engine(), self.legs.get_mut(call, leg)) else {
            tracing::error!(%call, "audio opened without an engine");
            return;
        };
        if let Some(port) = leg.port.take()
            && let Err(error) = engine.connect(leg.link, port)
        {
            tracing::error!(%call, %error, "no decoder");
        }
        engine.set_sending(leg.link, on);
        engine.set_playing(leg.link, on);
    }

    fn told(&mut self, event: Told, now: Instant) {
        match event {
            Told::Connection(state) => {
                if let ConnectionState::Refused(reason) = &state {
                    self.not_created(Error::Refused(reason.clone()), now);
                }
                self.shared.state().connection = state.clone();
                self.shared.events.emit(AgentEvent::ConnectionStateChanged(state));
            }
            Told::Registered { identity } => {
                self.shared.state().identity = Some(identity);
                if let Some((reply, agent)) = self.created.take() {
                    // Dropping the agent unheard drops its handle, and the driver closes.
                    let _ = reply.send(Ok(agent));
                }
            }
            Told::SessionLost { reason } => tracing::warn!(%reason, "session lost"),
            Told::TokenExpiring { .. } => self.refresh_token(),
            Told::TokenRefreshed => tracing::debug!("token refreshed"),
            Told::TokenRefused { reason } => {
                tracing::warn!(%reason, "new token refused");
                self.shared.events.emit(AgentEvent::TokenExpiring);
            }
            Told::IncomingCall { call, from, display_name, context } => {
                let Some(driver) = self.own_asks.upgrade() else { return };
                let shared = CallShared::new(Snapshot {
                    id: call,
                    direction: CallDirection::Incoming,
                    state: CallState::Ringing,
                    reconnecting: false,
                    muted: false,
                    remote: Participant { identifier: from, display_name, is_muted: false },
                    context,
                    end_reason: None,
                });
                let call = Call { shared, driver };
                self.calls.push(Entry {
                    call: call.clone(),
                    active: false,
                    adaptation: Adaptation::default(),
                });
                self.shared.events.emit(AgentEvent::IncomingCall(IncomingCall { call }));
            }
            Told::CallMerged { call, into } => self.merge(call, into),
            Told::CallStateChanged { call, state, reconnecting } => {
                if let Some(entry) = self.entry(call) {
                    entry.shared().update(CallEvent::StateChanged { state, reconnecting }, |snapshot| {
                        snapshot.state = state;
                        snapshot.reconnecting = reconnecting;
                    });
                }
            }
            Told::CallAccepted { call, by, display_name } => self.update_remote(call, |remote| {
                remote.identifier = by;
                remote.display_name = display_name;
            }),
            Told::RemoteMuted { call, muted } => self.update_remote(call, |remote| remote.is_muted = muted),
            Told::CallEnded { call, reason } => {
                if let Some(entry) = self.entry(call) {
                    entry.shared().end(reason);
                    self.remove(call);
                }
            }
        }
    }

    fn update_remote(&mut self, call: CallId, change: impl FnOnce(&mut Participant)) {
        let Some(entry) = self.entry(call) else { return };
        let mut remote = entry.call.remote_participant();
        change(&mut remote);
        let event = CallEvent::RemoteParticipantUpdated(remote.clone());
        entry.shared().update(event, |snapshot| snapshot.remote = remote);
    }

    /// Both called at once: the app's outgoing call lives on as the call that was accepted in its place.
    fn merge(&mut self, call: CallId, into: CallId) {
        // A rung copy of the surviving call gives way to the object the app already holds.
        self.calls.retain(|entry| {
            let rung = entry.call.id() == into;
            if rung {
                entry.shared().end(Reason::ANSWERED_ELSEWHERE);
            }
            !rung
        });
        if let Some(entry) = self.entry(call) {
            entry.shared().update(CallEvent::IdChanged(into), |snapshot| snapshot.id = into);
        }
        self.calls_updated();
    }

    fn refresh_token(&mut self) {
        let Some(refresher) = self.refresher.clone() else {
            self.shared.events.emit(AgentEvent::TokenExpiring);
            return;
        };
        let tokens = self.tokens.0.clone();
        tokio::task::spawn_blocking(move || {
            let token = refresher().map_err(|error| tracing::warn!(%error, "the token refresher failed")).ok();
            let _ = tokens.send(token);
        });
    }

    fn token_fetched(&mut self, token: Option<String>, now: Instant) {
        match token {
            Some(token) => self.command(Command::RefreshToken { token }, now),
            None => self.shared.events.emit(AgentEvent::TokenExpiring),
        }
    }

    fn voice_events(&mut self) {
        let Some(engine) = self.audio.engine() else { return };
        while let Some(event) = engine.poll_event() {
            let event = match event {
                VoiceEvent::DeviceLost(direction) => CallEvent::DeviceLost(direction),
                VoiceEvent::DeviceFailed(_, error) => CallEvent::DeviceFailed(error.to_string()),
                VoiceEvent::InputEnded => CallEvent::InputEnded,
            };
            for entry in self.calls.iter().filter(|entry| entry.active) {
                entry.shared().events.emit(event.clone());
            }
        }
    }

    /// A pick of the app reaches the engine that is open.
    fn reselect(&mut self) {
        let picked = self.selection.borrow_and_update().clone();
        let Err(error) = self.audio.swap(&picked) else { return };
        for entry in self.calls.iter().filter(|entry| entry.active) {
            entry.shared().events.emit(CallEvent::DeviceFailed(error.to_string()));
        }
    }

    /// Follows the loss that the other end reports.
    fn adapt(&mut self) {
        let Some(engine) = self.audio.engine() else { return };
        for entry in self.calls.iter_mut().filter(|entry| entry.active) {
            let id = entry.call.id();
            if let Some(leg) = self.legs.of(id).find(|leg| leg.port.is_none()) {
                engine.set_redundancy(entry.adaptation.report(leg.stats().remote_fraction_lost));
            }
        }
    }

    /// Lets go of what no call needs any more.
    fn settle(&mut self) {
        if self.waiting.is_empty() && !self.calls.iter().any(|entry| entry.active) {
            self.audio.close();
        }
    }
}
