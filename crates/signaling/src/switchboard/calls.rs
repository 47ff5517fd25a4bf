//! The life of a call once it is placed: ringing, answered, over. Whatever happens, both ends are told once how it ended.

use std::time::Instant;

use super::call::{Answered, Call, Leg, LegOutcome, Phase};
use super::{Record, ServerOutput, Switchboard, Timer};
use crate::end_reason::Reason;
use crate::protocol::{
    self, Accept, Accepted, CallEnded, CallId, Decline, DeclineReason, Event, HangUp, LegId, Presence, Ring,
    SessionId,
};

impl Switchboard {
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
    pub(super) fn answer(&mut self, id: CallId, leg: LegId, now: Instant) -> Result<(), Reason> {
        let call = self.calls.get_mut(&id).ok_or(Reason::NO_SUCH_CALL)?;
        let (caller, placed) = (call.caller, call.placed);
        let ringing = call.ringing().ok_or(Reason::WRONG_STATE)?;
        let answering = ringing.legs.remove(&leg).ok_or(Reason::NO_SUCH_LEG)?;
        let (others, rang) = (std::mem::take(&mut ringing.legs), ringing.rang);
        let offered = std::mem::take(&mut ringing.stop.offered);
        let endpoint = self
            .sessions
            .get(&answering.endpoint)
            .ok_or(Reason::NO_SUCH_SESSION)?;
        let accepted = Accepted {
            call: id,
            leg,
            by: endpoint.identity.clone(),
            display_name: self
                .policy
                .display_name(&endpoint.identity, &endpoint.display_name),
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
            transfer: None,
            notices: Default::default(),
        });
        self.withdraw_pickup(id, offered);
        self.stop_ringing(id);
        self.timers.cancel(Timer::Reach(id, leg));
        self.timers.set(Timer::Setup(id), now + self.config.setup_timeout);
        for (other, Leg { endpoint, .. }) in others {
            self.timers.cancel(Timer::Reach(id, other));
            self.tell_end(endpoint, id, &Reason::ANSWERED_ELSEWHERE);
        }
        self.emit(caller, &Event::Accepted(accepted));
        let after = now.saturating_duration_since(rang.unwrap_or(placed));
        self.record(Record::CallAnswered { call: id, after });
        for (identity, session) in [(from, caller), (identity, answering.endpoint)] {
            self.record(Record::ParticipantAdded {
                call: id,
                identity,
                session,
            });
        }
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
        self.handed_over(id, now);
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
        let Some(ringing) = call.ringing() else { return };
        let Some(dropped) = ringing.legs.remove(&leg) else {
            return;
        };
        ringing.outcomes.add(outcome);
        self.timers.cancel(Timer::Reach(id, leg));
        if asked == Some(dropped.endpoint) {
            self.forget_call(dropped.endpoint, id);
        } else {
            self.tell_end(dropped.endpoint, id, &outcome.reason());
        }
        self.rings_without(id, Some(leg), now);
    }

    /// The call is over. `asked` is the endpoint that ended it, and needs no telling.
    pub(super) fn end_call(&mut self, id: CallId, reason: &Reason, asked: Option<SessionId>, now: Instant) {
        let Some(mut call) = self.calls.remove(&id) else {
            return;
        };
        self.stop_ringing(id);
        for timer in [Timer::Setup(id), Timer::Lease(id), Timer::Transfer(id)] {
            self.timers.cancel(timer);
        }
        if let Some(ringing) = call.ringing() {
            let offered = std::mem::take(&mut ringing.stop.offered);
            ringing
                .legs
                .keys()
                .for_each(|leg| self.timers.cancel(Timer::Reach(id, *leg)));
            self.withdraw_pickup(id, offered);
            if let Some(origin) = &call.handed_over {
                self.transfer_failed(origin.replaced, reason);
            }
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
                answered
                    .notices
                    .closing(
                        id,
                        (&call.from, call.caller),
                        (&answered.identity, answered.endpoint),
                    )
                    .for_each(|record| self.outputs.push_back(ServerOutput::Record(Box::new(record))));
                let ends = [(call.from, call.caller), (answered.identity, answered.endpoint)];
                for (identity, session) in ends {
                    self.record(Record::ParticipantRemoved {
                        call: id,
                        identity,
                        session,
                    });
                }
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

    pub(super) fn tell_end(&mut self, endpoint: SessionId, call: CallId, reason: &Reason) {
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
}
