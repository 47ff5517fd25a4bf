//! Pickup groups: who may take a call that rings at somebody else is told of it, and the first to ask has it.

use std::collections::BTreeSet;
use std::time::Instant;

use super::Switchboard;
use super::call::{Call, Phase};
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::{CallId, Event, PickUp, PickedUp, PickupOffered, PickupWithdrawn, SessionId};

impl Switchboard {
    pub(super) fn pick_up(
        &mut self,
        session: SessionId,
        pick_up: PickUp,
        now: Instant,
    ) -> Result<PickedUp, Reason> {
        let endpoint = self.sessions.get(&session).ok_or(Reason::NO_SUCH_SESSION)?;
        if !endpoint.may_take_calls {
            return Err(Reason::scope_missing("voip.join"));
        }
        let (identity, calls) = (endpoint.identity.clone(), endpoint.calls.len());
        let call = self.calls.get_mut(&pick_up.call).ok_or(Reason::NO_SUCH_CALL)?;
        let ringing = call.ringing().ok_or(Reason::WRONG_STATE)?;
        if !ringing.stop.pickup.contains(&identity) {
            return Err(Reason::NOT_IN_PICKUP_GROUP);
        }
        if calls >= self.config.limits.calls_per_session {
            return Err(Reason::TOO_MANY_CALLS);
        }
        let leg = match call.ringing_leg_of(session) {
            Some(leg) => leg,
            None => call.add_leg(session, 0),
        };
        let mut incoming = call.incoming(pick_up.call, leg).ok_or(Reason::NO_SUCH_LEG)?;
        incoming.on_behalf_of.get_or_insert_with(|| call.to.clone());
        self.answer_at_once(session, pick_up.call, leg, now)?;
        Ok(PickedUp { incoming })
    }

    /// Tells those who may take a call where it rings now.
    pub(super) fn offer_pickup(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let (caller, offer) = (call.caller, call.offer(id));
        let Some(ringing) = call.ringing() else { return };
        let rung: BTreeSet<SessionId> = ringing.legs.values().map(|leg| leg.endpoint).collect();
        let sessions = &self.sessions;
        let takes_calls = |endpoint: &SessionId| sessions.get(endpoint).is_some_and(|one| one.takes_calls());
        let endpoints = ringing
            .stop
            .pickup
            .iter()
            .filter_map(|identity| self.endpoints.get(identity))
            .flatten()
            .filter(|endpoint| **endpoint != caller && !rung.contains(endpoint) && takes_calls(endpoint));
        let offered: BTreeSet<SessionId> = endpoints.copied().collect();
        ringing.stop.offered.clone_from(&offered);
        for endpoint in offered {
            self.emit(endpoint, &Event::PickupOffered(offer.clone()));
        }
    }

    /// Tells an endpoint that came late what it may take, where calls ring on it at all.
    pub(super) fn offer_pickup_to(&mut self, session: SessionId, identity: &Identifier) {
        if !self
            .sessions
            .get(&session)
            .is_some_and(|known| known.takes_calls())
        {
            return;
        }
        let may_take = |call: &Call| {
            matches!(&call.phase, Phase::Ringing(ringing)
                if ringing.stop.pickup.contains(identity))
                && call.ringing_leg_of(session).is_none()
        };
        let calls = self.calls.iter().filter(|(_, call)| may_take(call));
        for id in calls.map(|(id, _)| *id).collect::<Vec<_>>() {
            let Some(call) = self.calls.get_mut(&id) else {
                continue;
            };
            let offer = call.offer(id);
            if let Some(ringing) = call.ringing() {
                ringing.stop.offered.insert(session);
            }
            self.emit(session, &Event::PickupOffered(offer));
        }
    }

    /// A call can be taken no longer by those who were told of it.
    pub(super) fn withdraw_pickup(&mut self, call: CallId, offered: BTreeSet<SessionId>) {
        for endpoint in offered {
            self.emit(endpoint, &Event::PickupWithdrawn(PickupWithdrawn { call }));
        }
    }
}

impl Call {
    fn offer(&self, call: CallId) -> PickupOffered {
        let at = match &self.phase {
            Phase::Ringing(ringing) => ringing.stop.ringing.first(),
            Phase::Answered(_) => None,
        };
        PickupOffered {
            call,
            from: self.shown_as().clone(),
            display_name: self.display_name.clone(),
            at: at.unwrap_or(&self.to).clone(),
        }
    }
}
