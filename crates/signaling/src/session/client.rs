//! The client's end of a session: a socket that is opened again and again, one session across them, and requests
//! that are carried out once whatever happens to the sockets. It refuses to know calls.
//!
//! Inputs: from the driver *socket opened, closed, text*; from the agent *request*, *refresh*, *reconnect*,
//! *close*; from the clock *retry*, *connect too long*, *no response*, *quiet*, *acknowledge*, *window over*,
//! *token ends soon*.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Deserialize as _;
use serde_json::Value;

use super::backoff::Backoff;
use crate::agent::{AgentConfig, AgentTiming, ConnectionState, SocketEvent, SocketId};
use crate::end_reason::Reason;
use crate::protocol::{
    CallId, ClientFrame, Close, EndpointOptions, Event, Millis, Open, Opened, Ping, REQUEST_WINDOW, Refresh,
    Refreshed, Request, Resume, Resumed, ServerFrame,
};
use crate::timers::Timers;

/// Events between two acknowledgements, and how long one may wait.
const ACKNOWLEDGE_EVERY: u64 = 8;
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(1);

/// What a response is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Nothing to do with it.
    Notice,
    /// A token refresh.
    Refresh,
    /// A call was placed.
    Start(CallId),
    /// A call was answered.
    Accept(CallId),
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
    Event(Event),
    Response(Purpose, Result<Value, Reason>),
    TokenExpiring(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
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
enum Link {
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
struct Membership {
    opened: Box<Opened>,
    last_seq: u64,
    acknowledged: u64,
}

struct Unanswered {
    id: u64,
    purpose: Purpose,
    frame: String,
}

struct Waiting {
    call: Option<CallId>,
    purpose: Purpose,
    request: Request,
}

pub(crate) struct ClientSession {
    token: String,
    /// The token that the service was last asked to open with, or took as a refresh.
    token_in_use: String,
    display_name: Option<String>,
    options: EndpointOptions,
    timing: AgentTiming,
    backoff: Backoff,
    link: Link,
    sockets: u64,
    membership: Option<Membership>,
    requests: u64,
    unanswered: VecDeque<Unanswered>,
    waiting: VecDeque<Waiting>,
    token_ends: Option<Instant>,
    timers: Timers<Timer>,
    outputs: VecDeque<Output>,
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

    /// Takes back requests about a call that were not sent yet. Tells whether its start was among them.
    pub(crate) fn take_back(&mut self, call: CallId) -> bool {
        let started = self
            .waiting
            .iter()
            .any(|waiting| waiting.purpose == Purpose::Start(call));
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
            self.request(Request::Close(Close {}), None, Purpose::Notice, now);
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
                Timer::Ping => self.request(Request::Ping(Ping {}), None, Purpose::Notice, now),
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

    fn socket(&self) -> Option<SocketId> {
        match self.link {
            Link::Connecting(socket)
            | Link::Opening(socket)
            | Link::Resuming(socket)
            | Link::Online(socket) => Some(socket),
            Link::Waiting | Link::Refused | Link::Closed => None,
        }
    }

    fn retry_now(&mut self, now: Instant) {
        self.backoff.reset();
        let state = if self.membership.is_some() {
            ConnectionState::Reconnecting
        } else {
            ConnectionState::Connecting
        };
        if self.link == Link::Refused {
            self.outputs.push_back(Output::State(state));
        }
        self.retry(now);
    }

    fn retry(&mut self, now: Instant) {
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        // The first attempt counts, so that a failure backs off.
        self.backoff.skip_immediate();
        self.link = Link::Connecting(socket);
        self.timers.cancel(Timer::Retry);
        self.timers.set(Timer::Connect, now + self.timing.connect_timeout);
        self.outputs.push_back(Output::Connect(socket));
    }

    fn schedule(&mut self, now: Instant) {
        let delay = self.backoff.next();
        self.link = Link::Waiting;
        self.timers.set(Timer::Retry, now + delay);
        if delay.is_zero() {
            self.retry(now);
        }
    }

    /// The socket is of no use: close it and try another.
    fn lose_socket(&mut self, now: Instant) {
        self.drop_socket(now);
        self.schedule(now);
    }

    fn drop_socket(&mut self, now: Instant) {
        if let Some(socket) = self.socket() {
            self.outputs.push_back(Output::CloseSocket(socket));
        }
        self.detach(now);
    }

    /// There is no socket any more; the session may live on.
    fn detach(&mut self, now: Instant) {
        let was_online = self.is_online();
        self.link = Link::Waiting;
        for timer in [Timer::Connect, Timer::Response, Timer::Ping, Timer::Acknowledge] {
            self.timers.cancel(timer);
        }
        if let Some(membership) = &self.membership {
            let window = Duration::from(membership.opened.resume_window_ms);
            self.timers.set_if_unset(Timer::Window, now + window);
            if was_online {
                self.outputs
                    .push_back(Output::State(ConnectionState::Reconnecting));
            }
        }
    }

    fn forget(&mut self) {
        self.membership = None;
        self.requests = 0;
        self.unanswered.clear();
        self.waiting.clear();
        self.token_ends = None;
        for timer in [
            Timer::Window,
            Timer::TokenNotice,
            Timer::Acknowledge,
            Timer::Response,
            Timer::Ping,
        ] {
            self.timers.cancel(timer);
        }
    }

    fn lose_session(&mut self, reason: Reason) {
        if self.membership.is_some() {
            self.forget();
            self.outputs.push_back(Output::Lost(reason));
            self.outputs.push_back(Output::State(ConnectionState::Connecting));
        }
    }

    fn socket_opened(&mut self, now: Instant) {
        let Link::Connecting(socket) = self.link else {
            return;
        };
        self.timers.set(Timer::Connect, now + self.timing.connect_timeout);
        if let Some(membership) = &self.membership {
            let resume = Resume {
                session: membership.opened.session,
                resume_token: membership.opened.resume_token.clone(),
                last_seq: membership.last_seq,
            };
            self.link = Link::Resuming(socket);
            self.outputs.push_back(Output::Send(
                socket,
                ClientFrame::request(0, &Request::Resume(resume)),
            ));
        } else {
            self.ask_to_open(socket);
        }
    }

    fn ask_to_open(&mut self, socket: SocketId) {
        let open = Open {
            token: self.token.clone(),
            display_name: self.display_name.clone(),
            options: self.options,
        };
        self.token_in_use.clone_from(&self.token);
        self.link = Link::Opening(socket);
        self.outputs.push_back(Output::Send(
            socket,
            ClientFrame::request(0, &Request::Open(open)),
        ));
    }

    fn text(&mut self, text: &str, now: Instant) {
        let Ok(frame) = ServerFrame::parse(text) else {
            return self.lose_socket(now);
        };
        match (self.link, frame) {
            (_, ServerFrame::Bye { reason }) => self.bye(reason, now),
            (Link::Opening(_), ServerFrame::Response { id: 0, result, error }) => {
                self.open_response(outcome(result, error), now);
            }
            (Link::Resuming(socket), ServerFrame::Response { id: 0, result, error }) => {
                self.resume_response(socket, outcome(result, error), now);
            }
            (Link::Online(_), frame) => {
                self.timers.set(Timer::Ping, now + self.timing.ping_interval);
                match frame {
                    ServerFrame::Response { id, result, error } => self.response(id, outcome(result, error)),
                    ServerFrame::Event { seq, event, params } => self.event(seq, &event, params, now),
                    ServerFrame::Bye { .. } => {}
                }
                // Any frame shows that the socket lives; what is still unanswered gets its time from here.
                if self.is_online() && !self.unanswered.is_empty() {
                    self.timers
                        .set(Timer::Response, now + self.timing.response_timeout);
                } else {
                    self.timers.cancel(Timer::Response);
                }
                self.flush(now);
            }
            _ => {}
        }
    }

    fn open_response(&mut self, result: Result<Value, Reason>, now: Instant) {
        match result.map(serde_json::from_value::<Opened>) {
            Ok(Ok(opened)) => {
                let opened = Box::new(opened);
                self.note_token(opened.token_expires_in_ms, now);
                self.membership = Some(Membership {
                    opened: opened.clone(),
                    last_seq: 0,
                    acknowledged: 0,
                });
                self.go_online(now);
                self.outputs.push_back(Output::Opened(opened));
                self.flush(now);
                if self.token_is_newer() {
                    let token = self.token.clone();
                    self.refresh(token, now);
                }
            }
            Ok(Err(_)) => self.lose_socket(now),
            Err(_) if self.token_is_newer() => {
                self.drop_socket(now);
                self.retry(now);
            }
            Err(reason) if may_pass(&reason) => self.lose_socket(now),
            Err(reason) => self.refuse(reason, now),
        }
    }

    fn resume_response(&mut self, socket: SocketId, result: Result<Value, Reason>, now: Instant) {
        match result.map(serde_json::from_value::<Resumed>) {
            Ok(Ok(resumed)) => {
                self.note_token(resumed.token_expires_in_ms, now);
                self.go_online(now);
                for unanswered in &self.unanswered {
                    self.outputs
                        .push_back(Output::Send(socket, unanswered.frame.clone()));
                }
                if !self.unanswered.is_empty() {
                    self.timers
                        .set(Timer::Response, now + self.timing.response_timeout);
                }
                self.flush(now);
            }
            Ok(Err(_)) => self.lose_socket(now),
            Err(reason) if may_pass(&reason) => self.lose_socket(now),
            Err(reason) => {
                self.lose_session(reason);
                self.ask_to_open(socket);
            }
        }
    }

    fn go_online(&mut self, now: Instant) {
        let Some(socket) = self.socket() else { return };
        self.link = Link::Online(socket);
        self.backoff.reset();
        self.timers.cancel(Timer::Connect);
        self.timers.cancel(Timer::Window);
        self.timers.set(Timer::Ping, now + self.timing.ping_interval);
        self.outputs.push_back(Output::State(ConnectionState::Online));
    }

    /// The service will not have this client; asking again would change nothing.
    fn refuse(&mut self, reason: Reason, now: Instant) {
        self.drop_socket(now);
        self.timers.clear();
        self.forget();
        self.link = Link::Refused;
        self.outputs
            .push_back(Output::State(ConnectionState::Refused(reason)));
    }

    fn bye(&mut self, reason: Reason, now: Instant) {
        self.backoff.skip_immediate();
        if reason.is(&Reason::GOING_AWAY) {
            return self.lose_socket(now);
        }
        let final_word = reason.is(&Reason::INVALID_TOKEN) || reason.is(&Reason::SESSION_REPLACED);
        if matches!(self.link, Link::Online(_)) {
            self.lose_session(reason.clone());
        }
        if final_word && !self.token_is_newer() {
            self.refuse(reason, now);
        } else {
            self.lose_socket(now);
        }
    }

    fn response(&mut self, id: u64, result: Result<Value, Reason>) {
        let Some(at) = self.unanswered.iter().position(|unanswered| unanswered.id == id) else {
            return;
        };
        let Some(answered) = self.unanswered.remove(at) else {
            return;
        };
        self.outputs.push_back(Output::Response(answered.purpose, result));
    }

    /// Takes the answer to a refresh.
    pub(crate) fn refreshed(&mut self, result: &Result<Value, Reason>, now: Instant) {
        match result {
            Ok(result) => {
                self.token_in_use.clone_from(&self.token);
                if let Ok(refreshed) = Refreshed::deserialize(result) {
                    self.note_token(refreshed.token_expires_in_ms, now);
                }
            }
            Err(_) => self.token.clone_from(&self.token_in_use),
        }
    }

    fn token_is_newer(&self) -> bool {
        self.token != self.token_in_use
    }

    fn note_token(&mut self, expires_in: Millis, now: Instant) {
        let life = Duration::from(expires_in);
        self.token_ends = Some(now + life);
        let notice = self.timing.token_notice.min(life / 10);
        self.timers
            .set(Timer::TokenNotice, now + life.saturating_sub(notice));
    }

    fn event(&mut self, seq: u64, event: &str, params: Value, now: Instant) {
        let Some(membership) = &mut self.membership else {
            return;
        };
        if seq <= membership.last_seq {
            return;
        }
        if seq != membership.last_seq + 1 {
            // Some are missing: a fresh socket makes the server send them again.
            return self.lose_socket(now);
        }
        membership.last_seq = seq;
        let unseen = seq - membership.acknowledged;
        // An event that this version does not know, or cannot read, is skipped and acknowledged all the same.
        if let Ok(event) = Event::parse(event, params) {
            self.outputs.push_back(Output::Event(event));
        }
        if unseen >= ACKNOWLEDGE_EVERY {
            self.acknowledge();
        } else {
            self.timers
                .set_if_unset(Timer::Acknowledge, now + ACKNOWLEDGE_WITHIN);
        }
    }

    fn acknowledge(&mut self) {
        self.timers.cancel(Timer::Acknowledge);
        if let (Link::Online(socket), Some(membership)) = (self.link, &mut self.membership) {
            membership.acknowledged = membership.last_seq;
            self.outputs
                .push_back(Output::Send(socket, ClientFrame::ack(membership.last_seq)));
        }
    }

    /// Sends what waits, as far as the server remembers responses.
    fn flush(&mut self, now: Instant) {
        let Link::Online(socket) = self.link else { return };
        while let Some(Waiting { purpose, request, .. }) = self.waiting.front() {
            let id = self.requests + 1;
            if self
                .unanswered
                .front()
                .is_some_and(|oldest| id >= oldest.id + REQUEST_WINDOW)
            {
                return;
            }
            let frame = ClientFrame::request(id, request);
            self.requests = id;
            self.unanswered.push_back(Unanswered {
                id,
                purpose: *purpose,
                frame: frame.clone(),
            });
            self.waiting.pop_front();
            self.timers
                .set_if_unset(Timer::Response, now + self.timing.response_timeout);
            self.outputs.push_back(Output::Send(socket, frame));
        }
    }
}

/// Whether asking again later may help.
fn may_pass(reason: &Reason) -> bool {
    reason.code == 429 || reason.code >= 500
}

fn outcome(result: Option<Value>, error: Option<Reason>) -> Result<Value, Reason> {
    match error {
        Some(reason) => Err(reason),
        None => Ok(result.unwrap_or_default()),
    }
}
