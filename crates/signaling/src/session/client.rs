//! The client's end of a session: a socket that is opened again and again, one session across them, and requests
//! that are carried out once whatever happens to the sockets. It refuses to know calls.
//!
//! Inputs: from the driver *socket opened, closed, text*; from the agent *request*, *refresh*, *reconnect*,
//! *close*; from the clock *retry*, *connect too long*, *no response*, *quiet*, *acknowledge*, *window over*,
//! *token ends soon*.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::backoff::Backoff;
use crate::agent::{AgentConfig, AgentTiming, ConnectionState, SocketEvent, SocketId};
use crate::end_reason::Reason;
use crate::protocol::{
    CallId, Close, EndpointOptions, Event, NoticeKind, NoticeState, Opened, Ping, Refresh, Request,
};
use crate::timers::Timers;

/// What a response is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Nothing to do with it.
    Ignore,
    /// A token refresh.
    Refresh,
    /// A call was placed.
    Start(CallId),
    /// A call was answered.
    Accept(CallId),
    /// A call that rings at somebody else is taken.
    PickUp(CallId),
    /// A meeting was asked to be let in to.
    Join(CallId),
    /// A meeting's media begins anew.
    Restart(CallId),
    /// The application asked, and numbered it.
    Ask(u64),
    /// A call is handed over.
    Transfer(CallId),
    /// A call is recorded or transcribed.
    Notice(CallId, NoticeKind, NoticeState),
}

/// What comes out for the agent.
pub(crate) enum Output {
    Connect(SocketId),
    Send(SocketId, String),
    CloseSocket(SocketId),
    State(ConnectionState),
    Opened(Box<Opened>),
    /// The session is over, with everything that was asked in it.
    Lost(Reason),
    Event(Box<Event>),
    Response(Purpose, Result<Value, Reason>),
    TokenExpiring(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Retry,
    /// The socket, and the first response on it.
    Connect,
    Response,
    Ping,
    Acknowledge,
    Window,
    TokenNotice,
}

/// The socket under the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// None; the next attempt is timed.
    Waiting,
    /// Asked for.
    Connecting(SocketId),
    /// Open, a new session is asked for.
    Opening(SocketId),
    /// Open, the session is asked back.
    Resuming(SocketId),
    /// Open, with the session.
    Online(SocketId),
    /// None, and none wanted: the service refused.
    Refused,
    /// None, and none wanted: the application is done.
    Closed,
}

/// The session itself, which outlives sockets.
pub(super) struct Membership {
    pub(super) opened: Box<Opened>,
    pub(super) last_seq: u64,
    pub(super) acknowledged: u64,
}

pub(super) struct Unanswered {
    pub(super) id: u64,
    pub(super) purpose: Purpose,
    pub(super) frame: String,
}

pub(super) struct Waiting {
    pub(super) call: Option<CallId>,
    pub(super) purpose: Purpose,
    pub(super) request: Request,
}

pub(crate) struct ClientSession {
    pub(super) token: String,
    /// The token that the service was last asked to open with, or took as a refresh.
    pub(super) token_in_use: String,
    pub(super) display_name: Option<String>,
    pub(super) options: EndpointOptions,
    pub(super) timing: AgentTiming,
    pub(super) backoff: Backoff,
    pub(super) link: Link,
    pub(super) sockets: u64,
    pub(super) membership: Option<Membership>,
    pub(super) requests: u64,
    pub(super) unanswered: VecDeque<Unanswered>,
    pub(super) waiting: VecDeque<Waiting>,
    /// When the token in use ends, by the service. Outlives the session: it belongs to the token.
    pub(super) token_ends: Option<Instant>,
    /// Why the service refused, while it does.
    pub(super) refusal: Option<Reason>,
    pub(super) timers: Timers<Timer>,
    pub(super) outputs: VecDeque<Output>,
}

impl ClientSession {
    pub(crate) fn new(config: &AgentConfig, now: Instant) -> Self {
        let timing = config.timing.clone();
        let mut session = Self {
            token: config.token.clone(),
            token_in_use: String::new(),
            display_name: config.display_name.clone(),
            options: config.options,
            backoff: Backoff::new(timing.backoff_first, timing.backoff_longest, config.seed),
            timing,
            link: Link::Waiting,
            sockets: 0,
            membership: None,
            requests: 0,
            unanswered: VecDeque::new(),
            waiting: VecDeque::new(),
            token_ends: None,
            refusal: None,
            timers: Timers::new(),
            outputs: VecDeque::new(),
        };
        session
            .outputs
            .push_back(Output::State(ConnectionState::Connecting));
        session.retry(now);
        session
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub(crate) fn is_online(&self) -> bool {
        matches!(self.link, Link::Online(_))
    }

    /// Why nothing can be asked of the service: it refused, and waits for another token.
    pub(crate) fn refusal(&self) -> Option<&Reason> {
        self.refusal.as_ref()
    }

    /// Sends a request, as soon as there is a session. `call` names what it is about.
    pub(crate) fn request(&mut self, request: Request, call: Option<CallId>, purpose: Purpose, now: Instant) {
        if self.link != Link::Closed {
            self.waiting.push_back(Waiting {
                call,
                purpose,
                request,
            });
            self.flush(now);
        }
    }

    /// Takes back requests about a call whose start or join was not sent yet. Tells whether it was among them.
    pub(crate) fn take_back(&mut self, call: CallId) -> bool {
        let started = self
            .waiting
            .iter()
            .any(|waiting| [Purpose::Start(call), Purpose::Join(call)].contains(&waiting.purpose));
        if started {
            self.waiting.retain(|waiting| waiting.call != Some(call));
        }
        started
    }

    pub(crate) fn refresh(&mut self, token: String, now: Instant) {
        self.token.clone_from(&token);
        match self.link {
            Link::Refused => self.retry_now(now),
            Link::Closed => {}
            _ if self.membership.is_some() => {
                self.waiting.retain(|waiting| waiting.purpose != Purpose::Refresh);
                self.request(Request::Refresh(Refresh { token }), None, Purpose::Refresh, now);
            }
            _ => {}
        }
    }

    /// The network changed: whatever the socket is doing, a new one knows sooner.
    pub(crate) fn reconnect(&mut self, now: Instant) {
        match self.link {
            Link::Closed => {}
            Link::Online(_) | Link::Opening(_) | Link::Resuming(_) | Link::Connecting(_) => {
                self.drop_socket(now);
                self.retry_now(now);
            }
            Link::Waiting | Link::Refused => self.retry_now(now),
        }
    }

    pub(crate) fn close(&mut self, now: Instant) {
        if self.link == Link::Closed {
            return;
        }
        if let Link::Online(_) = self.link {
            self.request(Request::Close(Close {}), None, Purpose::Ignore, now);
        }
        if let Some(socket) = self.socket() {
            self.outputs.push_back(Output::CloseSocket(socket));
        }
        self.link = Link::Closed;
        self.timers.clear();
        self.forget();
        self.outputs.push_back(Output::State(ConnectionState::Closed));
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                Timer::Retry => self.retry(now),
                Timer::Connect | Timer::Response => self.lose_socket(now),
                Timer::Ping => self.request(Request::Ping(Ping {}), None, Purpose::Ignore, now),
                Timer::Acknowledge => self.acknowledge(),
                Timer::Window => {
                    self.lose_session(Reason::NETWORK_LOST);
                    if let Link::Resuming(_) = self.link {
                        self.lose_socket(now);
                    }
                }
                Timer::TokenNotice => {
                    let left = self
                        .token_ends
                        .map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
                    self.outputs.push_back(Output::TokenExpiring(left));
                }
            }
        }
    }

    pub(crate) fn handle_socket(&mut self, socket: SocketId, event: SocketEvent, now: Instant) {
        if self.socket() != Some(socket) {
            return;
        }
        match event {
            SocketEvent::Opened => self.socket_opened(now),
            SocketEvent::Closed => {
                self.detach(now);
                self.schedule(now);
            }
            SocketEvent::Text(text) => self.text(&text, now),
        }
    }
}
