//! A call as the switchboard keeps it: ringing on legs, or answered on one of them. Pure data and its rules.
//!
//! Inputs: from the caller *start*, *hang up*; from a leg's endpoint *ring*, *accept*, *decline*, *hang up*; from
//! both *description*, *candidates*, *restart*, *media*, *mute*, *hold*, *transfer*, *notice*, *consent*; from members
//! of a pickup group *pick up*; from sessions *detached*, *attached*, *gone*; from the clock *no answer*, *leg
//! unreachable*, *set-up too long*, *lease over*, *transfer not carried out*.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::notice::Notices;
use super::transfer::Transfer;
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::chat::ThreadId;
use crate::protocol::{CallId, LegId, MediaState, SessionId};
use crate::switchboard::{Onward, Target, Unanswered};

/// A call between a caller's endpoint and the callee's.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) caller: SessionId,
    /// Who placed it.
    pub(super) from: Identifier,
    /// The member as whom it was placed.
    pub(super) as_member: Option<Identifier>,
    pub(super) to: Identifier,
    pub(super) display_name: String,
    pub(super) context: Option<String>,
    /// The chat thread that it comes out of.
    pub(super) thread: Option<ThreadId>,
    pub(super) placed: Instant,
    pub(super) legs_given: u32,
    /// Whose call it is, where that is not whom it was for.
    pub(super) on_behalf_of: Option<Identifier>,
    /// The call whose place it takes, where that was handed over.
    pub(super) handed_over: Option<HandedOver>,
    pub(super) phase: Phase,
}

/// What a call comes from that was placed for a transfer.
#[derive(Clone, Debug)]
pub(super) struct HandedOver {
    /// The call that was handed over.
    pub(super) replaced: CallId,
    pub(super) transferor: Identifier,
    /// The call in which the target was asked first, and the target's endpoint in it: that one answers.
    pub(super) consulted: Option<(CallId, SessionId)>,
}

/// What a call is doing.
#[derive(Debug)]
pub(super) enum Phase {
    /// Endpoints of the callee ring.
    Ringing(Ringing),
    /// One of them answered.
    Answered(Answered),
}

/// Before the answer.
#[derive(Debug)]
pub(super) struct Ringing {
    pub(super) legs: BTreeMap<LegId, Leg>,
    pub(super) outcomes: Outcomes,
    /// When the first endpoint said that it rings.
    pub(super) rang: Option<Instant>,
    /// Where the call is on its way.
    pub(super) stop: Stop,
}

/// One stop on a call's way: those who ring, and what follows.
#[derive(Debug)]
pub(super) struct Stop {
    /// When the call came here.
    pub(super) since: Instant,
    /// Who rings.
    pub(super) ringing: Vec<Identifier>,
    /// Who rings too when their time has come, the next one first.
    pub(super) later: VecDeque<Target>,
    /// Who may take the call.
    pub(super) pickup: BTreeSet<Identifier>,
    /// The endpoints that were told so.
    pub(super) offered: BTreeSet<SessionId>,
    /// How long it rings here.
    pub(super) give_up_after: Option<Duration>,
    /// Where it goes then.
    pub(super) onward: Option<Box<dyn Onward>>,
}

impl Stop {
    /// When the next of those who ring later shall ring.
    pub(super) fn next_ring(&self) -> Option<Instant> {
        self.later.front().map(|target| self.since + target.after)
    }
}

/// One ringing endpoint.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) endpoint: SessionId,
    /// It said that it rings.
    pub(super) rings: bool,
    pub(super) warm: bool,
    pub(super) candidates: CandidateCount,
}

/// Candidates each end has sent since its last description.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CandidateCount {
    pub(super) caller: usize,
    pub(super) callee: usize,
}

impl CandidateCount {
    pub(super) fn of(&mut self, side: Side) -> &mut usize {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }
}

/// After the answer.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) leg: LegId,
    pub(super) endpoint: SessionId,
    pub(super) identity: Identifier,
    pub(super) at: Instant,
    pub(super) candidates: CandidateCount,
    pub(super) caller_media: Option<MediaState>,
    pub(super) callee_media: Option<MediaState>,
    /// It is being handed over.
    pub(super) transfer: Option<Transfer>,
    pub(super) notices: Notices,
}

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Caller,
    Callee,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// Why legs ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LegOutcome {
    Declined,
    Busy,
    /// Rang, or tried to, and was lost.
    Lost,
    /// Never online.
    Offline,
}

/// How the legs of a call ended so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcomes {
    declined: u32,
    busy: u32,
    lost: u32,
    offline: u32,
}

impl Outcomes {
    pub(super) fn add(&mut self, outcome: LegOutcome) {
        let count = match outcome {
            LegOutcome::Declined => &mut self.declined,
            LegOutcome::Busy => &mut self.busy,
            LegOutcome::Lost => &mut self.lost,
            LegOutcome::Offline => &mut self.offline,
        };
        *count = count.saturating_add(1);
    }

    /// Counts those of others too.
    pub(super) fn join(&mut self, others: Self) {
        for (count, more) in [
            (&mut self.declined, others.declined),
            (&mut self.busy, others.busy),
            (&mut self.lost, others.lost),
            (&mut self.offline, others.offline),
        ] {
            *count = count.saturating_add(more);
        }
    }

    /// What the caller is told when no leg is left: what a person decided goes first, then what is known best.
    pub(super) fn reason(&self) -> Reason {
        match *self {
            Self {
                declined: 2..,
                busy: 0,
                lost: 0,
                offline: 0,
            } => Reason::DECLINED_EVERYWHERE,
            Self { declined: 1.., .. } => Reason::DECLINED,
            Self { busy: 1.., .. } => Reason::BUSY,
            Self { lost: 1.., .. } => Reason::CALLEE_LOST,
            Self { offline: 1.., .. } => Reason::OFFLINE,
            _ => Reason::NO_ENDPOINT,
        }
    }

    /// Why the call may go on elsewhere. Not where a person said no: that is an answer.
    pub(super) fn unanswered(&self) -> Option<Unanswered> {
        match *self {
            Self { declined: 1.., .. } => None,
            Self { busy: 1.., .. } => Some(Unanswered::Busy),
            _ => Some(Unanswered::Unreachable),
        }
    }
}

impl LegOutcome {
    /// What the leg's own endpoint is told.
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::Declined => Reason::DECLINED,
            Self::Busy => Reason::BUSY,
            Self::Lost => Reason::CALLEE_LOST,
            Self::Offline => Reason::OFFLINE,
        }
    }
}

impl Call {
    /// Endpoints in the call, or rung by it, other than the caller's.
    pub(super) fn callee_endpoints(&self) -> Vec<SessionId> {
        match &self.phase {
            Phase::Ringing(ringing) => ringing.legs.values().map(|leg| leg.endpoint).collect(),
            Phase::Answered(answered) => vec![answered.endpoint],
        }
    }

    pub(super) fn ringing(&mut self) -> Option<&mut Ringing> {
        match &mut self.phase {
            Phase::Ringing(ringing) => Some(ringing),
            Phase::Answered(_) => None,
        }
    }

    pub(super) fn answered(&mut self) -> Option<&mut Answered> {
        match &mut self.phase {
            Phase::Ringing(_) => None,
            Phase::Answered(answered) => Some(answered),
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        matches!(self.phase, Phase::Answered(_))
    }

    /// Whether this endpoint placed the call or talks in it; ringing does not count.
    pub(super) fn occupies(&self, session: SessionId) -> bool {
        self.caller == session
            || matches!(&self.phase, Phase::Answered(answered) if answered.endpoint == session)
    }

    /// The leg on which this endpoint rings.
    pub(super) fn ringing_leg_of(&self, session: SessionId) -> Option<LegId> {
        match &self.phase {
            Phase::Ringing(ringing) => ringing
                .legs
                .iter()
                .find(|(_, leg)| leg.endpoint == session)
                .map(|(id, _)| *id),
            Phase::Answered(_) => None,
        }
    }

    /// Which end of the answered call this endpoint is, and who is the other.
    pub(super) fn side_of(&self, session: SessionId) -> Option<(Side, SessionId)> {
        match &self.phase {
            Phase::Answered(answered) if self.caller == session => Some((Side::Caller, answered.endpoint)),
            Phase::Answered(answered) if answered.endpoint == session => Some((Side::Callee, self.caller)),
            _ => None,
        }
    }

    /// Who is at an end of the answered call, and on which endpoint.
    pub(super) fn end(&self, side: Side) -> Option<(&Identifier, SessionId)> {
        let Phase::Answered(answered) = &self.phase else {
            return None;
        };
        Some(match side {
            Side::Caller => (&self.from, self.caller),
            Side::Callee => (&answered.identity, answered.endpoint),
        })
    }

    /// As whom it was placed.
    pub(super) fn shown_as(&self) -> &Identifier {
        self.as_member.as_ref().unwrap_or(&self.from)
    }

    /// Which end of a leg this endpoint is, who is the other, and the leg's count of candidates.
    pub(super) fn leg_side(
        &mut self,
        leg: LegId,
        session: SessionId,
    ) -> Option<(Side, SessionId, &mut CandidateCount)> {
        let caller = self.caller;
        let (endpoint, candidates) = match &mut self.phase {
            Phase::Ringing(ringing) => {
                let leg = ringing.legs.get_mut(&leg)?;
                (leg.endpoint, &mut leg.candidates)
            }
            Phase::Answered(answered) if answered.leg == leg => (answered.endpoint, &mut answered.candidates),
            Phase::Answered(_) => return None,
        };
        if session == caller {
            Some((Side::Caller, endpoint, candidates))
        } else if session == endpoint {
            Some((Side::Callee, caller, candidates))
        } else {
            None
        }
    }
}

impl Answered {
    pub(super) fn media(&mut self, side: Side) -> &mut Option<MediaState> {
        match side {
            Side::Caller => &mut self.caller_media,
            Side::Callee => &mut self.callee_media,
        }
    }

    /// Whether media came up. It takes two to connect, so one end's word is enough; the other may be offline.
    pub(super) fn media_is_up(&self) -> bool {
        [self.caller_media, self.callee_media].contains(&Some(MediaState::Connected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_decision_outranks_a_lost_endpoint() {
        use LegOutcome::*;
        let reason = |outcomes: &[LegOutcome]| {
            let mut all = Outcomes::default();
            outcomes.iter().for_each(|outcome| all.add(*outcome));
            all.reason()
        };
        assert_eq!(reason(&[Declined]), Reason::DECLINED);
        assert_eq!(reason(&[Declined, Declined]), Reason::DECLINED_EVERYWHERE);
        assert_eq!(reason(&[Lost, Declined]), Reason::DECLINED);
        assert_eq!(reason(&[Busy, Lost]), Reason::BUSY);
        assert_eq!(reason(&[Offline, Lost]), Reason::CALLEE_LOST);
        assert_eq!(reason(&[Offline]), Reason::OFFLINE);
    }
}
