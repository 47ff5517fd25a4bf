//! What the service says about a call.

use std::time::Instant;

use super::machine::{ClientCall, Leg, Phase, Talking, Timer};
use crate::agent::{AgentEvent, MediaAction, Role};
use crate::end_reason::Reason;
use crate::protocol::{
    Accepted, Candidates, DescriptionType, LegId, MediaFailure, Pictures, Presence, SessionDescription, Watch,
};

impl ClientCall {
    pub(crate) fn calling(&mut self) {
        if let Phase::Outgoing(outgoing) = &mut self.phase {
            outgoing.taken = true;
            self.timers.cancel(Timer::Dial);
            self.report();
        }
    }

    pub(crate) fn ringing(&mut self) {
        if let Phase::Outgoing(outgoing) = &mut self.phase {
            outgoing.ringing = true;
            self.report();
        }
    }

    pub(crate) fn description(&mut self, description: SessionDescription, now: Instant) {
        let leg = description.leg;
        match (&mut self.phase, description.kind) {
            (Phase::Outgoing(outgoing), DescriptionType::Offer) => match outgoing.legs.get_mut(&leg) {
                Some(Leg::Warm(_)) => self.media(leg, MediaAction::RemoteDescription(description)),
                Some(Leg::Parked { offer, .. }) => *offer = description,
                Some(Leg::Broken) => {}
                None => self.warm_up(description),
            },
            (Phase::Incoming(ringing), DescriptionType::Answer) if ringing.leg == leg => {
                ringing.offer_open = false;
                self.media(leg, MediaAction::RemoteDescription(description));
            }
            (Phase::Talking(talking), kind) if talking.leg == leg && talking.role.expects(kind) => {
                if kind == DescriptionType::Answer {
                    talking.recovery.offer_open = false;
                }
                if !talking.created {
                    self.create_talking_leg();
                }
                self.media(leg, MediaAction::RemoteDescription(description));
                self.restart_postponed(now);
            }
            _ => {}
        }
    }

    /// A leg's endpoint offers while it rings.
    fn warm_up(&mut self, offer: SessionDescription) {
        let warm_legs = self.settings.warm_legs;
        let Phase::Outgoing(outgoing) = &mut self.phase else {
            return;
        };
        let warm = outgoing
            .legs
            .values()
            .filter(|leg| matches!(leg, Leg::Warm(_)))
            .count()
            < warm_legs;
        let leg = offer.leg;
        if warm {
            outgoing.legs.insert(leg, Leg::Warm(None));
            let hold = self.settings.hide_addresses;
            self.create(leg, Role::Answerer, hold);
            self.media(leg, MediaAction::RemoteDescription(offer));
        } else {
            outgoing.legs.insert(
                leg,
                Leg::Parked {
                    offer,
                    candidates: Vec::new(),
                },
            );
        }
    }

    pub(crate) fn candidates(&mut self, candidates: Candidates) {
        let leg = candidates.leg;
        let end = candidates.end.then_some(None);
        let lines = candidates.candidates.into_iter().map(Some).chain(end);
        let made = match &mut self.phase {
            Phase::Outgoing(outgoing) => match outgoing.legs.get_mut(&leg) {
                Some(Leg::Parked { candidates, .. }) => {
                    candidates.extend(lines);
                    return;
                }
                Some(Leg::Warm(_)) => true,
                Some(Leg::Broken) | None => false,
            },
            Phase::Incoming(ringing) => ringing.leg == leg && ringing.warm,
            Phase::Talking(talking) => talking.leg == leg && talking.created,
            Phase::Ended => false,
        };
        if made {
            lines.for_each(|line| self.media(leg, MediaAction::RemoteCandidate(line)));
        }
    }

    pub(crate) fn leg_ended(&mut self, leg: LegId) {
        if let Phase::Outgoing(outgoing) = &mut self.phase
            && let Some(Leg::Warm(_)) = outgoing.legs.remove(&leg)
        {
            self.media(leg, MediaAction::Close);
        }
    }

    pub(crate) fn accepted(&mut self, accepted: Accepted, now: Instant) {
        let Phase::Outgoing(outgoing) = &mut self.phase else {
            return;
        };
        let mut legs = std::mem::take(&mut outgoing.legs);
        let leg = accepted.leg;
        let chosen = legs.remove(&leg);
        for (other, state) in legs {
            if let Leg::Warm(_) = state {
                self.media(other, MediaAction::Close);
            }
        }
        self.timers.cancel(Timer::Dial);
        let media = match &chosen {
            Some(Leg::Warm(media)) => *media,
            _ => None,
        };
        self.phase = Phase::Talking(Talking::new(leg, Role::Answerer, true, media, false));
        self.event(AgentEvent::CallAccepted {
            call: self.id,
            by: accepted.by,
            display_name: accepted.display_name,
        });
        match chosen {
            Some(Leg::Warm(_)) => {
                if self.settings.hide_addresses {
                    self.media(leg, MediaAction::ReleaseCandidates);
                }
                self.open_leg();
            }
            Some(Leg::Parked { offer, candidates }) => {
                self.create_talking_leg();
                self.media(leg, MediaAction::RemoteDescription(offer));
                for line in candidates {
                    self.media(leg, MediaAction::RemoteCandidate(line));
                }
            }
            Some(Leg::Broken) => return self.fail(MediaFailure::Setup),
            // It makes its offer now.
            None => {}
        }
        self.begin_talking(now);
    }

    /// The service took this endpoint's answer, or refused it.
    pub(crate) fn confirmed(&mut self, result: Result<(), Reason>) {
        match result {
            Ok(()) => {
                if let Phase::Talking(talking) = &mut self.phase {
                    talking.confirmed = true;
                    self.report();
                }
            }
            Err(reason) => self.finish(None, reason),
        }
    }

    pub(crate) fn remote_muted(&mut self, muted: bool) {
        self.event(AgentEvent::RemoteMuted { call: self.id, muted });
    }

    pub(crate) fn remote_shows(&mut self, pictures: Pictures) {
        self.event(AgentEvent::RemoteShows {
            call: self.id,
            pictures,
        });
    }

    pub(crate) fn remote_watches(&mut self, watch: Watch) {
        self.event(AgentEvent::RemoteWatches(watch));
    }

    pub(crate) fn remote_held(&mut self, held: bool) {
        let Phase::Talking(talking) = &mut self.phase else {
            return;
        };
        if std::mem::replace(&mut talking.remote_hold, held) != held {
            self.set_audio();
            self.report();
        }
    }

    pub(crate) fn peer_presence(&mut self, presence: Presence) {
        if let Phase::Talking(talking) = &mut self.phase {
            talking.peer_present = presence == Presence::Present;
            self.report();
        }
    }

    pub(crate) fn ended(&mut self, reason: Reason) {
        self.finish(None, reason);
    }
}
