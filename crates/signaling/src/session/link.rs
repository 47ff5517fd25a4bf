//! The client's socket: opened, lost, opened again after a while, and given up when the service refuses.

use std::time::{Duration, Instant};

use super::client::{ClientSession, Link, Output, Timer};
use crate::agent::{ConnectionState, SocketId};
use crate::end_reason::Reason;
use crate::protocol::{ClientFrame, Open, Request, Resume};

impl ClientSession {
    pub(super) fn socket(&self) -> Option<SocketId> {
        match self.link {
            Link::Connecting(socket)
            | Link::Opening(socket)
            | Link::Resuming(socket)
            | Link::Online(socket) => Some(socket),
            Link::Waiting | Link::Refused | Link::Closed => None,
        }
    }

    pub(super) fn retry_now(&mut self, now: Instant) {
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

    pub(super) fn retry(&mut self, now: Instant) {
        self.sockets += 1;
        self.refusal = None;
        let socket = SocketId(self.sockets);
        // The first attempt counts, so that a failure backs off.
        self.backoff.skip_immediate();
        self.link = Link::Connecting(socket);
        self.timers.cancel(Timer::Retry);
        self.timers.set(Timer::Connect, now + self.timing.connect_timeout);
        self.outputs.push_back(Output::Connect(socket));
    }

    pub(super) fn schedule(&mut self, now: Instant) {
        let delay = self.backoff.next();
        self.link = Link::Waiting;
        self.timers.set(Timer::Retry, now + delay);
        if delay.is_zero() {
            self.retry(now);
        }
    }

    /// The socket is of no use: close it and try another.
    pub(super) fn lose_socket(&mut self, now: Instant) {
        self.drop_socket(now);
        self.schedule(now);
    }

    pub(super) fn drop_socket(&mut self, now: Instant) {
        if let Some(socket) = self.socket() {
            self.outputs.push_back(Output::CloseSocket(socket));
        }
        self.detach(now);
    }

    /// There is no socket any more; the session may live on.
    pub(super) fn detach(&mut self, now: Instant) {
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

    pub(super) fn forget(&mut self) {
        self.membership = None;
        self.requests = 0;
        self.unanswered.clear();
        self.waiting.clear();
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

    pub(super) fn lose_session(&mut self, reason: Reason) {
        if self.membership.is_some() {
            self.forget();
            self.outputs.push_back(Output::Lost(reason));
            self.outputs.push_back(Output::State(ConnectionState::Connecting));
        }
    }

    pub(super) fn socket_opened(&mut self, now: Instant) {
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

    pub(super) fn ask_to_open(&mut self, socket: SocketId) {
        let open = Open {
            token: self.token.clone(),
            display_name: self.display_name.clone(),
            options: self.options,
        };
        if self.token_is_newer() {
            self.token_ends = None;
            self.token_in_use.clone_from(&self.token);
        }
        self.link = Link::Opening(socket);
        self.outputs.push_back(Output::Send(
            socket,
            ClientFrame::request(0, &Request::Open(open)),
        ));
    }
}
