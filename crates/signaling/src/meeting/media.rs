//! What the connection to the service says, and how lost media comes back: by ICE restarts (RFC 8445 section 2.4), one at
//! a time, until the media lease ends. While signaling is away a restart waits, because its offer could not travel.

use std::time::{Duration, Instant};

use super::machine::{ClientMeeting, Phase, Timer};
use crate::agent::{MediaAction, MediaEvent};
use crate::protocol::{DescriptionType, LegId, MediaState, SessionDescription};

/// What waits for media of the connection in use.
pub(super) const MEDIA_TIMERS: [Timer; 3] = [Timer::Setup, Timer::Lost, Timer::Restart];

/// How long the connection before is kept once the new one is up: the other end may be slower, and what it sent the old
/// way is still heard.
const OVERLAP: Duration = Duration::from_secs(3);

impl ClientMeeting {
    pub(crate) fn handle_media(&mut self, leg: LegId, event: MediaEvent, now: Instant) {
        if leg != self.leg || self.phase == Phase::Ended {
            return;
        }
        match event {
            MediaEvent::LocalDescription { sdp } => self.offered(sdp),
            MediaEvent::LocalCandidate(_) => {}
            MediaEvent::State(state) => {
                if self.media.replace(state) != Some(state) {
                    self.media_changed(state, now);
                }
            }
            MediaEvent::Error(failure) => self.fail(failure.reason()),
        }
        self.report();
    }

    /// The service's answer to the offer.
    pub(super) fn answer(&mut self, sdp: String) {
        let description = SessionDescription {
            call: self.id(),
            leg: self.leg,
            kind: DescriptionType::Answer,
            sdp,
        };
        self.media(self.leg, MediaAction::RemoteDescription(description));
    }

    fn media_changed(&mut self, state: MediaState, now: Instant) {
        if self.phase == Phase::Away {
            return;
        }
        if state == MediaState::Connected {
            for timer in MEDIA_TIMERS {
                self.timers.cancel(timer);
            }
            self.was_up = true;
            self.rejoining = false;
            self.postponed = false;
            if self.old.is_some() {
                self.timers.set(Timer::Overlap, now + OVERLAP);
            }
            return;
        }
        if self.was_up && !self.rejoining {
            self.timers
                .set_if_unset(Timer::Lost, now + self.settings.media_lease);
        }
        match state {
            MediaState::Failed => self.timers.set(Timer::Restart, now),
            _ => self
                .timers
                .set_if_unset(Timer::Restart, now + self.settings.timing.restart_after),
        }
    }

    /// Time for a restart, and then again.
    pub(super) fn restart_due(&mut self, now: Instant) {
        let again = now + self.settings.timing.restart_interval;
        self.timers.set(Timer::Restart, again);
        self.restart();
    }

    /// Signaling is back, or an offer was answered.
    pub(super) fn restart_postponed(&mut self) {
        if self.postponed {
            self.restart();
        }
    }

    fn restart(&mut self) {
        if self.phase != Phase::In {
            return;
        }
        self.postponed = !self.online || self.offer_open;
        if !self.postponed {
            self.offer_open = true;
            self.media(self.leg, MediaAction::Restart);
        }
    }
}
