//! Frames from the service, and what the client answers.

use std::time::{Duration, Instant};

use serde::Deserialize as _;
use serde_json::Value;

use super::client::{ClientSession, Link, Membership, Output, Timer, Unanswered, Waiting};
use crate::agent::{ConnectionState, SocketId};
use crate::end_reason::Reason;
use crate::protocol::{ClientFrame, Event, Millis, Opened, REQUEST_WINDOW, Refreshed, Resumed, ServerFrame};

/// Events between two acknowledgements, and how long one may wait.
const ACKNOWLEDGE_EVERY: u64 = 8;
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(1);

/// How far the ways of two frames may differ in length: the one that told the token's end, and the one that was sent
/// at it.
const TOKEN_SLACK: Duration = Duration::from_secs(2);

impl ClientSession {
    pub(super) fn text(&mut self, text: &str, now: Instant) {
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

    pub(super) fn open_response(&mut self, result: Result<Value, Reason>, now: Instant) {
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
            Err(reason) => self.refuse(self.blame(reason, now), now),
        }
    }

    pub(super) fn resume_response(&mut self, socket: SocketId, result: Result<Value, Reason>, now: Instant) {
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
                // A session ends with its token, so one that is not there any more may be as good as a word about it.
                let gone = reason.is(&Reason::NO_SUCH_SESSION) && self.token_ran_out(now);
                let reason = if gone {
                    Reason::NO_TOKEN
                } else {
                    self.blame(reason, now)
                };
                self.lose_session(reason);
                self.ask_to_open(socket);
            }
        }
    }

    pub(super) fn go_online(&mut self, now: Instant) {
        let Some(socket) = self.socket() else { return };
        self.link = Link::Online(socket);
        self.backoff.reset();
        self.timers.cancel(Timer::Connect);
        self.timers.cancel(Timer::Window);
        self.timers.set(Timer::Ping, now + self.timing.ping_interval);
        self.outputs.push_back(Output::State(ConnectionState::Online));
    }

    /// The service will not have this client; asking again would change nothing.
    pub(super) fn refuse(&mut self, reason: Reason, now: Instant) {
        self.drop_socket(now);
        self.timers.clear();
        self.forget();
        self.link = Link::Refused;
        self.refusal = Some(reason.clone());
        self.outputs
            .push_back(Output::State(ConnectionState::Refused(reason)));
    }

    pub(super) fn bye(&mut self, reason: Reason, now: Instant) {
        self.backoff.skip_immediate();
        if reason.is(&Reason::GOING_AWAY) {
            return self.lose_socket(now);
        }
        let final_word = reason.is(&Reason::INVALID_TOKEN) || reason.is(&Reason::SESSION_REPLACED);
        let reason = self.blame(reason, now);
        if matches!(self.link, Link::Online(_)) {
            self.lose_session(reason.clone());
        }
        if final_word && !self.token_is_newer() {
            self.refuse(reason, now);
        } else {
            self.lose_socket(now);
        }
    }

    pub(super) fn response(&mut self, id: u64, result: Result<Value, Reason>) {
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

    /// A token that is refused before its end is invalid. One that ran out is the application's affair, who supplied
    /// no other in time.
    fn blame(&self, reason: Reason, now: Instant) -> Reason {
        if reason.is(&Reason::INVALID_TOKEN) && self.token_ran_out(now) {
            Reason::NO_TOKEN
        } else {
            reason
        }
    }

    fn token_ran_out(&self, now: Instant) -> bool {
        self.token_ends.is_some_and(|end| now + TOKEN_SLACK >= end)
    }

    pub(super) fn token_is_newer(&self) -> bool {
        self.token != self.token_in_use
    }

    pub(super) fn note_token(&mut self, expires_in: Millis, now: Instant) {
        let life = Duration::from(expires_in);
        self.token_ends = Some(now + life);
        let notice = self.timing.token_notice.min(life / 10);
        self.timers
            .set(Timer::TokenNotice, now + life.saturating_sub(notice));
    }

    pub(super) fn event(&mut self, seq: u64, event: &str, params: Value, now: Instant) {
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
            self.outputs.push_back(Output::Event(Box::new(event)));
        }
        if unseen >= ACKNOWLEDGE_EVERY {
            self.acknowledge();
        } else {
            self.timers
                .set_if_unset(Timer::Acknowledge, now + ACKNOWLEDGE_WITHIN);
        }
    }

    pub(super) fn acknowledge(&mut self) {
        self.timers.cancel(Timer::Acknowledge);
        if let (Link::Online(socket), Some(membership)) = (self.link, &mut self.membership) {
            membership.acknowledged = membership.last_seq;
            self.outputs
                .push_back(Output::Send(socket, ClientFrame::ack(membership.last_seq)));
        }
    }

    /// Sends what waits, as far as the server remembers responses.
    pub(super) fn flush(&mut self, now: Instant) {
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
