//! How a call begins: who is rung, and what happens when two people call each other at once.

use std::time::{Duration, Instant};

use super::call::{Call, CandidateCount, Leg, LegOutcome, Outcomes, Phase, Ringing};
use super::{CallRequest, Record, Switchboard, Timer};
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
        let from = caller.identity.clone();
        let display_name = start
            .display_name
            .clone()
            .unwrap_or_else(|| caller.display_name.clone());
        if self.calls.contains_key(&start.call) {
            return Err(Reason::CALL_EXISTS);
        }
        if !start.to.can_register() {
            return Err(Reason::NO_SUCH_CALLEE);
        }
        if let Some(other) = self.crossing_call(session, &from, &start.to) {
            return self.merge(session, other, start.call, now);
        }
        let caller = self.sessions.get(&session).ok_or(Reason::NO_SUCH_SESSION)?;
        if !caller.may_start_calls {
            return Err(Reason::SCOPE_MISSING);
        }
        if caller.calls.len() >= self.config.limits.calls_per_session {
            return Err(Reason::TOO_MANY_CALLS);
        }
        let mut call = Call {
            caller: session,
            from,
            to: start.to,
            display_name,
            context: start.context,
            placed: now,
            legs_given: 0,
            phase: Phase::Ringing(Ringing::default()),
        };
        if let Err(reason) = self.admit(&mut call, now) {
            let record = Record::CallEnded {
                call: start.call,
                reason: reason.clone(),
                duration: Duration::ZERO,
                talk_time: None,
            };
            self.record(record);
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

    /// Asks the policy, and gives the call its legs.
    fn admit(&mut self, call: &mut Call, now: Instant) -> Result<(), Reason> {
        self.policy.admit(CallRequest {
            from: &call.from,
            to: &call.to,
        })?;
        let Some(endpoints) = self.endpoints.get(&call.to) else {
            return Err(Reason::NO_ENDPOINT);
        };
        let mut reachable = Vec::new();
        let mut outcomes = Outcomes::default();
        for endpoint in endpoints
            .iter()
            .copied()
            .filter(|endpoint| *endpoint != call.caller)
        {
            match self.can_ring(endpoint, now) {
                Ok(()) => reachable.push(endpoint),
                Err(outcome) => outcomes.add(outcome),
            }
        }
        // Those online first, so that they get the warm legs.
        reachable.sort_by_key(|endpoint| !self.sessions.get(endpoint).is_some_and(|s| s.is_attached()));
        reachable.truncate(self.config.limits.legs);
        if reachable.is_empty() {
            return Err(outcomes.reason());
        }
        for endpoint in reachable {
            call.add_leg(endpoint, self.config.limits.warm_legs);
        }
        if let Some(ringing) = call.ringing() {
            ringing.outcomes = outcomes;
        }
        Ok(())
    }

    /// Whether an endpoint can be rung now.
    fn can_ring(&self, endpoint: SessionId, now: Instant) -> Result<(), LegOutcome> {
        let session = self.sessions.get(&endpoint).ok_or(LegOutcome::Offline)?;
        if let Attachment::Detached(since) = session.attachment
            && now.saturating_duration_since(since) >= self.config.reach_grace
        {
            return Err(LegOutcome::Offline);
        }
        let in_call = || {
            session
                .calls
                .iter()
                .any(|id| self.calls.get(id).is_some_and(|c| c.occupies(endpoint)))
        };
        if session.calls.len() >= self.config.limits.calls_per_session
            || (session.options.busy_when_in_call && in_call())
        {
            return Err(LegOutcome::Busy);
        }
        Ok(())
    }

    fn place(&mut self, id: CallId, mut call: Call, now: Instant) {
        if let Some(caller) = self.sessions.get_mut(&call.caller) {
            caller.calls.insert(id);
        }
        let legs: Vec<LegId> = call
            .ringing()
            .map(|r| r.legs.keys().copied().collect())
            .unwrap_or_default();
        let (from, to) = (call.from.clone(), call.to.clone());
        self.calls.insert(id, call);
        self.record(Record::CallStarted {
            call: id,
            from,
            to,
            legs: legs.len(),
        });
        for leg in legs {
            self.ring_leg(id, leg, now);
        }
    }

    /// Makes a leg's endpoint ring.
    fn ring_leg(&mut self, id: CallId, leg: LegId, now: Instant) {
        let Some(incoming) = self.calls.get(&id).and_then(|call| call.incoming(id, leg)) else {
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
            call.to == *identity
                && matches!(&call.phase, Phase::Ringing(r) if r.legs.len() < self.config.limits.legs)
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
                    && matches!(call.phase, Phase::Ringing(_))
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
        if let Some(session) = self.sessions.get_mut(&session) {
            session.calls.insert(id);
        }
        self.record(Record::CallsMerged { call: id, void });
        self.answer(id, leg, now)?;
        Ok(Started::Merged { incoming })
    }
}

impl Call {
    /// Gives an endpoint a leg. At most `warm_legs` at a time bring up media while ringing.
    fn add_leg(&mut self, endpoint: SessionId, warm_legs: usize) -> LegId {
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
    fn incoming(&self, call: CallId, leg: LegId) -> Option<Incoming> {
        let Phase::Ringing(ringing) = &self.phase else {
            return None;
        };
        Some(Incoming {
            call,
            leg,
            from: self.from.clone(),
            display_name: self.display_name.clone(),
            context: self.context.clone(),
            warm: ringing.legs.get(&leg)?.warm,
        })
    }
}
