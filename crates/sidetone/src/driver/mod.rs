//! The driver: one task for each agent that joins signaling, media connections and the voice engine.
//!
//! All decisions are made by the signaling crate's `Agent`; this carries them out and reports back. It is the only
//! place of the SDK that reads a clock.

mod asks;
mod audio;
mod config;
mod devices;
mod legs;
mod lookout;
mod meetings;
mod quality;
mod recording;
mod sight;
mod socket;
mod sound;
mod token;
mod told;
mod video;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sidetone_media::device::Direction;
use sidetone_media::packet::VoicePacket;
use sidetone_media::voice::{self, Adaptation, VoiceStats};
use sidetone_pipeline::Pool;
use sidetone_signaling::Reason;
use sidetone_signaling::agent::{
    Agent, AgentConfig, AgentInput, AgentOutput, Command, ConnectionState, MediaAction, MediaEvent,
    SocketEvent,
};
use sidetone_signaling::protocol::meeting::Locator;
use sidetone_signaling::protocol::{
    CallId, EndpointOptions, LegId, MediaFailure, NoticeKind, NoticeState, Report,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::tungstenite::http::Uri;

use crate::Error;
use crate::agent::{AgentEvent, AgentShared, CallAgent};
use crate::call::{CallEvent, CallShared};
use crate::devices::{DeviceManager, Listed, Selection};
use crate::diagnostics::history::History;
use crate::diagnostics::monitor::Monitor;
use crate::meeting::JoinOptions;
use crate::options::{AcceptOptions, Refresher, StartCallOptions};
use crate::pending::Reply;
pub(crate) use asks::Ask;
use audio::{Audio, Opened};
pub(crate) use config::Config;
use devices::changed;
use legs::{Leg, LegEvent, Legs};
use lookout::{Reporter, Trouble};
pub(crate) use meetings::Answered;
use meetings::{Asked, HEAR};
use recording::{Announced, News, Wanted};
use sight::Sight;
use socket::{Socket, SocketReport};
use token::TokenKeeper;
use video::{Filmed, FilmedSender, LOOK};

/// How long an agent may take to be created (spec AC14: an error within 5 s, never a hang). A little less, so that
/// the app has its answer by then.
const CREATION: Duration = Duration::from_millis(4_500);
/// How long saying goodbye may take when the service does not answer.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often everything is looked at: loss, diagnostics, statistics.
const WATCH: Duration = Duration::from_secs(1);
/// Packets in flight anywhere in an agent: a second of 10 ms packets, one way and those of three talkers, and some.
const POOL: usize = 512;

/// A call the driver takes part in.
struct Entry {
    shared: Arc<CallShared>,
    /// It was started or accepted here: it needs the engine.
    active: bool,
    /// Its audio is open: the microphone is its.
    talking: bool,
    /// Somebody switched its microphone off while this end was in a breakout room.
    silenced: bool,
    /// Its microphone was switched off by somebody else, and not touched here since.
    muted_by_others: bool,
    adaptation: Adaptation,
    announced: Announced,
    sight: Sight,
    monitor: Monitor,
    history: History,
    reporters: Vec<Reporter>,
}

impl Entry {
    fn new(shared: Arc<CallShared>, active: bool, now: Instant) -> Self {
        Self {
            shared,
            active,
            talking: false,
            silenced: false,
            muted_by_others: false,
            adaptation: Adaptation::default(),
            announced: Announced::default(),
            sight: Sight::default(),
            monitor: Monitor::default(),
            history: History::new(now),
            reporters: Vec::new(),
        }
    }

    fn id(&self) -> CallId {
        self.shared.snapshot().id
    }

    /// What was wrong, once it is over.
    fn issues(&mut self, now: Instant) -> Report {
        let history = std::mem::replace(&mut self.history, History::new(now));
        Report {
            issues: history.issues(now),
            ..Report::of(self.id())
        }
    }
}

/// Requests that wait for the engine.
enum Waiting {
    Start {
        call: crate::Call,
        options: StartCallOptions,
        reply: Reply<crate::Call>,
    },
    Join {
        call: crate::Call,
        locator: Locator,
        options: JoinOptions,
        reply: Reply<crate::Call>,
    },
    Accept {
        call: crate::Call,
        options: AcceptOptions,
        reply: Reply<crate::Call>,
    },
    PickUp {
        call: crate::Call,
        reply: Reply<crate::Call>,
    },
}

/// What is told of a leg when it is over, its last moments included.
fn report(leg: &mut Leg, calls: &[Entry], voice: &VoiceStats, now: Instant) -> AgentInput {
    observe(leg, calls, voice, now);
    AgentInput::Command(Command::Report(Report {
        streams: leg.quality.streams(),
        ..Report::of(leg.call)
    }))
}

/// Looks at a leg's statistics as they are now.
fn observe(leg: &mut Leg, calls: &[Entry], voice: &VoiceStats, now: Instant) {
    let entry = calls.iter().find(|entry| entry.id() == leg.call);
    let video = entry.map(|entry| entry.sight.stats(leg)).unwrap_or_default();
    leg.observe(voice, &video, now);
}

impl Waiting {
    fn id(&self) -> CallId {
        match self {
            Self::Start { call, .. }
            | Self::Join { call, .. }
            | Self::Accept { call, .. }
            | Self::PickUp { call, .. } => call.id(),
        }
    }
}

/// A notice that the service was asked for.
struct WaitingNotice {
    call: CallId,
    kind: NoticeKind,
    state: NoticeState,
    answer: Answer,
}

/// Who waits for the service's word on a notice.
enum Answer {
    /// The app, which does what the notice is about itself.
    App(Reply<()>),
    /// A recording of ours.
    Recording(Box<Wanted>),
}

impl Answer {
    /// It will not be.
    fn refuse(self, error: Error) {
        match self {
            Self::App(reply) => drop(reply.send(Err(error))),
            Self::Recording(wanted) => drop(wanted.reply.send(Err(error))),
        }
    }
}

/// Saying goodbye.
struct Closing {
    /// Whatever is not done by then is left.
    by: Instant,
    reply: Option<Reply<()>>,
}

/// Takes the agent when it is there, or why it is not. Nobody may be waiting any more.
pub(crate) type Created = Box<dyn FnOnce(Result<CallAgent, Error>) + Send>;

/// A task that runs for as long as an agent is there.
pub(crate) type Chore = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct Driver {
    uri: Uri,
    refresher: Option<Refresher>,
    agent: Agent,
    /// What carrying out an output led to: handed in when all outputs are carried out, as the agent's contract wants.
    deferred: VecDeque<AgentInput>,
    shared: Arc<AgentShared>,
    asks: mpsc::UnboundedReceiver<Ask>,
    own_asks: mpsc::WeakUnboundedSender<Ask>,
    running: watch::Receiver<()>,
    created: Option<(Created, CallAgent)>,
    /// The service refused the first token, and the refresher has brought no better one yet.
    unconvinced: bool,
    closing: Option<Closing>,
    deadline: Option<Instant>,
    socket: Option<Socket>,
    /// Socket tasks that have not reported their end: the last words may still be under way.
    open_sockets: usize,
    sockets: (
        mpsc::UnboundedSender<SocketReport>,
        mpsc::UnboundedReceiver<SocketReport>,
    ),
    legs: Legs,
    audio: Audio,
    opened: mpsc::UnboundedReceiver<Opened>,
    recordings: (mpsc::UnboundedSender<News>, mpsc::UnboundedReceiver<News>),
    /// Recordings so far.
    recorded: u64,
    filmed: (FilmedSender, mpsc::UnboundedReceiver<Filmed>),
    keeper: TokenKeeper,
    tokens: (
        mpsc::UnboundedSender<Option<String>>,
        mpsc::UnboundedReceiver<Option<String>>,
    ),
    waiting: Vec<Waiting>,
    /// Notices that the service was asked for.
    notices: Vec<WaitingNotice>,
    asked: Asked,
    devices: DeviceManager,
    selection: watch::Receiver<Selection>,
    /// The list of devices, while it matters.
    listed: Option<watch::Receiver<Listed>>,
    /// When something was looked for there, and how long it is until the next time.
    looked: Option<(Instant, Duration)>,
    trouble: Trouble,
    monitor: Monitor,
    incoming_muted: bool,
    calls: Vec<Entry>,
    /// What the agent's chat does. Ends with the agent.
    chores: JoinSet<()>,
    born: Instant,
}

impl Driver {
    pub fn new(
        config: Config,
        asks: mpsc::UnboundedReceiver<Ask>,
        running: watch::Receiver<()>,
        created: (Created, CallAgent),
    ) -> Self {
        let now = Instant::now();
        let Config {
            uri,
            credential,
            options,
            devices,
        } = config;
        let pool = Pool::new(POOL, || VoicePacket::empty(now));
        let (opened_sender, opened) = mpsc::unbounded_channel();
        let agent = AgentConfig {
            display_name: options.display_name,
            options: EndpointOptions {
                busy_when_in_call: options.busy_when_in_call,
                no_calls: options.no_calls,
            },
            hide_addresses: options.network.hide_addresses,
            seed: rand::random(),
            ..AgentConfig::new(credential.token)
        };
        Self {
            uri,
            keeper: TokenKeeper::new(credential.refresher.is_some()),
            refresher: credential.refresher,
            agent: Agent::new(agent, now),
            deferred: VecDeque::new(),
            shared: created.1.shared.clone(),
            own_asks: created.1.downgrade(),
            asks,
            running,
            created: Some(created),
            unconvinced: false,
            closing: None,
            deadline: None,
            socket: None,
            open_sockets: 0,
            sockets: mpsc::unbounded_channel(),
            legs: Legs::new(options.network, pool.clone()),
            audio: Audio::new(options.audio, pool, opened_sender),
            opened,
            recordings: mpsc::unbounded_channel(),
            recorded: 0,
            filmed: mpsc::unbounded_channel(),
            tokens: mpsc::unbounded_channel(),
            waiting: Vec::new(),
            notices: Vec::new(),
            asked: Asked::default(),
            selection: devices.watch(),
            devices,
            listed: None,
            looked: None,
            trouble: Trouble::default(),
            monitor: Monitor::default(),
            incoming_muted: false,
            calls: Vec::new(),
            chores: JoinSet::new(),
            born: now,
        }
    }

    /// Runs until the agent is closed.
    pub async fn run(mut self) {
        let mut watch = tokio::time::interval(WATCH);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hear = tokio::time::interval(HEAR);
        hear.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = self.audio.events.clone();
        loop {
            let now = Instant::now();
            if self.created.is_some() && now >= self.born + CREATION {
                let error = if self.unconvinced {
                    Error::Refused(Reason::NO_TOKEN)
                } else {
                    Error::Network("the service did not answer in time".into())
                };
                self.not_created(error, now);
            }
            self.keeper.handle_timeout(now);
            self.drain(now);
            self.keep_token();
            self.settle();
            self.mind_devices();
            if self.is_done(now) {
                break;
            }
            let deadline = self.next_deadline(now);
            tokio::select! {
                ask = self.asks.recv(), if self.closing.is_none() => match ask {
                    Some(ask) => self.ask(ask, Instant::now()),
                    None => self.close(None, Instant::now()),
                },
                _ = self.running.changed(), if self.closing.is_none() => self.close(None, Instant::now()),
                Some((socket, event)) = self.sockets.1.recv() => {
                    self.open_sockets -= usize::from(matches!(event, SocketEvent::Closed));
                    self.agent.handle(AgentInput::Socket { socket, event }, Instant::now());
                }
                (call, leg, event) = poll_fn(|cx| self.legs.poll(cx)) => match event {
                    LegEvent::Media(event) => {
                        self.agent.handle(AgentInput::Media { call, leg, event }, Instant::now());
                    }
                    LegEvent::Estimate => self.recode(call),
                },
                Some(outcome) = self.opened.recv() => self.audio_opened(outcome, Instant::now()),
                Some(news) = self.recordings.1.recv() => self.recording_news(news),
                Some(filmed) = self.filmed.1.recv() => self.filmed(filmed, Instant::now()),
                Some(token) = self.tokens.1.recv() => self.token_fetched(token, Instant::now()),
                () = events.notified() => self.voice_events(Instant::now()),
                () = changed(&mut self.listed) => self.devices_listed(Instant::now()),
                Ok(()) = self.selection.changed() => self.reselect(Instant::now()),
                _ = hear.tick(), if self.hears_a_meeting() => self.hear(),
                _ = look.tick(), if self.sees() => self.look_at_pictures(Instant::now()),
                _ = watch.tick(), if self.is_watchful() => self.watch(Instant::now()),
                () = tokio::time::sleep_until(deadline.into()) => {
                    self.agent.handle(AgentInput::Timeout, Instant::now());
                }
            }
        }
        self.finish();
    }

    fn next_deadline(&self, now: Instant) -> Instant {
        let agent = self.deadline.unwrap_or(now + Duration::from_secs(3600));
        let creation = self.created.as_ref().map(|_| self.born + CREATION);
        let goodbye = self.closing.as_ref().map(|closing| closing.by);
        [creation, goodbye, self.keeper.next_timeout()]
            .into_iter()
            .flatten()
            .fold(agent, Instant::min)
    }

    /// Done when the goodbye has been said: the agent is closed and its last frames have left.
    fn is_done(&self, now: Instant) -> bool {
        self.closing.as_ref().is_some_and(|closing| {
            let said = self.shared.state().connection == ConnectionState::Closed && self.open_sockets == 0;
            said || now >= closing.by
        })
    }

    /// Says goodbye: calls are hung up, the session closed.
    fn close(&mut self, reply: Option<Reply<()>>, now: Instant) {
        self.closing = Some(Closing {
            by: now + GOODBYE,
            reply,
        });
        while let Ok(news) = self.recordings.1.try_recv() {
            self.recording_news(news);
        }
        // There is no session to tell it in afterwards.
        if let Some(engine) = self.audio.engine() {
            let voice = engine.stats();
            for leg in self.legs.talking() {
                self.deferred.push_back(report(leg, &self.calls, &voice, now));
            }
        }
        for entry in &mut self.calls {
            let report = entry.issues(now);
            self.deferred
                .push_back(AgentInput::Command(Command::Report(report)));
        }
        self.deferred.push_back(AgentInput::Command(Command::Close));
    }

    /// What must hold whatever way the driver ended: every call told of its end, every reader at its end.
    fn finish(mut self) {
        for entry in &self.calls {
            // Only calls that the agent was not told of yet are left.
            entry.shared.end(Reason::CANCELLED);
        }
        self.audio.close();
        {
            let mut state = self.shared.state();
            state.connection = ConnectionState::Closed;
            state.calls.clear();
        }
        self.shared.events.close();
        self.shared.signals.close();
        if let Some(reply) = self.closing.take().and_then(|closing| closing.reply) {
            let _ = reply.send(Ok(()));
        }
    }

    fn not_created(&mut self, error: Error, now: Instant) {
        if let Some((created, agent)) = self.created.take() {
            drop(agent);
            created(Err(error));
            self.close(None, now);
        }
    }

    /// Hands a command in and carries out what follows. Never called while outputs are being carried out.
    fn command(&mut self, command: Command, now: Instant) {
        self.agent.handle(AgentInput::Command(command), now);
        self.drain(now);
    }

    /// Carries out what the agent wants, until there is nothing more.
    fn drain(&mut self, now: Instant) {
        loop {
            match self.agent.poll() {
                AgentOutput::Connect { socket } => {
                    self.open_sockets += 1;
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
                    match self.deferred.pop_front() {
                        Some(input) => self.agent.handle(input, now),
                        None => return,
                    }
                }
            }
        }
    }

    fn act(&mut self, call: CallId, leg: LegId, action: MediaAction, now: Instant) {
        match action {
            MediaAction::Create {
                role,
                hold_candidates,
                ice_servers,
                slots,
            } => {
                let created = self
                    .legs
                    .create((call, leg), role, hold_candidates, (ice_servers, slots), now);
                if let Err(error) = created {
                    tracing::warn!(%call, %error, "no media connection");
                    let event = MediaEvent::Error(MediaFailure::Setup);
                    self.deferred.push_back(AgentInput::Media { call, leg, event });
                }
            }
            MediaAction::OpenAudio => self.set_audio(call, leg, true),
            MediaAction::PauseAudio => self.set_audio(call, leg, false),
            MediaAction::Close => {
                if let (Some(mut leg), Some(engine)) = (self.legs.close(call, leg, now), self.audio.engine())
                {
                    if leg.port.is_none() {
                        self.deferred
                            .push_back(report(&mut leg, &self.calls, &engine.stats(), now));
                    }
                    engine.disconnect(leg.link);
                    self.disconnect_pictures(leg.link);
                }
            }
            other => self.legs.act(call, leg, other, now),
        }
    }

    fn set_audio(&mut self, call: CallId, leg: LegId, on: bool) {
        let source = self.other_end(call);
        let before = self.legs.talking_in(call).map(|leg| leg.link);
        let (Some(engine), Some(leg)) = (self.audio.engine(), self.legs.get_mut(call, leg)) else {
            // A leg that could not be made; the call is about to end for it.
            tracing::warn!(%call, "no audio to open");
            return;
        };
        if let Some(entry) = self.calls.iter_mut().find(|entry| entry.id() == call) {
            entry.talking = on;
            if on {
                if entry.sight.sound.is_some() {
                    engine.share_sound_to(leg.link);
                }
                // The microphone's switch belongs to the call it is in. Before anything can be sent.
                engine.set_muted(entry.shared.snapshot().is_silent());
            }
        }
        if let Some(port) = leg.port.take() {
            let connected = match before {
                // The call moves: what it was talked over is heard until this is.
                Some(before) => engine.hand_over(before, leg.link, port, source),
                None => engine.connect(leg.link, port),
            };
            if let Err(error) = connected {
                tracing::error!(%call, %error, "no decoder");
            }
        }
        engine.set_sending(leg.link, on);
        engine.set_playing(leg.link, on);
        let (link, port, layers) = (leg.link, leg.video.take(), leg.temporal);
        if let Some(port) = port {
            self.connect_pictures(call, link, port, layers);
        }
        self.set_sending_pictures(call, link, on);
        if on {
            self.recode(call);
        }
    }

    fn entry(&mut self, call: CallId) -> Option<&mut Entry> {
        self.calls.iter_mut().find(|entry| entry.id() == call)
    }

    fn remove(&mut self, id: CallId) {
        let ended = self.entry(id).and_then(|entry| entry.sight.sound.take());
        if let Some(sound) = ended {
            self.close_sound(sound);
        }
        self.calls.retain(|entry| entry.id() != id);
        self.calls_updated();
    }

    fn calls_updated(&self) {
        let active = self.calls.iter().filter(|entry| entry.active);
        self.shared.state().calls = active.map(|entry| entry.shared.clone()).collect();
        self.shared.events.emit(AgentEvent::CallsUpdated);
    }

    fn tell_active(&self, event: &CallEvent) {
        for entry in self.calls.iter().filter(|entry| entry.active) {
            entry.shared.events.emit(event.clone());
        }
    }

    /// Follows the loss that the other end of the call that is spoken in reports.
    fn adapt(&mut self, voice: &VoiceStats, now: Instant) {
        let Some(engine) = self.audio.engine() else { return };
        for leg in self.legs.talking() {
            observe(leg, &self.calls, voice, now);
        }
        for entry in self.calls.iter_mut().filter(|entry| entry.talking) {
            if let Some(leg) = self.legs.talking_in(entry.id()) {
                let stats = leg.stats();
                let report = voice::Report {
                    fraction_lost: stats.remote_fraction_lost,
                    jitter: stats.remote_jitter,
                };
                let terms = leg.terms(engine.profile(), &stats, entry.sight.sound.is_some());
                engine.set_coding(entry.adaptation.report(&report, &terms));
            }
        }
    }

    /// Follows what the path of the call that is spoken in carries.
    fn recode(&mut self, call: CallId) {
        let Some(engine) = self.audio.engine() else { return };
        let Some(entry) = self
            .calls
            .iter_mut()
            .find(|entry| entry.id() == call && entry.talking)
        else {
            return;
        };
        if let Some(leg) = self.legs.talking_in(call) {
            let terms = leg.terms(engine.profile(), &leg.stats(), entry.sight.sound.is_some());
            engine.set_coding(entry.adaptation.choose(&terms));
        }
    }

    /// Lets go of what no call needs any more.
    fn settle(&mut self) {
        let idle = self.waiting.is_empty() && !self.calls.iter().any(|entry| entry.active);
        // Another agent may have a call.
        if idle && self.audio.engine().is_some() {
            self.audio.close();
            for direction in [Direction::Input, Direction::Output] {
                self.devices.set_in_use(direction, None);
            }
        }
    }
}
