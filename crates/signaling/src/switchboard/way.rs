//! A call's way: from stop to stop, as the policy has it, until someone answers or there is nowhere left to go.

use std::time::Instant;

use super::call::{Call, LegOutcome, Outcomes, Phase, Ringing, Stop};
use super::{Availability, CallRequest, Reach, Record, Route, Switchboard, Target, Timer, Unanswered};
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::{CallId, Event, LegEnded, LegId, SessionId};

/// Stops at which nobody can ring that a call passes at once. A policy that has more is going in circles.
const MAX_PASSED: usize = 16;

impl Switchboard {
    /// Asks the policy where a new call goes.
    pub(super) fn way(
        &self,
        request: CallRequest<'_>,
        caller: SessionId,
        now: Instant,
    ) -> Result<Route, Reason> {
        self.policy
            .route(request, &|identity| self.reach(identity, caller, now))
    }

    /// How an identity can be reached by `caller`, an endpoint of which never rings for its own call.
    pub(super) fn reach(&self, identity: &Identifier, caller: SessionId, now: Instant) -> Reach {
        let sessions = || {
            let all = self.endpoints.get(identity).into_iter().flatten().copied();
            let takes_calls = |session: &SessionId| {
                self.sessions
                    .get(session)
                    .is_some_and(|known| known.takes_calls())
            };
            all.filter(move |session| *session != caller && takes_calls(session))
        };
        let online = |session| self.can_ring(session, now) != Err(LegOutcome::Offline);
        let availability = if sessions().any(online) {
            Availability::Online
        } else if sessions().next().is_some() {
            Availability::Offline
        } else {
            Availability::NotRegistered
        };
        Reach {
            availability,
            busy: sessions().any(|session| self.is_in_call(session)),
        }
    }

    /// Brings a call to the first stop of a route where someone can ring, and gives it their legs.
    pub(super) fn arrive(&self, call: &mut Call, mut route: Route, now: Instant) -> Result<(), Reason> {
        for _ in 0..MAX_PASSED {
            route.targets.sort_by_key(|target| target.after);
            let due = route.targets.partition_point(|target| target.after.is_zero());
            call.on_behalf_of = route.on_behalf_of;
            call.phase = Phase::Ringing(Ringing {
                stop: Stop {
                    since: now,
                    ringing: Vec::new(),
                    later: route.targets.split_off(due).into(),
                    pickup: route.pickup,
                    offered: Default::default(),
                    give_up_after: route.give_up_after,
                    onward: route.onward,
                },
                rang: call.rang(),
                ..Ringing::new(now)
            });
            for target in route.targets {
                self.add_legs(call, target.identity, now);
            }
            let Some(ringing) = call.ringing() else {
                return Err(Reason::WRONG_STATE);
            };
            if !ringing.legs.is_empty() || !ringing.stop.later.is_empty() {
                return Ok(());
            }
            let (reason, why) = (ringing.outcomes.reason(), ringing.outcomes.unanswered());
            let (Some(onward), Some(why)) = (ringing.stop.onward.take(), why) else {
                return Err(reason);
            };
            let caller = call.caller;
            route = onward.reroute(why, &|identity| self.reach(identity, caller, now))?;
        }
        Err(Reason::UNREACHABLE)
    }

    /// Gives a call a leg for every endpoint of an identity that can ring. They do not ring yet.
    pub(super) fn add_legs(&self, call: &mut Call, identity: Identifier, now: Instant) {
        // Who was asked first answers where they were asked, busy with that very call.
        if let Some((_, endpoint)) = call.handed_over.as_ref().and_then(|origin| origin.consulted) {
            if self.sessions.contains_key(&endpoint) {
                call.add_leg(endpoint, self.config.limits.warm_legs);
            }
            return;
        }
        let endpoints = self.endpoints.get(&identity).into_iter().flatten().copied();
        let mut reachable = Vec::new();
        let mut outcomes = Outcomes::default();
        for endpoint in endpoints.filter(|endpoint| *endpoint != call.caller) {
            if call.ringing_leg_of(endpoint).is_some() {
                continue;
            }
            match self.can_ring(endpoint, now) {
                Ok(()) => reachable.push(endpoint),
                Err(outcome) => outcomes.add(outcome),
            }
        }
        // Those online first, so that they get the warm legs.
        reachable.sort_by_key(|endpoint| !self.sessions.get(endpoint).is_some_and(|s| s.is_attached()));
        let Some(ringing) = call.ringing() else { return };
        ringing.outcomes.join(outcomes);
        ringing.stop.ringing.push(identity);
        reachable.truncate(self.config.limits.legs.saturating_sub(ringing.legs.len()));
        for endpoint in reachable {
            call.add_leg(endpoint, self.config.limits.warm_legs);
        }
    }

    /// Sets what is timed at the stop where a call is.
    pub(super) fn set_stop_timers(&mut self, id: CallId) {
        let Some(ringing) = self.calls.get_mut(&id).and_then(Call::ringing) else {
            return;
        };
        let (since, stop) = (ringing.stop.since, &ringing.stop);
        let (next, give_up_after) = (stop.next_ring(), stop.give_up_after);
        for (timer, at) in [
            (Timer::Ring(id), next),
            (Timer::GiveUp(id), give_up_after.map(|after| since + after)),
        ] {
            match at {
                Some(at) => self.timers.set(timer, at),
                None => self.timers.cancel(timer),
            }
        }
    }

    /// Nothing of a call's ringing as a whole is timed any more.
    pub(super) fn stop_ringing(&mut self, id: CallId) {
        for timer in [Timer::Answer(id), Timer::Ring(id), Timer::GiveUp(id)] {
            self.timers.cancel(timer);
        }
    }

    /// Rings those whose time has come. Where nobody rings, it has come for the next.
    pub(super) fn ring_more(&mut self, id: CallId, now: Instant) {
        // Out of the list while it is changed, since who can ring is asked of the list.
        let Some(mut call) = self.calls.remove(&id) else {
            return;
        };
        let known = call.ringing_legs();
        while let Some(target) = call.ringing().and_then(|ringing| ringing.next_target(now)) {
            self.add_legs(&mut call, target.identity, now);
        }
        let new: Vec<LegId> = call
            .ringing_legs()
            .into_iter()
            .filter(|leg| !known.contains(leg))
            .collect();
        self.calls.insert(id, call);
        for leg in new {
            self.ring_leg(id, leg, now);
        }
        self.set_stop_timers(id);
        self.rings_without(id, None, now);
    }

    /// A leg may have ended: once nobody rings where the call is, it goes on, or ends.
    pub(super) fn rings_without(&mut self, id: CallId, ended: Option<LegId>, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let caller = call.caller;
        let Some(ringing) = call.ringing() else { return };
        let (nobody, nobody_later) = (ringing.legs.is_empty(), ringing.stop.later.is_empty());
        let why = ringing
            .outcomes
            .unanswered()
            .filter(|_| ringing.stop.onward.is_some());
        let reason = ringing.outcomes.reason();
        if nobody && nobody_later && why.is_none() {
            return self.end_call(id, &reason, None, now);
        }
        if let Some(leg) = ended {
            self.emit(caller, &Event::LegEnded(LegEnded { call: id, leg }));
        }
        match why {
            _ if !nobody => {}
            _ if !nobody_later => self.ring_more(id, now),
            Some(why) => self.go_on(id, why, now),
            None => {}
        }
    }

    /// Nobody answered where the call rings: it goes to the next stop, or ends.
    pub(super) fn go_on(&mut self, id: CallId, why: Unanswered, now: Instant) {
        let Some(mut call) = self.calls.remove(&id) else {
            return;
        };
        let caller = call.caller;
        let Some(ringing) = call.ringing() else {
            return drop(self.calls.insert(id, call));
        };
        let (legs, onward) = (std::mem::take(&mut ringing.legs), ringing.stop.onward.take());
        // What became of those who rang here is known better than that they cannot be reached.
        let here = ringing.outcomes.reason();
        let offered = std::mem::take(&mut ringing.stop.offered);
        self.withdraw_pickup(id, offered);
        for (leg, dropped) in legs {
            self.timers.cancel(Timer::Reach(id, leg));
            self.tell_end(dropped.endpoint, id, &Reason::NO_ANSWER);
            self.emit(caller, &Event::LegEnded(LegEnded { call: id, leg }));
        }
        let moved = match onward {
            Some(onward) => onward
                .reroute(why, &|identity| self.reach(identity, caller, now))
                .and_then(|route| self.arrive(&mut call, route, now)),
            None => Err(Reason::NO_ANSWER),
        };
        let (legs, to) = (call.ringing_legs(), call.ringing_identities());
        self.calls.insert(id, call);
        if let Err(reason) = moved {
            let unreachable = why == Unanswered::Unreachable && reason.is(&Reason::UNREACHABLE);
            let reason = if unreachable { here } else { reason };
            return self.end_call(id, &reason, None, now);
        }
        self.record(Record::CallForwarded { call: id, to, why });
        for leg in legs {
            self.ring_leg(id, leg, now);
        }
        self.offer_pickup(id);
        self.set_stop_timers(id);
    }
}

impl Ringing {
    /// Who rings next, if the time has come or nobody else rings.
    fn next_target(&mut self, now: Instant) -> Option<Target> {
        let due = self.stop.next_ring().is_some_and(|at| at <= now) || self.legs.is_empty();
        due.then(|| self.stop.later.pop_front()).flatten()
    }

    /// Nobody rings yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            legs: Default::default(),
            outcomes: Outcomes::default(),
            rang: None,
            stop: Stop {
                since: now,
                ringing: Vec::new(),
                later: Default::default(),
                pickup: Default::default(),
                offered: Default::default(),
                give_up_after: None,
                onward: None,
            },
        }
    }
}

impl Call {
    /// The legs that ring, or are about to.
    pub(super) fn ringing_legs(&self) -> Vec<LegId> {
        match &self.phase {
            Phase::Ringing(ringing) => ringing.legs.keys().copied().collect(),
            Phase::Answered(_) => Vec::new(),
        }
    }

    /// Those whose endpoints ring.
    fn ringing_identities(&self) -> Vec<Identifier> {
        match &self.phase {
            Phase::Ringing(ringing) => ringing.stop.ringing.clone(),
            Phase::Answered(_) => Vec::new(),
        }
    }

    /// When the first endpoint said that it rings.
    fn rang(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Ringing(ringing) => ringing.rang,
            Phase::Answered(_) => None,
        }
    }
}
