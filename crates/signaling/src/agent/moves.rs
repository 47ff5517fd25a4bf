//! Calls that move from one to another: picked up from somebody else's endpoint, or handed over.

use std::time::Instant;

use serde_json::Value;

use super::{Agent, AgentEvent, Replacing, TransferState};
use crate::call::ClientCall;
use crate::end_reason::Reason;
use crate::protocol::{
    Accepted, CallId, Incoming, PickUp, PickedUp, Request, Start, Transfer, TransferChanged, TransferOutcome,
    TransferRequested, TransferTarget,
};
use crate::session::client::Purpose;

impl Agent {
    pub(super) fn pick_up(&mut self, call: CallId, now: Instant) {
        if self.calls.contains_key(&call) || self.picking.contains_key(&call) {
            return;
        }
        self.hold_others(call);
        self.picking.insert(call, true);
        let request = Request::PickUp(PickUp { call });
        self.session
            .request(request, Some(call), Purpose::PickUp(call), now);
    }

    /// The application hung up a call that it is only about to have.
    pub(super) fn abandon_pickup(&mut self, call: CallId) {
        if let Some(wanted) = self.picking.get_mut(&call)
            && std::mem::take(wanted)
        {
            let reason = Reason::CANCELLED;
            self.tell(AgentEvent::CallEnded { call, reason });
        }
    }

    pub(super) fn picked_up(&mut self, id: CallId, result: Result<Value, Reason>, now: Instant) {
        let wanted = self.picking.remove(&id).unwrap_or_default();
        let picked = result
            .and_then(|answer| serde_json::from_value::<PickedUp>(answer).map_err(|_| Reason::SETUP_TIMEOUT));
        let incoming = match picked {
            Ok(picked) => picked.incoming,
            Err(reason) if wanted => return self.tell(AgentEvent::CallEnded { call: id, reason }),
            Err(_) => return,
        };
        let told = AgentEvent::CallPickedUp {
            call: id,
            from: incoming.from.clone(),
            display_name: incoming.display_name.clone(),
            context: incoming.context.clone(),
            on_behalf_of: incoming.on_behalf_of.clone(),
        };
        self.take_in(incoming);
        if wanted {
            self.tell(told);
            self.with(id, |call| call.merge(now));
        } else {
            self.with(id, ClientCall::hang_up);
        }
    }

    pub(super) fn transfer(&mut self, call: CallId, to: TransferTarget, target_only: bool, now: Instant) {
        if !self.calls.get(&call).is_some_and(ClientCall::is_talking) {
            return;
        }
        let request = Request::Transfer(Transfer {
            call,
            to,
            target_only,
        });
        self.session
            .request(request, Some(call), Purpose::Transfer(call), now);
        let state = TransferState::Transferring;
        self.tell(AgentEvent::TransferChanged { call, state });
    }

    pub(super) fn transfer_answered(&mut self, call: CallId, result: Result<(), Reason>) {
        if let Err(reason) = result {
            let state = TransferState::Failed(reason);
            self.tell(AgentEvent::TransferChanged { call, state });
        }
    }

    pub(super) fn transfer_changed(&mut self, changed: TransferChanged) {
        let state = match changed.outcome {
            TransferOutcome::Transferred => TransferState::Transferred,
            TransferOutcome::Failed(reason) => TransferState::Failed(reason),
        };
        let call = changed.call;
        if self.calls.contains_key(&call) {
            self.tell(AgentEvent::TransferChanged { call, state });
        }
    }

    /// The other end hands a call over: the call in its place is placed at once. Who has hung up meanwhile places none.
    pub(super) fn transfer_requested(&mut self, requested: TransferRequested, now: Instant) {
        let TransferRequested {
            call,
            new_call: id,
            to,
        } = requested;
        if self.calls.contains_key(&id) || !self.calls.get(&call).is_some_and(ClientCall::is_talking) {
            return;
        }
        let held = self.calls.get(&call).is_some_and(ClientCall::can_hold);
        self.replacing.insert(id, Replacing { call, held });
        self.tell(AgentEvent::TransferRequested {
            call,
            into: id,
            to: to.clone(),
        });
        let start = Start {
            replaces: Some(call),
            ..Start::new(id, to)
        };
        self.dial(start, now);
    }

    /// A call was answered. Where it takes the place of another, the application is told so.
    pub(super) fn replaced(&mut self, accepted: &Accepted) {
        if let Some(replacing) = self.replacing.remove(&accepted.call) {
            self.tell(AgentEvent::CallReplaced {
                call: replacing.call,
                by: accepted.call,
                peer: accepted.by.clone(),
                display_name: accepted.display_name.clone(),
            });
        }
    }

    /// A call is over. Where it was to take the place of another, that one goes on, unless people talk elsewhere.
    pub(super) fn not_replaced(&mut self, id: CallId) {
        let Some(Replacing { call, held: true }) = self.replacing.remove(&id) else {
            return;
        };
        let elsewhere = self.calls.values().any(ClientCall::can_hold);
        if !elsewhere {
            self.with(call, |call| call.hold(false));
        }
    }

    /// A call rings here that takes the place of one in which this endpoint was asked before: it is answered at once.
    pub(super) fn take_over(&mut self, replaced: CallId, incoming: Incoming, now: Instant) {
        let id = incoming.call;
        self.tell(AgentEvent::CallReplaced {
            call: replaced,
            by: id,
            peer: incoming.from.clone(),
            display_name: incoming.display_name.clone(),
        });
        self.take_in(incoming);
        self.hold_others(id);
        self.with(id, |call| call.take_over(now));
    }
}
