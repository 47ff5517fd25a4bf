//! How a call begins: who is rung, and what happens when two people call each other at once.

use std::time::Instant;

use super::call::{Call, CandidateCount, HandedOver, Leg, LegOutcome, Phase, Ringing};
use super::{CallRequest, Purpose, Record, Route, Switchboard, Timer};
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::{CallId, Event, Incoming, LegId, SessionId, Start, Started};
use crate::session::server::Attachment;

impl Switchboard {
    pub(super) fn start(
        &mut self,
        session: SessionId,
        start: Start,
        now: Instant,
    ) -> Result<Started, Reason> {
        let caller = self.sessions.get(&session).ok_or(Reason::NO_SUCH_SESSION)?;
        if self.calls.contains_key(&start.call) {
            return Err(Reason::CALL_EXISTS);
        }
        if let Some(replaced) = start.replaces {
            return self.start_transferred(session, replaced, start, now);
        }
        if !start.to.can_register() {
            return Err(Reason::NO_SUCH_CALLEE);
        }
        let from = caller.identity.clone();
        if let Some(other) = self.crossing_call(session, &from, &start.to) {
            return self.merge(session, other, start.call, now);
        }
        if !caller.may_start_calls {
            return Err(Reason::scope_missing("voip"));
        }
        if caller.calls.len() >= self.config.limits.calls_per_session {
            return Err(Reason::TOO_MANY_CALLS);
        }
        let as_member = start.on_behalf_of.clone().filter(|member| *member != from);
        let delegated = match &as_member {
            Some(member) => self.policy.act_for(&from, member),
            None => Ok(()),
        };
        let bound = delegated.and_then(|()| match start.thread {
            Some(thread) => self.policy.call_from_thread(&from, &start.to, thread),
            None => Ok(()),
        });
        let route = bound.and_then(|()| {
            let request = CallRequest {
                call: start.call,
                from: as_member.as_ref().unwrap_or(&from),
                to: &start.to,
                purpose: Purpose::Talk,
            };
            self.way(request, session, now)
        });
        self.dial(session, start, as_member, None, route, now)
    }

    /// Places a call on the route that was found for it, or refuses it.
    pub(super) fn dial(
        &mut self,
        session: SessionId,
        start: Start,
        as_member: Option<Identifier>,
        handed_over: Option<HandedOver>,
        route: Result<Route, Reason>,
        now: Instant,
    ) -> Result<Started, Reason> {
        let caller = self.sessions.get(&session).ok_or(Reason::NO_SUCH_SESSION)?;
        let from = caller.identity.clone();
        let wanted = start.display_name.as_ref().unwrap_or(&caller.display_name);
        let display_name = match &as_member {
            Some(member) => self.policy.display_name(member, ""),
            None => self.policy.display_name(&from, wanted),
        };
        let mut call = Call {
            caller: session,
            from,
            as_member,
            to: start.to,
            display_name,
            context: start.context,
            thread: start.thread,
            placed: now,
            legs_given: 0,
            on_behalf_of: None,
            handed_over,
            phase: Phase::Ringing(Ringing::new(now)),
        };
        if let Err(reason) = route.and_then(|route| self.arrive(&mut call, route, now)) {
            self.record(Record::CallRefused {
                call: start.call,
                from: call.from,
                session,
                to: call.to,
                reason: reason.clone(),
            });
            return Err(reason);
        }
        let ring_for = start
            .ring_for_ms
            .map_or(self.config.no_answer, Into::into)
            .min(self.config.no_answer);
        self.timers.set(Timer::Answer(start.call), now + ring_for);
        self.place(start.call, call, now);
        Ok(Started::Calling)
    }

    /// Whether an endpoint placed a call, or talks in one, with whomever and however many.
    pub(super) fn is_in_call(&self, endpoint: SessionId) -> bool {
        let Some(session) = self.sessions.get(&endpoint) else {
            return false;
        };
        let mut calls = session.calls.iter().filter_map(|id| self.calls.get(id));
        session.occupied || calls.any(|call| call.occupies(endpoint))
    }

    /// Whether an endpoint can be rung now.
    pub(super) fn can_ring(&self, endpoint: SessionId, now: Instant) -> Result<(), LegOutcome> {
        let session = self.sessions.get(&endpoint).ok_or(LegOutcome::Offline)?;
        if !session.takes_calls() {
            return Err(LegOutcome::Offline);
        }
        if let Attachment::Detached(since) = session.attachment
            && now.saturating_duration_since(since) >= self.config.reach_grace
        {
            return Err(LegOutcome::Offline);
        }
        if session.calls.len() >= self.config.limits.calls_per_session
            || (session.options.busy_when_in_call && self.is_in_call(endpoint))
        {
            return Err(LegOutcome::Busy);
        }
        Ok(())
    }

    fn place(&mut self, id: CallId, call: Call, now: Instant) {
        if let Some(caller) = self.sessions.get_mut(&call.caller) {
            caller.calls.insert(id);
        }
        let (from, to, legs) = (call.from.clone(), call.to.clone(), call.ringing_legs());
        let (session, display_name, context) = (call.caller, call.display_name.clone(), call.context.clone());
        let on_behalf_of = call.as_member.clone();
        let replaces = call.handed_over.as_ref().map(|origin| origin.replaced);
        self.calls.insert(id, call);
        self.record(Record::CallStarted {
            call: id,
            from,
            session,
            display_name,
            to,
            context,
            on_behalf_of,
            replaces,
            legs: legs.len(),
        });
        for leg in legs {
            self.ring_leg(id, leg, now);
        }
        self.offer_pickup(id);
        self.set_stop_timers(id);
    }

    /// Makes a leg's endpoint ring.
    pub(super) fn ring_leg(&mut self, id: CallId, leg: LegId, now: Instant) {
        let Some(call) = self.calls.get(&id) else { return };
        let to = call.to.clone();
        let Some(mut incoming) = call.incoming(id, leg) else {
            return;
        };
        let Some(endpoint) = self
            .calls
            .get_mut(&id)
            .and_then(Call::ringing)
            .and_then(|r| r.legs.get(&leg))
        else {
            return;
        };
        let endpoint = endpoint.endpoint;
        if let Some(session) = self.sessions.get_mut(&endpoint) {
            session.calls.insert(id);
            if session.identity != to {
                incoming.on_behalf_of.get_or_insert(to);
            }
            if let Attachment::Detached(since) = session.attachment {
                self.timers
                    .set(Timer::Reach(id, leg), (since + self.config.reach_grace).max(now));
            }
        }
        self.emit(endpoint, &Event::Incoming(incoming));
    }

    /// An endpoint that registers while its identity is being called rings too.
    pub(super) fn ring_late_comer(&mut self, session: SessionId, identity: &Identifier, now: Instant) {
        let ringing = self.calls.iter().filter(|(_, call)| {
            matches!(&call.phase, Phase::Ringing(ringing)
                if ringing.stop.ringing.contains(identity) && ringing.legs.len() < self.config.limits.legs)
        });
        let calls: Vec<CallId> = ringing.map(|(id, _)| *id).collect();
        for id in calls {
            if self.can_ring(session, now).is_ok()
                && let Some(call) = self.calls.get_mut(&id)
            {
                let leg = call.add_leg(session, self.config.limits.warm_legs);
                self.ring_leg(id, leg, now);
            }
        }
    }

    /// The call that rings from `to` towards `from`, while `from` calls `to`: glare.
    fn crossing_call(&self, session: SessionId, from: &Identifier, to: &Identifier) -> Option<CallId> {
        let crossing = |id: &&CallId| {
            self.calls.get(id).is_some_and(|call| {
                call.caller != session
                    && call.from == *to
                    && call.to == *from
                    && matches!(&call.phase, Phase::Ringing(ringing) if ringing.stop.ringing.contains(from))
            })
        };
        let sessions = self
            .endpoints
            .get(to)?
            .iter()
            .filter_map(|id| self.sessions.get(id));
        let calls = sessions.flat_map(|session| session.calls.iter()).filter(crossing);
        // Several at once: the one placed first, at every attempt.
        calls
            .min_by_key(|id| (self.calls.get(id).map(|call| call.placed), **id))
            .copied()
    }

    /// Two people call each other at once: the call that came first goes on, the second is its answer.
    fn merge(
        &mut self,
        session: SessionId,
        id: CallId,
        void: CallId,
        now: Instant,
    ) -> Result<Started, Reason> {
        let call = self.calls.get_mut(&id).ok_or(Reason::NO_SUCH_CALL)?;
        let leg = match call.ringing_leg_of(session) {
            Some(leg) => leg,
            None => call.add_leg(session, 0),
        };
        let incoming = call.incoming(id, leg).ok_or(Reason::NO_SUCH_LEG)?;
        self.record(Record::CallsMerged { call: id, void });
        self.answer_at_once(session, id, leg, now)?;
        Ok(Started::Merged {
            incoming: Box::new(incoming),
        })
    }

    /// An endpoint answers on a leg on which it may never have rung.
    pub(super) fn answer_at_once(
        &mut self,
        session: SessionId,
        id: CallId,
        leg: LegId,
        now: Instant,
    ) -> Result<(), Reason> {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.calls.insert(id);
        }
        self.answer(id, leg, now)
    }
}

impl Call {
    /// Gives an endpoint a leg. At most `warm_legs` at a time bring up media while ringing.
    pub(super) fn add_leg(&mut self, endpoint: SessionId, warm_legs: usize) -> LegId {
        self.legs_given += 1;
        let id = LegId(self.legs_given);
        if let Some(ringing) = self.ringing() {
            let warm = ringing.legs.values().filter(|leg| leg.warm).count() < warm_legs;
            let leg = Leg {
                endpoint,
                rings: false,
                warm,
                candidates: CandidateCount::default(),
            };
            ringing.legs.insert(id, leg);
        }
        id
    }

    /// What a leg's endpoint is told.
    pub(super) fn incoming(&self, call: CallId, leg: LegId) -> Option<Incoming> {
        let Phase::Ringing(ringing) = &self.phase else {
            return None;
        };
        let handed_over = self.handed_over.as_ref();
        Some(Incoming {
            call,
            leg,
            from: self.shown_as().clone(),
            display_name: self.display_name.clone(),
            context: self.context.clone(),
            on_behalf_of: self.on_behalf_of.clone(),
            placed_by: self.as_member.as_ref().map(|_| self.from.clone()),
            transferred_by: handed_over.map(|origin| origin.transferor.clone()),
            replaces: handed_over
                .and_then(|origin| origin.consulted)
                .map(|(call, _)| call),
            thread: self.thread,
            warm: ringing.legs.get(&leg)?.warm,
        })
    }
}
