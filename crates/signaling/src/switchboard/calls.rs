//! The life of a call: placed, ringing, answered, over. Whatever happens, both ends are told once how it ended.

use std::time::Instant;

use super::call::{Answered, Call, CandidateCount, Leg, LegOutcome, Phase, Ringing};
use super::{CallRequest, Record, Switchboard, Timer};
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::{
    self, Accept, Accepted, CallEnded, CallId, Decline, DeclineReason, Event, HangUp, Incoming, LegEnded,
    LegId, MediaState, PeerPresence, Presence, Ring, SessionId, Start, Started,
};
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
                duration: Default::default(),
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
        let mut outcomes = super::call::Outcomes::default();
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

    pub(super) fn ring(&mut self, session: SessionId, ring: Ring, now: Instant) -> Result<(), Reason> {
        let call = self.calls.get_mut(&ring.call).ok_or(Reason::NO_SUCH_CALL)?;
        let (caller, placed) = (call.caller, call.placed);
        let ringing = call.ringing().ok_or(Reason::WRONG_STATE)?;
        let leg = ringing
            .legs
            .get_mut(&ring.leg)
            .filter(|leg| leg.endpoint == session);
        leg.ok_or(Reason::NO_SUCH_LEG)?.rings = true;
        if ringing.rang.is_none() {
            ringing.rang = Some(now);
            self.emit(caller, &Event::Ringing(protocol::Ringing { call: ring.call }));
            let after = now.saturating_duration_since(placed);
            self.record(Record::CallRinging {
                call: ring.call,
                after,
            });
        }
        Ok(())
    }

    pub(super) fn accept(&mut self, session: SessionId, accept: Accept, now: Instant) -> Result<(), Reason> {
        let call = self.calls.get_mut(&accept.call).ok_or(Reason::NO_SUCH_CALL)?;
        let ringing = call.ringing().ok_or(Reason::WRONG_STATE)?;
        ringing
            .legs
            .get(&accept.leg)
            .filter(|leg| leg.endpoint == session)
            .ok_or(Reason::NO_SUCH_LEG)?;
        self.answer(accept.call, accept.leg, now)
    }

    /// This leg is the call from now on.
    fn answer(&mut self, id: CallId, leg: LegId, now: Instant) -> Result<(), Reason> {
        let call = self.calls.get_mut(&id).ok_or(Reason::NO_SUCH_CALL)?;
        let (caller, placed) = (call.caller, call.placed);
        let ringing = call.ringing().ok_or(Reason::WRONG_STATE)?;
        let answering = ringing.legs.remove(&leg).ok_or(Reason::NO_SUCH_LEG)?;
        let (others, rang) = (std::mem::take(&mut ringing.legs), ringing.rang);
        let endpoint = self
            .sessions
            .get(&answering.endpoint)
            .ok_or(Reason::NO_SUCH_SESSION)?;
        let accepted = Accepted {
            call: id,
            leg,
            by: endpoint.identity.clone(),
            display_name: endpoint.display_name.clone(),
        };
        let (identity, from) = (endpoint.identity.clone(), call.from.clone());
        call.phase = Phase::Answered(Answered {
            leg,
            endpoint: answering.endpoint,
            identity: identity.clone(),
            at: now,
            candidates: answering.candidates,
            caller_media: None,
            callee_media: None,
        });
        self.timers.cancel(Timer::Answer(id));
        self.timers.cancel(Timer::Reach(id, leg));
        self.timers.set(Timer::Setup(id), now + self.config.setup_timeout);
        for (other, Leg { endpoint, .. }) in others {
            self.timers.cancel(Timer::Reach(id, other));
            self.tell_end(endpoint, id, &Reason::ANSWERED_ELSEWHERE);
        }
        self.emit(caller, &Event::Accepted(accepted));
        let after = now.saturating_duration_since(rang.unwrap_or(placed));
        self.record(Record::CallAnswered { call: id, after });
        self.record(Record::ParticipantAdded {
            call: id,
            identity: from,
        });
        self.record(Record::ParticipantAdded { call: id, identity });
        for (absent, peer) in [(caller, answering.endpoint), (answering.endpoint, caller)] {
            if !self
                .sessions
                .get(&absent)
                .is_some_and(|session| session.is_attached())
            {
                self.emit_presence(peer, id, Presence::Reconnecting);
            }
        }
        self.update_lease(id, now);
        Ok(())
    }

    pub(super) fn decline(
        &mut self,
        session: SessionId,
        decline: Decline,
        now: Instant,
    ) -> Result<(), Reason> {
        let call = self.calls.get(&decline.call).ok_or(Reason::NO_SUCH_CALL)?;
        if call.ringing_leg_of(session) != Some(decline.leg) {
            return Err(Reason::NO_SUCH_LEG);
        }
        let outcome = match decline.reason {
            DeclineReason::Declined => LegOutcome::Declined,
            DeclineReason::Busy => LegOutcome::Busy,
            DeclineReason::Failed => LegOutcome::Lost,
        };
        self.drop_leg(decline.call, decline.leg, outcome, Some(session), now);
        Ok(())
    }

    pub(super) fn hang_up(
        &mut self,
        session: SessionId,
        hang_up: HangUp,
        now: Instant,
    ) -> Result<(), Reason> {
        let call = self.calls.get(&hang_up.call).ok_or(Reason::NO_SUCH_CALL)?;
        let failure = hang_up.failure.map(protocol::MediaFailure::reason);
        if call.side_of(session).is_some() {
            self.end_call(
                hang_up.call,
                &failure.unwrap_or(Reason::HUNG_UP),
                Some(session),
                now,
            );
        } else if let Some(leg) = call.ringing_leg_of(session) {
            let outcome = if failure.is_some() {
                LegOutcome::Lost
            } else {
                LegOutcome::Declined
            };
            self.drop_leg(hang_up.call, leg, outcome, Some(session), now);
        } else if call.caller == session {
            self.end_call(
                hang_up.call,
                &failure.unwrap_or(Reason::CANCELLED),
                Some(session),
                now,
            );
        } else {
            return Err(Reason::NO_SUCH_CALL);
        }
        Ok(())
    }

    /// A ringing endpoint was without a socket for too long.
    pub(super) fn leg_unreachable(&mut self, id: CallId, leg: LegId, now: Instant) {
        let ringing = self.calls.get_mut(&id).and_then(Call::ringing);
        let Some(rings) = ringing
            .and_then(|ringing| ringing.legs.get(&leg))
            .map(|leg| leg.rings)
        else {
            return;
        };
        let outcome = if rings {
            LegOutcome::Lost
        } else {
            LegOutcome::Offline
        };
        self.drop_leg(id, leg, outcome, None, now);
    }

    /// A leg ends without an answer; with the last one the call does. `asked` is the endpoint that wanted it so,
    /// and needs no telling.
    fn drop_leg(
        &mut self,
        id: CallId,
        leg: LegId,
        outcome: LegOutcome,
        asked: Option<SessionId>,
        now: Instant,
    ) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let caller = call.caller;
        let Some(ringing) = call.ringing() else { return };
        let Some(dropped) = ringing.legs.remove(&leg) else {
            return;
        };
        ringing.outcomes.add(outcome);
        let last = ringing.legs.is_empty().then(|| ringing.outcomes.reason());
        self.timers.cancel(Timer::Reach(id, leg));
        if asked == Some(dropped.endpoint) {
            self.forget_call(dropped.endpoint, id);
        } else {
            self.tell_end(dropped.endpoint, id, &outcome.reason());
        }
        match last {
            Some(reason) => self.end_call(id, &reason, None, now),
            None => self.emit(caller, &Event::LegEnded(LegEnded { call: id, leg })),
        }
    }

    /// The call is over. `asked` is the endpoint that ended it, and needs no telling.
    pub(super) fn end_call(&mut self, id: CallId, reason: &Reason, asked: Option<SessionId>, now: Instant) {
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        for timer in [Timer::Answer(id), Timer::Setup(id), Timer::Lease(id)] {
            self.timers.cancel(timer);
        }
        if let Phase::Ringing(ringing) = &call.phase {
            ringing
                .legs
                .keys()
                .for_each(|leg| self.timers.cancel(Timer::Reach(id, *leg)));
        }
        for endpoint in call.callee_endpoints().into_iter().chain([call.caller]) {
            if asked == Some(endpoint) {
                self.forget_call(endpoint, id);
            } else {
                self.tell_end(endpoint, id, reason);
            }
        }
        let talk_time = match call.phase {
            Phase::Ringing(_) => None,
            Phase::Answered(answered) => {
                self.record(Record::ParticipantRemoved {
                    call: id,
                    identity: call.from,
                });
                self.record(Record::ParticipantRemoved {
                    call: id,
                    identity: answered.identity,
                });
                Some(now.saturating_duration_since(answered.at))
            }
        };
        let duration = now.saturating_duration_since(call.placed);
        self.record(Record::CallEnded {
            call: id,
            reason: reason.clone(),
            duration,
            talk_time,
        });
    }

    fn tell_end(&mut self, endpoint: SessionId, call: CallId, reason: &Reason) {
        self.forget_call(endpoint, call);
        self.emit(
            endpoint,
            &Event::Ended(CallEnded {
                call,
                reason: reason.clone(),
            }),
        );
    }

    fn forget_call(&mut self, endpoint: SessionId, call: CallId) {
        if let Some(session) = self.sessions.get_mut(&endpoint) {
            session.calls.remove(&call);
        }
    }

    pub(super) fn setup_timed_out(&mut self, id: CallId, now: Instant) {
        let Some(answered) = self.calls.get_mut(&id).and_then(Call::answered) else {
            return;
        };
        let callee_ready = answered.callee_media.is_some();
        let reason = if callee_ready {
            Reason::SETUP_TIMEOUT
        } else {
            Reason::CALLEE_LOST
        };
        self.end_call(id, &reason, None, now);
    }

    /// A session ended; the call goes on without it, or ends.
    pub(super) fn leave_call(&mut self, id: CallId, session: SessionId, why: &Reason, now: Instant) {
        let Some(call) = self.calls.get(&id) else { return };
        let deliberate = why.is(&Reason::SESSION_CLOSED);
        if call.side_of(session).is_some() {
            let reason = if deliberate {
                Reason::HUNG_UP
            } else {
                Reason::PEER_GONE
            };
            self.end_call(id, &reason, None, now);
        } else if let Some(leg) = call.ringing_leg_of(session) {
            self.drop_leg(id, leg, LegOutcome::Lost, None, now);
        } else if call.caller == session {
            let reason = if deliberate {
                Reason::CANCELLED
            } else {
                Reason::PEER_GONE
            };
            self.end_call(id, &reason, None, now);
        }
    }

    /// A session lost its socket: peers learn of it, ringing legs get a grace.
    pub(super) fn absent_from_calls(&mut self, session: SessionId, now: Instant) {
        for id in self.calls_of(session) {
            let Some(call) = self.calls.get(&id) else { continue };
            if let Some((_, peer)) = call.side_of(session) {
                self.emit_presence(peer, id, Presence::Reconnecting);
                self.update_lease(id, now);
            } else if let Some(leg) = call.ringing_leg_of(session) {
                self.timers
                    .set(Timer::Reach(id, leg), now + self.config.reach_grace);
            }
        }
    }

    /// A session has a socket again.
    pub(super) fn present_in_calls(&mut self, session: SessionId, now: Instant) {
        for id in self.calls_of(session) {
            let Some(call) = self.calls.get(&id) else { continue };
            if let Some((_, peer)) = call.side_of(session) {
                self.emit_presence(peer, id, Presence::Present);
                self.update_lease(id, now);
            } else if let Some(leg) = call.ringing_leg_of(session) {
                self.timers.cancel(Timer::Reach(id, leg));
            }
        }
    }

    fn emit_presence(&mut self, peer: SessionId, call: CallId, presence: Presence) {
        self.emit(peer, &Event::Peer(PeerPresence { call, presence }));
    }

    fn calls_of(&self, session: SessionId) -> Vec<CallId> {
        self.sessions
            .get(&session)
            .map(|session| session.calls.iter().copied().collect())
            .unwrap_or_default()
    }

    /// An end without a socket that the other end cannot hear either has only so long to come back.
    pub(super) fn update_lease(&mut self, id: CallId, now: Instant) {
        let Some(call) = self.calls.get(&id) else { return };
        let Phase::Answered(answered) = &call.phase else {
            return;
        };
        let absent = |session| {
            !self
                .sessions
                .get(&session)
                .is_some_and(|session| session.is_attached())
        };
        let unheard = |media: Option<MediaState>| media != Some(MediaState::Connected);
        let gone = (absent(call.caller) && unheard(answered.callee_media))
            || (absent(answered.endpoint) && unheard(answered.caller_media));
        if gone {
            self.timers
                .set_if_unset(Timer::Lease(id), now + self.config.media_lease);
        } else {
            self.timers.cancel(Timer::Lease(id));
        }
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
