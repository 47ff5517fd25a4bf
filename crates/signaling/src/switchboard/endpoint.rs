//! Sessions: opened, resumed, refreshed, detached, ended; and where their requests go.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_chacha::rand_core::Rng as _;
use serde::Serialize;
use serde_json::{Map, Value};

use super::connection::{Opening, State};
use super::{CloseCode, ConnectionId, Grant, Record, ServerOutput, Switchboard, Timer};
use crate::end_reason::Reason;
use crate::protocol::{Opened, Refresh, Refreshed, Request, Resume, Resumed, ServerFrame, SessionId};
use crate::session::response_log::Seen;
use crate::session::server::{Attachment, NewSession, PendingRefresh, ServerSession};

impl Switchboard {
    pub(super) fn open(
        &mut self,
        connection: ConnectionId,
        opening: Opening,
        grant: Grant,
        now: Instant,
    ) -> Result<(), Reason> {
        if !grant.identity.can_register() || grant.expires_in.is_zero() {
            return Err(Reason::INVALID_TOKEN);
        }
        if self.sessions.len() >= self.config.limits.sessions {
            return Err(Reason::SERVICE_FULL);
        }
        let of_identity = self
            .endpoints
            .get(&grant.identity)
            .map_or(0, |sessions| sessions.len());
        if of_identity >= self.config.limits.sessions_per_identity {
            return Err(Reason::TOO_MANY_SESSIONS);
        }
        let session = self.draw_session_id();
        let resume_token = self.draw_secret();
        let opened = Opened {
            session,
            resume_token: resume_token.clone(),
            identity: grant.identity.clone(),
            resume_window_ms: self.config.resume_window.into(),
            media_lease_ms: self.config.media_lease.into(),
            token_expires_in_ms: grant.expires_in.into(),
            ice_servers: self.ice_servers(session, grant.expires_in),
        };
        self.endpoints
            .entry(grant.identity.clone())
            .or_default()
            .insert(session);
        self.sessions.insert(
            session,
            ServerSession::new(NewSession {
                identity: grant.identity.clone(),
                display_name: opening.display_name.unwrap_or(grant.display_name),
                options: opening.options,
                may_start_calls: grant.may_start_calls,
                application: grant.application.clone(),
                may_take_calls: grant.may_take_calls,
                resume_token,
                token_ends: now + grant.expires_in,
                connection,
                event_capacity: self.config.limits.unacknowledged_events,
            }),
        );
        self.timers.set(Timer::Token(session), now + grant.expires_in);
        self.attach(connection, session);
        self.send(connection, ServerFrame::response(opening.request, &opened));
        let takes_calls = self
            .sessions
            .get(&session)
            .is_some_and(ServerSession::takes_calls);
        self.record(Record::SessionOpened {
            session,
            identity: grant.identity.clone(),
            application: grant.application,
            takes_calls,
        });
        self.ring_late_comer(session, &grant.identity, now);
        self.offer_pickup_to(session, &grant.identity);
        Ok(())
    }

    pub(super) fn resume(
        &mut self,
        connection: ConnectionId,
        request: u64,
        resume: &Resume,
        now: Instant,
    ) -> Result<(), Reason> {
        let session = resume.session;
        let known = self
            .sessions
            .get(&session)
            .filter(|known| known.resume_token_is(&resume.resume_token));
        let known = known.ok_or(Reason::NO_SUCH_SESSION)?;
        let Some(missed) = known.missed(resume.last_seq) else {
            // Whoever has the token has lost count: this session can never be made whole.
            self.end_session(session, &Reason::EVENTS_GONE, now);
            return Err(Reason::EVENTS_GONE);
        };
        let token_left = known.token_ends.saturating_duration_since(now);
        let outage = match known.attachment {
            Attachment::Detached(since) => now.saturating_duration_since(since),
            Attachment::Attached(older) => {
                self.close(older, &Reason::SESSION_REPLACED, CloseCode::Replaced);
                Duration::ZERO
            }
        };
        if let Some(known) = self.sessions.get_mut(&session) {
            known.acknowledge(resume.last_seq);
            known.attachment = Attachment::Attached(connection);
        }
        self.timers.cancel(Timer::Resume(session));
        self.attach(connection, session);
        let replayed = u32::try_from(missed.len()).unwrap_or(u32::MAX);
        let resumed = Resumed {
            replayed,
            token_expires_in_ms: token_left.into(),
        };
        self.send(connection, ServerFrame::response(request, &resumed));
        for text in missed {
            self.send(connection, text);
        }
        self.record(Record::SessionResumed {
            session,
            replayed,
            outage,
        });
        self.present_in_calls(session, now);
        Ok(())
    }

    fn attach(&mut self, connection: ConnectionId, session: SessionId) {
        self.timers.cancel(Timer::Open(connection));
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.state = State::Attached(session);
        }
    }

    /// The session lost its socket.
    pub(super) fn detach(&mut self, session: SessionId, now: Instant) {
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        known.attachment = Attachment::Detached(now);
        self.timers
            .set(Timer::Resume(session), now + self.config.resume_window);
        self.record(Record::SessionDetached { session });
        self.absent_from_calls(session, now);
    }

    pub(super) fn end_session(&mut self, session: SessionId, reason: &Reason, now: Instant) {
        let code = match reason {
            r if r.is(&Reason::SESSION_CLOSED) => CloseCode::Normal,
            r if r.is(&Reason::INVALID_TOKEN) => CloseCode::Unauthorised,
            r if r.is(&Reason::TOO_SLOW) => CloseCode::Overload,
            _ => CloseCode::Protocol,
        };
        self.end_session_with(session, reason, code, now);
    }

    pub(super) fn end_session_with(
        &mut self,
        session: SessionId,
        reason: &Reason,
        code: CloseCode,
        now: Instant,
    ) {
        let Some(known) = self.sessions.remove(&session) else {
            return;
        };
        self.timers.cancel(Timer::Resume(session));
        self.timers.cancel(Timer::Token(session));
        if let Some(of_identity) = self.endpoints.get_mut(&known.identity) {
            of_identity.remove(&session);
            if of_identity.is_empty() {
                self.endpoints.remove(&known.identity);
            }
        }
        if let Some(connection) = known.connection() {
            self.close(connection, reason, code);
        }
        for call in known.calls {
            self.leave_call(call, session, reason, now);
        }
        self.record(Record::SessionEnded {
            session,
            reason: reason.clone(),
        });
    }

    pub(super) fn end_sessions(
        &mut self,
        sessions: impl IntoIterator<Item = SessionId>,
        reason: &Reason,
        now: Instant,
    ) {
        for session in sessions {
            self.end_session(session, reason, now);
        }
    }

    /// Whether the request was sent before; then it gets the answer it got before, and nothing is done twice.
    pub(super) fn is_repeated(&mut self, connection: ConnectionId, session: SessionId, id: u64) -> bool {
        let Some(known) = self.sessions.get(&session) else {
            return true;
        };
        let frame = match known.look_up(id) {
            Seen::New => return false,
            Seen::Answered(frame) => frame.to_owned(),
            // Its answer will come, wherever the client is by then.
            Seen::Stale if known.is_asked(id) => return true,
            // A refresh that was under way when the socket was lost: verify again for this connection.
            Seen::Stale
                if known
                    .refresh
                    .is_some_and(|r| r.request == id && r.connection != connection) =>
            {
                return false;
            }
            Seen::Stale => {
                self.refused(connection, &Reason::STALE_REQUEST);
                ServerFrame::error(id, &Reason::STALE_REQUEST)
            }
        };
        self.send(connection, frame);
        true
    }

    /// A new request on a connection that carries a session.
    pub(super) fn session_request(
        &mut self,
        connection: ConnectionId,
        session: SessionId,
        id: u64,
        request: Result<Request, Reason>,
        now: Instant,
    ) {
        let done = |()| Value::Object(Map::new());
        let checked = request.and_then(|request| self.config.limits.check(&request).map(|()| request));
        let result = match checked {
            Err(reason) => Err(reason),
            Ok(Request::Open(_) | Request::Resume(_)) => Err(Reason::ALREADY_OPEN),
            Ok(Request::Refresh(refresh)) => {
                return self.refresh(connection, session, id, refresh);
            }
            Ok(Request::Ping(_)) => Ok(done(())),
            Ok(Request::Close(_)) => {
                self.respond(connection, session, id, Ok(&done(())));
                return self.end_session(session, &Reason::SESSION_CLOSED, now);
            }
            Ok(Request::Start(start)) => self.start(session, start, now).map(value),
            Ok(Request::Ring(ring)) => self.ring(session, ring, now).map(done),
            Ok(Request::Accept(accept)) => self.accept(session, accept, now).map(done),
            Ok(Request::Decline(decline)) => self.decline(session, decline, now).map(done),
            Ok(Request::HangUp(hang_up)) => self.hang_up(session, hang_up, now).map(done),
            Ok(Request::Description(description)) => self.description(session, description).map(done),
            Ok(Request::Candidates(candidates)) => self.candidates(session, candidates).map(done),
            Ok(Request::Restart(restart)) => self.restart(session, restart).map(done),
            Ok(Request::Media(report)) => self.media(session, report, now).map(done),
            Ok(Request::Mute(mute)) => self.mute(session, mute).map(done),
            Ok(Request::Show(show)) => self.show(session, show).map(done),
            Ok(Request::Watch(watch)) => self.watch(session, watch).map(done),
            Ok(Request::Hold(hold)) => self.hold(session, hold).map(done),
            Ok(Request::Report(report)) => self.report(session, report).map(done),
            Ok(Request::PickUp(pick_up)) => self.pick_up(session, pick_up, now).map(value),
            Ok(Request::Transfer(transfer)) => self.transfer(session, transfer, now).map(done),
            // Of a call that is not the switchboard's it is another part's to say.
            Ok(Request::Notice(notice)) if self.calls.contains_key(&notice.call) => {
                self.set_notice(session, notice).map(value)
            }
            Ok(Request::Consent(consent)) if self.calls.contains_key(&consent.call) => {
                self.consent(session, consent).map(done)
            }
            Ok(other) => match self.ask(session, id, other, now) {
                Ok(()) => return,
                Err(reason) => Err(reason),
            },
        };
        if let Err(reason) = &result {
            self.refused(connection, reason);
        }
        self.respond(connection, session, id, result.as_ref());
    }

    fn respond<T: Serialize>(
        &mut self,
        connection: ConnectionId,
        session: SessionId,
        id: u64,
        result: Result<&T, &Reason>,
    ) {
        if let Some(known) = self.sessions.get_mut(&session) {
            let frame = known.respond(id, result);
            self.send(connection, frame);
        }
    }

    fn refresh(&mut self, connection: ConnectionId, session: SessionId, request: u64, refresh: Refresh) {
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        if known
            .refresh
            .is_some_and(|pending| pending.connection == connection)
        {
            // One at a time: verdicts come by connection.
            return self.respond::<Value>(connection, session, request, Err(&Reason::TOO_MANY_REQUESTS));
        }
        known.begin(request);
        known.refresh = Some(PendingRefresh { request, connection });
        self.outputs.push_back(ServerOutput::Authenticate {
            connection,
            token: refresh.token,
        });
    }

    pub(super) fn refreshed(
        &mut self,
        connection: ConnectionId,
        session: SessionId,
        result: Result<Grant, Reason>,
        now: Instant,
    ) {
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        let Some(pending) = known.refresh.filter(|pending| pending.connection == connection) else {
            return;
        };
        known.refresh = None;
        let checked = match result {
            Ok(grant) if grant.identity != known.identity => Err(Reason::IDENTITY_CHANGED),
            Ok(grant) if grant.expires_in.is_zero() => Err(Reason::INVALID_TOKEN),
            other => other,
        };
        match checked {
            Ok(grant) => {
                known.token_ends = now + grant.expires_in;
                let before = known.takes_calls();
                known.may_start_calls = grant.may_start_calls;
                known.may_take_calls = grant.may_take_calls;
                let takes_calls = known.takes_calls();
                self.timers.set(Timer::Token(session), now + grant.expires_in);
                if takes_calls != before {
                    self.record(Record::SessionTakesCalls { session, takes_calls });
                }
                let refreshed = Refreshed {
                    token_expires_in_ms: grant.expires_in.into(),
                    ice_servers: self.ice_servers(session, grant.expires_in),
                };
                self.respond(connection, session, pending.request, Ok(&refreshed));
            }
            Err(reason) => {
                self.refused(connection, &reason);
                self.respond::<Value>(connection, session, pending.request, Err(&reason));
            }
        }
    }

    fn draw_session_id(&mut self) -> SessionId {
        SessionId(self.draw_uuid())
    }

    pub(super) fn draw_uuid(&mut self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn draw_secret(&mut self) -> String {
        let mut bytes = [0; 24];
        self.rng.fill_bytes(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// An answer, as it is sent.
fn value<T: Serialize>(answer: T) -> Value {
    serde_json::to_value(answer).unwrap_or_default()
}
