//! What goes into a [`Switchboard`](super::Switchboard), what comes out, and what it is told at the start.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use crate::end_reason::Reason;
use crate::identifier::{Identifier, Label};
use serde_json::Value;

use crate::protocol::chat::ThreadId;
use crate::protocol::{
    CallId, Event, IceServer, Limits, NoticeKind, NoticeState, Report, Request, SessionId,
};
use crate::switchboard::Unanswered;

/// One client connection, numbered by the driver. A number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// How the service behaves.
#[derive(Clone, Debug)]
pub struct SwitchboardConfig {
    /// How long a connection may stay without a session.
    pub open_timeout: Duration,
    /// How long a session outlives its socket. Longer survives longer outages; a killed client is noticed later.
    pub resume_window: Duration,
    /// How long a call outlives its media when an end has no socket either. Shorter than the resume window: an end
    /// that has neither is most likely gone.
    pub media_lease: Duration,
    /// How long endpoints ring.
    pub no_answer: Duration,
    /// How long a ringing endpoint may be without a socket. Longer lets a client that just lost its network still
    /// ring; shorter tells the caller sooner that nobody is there.
    pub reach_grace: Duration,
    /// How long both ends may take from the answer until media is up.
    pub setup_timeout: Duration,
    /// How long the client at the other end of a call that is handed over may take to place the new one.
    pub transfer_timeout: Duration,
    /// Bounds on what a client may send and hold.
    pub limits: Limits,
    /// Servers for connectivity, given to every session.
    pub ice_servers: Vec<IceServer>,
}

impl Default for SwitchboardConfig {
    fn default() -> Self {
        Self {
            open_timeout: Duration::from_secs(5),
            resume_window: Duration::from_secs(120),
            media_lease: Duration::from_secs(60),
            no_answer: Duration::from_secs(120),
            reach_grace: Duration::from_secs(10),
            setup_timeout: Duration::from_secs(85),
            transfer_timeout: Duration::from_secs(10),
            limits: Limits::default(),
            ice_servers: Vec::new(),
        }
    }
}

/// Makes servers for connectivity with credentials for one session, good for as long as its token is. Asked again
/// with every new token.
pub type Relays = Box<dyn Fn(SessionId, Duration) -> Vec<IceServer> + Send>;

/// What a verified token grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose token it is.
    pub identity: Identifier,
    /// The name in it, empty for none.
    pub display_name: String,
    /// How long it is still good for.
    pub expires_in: Duration,
    /// Whether calls may be started (scope `voip`). Without it, calls can only be answered (`voip.join`).
    pub may_start_calls: bool,
    /// Whether calls may be answered (scopes `voip` and `voip.join`). Without it, the endpoint is there for chat.
    pub may_take_calls: bool,
    /// The resource through whose application a member acts, by the token. None: the member's own client.
    pub application: Option<Label>,
}

/// What the switchboard is told.
pub enum ServerInput {
    /// A client opened a connection.
    Connected {
        /// Its number.
        connection: ConnectionId,
    },
    /// A client sent a text frame.
    Frame {
        /// Whose.
        connection: ConnectionId,
        /// The frame.
        text: String,
    },
    /// A connection is gone. Also after [`ServerOutput::Close`], or not: both are fine.
    Disconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// The answer to [`ServerOutput::Authenticate`].
    Authenticated {
        /// Which connection's token it was.
        connection: ConnectionId,
        /// What it grants, or the refusal to send (such as [`Reason::INVALID_TOKEN`]).
        result: Result<Grant, Reason>,
    },
    /// An identity's access was taken away: its sessions end, and its calls with them.
    EndIdentity {
        /// Whose.
        identity: Identifier,
        /// Why, as its clients are told (such as [`Reason::INVALID_TOKEN`]).
        reason: Reason,
    },
    /// No token counts any more: every session ends, and its calls with it.
    EndSessions {
        /// Why, as the clients are told.
        reason: Reason,
    },
    /// Another part of the service has something to tell to every endpoint of an identity.
    Tell {
        /// Whose.
        identity: Identifier,
        /// What. Nothing about a call: those are the switchboard's own.
        event: Box<Event>,
    },
    /// Another part of the service has something to tell to these endpoints.
    TellSessions {
        /// Which. Those that are over are passed over.
        sessions: Vec<SessionId>,
        /// What. Nothing about a call between two: those are the switchboard's own.
        event: Box<Event>,
    },
    /// The answer to [`ServerOutput::Ask`]. A second one is ignored.
    Answer {
        /// Who asked.
        session: SessionId,
        /// The request's number.
        id: u64,
        /// What the client is answered.
        result: Result<Value, Reason>,
    },
    /// A call between two is another part's from now on, and goes on with the same id.
    MoveCall {
        /// Which. One that is over or not answered is ignored.
        call: CallId,
    },
    /// Whether this endpoint is in a call that another part of the service carries.
    Occupied {
        /// Which.
        session: SessionId,
        /// In one?
        occupied: bool,
    },
    /// An operator ends a call.
    EndCall {
        /// Which. One that is over already is ignored.
        call: CallId,
        /// Why (such as [`Reason::ENDED_BY_SERVICE`]).
        reason: Reason,
    },
    /// The service stops: every connection is told and closed, new ones are refused. Media of calls goes on.
    Shutdown,
    /// The instant of [`ServerOutput::Timeout`] has come.
    Timeout,
}

/// A request of an endpoint that the switchboard hands on, with what it knows of who sent it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// On which endpoint.
    pub session: SessionId,
    /// Who.
    pub identity: Identifier,
    /// The name that the client asks for. What others are shown is the policy's to say.
    pub display_name: String,
    /// The resource through whose application a member acts, by the token.
    pub application: Option<Label>,
    /// Whether calls may be started, by the token.
    pub may_start_calls: bool,
    /// The request's number within its session.
    pub id: u64,
    /// What is asked. Its lengths are checked.
    pub request: Request,
    /// The call between two that a `meeting.add` would make a call of more.
    pub pair: Option<Pair>,
    /// For each who is asked to come: where a call to them goes now, or why it goes nowhere.
    pub ways: BTreeMap<Identifier, Result<Way, Reason>>,
}

/// Where a call to somebody goes at first, by their rules and by who can ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Those who ring: who was asked, or others in their place.
    pub identities: Vec<Identifier>,
    /// Their endpoints that can ring.
    pub sessions: BTreeSet<SessionId>,
    /// How long it rings there.
    pub give_up_after: Option<Duration>,
}

/// Both ends of an answered call.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Who placed it.
    pub caller: End,
    /// Who answered it.
    pub callee: End,
    /// Whether it is the caller who asks.
    pub asked_by_caller: bool,
    /// When it was placed.
    pub placed: Instant,
    /// The conversation that it came out of.
    pub thread: Option<ThreadId>,
}

/// One end of a call.
#[derive(Clone, Debug)]
pub struct End {
    /// On which endpoint.
    pub session: SessionId,
    /// Who.
    pub identity: Identifier,
    /// The name that the client asks for.
    pub display_name: String,
    /// The resource through whose application a member acts, by the token.
    pub application: Option<Label>,
    /// Whether the session has a socket.
    pub attached: bool,
}

/// What the switchboard wants done.
pub enum ServerOutput {
    /// Send a text frame.
    Send {
        /// To whom.
        connection: ConnectionId,
        /// The frame.
        text: String,
    },
    /// Close the connection after what was sent before.
    Close {
        /// Which.
        connection: ConnectionId,
        /// The WebSocket close code.
        code: CloseCode,
    },
    /// Verify a token and answer with [`ServerInput::Authenticated`].
    Authenticate {
        /// Whose.
        connection: ConnectionId,
        /// The token. Not to be logged.
        token: String,
    },
    /// A request that is another part's business. Answer with [`ServerInput::Answer`], now or later: the session may
    /// lose its socket meanwhile, and gets the answer when it is back.
    Ask(Box<Ask>),
    /// A fact for logs, metrics and call records.
    Record(Box<Record>),
    /// Nothing more to do before this instant, or before the next input.
    Timeout(Option<Instant>),
}

impl fmt::Debug for ServerOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Frames and tokens hold secrets and addresses.
        match self {
            Self::Send { connection, text } => write!(f, "Send({connection:?}, {} bytes)", text.len()),
            Self::Close { connection, code } => write!(f, "Close({connection:?}, {code:?})"),
            Self::Authenticate { connection, .. } => write!(f, "Authenticate({connection:?})"),
            Self::Ask(ask) => write!(f, "Ask({ask:?})"),
            Self::Record(record) => write!(f, "Record({record:?})"),
            Self::Timeout(at) => write!(f, "Timeout({at:?})"),
        }
    }
}

/// Why a WebSocket is closed (RFC 6455 section 7.4; 4000 and up are ours).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The session was closed.
    Normal,
    /// The service stops.
    GoingAway,
    /// The client broke the protocol.
    Protocol,
    /// A frame was too large.
    TooLarge,
    /// No valid token, or no session in time.
    Unauthorised,
    /// The session continues on another connection.
    Replaced,
    /// The client sends too much, or reads too little.
    Overload,
}

impl CloseCode {
    /// The number on the wire.
    pub fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::TooLarge => 1009,
            Self::Protocol => 4400,
            Self::Unauthorised => 4401,
            Self::Replaced => 4409,
            Self::Overload => 4429,
        }
    }
}

/// A fact, each told once, in the order in which things happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A session began.
    SessionOpened {
        /// Which.
        session: SessionId,
        /// Whose.
        identity: Identifier,
        /// The resource through whose application a member acts.
        application: Option<Label>,
        /// Whether calls ring on it: its token and its client say so.
        takes_calls: bool,
    },
    /// By its new token calls ring on a session from now on, or do no longer.
    SessionTakesCalls {
        /// Which.
        session: SessionId,
        /// Whether they do.
        takes_calls: bool,
    },
    /// A session continues on a new connection.
    SessionResumed {
        /// Which.
        session: SessionId,
        /// Events that were sent again.
        replayed: u32,
        /// How long it was without a socket, zero when the old one was still there.
        outage: Duration,
    },
    /// A session lost its socket, and may be resumed.
    SessionDetached {
        /// Which.
        session: SessionId,
    },
    /// A session is over.
    SessionEnded {
        /// Which.
        session: SessionId,
        /// Why.
        reason: Reason,
    },
    /// Two calls of the same two people crossed; the second became an answer to the first.
    CallsMerged {
        /// The call that goes on.
        call: CallId,
        /// The id that is void.
        void: CallId,
    },
    /// A call was placed.
    CallStarted {
        /// Which.
        call: CallId,
        /// Who calls.
        from: Identifier,
        /// On which endpoint.
        session: SessionId,
        /// The caller's name, as the callee is shown it.
        display_name: String,
        /// Whom.
        to: Identifier,
        /// Free text of the caller's application.
        context: Option<String>,
        /// The member as whom `from` calls.
        on_behalf_of: Option<Identifier>,
        /// The call that this one takes the place of, handed over.
        replaces: Option<CallId>,
        /// How many endpoints ring.
        legs: usize,
    },
    /// A call was refused before anyone rang. Nothing else is told of it.
    CallRefused {
        /// Which.
        call: CallId,
        /// Who called.
        from: Identifier,
        /// On which endpoint.
        session: SessionId,
        /// Whom.
        to: Identifier,
        /// Why, as the caller was told.
        reason: Reason,
    },
    /// A call rings elsewhere, since nobody answered where it rang.
    CallForwarded {
        /// Which.
        call: CallId,
        /// Who rings now.
        to: Vec<Identifier>,
        /// Why.
        why: Unanswered,
    },
    /// The first endpoint of the callee rings.
    CallRinging {
        /// Which.
        call: CallId,
        /// Since it was placed.
        after: Duration,
    },
    /// An endpoint answered.
    CallAnswered {
        /// Which.
        call: CallId,
        /// Since it rang, or since it was placed where that is not known.
        after: Duration,
    },
    /// A call is to be handed over.
    TransferRequested {
        /// Which.
        call: CallId,
        /// By whom.
        by: Identifier,
        /// To whom.
        to: Identifier,
    },
    /// Recording or transcription of a call was switched on, interrupted or switched off.
    NoticeChanged {
        /// Which call.
        call: CallId,
        /// Names the recording or transcription.
        id: uuid::Uuid,
        /// What.
        kind: NoticeKind,
        /// Its state now.
        state: NoticeState,
        /// By whom.
        by: Identifier,
        /// On which endpoint.
        session: SessionId,
        /// Whether everyone else must agree before they may speak.
        consent: bool,
    },
    /// A participant agreed to being recorded and transcribed, or no longer does.
    ConsentChanged {
        /// In which call.
        call: CallId,
        /// Who.
        identity: Identifier,
        /// On which endpoint.
        session: SessionId,
        /// Agrees?
        given: bool,
    },
    /// Someone is in the call now.
    ParticipantAdded {
        /// Which call.
        call: CallId,
        /// Who.
        identity: Identifier,
        /// On which endpoint.
        session: SessionId,
    },
    /// Someone is in the call no longer.
    ParticipantRemoved {
        /// Which call.
        call: CallId,
        /// Who.
        identity: Identifier,
        /// On which endpoint.
        session: SessionId,
    },
    /// An endpoint has something to say of a call. It may never have been in it.
    Reported {
        /// Whose endpoint.
        identity: Identifier,
        /// Which endpoint.
        session: SessionId,
        /// As it came.
        report: Report,
    },
    /// A call between two goes on as one of more, which another part tells of.
    CallMoved {
        /// Which.
        call: CallId,
        /// Since it was placed.
        after: Duration,
    },
    /// A call is over.
    CallEnded {
        /// Which.
        call: CallId,
        /// Why, as the caller was told.
        reason: Reason,
        /// Since it was placed.
        duration: Duration,
        /// Since it was answered, where it was.
        talk_time: Option<Duration>,
    },
    /// A frame or request was refused.
    Refused {
        /// Whose.
        connection: ConnectionId,
        /// Why.
        reason: Reason,
    },
}

/// How much the switchboard holds right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Open connections, with or without a session.
    pub connections: usize,
    /// Sessions, with or without a connection.
    pub sessions: usize,
    /// Sessions that have lost their socket.
    pub detached_sessions: usize,
    /// Identities with a session.
    pub identities: usize,
    /// Calls that ring.
    pub ringing_calls: usize,
    /// Calls that were answered.
    pub active_calls: usize,
    /// Events that wait for an acknowledgement.
    pub unacknowledged_events: usize,
}
