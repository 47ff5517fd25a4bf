//! Requests that are another part's business, and calls between two that become that part's: the switchboard hands
//! them over and goes on knowing only the sessions.

use std::time::Instant;

use serde_json::Value;

use super::call::Side;
use super::{Ask, End, Pair, Record, ServerOutput, Switchboard, Timer};
use crate::end_reason::Reason;
use crate::protocol::{CallId, Request, SessionId};

impl Switchboard {
    /// Hands on a request that is not the switchboard's own.
    pub(super) fn ask(&mut self, session: SessionId, id: u64, request: Request) -> Result<(), Reason> {
        let pair = match &request {
            Request::MeetingAdd(add) => self.pair(add.call, session)?,
            _ => None,
        };
        let Some(known) = self.sessions.get_mut(&session) else {
            return Ok(());
        };
        if matches!(request, Request::MeetingJoin(_)) && !known.may_take_calls {
            return Err(Reason::scope_missing("voip.join"));
        }
        if !known.ask(id) {
            return Err(Reason::TOO_MANY_REQUESTS);
        }
        self.outputs.push_back(ServerOutput::Ask(Box::new(Ask {
            session,
            identity: known.identity.clone(),
            display_name: known.display_name.clone(),
            application: known.application.clone(),
            may_start_calls: known.may_start_calls,
            id,
            request,
            pair,
        })));
        Ok(())
    }

    /// The answer to such a request. Where the session has no socket, it is kept until the client asks again.
    pub(super) fn answer_asked(&mut self, session: SessionId, id: u64, result: &Result<Value, Reason>) {
        let Some(known) = self.sessions.get_mut(&session).filter(|known| known.is_asked(id)) else {
            return;
        };
        known.answered(id);
        let frame = known.respond(id, result.as_ref());
        if let Some(connection) = known.connection() {
            if let Err(reason) = result {
                self.refused(connection, reason);
            }
            self.send(connection, frame);
        }
    }

    /// Both ends of an answered call that this endpoint is in. None: there is no such call here.
    fn pair(&self, id: CallId, session: SessionId) -> Result<Option<Pair>, Reason> {
        let Some(call) = self.calls.get(&id) else {
            return Ok(None);
        };
        let (side, _) = call.side_of(session).ok_or(Reason::WRONG_STATE)?;
        let end = |side| -> Option<End> {
            let (identity, session) = call.end(side)?;
            let known = self.sessions.get(&session)?;
            Some(End {
                session,
                identity: identity.clone(),
                display_name: known.display_name.clone(),
                application: known.application.clone(),
                attached: known.is_attached(),
            })
        };
        let ends = end(Side::Caller).zip(end(Side::Callee));
        let (caller, callee) = ends.ok_or(Reason::WRONG_STATE)?;
        Ok(Some(Pair {
            caller,
            callee,
            asked_by_caller: side == Side::Caller,
            placed: call.placed,
            thread: call.thread,
        }))
    }

    /// The call is another part's from now on. It goes on: nobody is told that it ended.
    pub(super) fn move_call(&mut self, id: CallId, now: Instant) {
        if !self.calls.get(&id).is_some_and(super::Call::is_answered) {
            return;
        }
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        for timer in [Timer::Setup(id), Timer::Lease(id), Timer::Transfer(id)] {
            self.timers.cancel(timer);
        }
        for endpoint in call.callee_endpoints().into_iter().chain([call.caller]) {
            if let Some(session) = self.sessions.get_mut(&endpoint) {
                session.calls.remove(&id);
            }
        }
        self.record(Record::CallMoved {
            call: id,
            after: now.saturating_duration_since(call.placed),
        });
    }
}
