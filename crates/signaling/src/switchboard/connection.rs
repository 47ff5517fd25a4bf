//! Connections: frames in, and what a client may do before it has a session.

use std::time::Instant;

use super::{CloseCode, ConnectionId, Grant, Record, ServerOutput, Switchboard, Timer};
use crate::end_reason::Reason;
use crate::protocol::{ClientFrame, EndpointOptions, FrameError, Request, ServerFrame, SessionId};
use crate::session::rate::{RateLimit, Verdict};

/// One client connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) state: State,
    rate: RateLimit,
}

/// What a connection is doing.
#[derive(Debug)]
pub(super) enum State {
    /// No session was asked for.
    Fresh,
    /// A token is being verified.
    Opening(Opening),
    /// Carries this session.
    Attached(SessionId),
}

/// A `session.open` whose token is being verified.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) request: u64,
    pub(super) display_name: Option<String>,
    pub(super) options: EndpointOptions,
}

impl Switchboard {
    pub(super) fn connected(&mut self, connection: ConnectionId, now: Instant) {
        if self.connections.contains_key(&connection) {
            return;
        }
        if self.stopping {
            self.send(connection, ServerFrame::bye(&Reason::GOING_AWAY));
            self.outputs.push_back(ServerOutput::Close {
                connection,
                code: CloseCode::GoingAway,
            });
            return;
        }
        let rate = RateLimit::new(self.config.limits.requests_per_second, now);
        self.connections.insert(
            connection,
            Connection {
                state: State::Fresh,
                rate,
            },
        );
        self.timers
            .set(Timer::Open(connection), now + self.config.open_timeout);
    }

    pub(super) fn disconnected(&mut self, connection: ConnectionId, now: Instant) {
        self.timers.cancel(Timer::Open(connection));
        if let Some(Connection {
            state: State::Attached(session),
            ..
        }) = self.connections.remove(&connection)
        {
            self.detach(session, now);
        }
    }

    pub(super) fn open_timed_out(&mut self, connection: ConnectionId) {
        self.refused(connection, &Reason::OPEN_TIMEOUT);
        self.close(connection, &Reason::OPEN_TIMEOUT, CloseCode::Unauthorised);
    }

    /// Says why, closes, and forgets the connection. A session on it must be dealt with before.
    pub(super) fn close(&mut self, connection: ConnectionId, reason: &Reason, code: CloseCode) {
        self.timers.cancel(Timer::Open(connection));
        if self.connections.remove(&connection).is_some() {
            self.send(connection, ServerFrame::bye(reason));
            self.outputs.push_back(ServerOutput::Close { connection, code });
        }
    }

    pub(super) fn refused(&mut self, connection: ConnectionId, reason: &Reason) {
        self.record(Record::Refused {
            connection,
            reason: reason.clone(),
        });
    }

    /// A client that breaks the protocol loses its session, and nothing else happens.
    fn expel(&mut self, connection: ConnectionId, reason: &Reason, code: CloseCode, now: Instant) {
        self.refused(connection, reason);
        if let Some(Connection {
            state: State::Attached(session),
            ..
        }) = self.connections.get(&connection)
        {
            let session = *session;
            self.end_session_with(session, reason, code, now);
        } else {
            self.close(connection, reason, code);
        }
    }

    pub(super) fn frame(&mut self, connection: ConnectionId, text: &str, now: Instant) {
        let Some(known) = self.connections.get_mut(&connection) else {
            return;
        };
        if text.len() > self.config.limits.frame {
            return self.expel(connection, &Reason::FRAME_TOO_LARGE, CloseCode::TooLarge, now);
        }
        let verdict = known.rate.take(now);
        if verdict == Verdict::Expel {
            return self.expel(connection, &Reason::TOO_MANY_REQUESTS, CloseCode::Overload, now);
        }
        match ClientFrame::parse(text) {
            Ok(ClientFrame::Request { id, method, params }) => {
                if let State::Attached(session) = known.state {
                    if self.is_repeated(connection, session, id) {
                        return;
                    }
                    let request = parse(&method, params, verdict);
                    self.session_request(connection, session, id, request, now);
                } else {
                    self.first_request(connection, id, parse(&method, params, verdict), now);
                }
            }
            Ok(ClientFrame::Ack { seq }) => {
                if let State::Attached(session) = known.state
                    && let Some(session) = self.sessions.get_mut(&session)
                {
                    session.acknowledge(seq);
                }
            }
            Err(_) => self.expel(connection, &Reason::BAD_FRAME, CloseCode::Protocol, now),
        }
    }

    /// A request on a connection that has no session yet.
    fn first_request(
        &mut self,
        connection: ConnectionId,
        id: u64,
        request: Result<Request, Reason>,
        now: Instant,
    ) {
        let checked = request.and_then(|request| self.config.limits.check(&request).map(|()| request));
        let opening = matches!(
            self.connections.get(&connection),
            Some(Connection {
                state: State::Opening(_),
                ..
            })
        );
        let refusal = match checked {
            Ok(Request::Open(_) | Request::Resume(_)) if opening => Reason::ALREADY_OPEN,
            Ok(Request::Open(open)) => {
                if let Some(known) = self.connections.get_mut(&connection) {
                    let (display_name, options) = (open.display_name, open.options);
                    known.state = State::Opening(Opening {
                        request: id,
                        display_name,
                        options,
                    });
                    self.outputs.push_back(ServerOutput::Authenticate {
                        connection,
                        token: open.token,
                    });
                }
                return;
            }
            Ok(Request::Resume(resume)) => match self.resume(connection, id, &resume, now) {
                Ok(()) => return,
                // The client may open a new session on this connection.
                Err(reason) => {
                    self.refused(connection, &reason);
                    return self.send(connection, ServerFrame::error(id, &reason));
                }
            },
            Ok(Request::Ping(_)) => {
                return self.send(connection, ServerFrame::response(id, &serde_json::Map::new()));
            }
            Ok(_) => Reason::NOT_AUTHENTICATED,
            Err(reason) => reason,
        };
        self.refused(connection, &refusal);
        self.send(connection, ServerFrame::error(id, &refusal));
        self.close(connection, &refusal, CloseCode::Unauthorised);
    }

    pub(super) fn authenticated(
        &mut self,
        connection: ConnectionId,
        result: Result<Grant, Reason>,
        now: Instant,
    ) {
        let Some(known) = self.connections.get_mut(&connection) else {
            return;
        };
        match std::mem::replace(&mut known.state, State::Fresh) {
            State::Fresh => {}
            State::Attached(session) => {
                known.state = State::Attached(session);
                self.refreshed(connection, session, result, now);
            }
            State::Opening(opening) => {
                let request = opening.request;
                if let Err(reason) = result.and_then(|grant| self.open(connection, opening, grant, now)) {
                    self.refused(connection, &reason);
                    self.send(connection, ServerFrame::error(request, &reason));
                    self.close(connection, &reason, CloseCode::Unauthorised);
                }
            }
        }
    }

    pub(super) fn shut_down(&mut self, now: Instant) {
        self.stopping = true;
        let connections: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for connection in connections {
            let attached = match self.connections.get(&connection) {
                Some(Connection {
                    state: State::Attached(session),
                    ..
                }) => Some(*session),
                _ => None,
            };
            self.close(connection, &Reason::GOING_AWAY, CloseCode::GoingAway);
            if let Some(session) = attached {
                self.detach(session, now);
            }
        }
    }
}

/// Reads a request, unless requests come too fast.
fn parse(method: &str, params: serde_json::Value, verdict: Verdict) -> Result<Request, Reason> {
    if verdict != Verdict::Pass {
        return Err(Reason::TOO_MANY_REQUESTS);
    }
    Request::parse(method, params).map_err(|error| match error {
        FrameError::Unknown => Reason::UNKNOWN_REQUEST,
        FrameError::Parameters(_) => Reason::BAD_PARAMETERS,
        FrameError::Malformed(_) => Reason::BAD_FRAME,
    })
}
