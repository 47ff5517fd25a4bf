//! What the ends of a call tell each other, passed on after a look at who may say it.

use std::time::Instant;

use super::call::{Call, Side};
use super::{Record, Switchboard, Timer};
use crate::end_reason::Reason;
use crate::protocol::{
    CallId, Candidates, DescriptionType, Event, Hold, MediaReport, Mute, Report, Restart, SessionDescription,
    SessionId, Show, Watch,
};

impl Switchboard {
    pub(super) fn description(
        &mut self,
        session: SessionId,
        description: SessionDescription,
    ) -> Result<(), Reason> {
        let call = self
            .calls
            .get_mut(&description.call)
            .ok_or(Reason::NO_SUCH_CALL)?;
        let (side, peer, sent) = call
            .leg_side(description.leg, session)
            .ok_or(Reason::NO_SUCH_LEG)?;
        let expected = match side {
            Side::Callee => DescriptionType::Offer,
            Side::Caller => DescriptionType::Answer,
        };
        if description.kind != expected {
            return Err(Reason::WRONG_STATE);
        }
        // A description may begin a new ICE generation.
        *sent.of(side) = 0;
        self.emit(peer, &Event::Description(description));
        Ok(())
    }

    pub(super) fn candidates(&mut self, session: SessionId, candidates: Candidates) -> Result<(), Reason> {
        let limit = self.config.limits.candidates;
        let call = self.calls.get_mut(&candidates.call).ok_or(Reason::NO_SUCH_CALL)?;
        let (side, peer, sent) = call
            .leg_side(candidates.leg, session)
            .ok_or(Reason::NO_SUCH_LEG)?;
        let sent = sent.of(side);
        if *sent + candidates.candidates.len() > limit {
            return Err(Reason::TOO_MANY_CANDIDATES);
        }
        *sent += candidates.candidates.len();
        self.emit(peer, &Event::Candidates(candidates));
        Ok(())
    }

    pub(super) fn restart(&mut self, session: SessionId, restart: Restart) -> Result<(), Reason> {
        let call = self.calls.get_mut(&restart.call).ok_or(Reason::NO_SUCH_CALL)?;
        let (side, peer, _) = call.leg_side(restart.leg, session).ok_or(Reason::NO_SUCH_LEG)?;
        // The offerer needs to ask nobody.
        if side == Side::Callee {
            return Err(Reason::WRONG_STATE);
        }
        self.emit(peer, &Event::Restart(restart));
        Ok(())
    }

    pub(super) fn media(
        &mut self,
        session: SessionId,
        report: MediaReport,
        now: Instant,
    ) -> Result<(), Reason> {
        let call = self.calls.get_mut(&report.call).ok_or(Reason::NO_SUCH_CALL)?;
        let (side, _) = call.side_of(session).ok_or(Reason::WRONG_STATE)?;
        if let Some(answered) = call.answered() {
            *answered.media(side) = Some(report.state);
            if answered.media_is_up() {
                self.timers.cancel(Timer::Setup(report.call));
            }
        }
        self.update_lease(report.call, now);
        Ok(())
    }

    pub(super) fn mute(&mut self, session: SessionId, mute: Mute) -> Result<(), Reason> {
        let peer = self.peer(mute.call, session)?;
        self.emit(peer, &Event::Muted(mute));
        Ok(())
    }

    pub(super) fn show(&mut self, session: SessionId, show: Show) -> Result<(), Reason> {
        let peer = self.peer(show.call, session)?;
        self.emit(peer, &Event::Shown(show));
        Ok(())
    }

    pub(super) fn watch(&mut self, session: SessionId, watch: Watch) -> Result<(), Reason> {
        let peer = self.peer(watch.call, session)?;
        self.emit(peer, &Event::Watched(watch));
        Ok(())
    }

    pub(super) fn hold(&mut self, session: SessionId, hold: Hold) -> Result<(), Reason> {
        let peer = self.peer(hold.call, session)?;
        self.emit(peer, &Event::Held(hold));
        Ok(())
    }

    /// What an endpoint has to say of a call. The call may be over: whether this endpoint was in it is seen by who keeps records.
    pub(super) fn report(&mut self, session: SessionId, report: Report) -> Result<(), Reason> {
        let endpoint = self.sessions.get(&session).ok_or(Reason::NO_SUCH_SESSION)?;
        let identity = endpoint.identity.clone();
        self.record(Record::Reported {
            identity,
            session,
            report,
        });
        Ok(())
    }

    /// The other end of an answered call.
    fn peer(&self, id: CallId, session: SessionId) -> Result<SessionId, Reason> {
        let call: &Call = self.calls.get(&id).ok_or(Reason::NO_SUCH_CALL)?;
        call.side_of(session)
            .map(|(_, peer)| peer)
            .ok_or(Reason::WRONG_STATE)
    }
}
