//! The server's end of a session: who it is, where it is connected, and what it has not seen yet.

use std::collections::BTreeSet;
use std::time::Instant;

use serde::Serialize;

use super::event_log::{EventLog, Full};
use super::response_log::{ResponseLog, Seen};
use crate::end_reason::Reason;
use crate::identifier::{Identifier, Label};
use crate::protocol::{CallId, EndpointOptions, REQUEST_WINDOW, ServerFrame};
use crate::secret;
use crate::switchboard::ConnectionId;

/// Where a session's client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attachment {
    /// On this connection.
    Attached(ConnectionId),
    /// Nowhere, since then. It may come back until its window ends.
    Detached(Instant),
}

/// A token refresh that is being verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingRefresh {
    pub(crate) request: u64,
    pub(crate) connection: ConnectionId,
}

/// One endpoint of one identity.
#[derive(Debug)]
pub(crate) struct ServerSession {
    pub(crate) identity: Identifier,
    /// The name that the client asks for. The policy says what others are shown.
    pub(crate) display_name: String,
    pub(crate) options: EndpointOptions,
    pub(crate) may_start_calls: bool,
    /// Its token lets it answer calls.
    pub(crate) may_take_calls: bool,
    pub(crate) resume_token: String,
    pub(crate) token_ends: Instant,
    pub(crate) attachment: Attachment,
    pub(crate) refresh: Option<PendingRefresh>,
    /// Requests that other parts of the service have yet to answer.
    asked: BTreeSet<u64>,
    /// The resource through whose application a member acts.
    pub(crate) application: Option<Label>,
    /// Every call this endpoint rings for, places or talks in.
    pub(crate) calls: BTreeSet<CallId>,
    /// It is in a call that another part of the service carries.
    pub(crate) occupied: bool,
    events: EventLog,
    responses: ResponseLog,
}

/// What a new session starts from.
pub(crate) struct NewSession {
    pub(crate) identity: Identifier,
    pub(crate) display_name: String,
    pub(crate) options: EndpointOptions,
    pub(crate) may_start_calls: bool,
    pub(crate) application: Option<Label>,
    pub(crate) may_take_calls: bool,
    pub(crate) resume_token: String,
    pub(crate) token_ends: Instant,
    pub(crate) connection: ConnectionId,
    pub(crate) event_capacity: usize,
}

impl ServerSession {
    pub(crate) fn new(new: NewSession) -> Self {
        Self {
            identity: new.identity,
            display_name: new.display_name,
            options: new.options,
            may_start_calls: new.may_start_calls,
            may_take_calls: new.may_take_calls,
            resume_token: new.resume_token,
            token_ends: new.token_ends,
            attachment: Attachment::Attached(new.connection),
            refresh: None,
            asked: BTreeSet::new(),
            application: new.application,
            calls: BTreeSet::new(),
            occupied: false,
            events: EventLog::new(new.event_capacity),
            responses: ResponseLog::default(),
        }
    }

    /// Whether calls ring here at all.
    pub(crate) fn takes_calls(&self) -> bool {
        self.may_take_calls && !self.options.no_calls
    }

    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        match self.attachment {
            Attachment::Attached(connection) => Some(connection),
            Attachment::Detached(_) => None,
        }
    }

    pub(crate) fn is_attached(&self) -> bool {
        self.connection().is_some()
    }

    /// Keeps an event, by its body, until it is acknowledged; gives the frame and where to send it now, if anywhere.
    pub(crate) fn push(&mut self, body: &str) -> Result<Option<(ConnectionId, String)>, Full> {
        let connection = self.connection();
        let frame = self.events.push(body)?;
        Ok(connection.map(|connection| (connection, frame.to_owned())))
    }

    pub(crate) fn acknowledge(&mut self, seq: u64) {
        self.events.acknowledge(seq);
    }

    /// Events after `seq`, in order.
    pub(crate) fn missed(&self, seq: u64) -> Option<Vec<String>> {
        self.events
            .after(seq)
            .map(|frames| frames.map(str::to_owned).collect())
    }

    pub(crate) fn unacknowledged(&self) -> usize {
        self.events.len()
    }

    pub(crate) fn look_up(&self, request: u64) -> Seen<'_> {
        self.responses.look_up(request)
    }

    pub(crate) fn begin(&mut self, request: u64) {
        self.responses.begin(request);
    }

    /// Marks a request as one that another part of the service answers. False: too many wait already.
    pub(crate) fn ask(&mut self, request: u64) -> bool {
        if self.asked.len() as u64 >= REQUEST_WINDOW {
            return false;
        }
        self.begin(request);
        self.asked.insert(request)
    }

    /// Whether another part of the service has yet to answer this request.
    pub(crate) fn is_asked(&self, request: u64) -> bool {
        self.asked.contains(&request)
    }

    /// Takes such a request off. False: it was answered before, or never sent.
    pub(crate) fn answered(&mut self, request: u64) -> bool {
        self.asked.remove(&request)
    }

    /// Keeps the response to a request and gives its frame.
    pub(crate) fn respond<T: Serialize>(&mut self, request: u64, result: Result<&T, &Reason>) -> String {
        let frame = match result {
            Ok(result) => ServerFrame::response(request, result),
            Err(reason) => ServerFrame::error(request, reason),
        };
        self.responses.record(request, frame.clone());
        frame
    }

    pub(crate) fn resume_token_is(&self, candidate: &str) -> bool {
        secret::is_same(&self.resume_token, candidate)
    }
}
