//! Handing a call over. The transferee's client places the new call when it is asked to, by the transferor's right;
//! the old call ends when the new one is answered, and stays when it is not.

use std::time::Instant;

use super::call::{Call, HandedOver, Side};
use super::{CallRequest, Purpose, Record, Route, Switchboard, Timer, TransferRequest};
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::{
    self, CallId, Event, SessionId, Start, Started, TransferChanged, TransferOutcome, TransferRequested,
    TransferTarget,
};

/// A call that is being handed over.
#[derive(Debug)]
pub(super) struct Transfer {
    /// Who hands it over.
    by: Side,
    /// Whom it is for.
    to: Identifier,
    how: How,
    /// The call that takes its place.
    new_call: CallId,
    /// That call was placed.
    placed: bool,
}

/// How the target is reached.
#[derive(Clone, Copy, Debug)]
enum How {
    Call(Purpose),
    /// On the endpoint that is in this call with the transferor.
    Consulted(CallId, SessionId),
}

impl Switchboard {
    pub(super) fn transfer(
        &mut self,
        session: SessionId,
        transfer: protocol::Transfer,
        now: Instant,
    ) -> Result<(), Reason> {
        let id = transfer.call;
        let call = self.calls.get(&id).ok_or(Reason::NO_SUCH_CALL)?;
        let (by, transferee_session) = call.side_of(session).ok_or(Reason::WRONG_STATE)?;
        let (transferor, _) = call.end(by).ok_or(Reason::WRONG_STATE)?;
        let (transferee, _) = call.end(by.other()).ok_or(Reason::WRONG_STATE)?;
        if !self
            .sessions
            .get(&session)
            .is_some_and(|known| known.may_start_calls)
        {
            return Err(Reason::SCOPE_MISSING);
        }
        let (to, how) = self.target(session, id, &transfer)?;
        let purpose = match how {
            How::Call(purpose) => purpose,
            How::Consulted(..) => Purpose::TalkToCallee,
        };
        self.policy.transfer(TransferRequest {
            transferor,
            transferee,
            target: &to,
            purpose,
            consulted: matches!(how, How::Consulted(..)),
        })?;
        let transferor = transferor.clone();
        let new_call = CallId(self.draw_uuid());
        let answered = self.calls.get_mut(&id).and_then(Call::answered);
        let answered = answered.ok_or(Reason::WRONG_STATE)?;
        if answered.transfer.is_some() {
            return Err(Reason::TRANSFER_PENDING);
        }
        answered.transfer = Some(Transfer {
            by,
            to: to.clone(),
            how,
            new_call,
            placed: false,
        });
        self.timers
            .set(Timer::Transfer(id), now + self.config.transfer_timeout);
        self.record(Record::TransferRequested {
            call: id,
            by: transferor,
            to: to.clone(),
        });
        self.emit(
            transferee_session,
            &Event::TransferRequested(TransferRequested {
                call: id,
                new_call,
                to,
            }),
        );
        Ok(())
    }

    /// Whom a transfer is for, and how they are reached.
    fn target(
        &self,
        session: SessionId,
        id: CallId,
        transfer: &protocol::Transfer,
    ) -> Result<(Identifier, How), Reason> {
        match &transfer.to {
            TransferTarget::Identity(identity) if !identity.can_register() => Err(Reason::NO_SUCH_CALLEE),
            TransferTarget::Identity(identity) => {
                let purpose = if transfer.target_only {
                    Purpose::TalkToCallee
                } else {
                    Purpose::Talk
                };
                Ok((identity.clone(), How::Call(purpose)))
            }
            TransferTarget::Voicemail(of) => Ok((of.clone(), How::Call(Purpose::LeaveMessage))),
            TransferTarget::Call(other) if *other == id => Err(Reason::WRONG_STATE),
            TransferTarget::Call(other) => {
                let call = self.calls.get(other).ok_or(Reason::NO_SUCH_CALL)?;
                let (side, _) = call.side_of(session).ok_or(Reason::WRONG_STATE)?;
                let (identity, endpoint) = call.end(side.other()).ok_or(Reason::WRONG_STATE)?;
                Ok((identity.clone(), How::Consulted(*other, endpoint)))
            }
        }
    }

    /// The transferee places the call that takes the place of `replaced`.
    pub(super) fn start_transferred(
        &mut self,
        session: SessionId,
        replaced: CallId,
        start: Start,
        now: Instant,
    ) -> Result<Started, Reason> {
        let call = self.calls.get_mut(&replaced).ok_or(Reason::NO_SUCH_CALL)?;
        let side = call.side_of(session).map(|(side, _)| side);
        let answered = call.answered().ok_or(Reason::WRONG_STATE)?;
        let transfer = answered
            .transfer
            .as_mut()
            .filter(|transfer| transfer.new_call == start.call && !transfer.placed)
            .filter(|transfer| side == Some(transfer.by.other()))
            .ok_or(Reason::WRONG_STATE)?;
        transfer.placed = true;
        let (by, to, how) = (transfer.by, transfer.to.clone(), transfer.how);
        let (transferor, _) = call.end(by).ok_or(Reason::WRONG_STATE)?;
        let origin = HandedOver {
            replaced,
            transferor: transferor.clone(),
            consulted: match how {
                How::Consulted(other, endpoint) => Some((other, endpoint)),
                How::Call(_) => None,
            },
        };
        self.timers.cancel(Timer::Transfer(replaced));
        let start = Start {
            to,
            on_behalf_of: None,
            thread: None,
            ..start
        };
        let route = self.transfer_route(session, &start, how, now);
        self.dial(session, start, None, Some(origin), route, now)
            .inspect_err(|reason| self.transfer_failed(replaced, reason))
    }

    fn transfer_route(
        &self,
        session: SessionId,
        start: &Start,
        how: How,
        now: Instant,
    ) -> Result<Route, Reason> {
        let from = &self
            .sessions
            .get(&session)
            .ok_or(Reason::NO_SUCH_SESSION)?
            .identity;
        match how {
            How::Call(purpose) => {
                let request = CallRequest {
                    call: start.call,
                    from,
                    to: &start.to,
                    purpose,
                };
                self.way(request, session, now)
            }
            // Whoever was asked is there, and expects it: no rule of theirs is asked.
            How::Consulted(other, endpoint) => {
                let call = self.calls.get(&other).ok_or(Reason::NO_SUCH_CALL)?;
                call.side_of(endpoint).ok_or(Reason::NO_SUCH_CALL)?;
                Ok(Route::direct(start.to.clone()))
            }
        }
    }

    /// A call was answered. Where one was handed over to it, that one is over, and so is the one in which its target
    /// was asked.
    pub(super) fn handed_over(&mut self, id: CallId, now: Instant) {
        let Some(origin) = self.calls.get(&id).and_then(|call| call.handed_over.clone()) else {
            return;
        };
        self.tell_transferor(origin.replaced, TransferOutcome::Transferred);
        let consultation = origin.consulted.map(|(call, _)| call);
        for replaced in [Some(origin.replaced), consultation].into_iter().flatten() {
            self.end_call(replaced, &Reason::TRANSFERRED, None, now);
        }
    }

    /// The target did not get the call. It stays as it is, if it still is.
    pub(super) fn transfer_failed(&mut self, id: CallId, reason: &Reason) {
        self.timers.cancel(Timer::Transfer(id));
        self.tell_transferor(id, TransferOutcome::Failed(reason.clone()));
    }

    fn tell_transferor(&mut self, id: CallId, outcome: TransferOutcome) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(transfer) = call.answered().and_then(|answered| answered.transfer.take()) else {
            return;
        };
        if let Some((_, transferor)) = call.end(transfer.by) {
            self.emit(
                transferor,
                &Event::TransferChanged(TransferChanged { call: id, outcome }),
            );
        }
    }
}
