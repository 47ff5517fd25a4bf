//! The agent: one user's presence at the service, able to call and be called.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use sidetone_signaling::Identifier;
use sidetone_signaling::agent::ConnectionState;
use sidetone_signaling::protocol::meeting::Locator;
use sidetone_signaling::protocol::{CallId, PickupOffered, Pictures};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::http::Uri;

use crate::call::{Call, CallDirection, CallShared, IncomingCall, Participant, Snapshot};
use crate::chat::{self, ChatClient, ChatShared, Line, Signal, Token};
use crate::client::NetworkThread;
use crate::diagnostics::{DiagnosticChanged, Diagnostics};
use crate::driver::Ask;
use crate::events::Source;
use crate::meeting::JoinOptions;
use crate::options::StartCallOptions;
use crate::pending::{Pending, Reply};
use crate::{Error, Events};

/// What happens to an agent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AgentEvent {
    /// Somebody calls.
    IncomingCall(IncomingCall),
    /// The connection to the service changed. Calls and their media outlive a lost connection.
    ConnectionStateChanged(ConnectionState),
    /// Voice messages were left, heard or deleted, or some waited when the agent came online.
    MailboxChanged {
        /// How many were not heard yet.
        unheard: u32,
        /// How many were heard and kept.
        heard: u32,
    },
    /// The token ends soon and there is no refresher, or it failed: hand a new one to [`CallAgent::update_token`].
    TokenExpiring,
    /// Something that people should be told of is wrong, or right again, whether or not there is a call.
    DiagnosticChanged(DiagnosticChanged),
    /// A call began or ended: read [`CallAgent::calls`].
    CallsUpdated,
    /// A call rings at a colleague of a pickup group, and may be taken: see [`CallAgent::pick_up`].
    PickupOffered(PickupOffered),
    /// It can be taken no longer: it was answered or taken, rings elsewhere, or is over.
    PickupWithdrawn(CallId),
}

/// What the app's handles and the driver share about an agent.
pub(crate) struct AgentShared {
    state: Mutex<AgentState>,
    pub events: Source<AgentEvent>,
    /// What chat is told of the session.
    pub signals: Source<Signal>,
    /// The token in use.
    pub token: Token,
    /// Where the service's WebSocket is.
    base: Uri,
    chat: OnceLock<Arc<ChatShared>>,
}

pub(crate) struct AgentState {
    pub connection: ConnectionState,
    pub identity: Option<Identifier>,
    pub calls: Vec<Arc<CallShared>>,
    pub diagnostics: Diagnostics,
}

impl AgentShared {
    /// Requests from now on carry this token.
    pub fn use_token(&self, token: &str) {
        token.clone_into(&mut self.token.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn state(&self) -> MutexGuard<'_, AgentState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One user's presence at the service. Cheap to clone.
///
/// When the last handle to the agent and to its calls is dropped, calls are hung up and the service is left. A callback
/// that holds one of them keeps the agent: call [`CallAgent::dispose`] then.
#[derive(Clone)]
pub struct CallAgent {
    pub(crate) shared: Arc<AgentShared>,
    driver: mpsc::UnboundedSender<Ask>,
    _thread: Arc<NetworkThread>,
}

impl fmt::Debug for CallAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("CallAgent")
            .field("identity", &state.identity)
            .field("connection", &state.connection)
            .finish_non_exhaustive()
    }
}

impl CallAgent {
    pub(crate) fn new(
        driver: mpsc::UnboundedSender<Ask>,
        thread: Arc<NetworkThread>,
        base: Uri,
        token: &str,
    ) -> Self {
        let state = AgentState {
            connection: ConnectionState::Connecting,
            identity: None,
            calls: Vec::new(),
            diagnostics: Diagnostics::default(),
        };
        let shared = Arc::new(AgentShared {
            state: Mutex::new(state),
            events: Source::default(),
            signals: Source::default(),
            token: Arc::new(Mutex::new(token.to_owned())),
            base,
            chat: OnceLock::new(),
        });
        Self {
            shared,
            driver,
            _thread: thread,
        }
    }

    /// For handles that the driver makes: it must not keep itself alive.
    pub(crate) fn downgrade(&self) -> mpsc::WeakUnboundedSender<Ask> {
        self.driver.downgrade()
    }

    /// Who this agent is, by its token.
    pub fn identity(&self) -> Option<Identifier> {
        self.shared.state().identity.clone()
    }

    /// How the connection to the service stands.
    pub fn connection_state(&self) -> ConnectionState {
        self.shared.state().connection.clone()
    }

    /// How the diagnostics of this end stand: its devices, and the way to the service. Those of a call are
    /// [`Call::diagnostics`].
    pub fn diagnostics(&self) -> Diagnostics {
        self.shared.state().diagnostics.clone()
    }

    /// Calls that are on, in the order they began.
    pub fn calls(&self) -> Vec<Call> {
        let shared = self.shared.state().calls.clone();
        shared
            .into_iter()
            .map(|shared| Call {
                shared,
                driver: self.driver.clone(),
            })
            .collect()
    }

    /// Calls `to`. Opens the microphone and the speaker; nothing is sent before the answer.
    ///
    /// # Errors
    /// [`Error::Device`] when a device cannot be opened, [`Error::Closed`] when the agent is. Whatever the service
    /// refuses is the [`Reason`](crate::Reason) the call ends with, such as 495/4507 when there is no valid token.
    pub fn start_call(&self, to: Identifier, options: StartCallOptions) -> Pending<Call> {
        let (reply, pending) = Pending::new();
        self.place(to, options, reply);
        pending
    }

    /// As [`CallAgent::start_call`], for whoever waits already.
    pub(crate) fn place(&self, to: Identifier, options: StartCallOptions, reply: Reply<Call>) {
        let id = CallId(uuid::Uuid::new_v4());
        let remote = Participant {
            identifier: to,
            display_name: String::new(),
            is_muted: false,
            pictures: Pictures::NONE,
        };
        let shared = CallShared::new(Snapshot {
            muted: options.muted,
            context: options.context.clone(),
            thread: options.thread,
            ..Snapshot::new(id, CallDirection::Outgoing, remote)
        });
        let call = Call {
            shared,
            driver: self.driver.clone(),
        };
        let _ = self.driver.send(Ask::Start { call, options, reply });
    }

    /// Joins a meeting or group call. Opens the microphone and the speaker. The outcome comes before it is joined: its
    /// states tell how that goes, and its end why it does not. [`CallState::InLobby`](crate::CallState::InLobby) while
    /// somebody must let this end in; after [`CallEvent::MeetingJoined`](crate::CallEvent::MeetingJoined) its id is the
    /// meeting's.
    ///
    /// # Errors
    /// [`Error::Device`] when a device cannot be opened, [`Error::Closed`] when the agent is.
    pub fn join(&self, locator: Locator, options: JoinOptions) -> Pending<Call> {
        let (reply, pending) = Pending::new();
        self.enter(locator, options, reply);
        pending
    }

    /// As [`CallAgent::join`], for whoever waits already.
    pub(crate) fn enter(&self, locator: Locator, options: JoinOptions, reply: Reply<Call>) {
        let id = match &locator {
            Locator::Call(call) | Locator::Group { call, .. } | Locator::Thread { call, .. } => *call,
            Locator::Link(_) | Locator::Meeting { .. } => CallId(uuid::Uuid::new_v4()),
        };
        // Known since the agent was made.
        let Some(identifier) = self.identity() else {
            let _ = reply.send(Err(Error::Closed));
            return;
        };
        let this_end = Participant {
            identifier,
            display_name: options.display_name.clone().unwrap_or_default(),
            is_muted: options.muted,
            pictures: Pictures::NONE,
        };
        let thread = match &locator {
            Locator::Thread { thread, .. } => Some(*thread),
            _ => None,
        };
        let shared = CallShared::new(Snapshot {
            muted: options.muted,
            thread,
            ..Snapshot::new(id, CallDirection::Outgoing, this_end)
        });
        let call = Call {
            shared,
            driver: self.driver.clone(),
        };
        let _ = self.driver.send(Ask::Join {
            call,
            locator,
            options,
            reply,
        });
    }

    /// The chats of this user, by the same session and token.
    pub fn chat(&self) -> ChatClient {
        let mut chores = None;
        let shared = self.shared.chat.get_or_init(|| {
            let line = Line {
                base: self.shared.base.clone(),
                token: self.shared.token.clone(),
                signals: self.shared.signals.subscribe(),
                online: self.connection_state() == ConnectionState::Online,
            };
            let (shared, both) = chat::open(line);
            chores = Some(both);
            shared
        });
        if let Some(chores) = chores {
            let _ = self.driver.send(Ask::Chores(chores));
        }
        ChatClient::new(self.clone(), shared.clone())
    }

    /// Takes a call that rings at a colleague, as [`AgentEvent::PickupOffered`] told of it. The call tells by its end
    /// when somebody else was faster.
    ///
    /// # Errors
    /// [`Error::Device`] when a device cannot be opened, [`Error::Closed`] when the agent is.
    pub fn pick_up(&self, offer: &PickupOffered) -> Pending<Call> {
        let remote = Participant {
            identifier: offer.from.clone(),
            display_name: offer.display_name.clone(),
            is_muted: false,
            pictures: Pictures::NONE,
        };
        let shared = CallShared::new(Snapshot {
            on_behalf_of: Some(offer.at.clone()),
            ..Snapshot::new(offer.call, CallDirection::Incoming, remote)
        });
        let call = Call {
            shared,
            driver: self.driver.clone(),
        };
        let (reply, pending) = Pending::new();
        let _ = self.driver.send(Ask::PickUp { call, reply });
        pending
    }

    /// Events from now on; for who asks first also those since the agent came online, so that no early call is missed.
    /// What happened before is not told again: ask for the events first, then look at the state.
    pub fn events(&self) -> Events<AgentEvent> {
        self.shared.events.subscribe()
    }

    /// Calls `handler` for every event from now on, on a thread of its own.
    pub fn on_event(&self, handler: impl FnMut(AgentEvent) + Send + 'static) {
        self.shared.events.callback("agent events", handler);
    }

    /// Hands in a new token, before or after the old one ended.
    ///
    /// # Errors
    /// [`Error::Closed`] when the agent is.
    pub fn update_token(&self, token: impl Into<String>) -> Result<(), Error> {
        self.driver
            .send(Ask::Token { token: token.into() })
            .map_err(|_| Error::Closed)
    }

    /// Tells that the network changed or came back: reconnect at once.
    ///
    /// # Errors
    /// [`Error::Closed`] when the agent is.
    pub fn network_changed(&self) -> Result<(), Error> {
        self.driver.send(Ask::NetworkChanged).map_err(|_| Error::Closed)
    }

    /// Hangs up every call and leaves the service. The outcome comes when that is done.
    ///
    /// # Errors
    /// [`Error::Closed`] when it was already.
    pub fn dispose(&self) -> Pending<()> {
        let (reply, pending) = Pending::new();
        let _ = self.driver.send(Ask::Close { reply });
        pending
    }
}
