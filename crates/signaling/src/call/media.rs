//! What the media of a call's legs says.

use std::time::Instant;

use super::machine::{ClientCall, Leg, Phase, Timer};
use crate::agent::{MediaAction, MediaEvent, Role};
use crate::protocol::{
    Candidates, DescriptionType, LegId, MediaFailure, MediaReport, MediaState, Request, SessionDescription,
};

impl ClientCall {
    pub(crate) fn handle_media(&mut self, leg: LegId, event: MediaEvent, now: Instant) {
        let Some(role) = self.role_of(leg) else { return };
        match event {
            MediaEvent::LocalDescription { sdp } => {
                let kind = match role {
                    Role::Offerer => DescriptionType::Offer,
                    Role::Answerer => DescriptionType::Answer,
                };
                self.request(Request::Description(SessionDescription {
                    call: self.id,
                    leg,
                    kind,
                    sdp,
                }));
            }
            MediaEvent::LocalCandidate(line) => {
                let (end, candidates) = (line.is_none(), line.into_iter().collect());
                self.request(Request::Candidates(Candidates {
                    call: self.id,
                    leg,
                    candidates,
                    end,
                }));
            }
            MediaEvent::State(state) => self.media_state(leg, state, now),
            MediaEvent::Error(failure) => self.media_error(leg, failure),
        }
        self.report();
    }

    /// Which end of a leg whose media was made this is.
    fn role_of(&self, leg: LegId) -> Option<Role> {
        match &self.phase {
            Phase::Outgoing(outgoing) => {
                matches!(outgoing.legs.get(&leg), Some(Leg::Warm(_))).then_some(Role::Answerer)
            }
            Phase::Incoming(ringing) => (ringing.leg == leg && ringing.warm).then_some(Role::Offerer),
            Phase::Talking(talking) => (talking.leg == leg && talking.created).then_some(talking.role),
            Phase::Ended => None,
        }
    }

    fn media_state(&mut self, leg: LegId, state: MediaState, now: Instant) {
        match &mut self.phase {
            Phase::Outgoing(outgoing) => {
                outgoing.legs.insert(leg, Leg::Warm(Some(state)));
            }
            Phase::Incoming(ringing) => ringing.media = Some(state),
            Phase::Talking(talking) => {
                if talking.media.replace(state) != Some(state) {
                    self.media_changed(state, now);
                }
            }
            Phase::Ended => {}
        }
    }

    fn media_error(&mut self, leg: LegId, failure: MediaFailure) {
        match &mut self.phase {
            Phase::Outgoing(outgoing) => {
                outgoing.legs.insert(leg, Leg::Broken);
                self.media(leg, MediaAction::Close);
            }
            Phase::Incoming(_) | Phase::Talking(_) => self.fail(failure),
            Phase::Ended => {}
        }
    }

    pub(super) fn media_changed(&mut self, state: MediaState, now: Instant) {
        self.request(Request::Media(MediaReport { call: self.id, state }));
        if state == MediaState::Connected {
            self.timers.cancel(Timer::Setup);
            self.media_recovered();
        } else {
            self.media_lost(state, now);
        }
    }
}
