//! Requests that are another part's business, and calls between two that become that part's: the switchboard hands
//! them over and goes on knowing only the sessions.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::call::{Call, Phase, Ringing, Side};
use super::{
    Ask, Availability, CallRequest, End, Pair, Purpose, Record, ServerOutput, Switchboard, Timer, Way,
};
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::meeting::Locator;
use crate::protocol::{CallId, Request, SessionId};

impl Switchboard {
    /// Hands on a request that is not the switchboard's own.
    pub(super) fn ask(
        &mut self,
        session: SessionId,
        id: u64,
        request: Request,
        now: Instant,
    ) -> Result<(), Reason> {
        let pair = match &request {
            Request::MeetingAdd(add) => self.pair(add.call, session)?,
            _ => None,
        };
        let mut ways: BTreeMap<_, _> = invited(&request)
            .map(|(call, to)| (to.clone(), self.way_of(session, call, to, now)))
            .collect();
        if let Request::MeetingJoin(join) = &request
            && let Locator::Thread { thread, call } = &join.locator
            && let Some(known) = self.sessions.get(&session)
        {
            for to in self.policy.company(&known.identity, *thread) {
                let way = self.way_of(session, *call, &to, now);
                ways.insert(to, way);
            }
        }
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
            ways,
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

    /// Where somebody is rung who is asked to come into a call of more: as for a call of two, but that nobody's mailbox is
    /// asked to come. What would follow where nobody answers is not gone into.
    fn way_of(&self, session: SessionId, id: CallId, to: &Identifier, now: Instant) -> Result<Way, Reason> {
        let from = &self
            .sessions
            .get(&session)
            .ok_or(Reason::NO_SUCH_SESSION)?
            .identity;
        if !to.can_register() {
            return Err(Reason::NO_SUCH_CALLEE);
        }
        let request = CallRequest {
            call: id,
            from,
            to,
            purpose: Purpose::Talk,
        };
        let route = self.way(request, session, now)?;
        let mut call = Call {
            caller: session,
            from: from.clone(),
            as_member: None,
            to: to.clone(),
            display_name: String::new(),
            context: None,
            thread: None,
            placed: now,
            legs_given: 0,
            on_behalf_of: None,
            handed_over: None,
            phase: Phase::Ringing(Ringing::new(now)),
        };
        self.arrive(&mut call, route, now)?;
        if call.on_behalf_of.is_some() {
            let reach = self.reach(to, session, now);
            return Err(match reach.availability {
                _ if reach.busy => Reason::BUSY,
                Availability::NotRegistered => Reason::NO_ENDPOINT,
                Availability::Offline => Reason::OFFLINE,
                Availability::Online => Reason::NO_ANSWER,
            });
        }
        // Where nobody rings at once, it is time for those who would ring a little later.
        if call.ringing().is_some_and(|ringing| ringing.legs.is_empty()) {
            while let Some(target) = call.ringing().and_then(|ringing| ringing.stop.later.pop_front()) {
                self.add_legs(&mut call, target.identity, now);
            }
        }
        let ringing = call.ringing().ok_or(Reason::WRONG_STATE)?;
        if ringing.legs.is_empty() {
            return Err(ringing.outcomes.reason());
        }
        Ok(Way {
            identities: std::mem::take(&mut ringing.stop.ringing),
            sessions: ringing.legs.values().map(|leg| leg.endpoint).collect(),
            give_up_after: ringing.stop.give_up_after,
        })
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

/// Who is asked to come by a request, and into which call.
fn invited(request: &Request) -> impl Iterator<Item = (CallId, &Identifier)> {
    let (call, invited) = match request {
        Request::MeetingAdd(add) => (Some(add.call), std::slice::from_ref(&add.to)),
        Request::MeetingJoin(join) => match &join.locator {
            Locator::Group { call, invite } => (Some(*call), invite.as_slice()),
            _ => (None, [].as_slice()),
        },
        _ => (None, [].as_slice()),
    };
    call.into_iter()
        .flat_map(move |call| invited.iter().map(move |to| (call, to)))
}
