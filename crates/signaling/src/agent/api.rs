//! What goes into an [`Agent`](super::Agent), what comes out, and what it is told at the start.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::call::CallState;
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::chat::ThreadId;
use crate::protocol::meeting::{self, Locator};
use crate::protocol::{
    CallId, CandidateLine, EndpointOptions, Event, IceServer, LegId, MediaFailure, MediaState, NoticeKind,
    NoticeState, Notices, PickupOffered, Pictures, Report, Request, SessionDescription, TransferTarget,
    Watch,
};

/// One attempt at a socket, numbered by the agent. Inputs about an older one are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// How a client behaves.
#[derive(Clone)]
pub struct AgentConfig {
    /// Proof of identity.
    pub token: String,
    /// Name shown to others; the token's name where absent.
    pub display_name: Option<String>,
    /// The endpoint's choices.
    pub options: EndpointOptions,
    /// Privacy: exchange descriptions while ringing, but no addresses before the answer. Costs the time that ICE and
    /// DTLS take, after the answer.
    pub hide_addresses: bool,
    /// Legs of an outgoing call that get a connection while ringing. Each costs a socket and a handshake.
    pub warm_legs: usize,
    /// Streams that a meeting can send here at the same time.
    pub slots: usize,
    /// Seeds the jitter of reconnect delays, so that not all clients come back at once.
    pub seed: u64,
    /// Waiting times.
    pub timing: AgentTiming,
}

impl AgentConfig {
    /// Everything but the token at its default.
    pub fn new(token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            display_name: None,
            options: EndpointOptions::default(),
            hide_addresses: false,
            warm_legs: 4,
            slots: 3,
            seed: 0,
            timing: AgentTiming::default(),
        }
    }
}

impl fmt::Debug for AgentConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentConfig")
            .field("display_name", &self.display_name)
            .field("options", &self.options)
            .field("hide_addresses", &self.hide_addresses)
            .finish_non_exhaustive()
    }
}

/// Waiting times of a client.
#[derive(Clone, Debug)]
pub struct AgentTiming {
    /// How long a socket may take to open.
    pub connect_timeout: Duration,
    /// How long a response may take before the socket counts as dead. Shorter notices a lost network sooner, and
    /// reconnects without need on a slow one.
    pub response_timeout: Duration,
    /// A quiet socket is pinged this often.
    pub ping_interval: Duration,
    /// First delay between attempts; doubles with each, up to the longest. The very first attempt after a loss is
    /// immediate.
    pub backoff_first: Duration,
    /// Longest delay between attempts.
    pub backoff_longest: Duration,
    /// How long media may take to come up after the answer.
    pub media_setup: Duration,
    /// How long media may be `Disconnected` before an ICE restart.
    pub restart_after: Duration,
    /// Between two ICE restarts.
    pub restart_interval: Duration,
    /// How long before a token's end the application is asked for a new one, and at most a tenth of its life.
    pub token_notice: Duration,
}

impl Default for AgentTiming {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(8),
            ping_interval: Duration::from_secs(10),
            backoff_first: Duration::from_millis(250),
            backoff_longest: Duration::from_secs(8),
            media_setup: Duration::from_secs(30),
            restart_after: Duration::from_secs(3),
            restart_interval: Duration::from_secs(10),
            token_notice: Duration::from_secs(600),
        }
    }
}

/// What the agent is told.
pub enum AgentInput {
    /// Something happened to a socket.
    Socket {
        /// Which.
        socket: SocketId,
        /// What.
        event: SocketEvent,
    },
    /// The application wants something.
    Command(Command),
    /// Something happened to a leg's media connection.
    Media {
        /// The call.
        call: CallId,
        /// The leg.
        leg: LegId,
        /// What.
        event: MediaEvent,
    },
    /// The instant of [`AgentOutput::Timeout`] has come.
    Timeout,
}

/// What happens to a socket.
pub enum SocketEvent {
    /// It is open, with the subprotocol agreed.
    Opened,
    /// It is closed, or could not be opened.
    Closed,
    /// A text frame came.
    Text(String),
}

/// What the application wants. A command about a call that is over does nothing.
#[derive(Clone)]
pub enum Command {
    /// Place a call.
    StartCall {
        /// A new random id.
        call: CallId,
        /// Whom to call.
        to: Identifier,
        /// Details.
        options: StartOptions,
    },
    /// Join a meeting or group call. Told of as a call: by its states, and by its end where it cannot be joined.
    Join {
        /// A new random id, or the call's where the locator names one.
        call: CallId,
        /// Where.
        locator: Locator,
        /// Shown to the others instead of the agent's display name.
        display_name: Option<String>,
        /// The microphone is off.
        muted: bool,
    },
    /// Ask something of a meeting or group call, or of a call that is to become one.
    Ask {
        /// A number of the application's, for [`AgentEvent::Answered`].
        ask: u64,
        /// The call.
        call: CallId,
        /// `call.watch`, or one of the `meeting.` requests but for joining, restarting and leaving.
        request: Box<Request>,
    },
    /// Answer an incoming call.
    Accept {
        /// Which.
        call: CallId,
    },
    /// Refuse an incoming call.
    Decline {
        /// Which.
        call: CallId,
    },
    /// End a call in any state: cancels an unanswered outgoing one, declines an incoming one. Works offline.
    HangUp {
        /// Which.
        call: CallId,
    },
    /// Tell the peer that the microphone is off or on again. Muting itself is the media engine's business.
    Mute {
        /// Which.
        call: CallId,
        /// Off?
        muted: bool,
    },
    /// Tell the peer, or the others, which pictures are sent from now on. Sending them is the media engine's business, and
    /// whether they pass the service's.
    Show {
        /// Which.
        call: CallId,
        /// All that are sent.
        pictures: Pictures,
    },
    /// Put a call on hold.
    Hold {
        /// Which.
        call: CallId,
    },
    /// Take a call back from hold.
    Resume {
        /// Which.
        call: CallId,
    },
    /// Take a call that rings at somebody else, as [`AgentEvent::PickupOffered`] told of it. It is told by
    /// [`AgentEvent::CallPickedUp`], or by its end.
    PickUp {
        /// Which.
        call: CallId,
    },
    /// Hand a call over. Told of by [`AgentEvent::TransferChanged`].
    Transfer {
        /// Which.
        call: CallId,
        /// To whom.
        to: TransferTarget,
        /// Ring the target and nobody else.
        target_only: bool,
    },
    /// Tell everyone in a call that it is recorded or transcribed here, or no longer is. Nothing may be kept before
    /// [`AgentEvent::NoticeAnswered`].
    SetNotice {
        /// Which.
        call: CallId,
        /// What.
        kind: NoticeKind,
        /// Its state from now on.
        state: NoticeState,
        /// Everyone else must agree before they may speak.
        consent: bool,
    },
    /// Agree to being recorded and transcribed in a call, or no longer.
    Consent {
        /// Which.
        call: CallId,
        /// Agree?
        given: bool,
    },
    /// Tell the service what there is to say of a call, for its records. An empty report is not sent.
    Report(Report),
    /// A new token, before or after the old one ended.
    RefreshToken {
        /// The token.
        token: String,
    },
    /// The network changed or came back: reconnect now instead of when the back-off ends.
    NetworkChanged,
    /// Hang up everything and end the session. The agent is of no use after that.
    Close,
}

/// Details of an outgoing call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartOptions {
    /// Shown to the callee instead of the agent's display name.
    pub display_name: Option<String>,
    /// Free text, given to the callee's application as it is.
    pub context: Option<String>,
    /// How long to ring; the service's value where absent, and at most that.
    pub ring_for: Option<Duration>,
    /// The member as whom to call, who let this identity do so.
    pub on_behalf_of: Option<Identifier>,
    /// The chat thread that the call comes out of: both ends take part in it.
    pub thread: Option<ThreadId>,
}

/// What happens to a leg's media connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// A description to carry to the peer.
    LocalDescription {
        /// Its text.
        sdp: String,
    },
    /// A candidate to carry to the peer; `None` after the last of a generation.
    LocalCandidate(Option<CandidateLine>),
    /// The connection's state changed.
    State(MediaState),
    /// The connection cannot go on; a description could not be used, or sockets not be opened.
    Error(MediaFailure),
}

/// What the agent wants done.
#[allow(clippy::large_enum_variant, reason = "passed on one at a time")]
pub enum AgentOutput {
    /// Open a socket to the service.
    Connect {
        /// Its number.
        socket: SocketId,
    },
    /// Send a text frame.
    Send {
        /// On which.
        socket: SocketId,
        /// The frame.
        text: String,
    },
    /// Close a socket after what was sent before. [`SocketEvent::Closed`] may follow, or not.
    CloseSocket {
        /// Which.
        socket: SocketId,
    },
    /// Do something with a leg's media connection.
    Media {
        /// The call. A leg's media may be made before its call is told to the application.
        call: CallId,
        /// The leg.
        leg: LegId,
        /// What.
        action: MediaAction,
    },
    /// Tell the application.
    Event(AgentEvent),
    /// Nothing more to do before this instant, or before the next input.
    Timeout(Option<Instant>),
}

impl fmt::Debug for AgentOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { socket } => write!(f, "Connect({socket:?})"),
            Self::Send { socket, text } => write!(f, "Send({socket:?}, {} bytes)", text.len()),
            Self::CloseSocket { socket } => write!(f, "CloseSocket({socket:?})"),
            Self::Media { call, leg, action } => write!(f, "Media({call:?}, {leg:?}, {action:?})"),
            Self::Event(event) => write!(f, "Event({event:?})"),
            Self::Timeout(at) => write!(f, "Timeout({at:?})"),
        }
    }
}

/// Which end of a leg makes the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The callee's endpoint.
    Offerer,
    /// The caller.
    Answerer,
}

/// What to do with a leg's media connection.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaAction {
    /// Make it. An offerer makes its offer at once. Audio is closed: nothing is sent. An answerer may already play
    /// what comes, so that the first word after the answer is not lost while the news of it travels.
    Create {
        /// Who offers.
        role: Role,
        /// Keep local candidates back until [`MediaAction::ReleaseCandidates`].
        hold_candidates: bool,
        /// Servers for connectivity.
        ice_servers: Vec<IceServer>,
        /// Streams that can come at the same time; zero for a call of two, where one section goes both ways.
        slots: usize,
    },
    /// Apply the peer's description; an offer is answered by [`MediaEvent::LocalDescription`].
    RemoteDescription(SessionDescription),
    /// Add a candidate of the peer's; `None` ends them.
    RemoteCandidate(Option<CandidateLine>),
    /// Let go of local candidates that were held back.
    ReleaseCandidates,
    /// Send and play from now on.
    OpenAudio,
    /// Neither send nor play from now on: the call is on hold. [`MediaAction::OpenAudio`] ends it.
    PauseAudio,
    /// Offerer: make an offer with new ICE credentials.
    Restart,
    /// End it. Events of it are ignored from now on.
    Close,
}

impl fmt::Debug for MediaAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create {
                role,
                hold_candidates,
                ..
            } => {
                write!(f, "Create({role:?}, hold_candidates: {hold_candidates})")
            }
            Self::RemoteDescription(description) => write!(f, "RemoteDescription({:?})", description.kind),
            Self::RemoteCandidate(line) => write!(f, "RemoteCandidate(end: {})", line.is_none()),
            Self::ReleaseCandidates => f.write_str("ReleaseCandidates"),
            Self::OpenAudio => f.write_str("OpenAudio"),
            Self::PauseAudio => f.write_str("PauseAudio"),
            Self::Restart => f.write_str("Restart"),
            Self::Close => f.write_str("Close"),
        }
    }
}

/// How the connection to the service stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Trying, for the first time or again after the session was lost.
    Connecting,
    /// A session is open.
    Online,
    /// The socket is lost; the session may still be resumed. Calls and their media go on.
    Reconnecting,
    /// The service refused. Nothing is tried again before [`Command::RefreshToken`] or
    /// [`Command::NetworkChanged`].
    Refused(Reason),
    /// [`Command::Close`] was carried out.
    Closed,
}

/// How handing a call over stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TransferState {
    /// Nothing of the kind.
    #[default]
    None,
    /// Under way.
    Transferring,
    /// The target has the call.
    Transferred,
    /// The target has not, and the call stays.
    Failed(Reason),
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    /// The connection to the service changed.
    Connection(ConnectionState),
    /// A new session is open: this endpoint can be called, as this identity.
    Registered {
        /// Who this endpoint is, by its token.
        identity: Identifier,
    },
    /// The session is over; calls that it had have ended (each has told so before). A new one is tried.
    SessionLost {
        /// Why.
        reason: Reason,
    },
    /// The token ends soon: hand in a new one by [`Command::RefreshToken`].
    TokenExpiring {
        /// How soon.
        remaining: Duration,
    },
    /// The new token was taken.
    TokenRefreshed,
    /// The new token was refused. The old one is good until it ends.
    TokenRefused {
        /// Why.
        reason: Reason,
    },
    /// Voice messages were left, heard or deleted, or some waited when the session opened.
    MailboxChanged {
        /// How many were not heard yet.
        unheard: u32,
        /// How many were heard and kept.
        heard: u32,
    },
    /// Someone asks this identity to come to a meeting or group call. [`Command::Accept`] joins it.
    MeetingIncoming(meeting::Incoming),
    /// A meeting or group call is joined, in it or before its door. Its id is `joined.call` from now on, also where it was
    /// a call of two.
    MeetingJoined {
        /// The id it had here.
        call: CallId,
        /// What the service says. Its answer was taken care of.
        joined: Box<meeting::Joined>,
    },
    /// Something happened in a meeting or group call: one of the `meeting.` events, as it came.
    Meeting {
        /// Which.
        call: CallId,
        /// What.
        event: Box<Event>,
    },
    /// The service answered [`Command::Ask`]. There is no answer when the session is lost.
    Answered {
        /// Its number.
        ask: u64,
        /// The answer.
        result: Result<Value, Reason>,
    },
    /// Something happened in a chat: one of the `chat.` events, as it came.
    Chat(Box<Event>),
    /// Someone calls.
    IncomingCall {
        /// Its id.
        call: CallId,
        /// Who.
        from: Identifier,
        /// Their name, may be empty.
        display_name: String,
        /// Free text of their application.
        context: Option<String>,
        /// Whose call it is, where it rings here by their wish.
        on_behalf_of: Option<Identifier>,
        /// Who placed it as `from`, where that is somebody else.
        placed_by: Option<Identifier>,
        /// Who handed it over to here.
        transferred_by: Option<Identifier>,
        /// The chat thread that it comes out of.
        thread: Option<ThreadId>,
    },
    /// A call rings at somebody else, and may be taken by [`Command::PickUp`].
    PickupOffered(PickupOffered),
    /// It can be taken no longer.
    PickupWithdrawn {
        /// Which.
        call: CallId,
    },
    /// A call that rang at somebody else is this endpoint's. Its states follow.
    CallPickedUp {
        /// Which.
        call: CallId,
        /// Who calls.
        from: Identifier,
        /// Their name, may be empty.
        display_name: String,
        /// Free text of their application.
        context: Option<String>,
        /// Whose call it was.
        on_behalf_of: Option<Identifier>,
    },
    /// Handing a call over began, or came to its end.
    TransferChanged {
        /// Which call.
        call: CallId,
        /// How it stands.
        state: TransferState,
    },
    /// The other end hands this call over: it goes on as `into`, which is placed already, once that is answered.
    TransferRequested {
        /// The call, on hold until then.
        call: CallId,
        /// The outgoing call in its place. It is told of as any other from now on.
        into: CallId,
        /// Whom that is for.
        to: Identifier,
    },
    /// A call goes on as another one: it was handed over. Its own end follows.
    CallReplaced {
        /// The call that is about to end.
        call: CallId,
        /// The call that goes on. Where this endpoint did not place it, it is told of here first.
        by: CallId,
        /// Who is at its other end.
        peer: Identifier,
        /// Their name, may be empty.
        display_name: String,
    },
    /// The service answered [`Command::SetNotice`].
    NoticeAnswered {
        /// Which call.
        call: CallId,
        /// What it was about.
        kind: NoticeKind,
        /// The state that was asked for.
        state: NoticeState,
        /// Whether it is so, and may be done.
        result: Result<(), Reason>,
    },
    /// What is recorded or transcribed of a call changed, or who has agreed to it. All of it as it is now.
    NoticesChanged(Notices),
    /// The person called was calling here at the same time. The outgoing call is void and has no end of its own;
    /// the other one was accepted in its place (and is told of here only, if it did not ring yet).
    CallMerged {
        /// The outgoing call.
        call: CallId,
        /// The call that goes on.
        into: CallId,
    },
    /// A call's state changed.
    CallStateChanged {
        /// Which call.
        call: CallId,
        /// Its state.
        state: CallState,
        /// Whether media, or the peer's session, is being recovered.
        reconnecting: bool,
    },
    /// The callee answered on this leg.
    CallAccepted {
        /// Which call.
        call: CallId,
        /// Who answered.
        by: Identifier,
        /// Their name, may be empty.
        display_name: String,
    },
    /// The peer's microphone is off or on again.
    RemoteMuted {
        /// Which call.
        call: CallId,
        /// Off?
        muted: bool,
    },
    /// The peer sends these pictures from now on, and no others.
    RemoteShows {
        /// Which call.
        call: CallId,
        /// All of them.
        pictures: Pictures,
    },
    /// So large the peer shows what is sent to it from now on.
    RemoteWatches(Watch),
    /// A call is over. The last event about it; exactly one for each call.
    CallEnded {
        /// Which call.
        call: CallId,
        /// Why.
        reason: Reason,
    },
}
