//! Getting lost media back: ICE restarts (RFC 8445 section 9, RFC 8829 section 4.1.8), one at a time, until the
//! media lease ends.
//!
//! Only the offerer of a leg offers, so restarts cannot cross; the answerer asks for one. While signaling is away a
//! restart waits, because its description could not travel.

use std::time::{Duration, Instant};

use super::machine::{ClientCall, Timer};
use crate::agent::{MediaAction, Role};
use crate::protocol::{MediaFailure, MediaState, Request, Restart};

/// A restart asked for within this of the last one is taken to be that one.
const SAME_RESTART: Duration = Duration::from_secs(2);

/// What is under way to get media back.
#[derive(Debug)]
pub(super) struct Recovery {
    /// An offer was made and not answered.
    pub(super) offer_open: bool,
    /// A restart is due as soon as signaling is back and no offer is open.
    postponed: bool,
    last_restart: Option<Instant>,
}

impl Recovery {
    pub(super) fn new(offer_open: bool) -> Self {
        Self {
            offer_open,
            postponed: false,
            last_restart: None,
        }
    }
}

impl ClientCall {
    pub(super) fn media_lost(&mut self, state: MediaState, now: Instant) {
        let timing = &self.settings.timing;
        self.timers
            .set_if_unset(Timer::Lost, now + self.settings.media_lease);
        match state {
            MediaState::Failed => self.timers.set(Timer::Restart, now),
            _ => self
                .timers
                .set_if_unset(Timer::Restart, now + timing.restart_after),
        }
    }

    pub(super) fn media_recovered(&mut self) {
        self.timers.cancel(Timer::Lost);
        self.timers.cancel(Timer::Restart);
        if let Some(talking) = self.talking() {
            talking.media_was_up = true;
            talking.recovery.postponed = false;
        }
    }

    /// Media was gone for as long as it may be.
    pub(super) fn lost_for_good(&mut self, now: Instant) {
        let online = self.online;
        if online && self.talking().is_some_and(|talking| !talking.peer_present) {
            // The peer has lost everything: the service, which hears from both, says how that ends.
            self.timers.set(Timer::Lost, now + self.settings.media_lease);
        } else {
            self.fail(MediaFailure::Dropped);
        }
    }

    /// Time for a restart, and then again.
    pub(super) fn restart_due(&mut self, now: Instant) {
        let again = now + self.settings.timing.restart_interval;
        self.timers.set(Timer::Restart, again);
        self.restart(now);
    }

    /// The peer asks for a restart.
    pub(crate) fn restart_asked(&mut self, now: Instant) {
        let Some(talking) = self.talking() else { return };
        let recent = talking
            .recovery
            .last_restart
            .is_some_and(|at| now.duration_since(at) < SAME_RESTART);
        if talking.role == Role::Offerer && !talking.recovery.offer_open && !recent {
            self.restart(now);
        }
    }

    /// Signaling is back, or an offer was answered.
    pub(super) fn restart_postponed(&mut self, now: Instant) {
        if self.talking().is_some_and(|talking| talking.recovery.postponed) {
            self.restart(now);
        }
    }

    fn restart(&mut self, now: Instant) {
        let (id, online) = (self.id, self.online);
        let Some(talking) = self.talking() else { return };
        if !online || talking.recovery.offer_open {
            talking.recovery.postponed = true;
            return;
        }
        talking.recovery.postponed = false;
        talking.recovery.last_restart = Some(now);
        let leg = talking.leg;
        match talking.role {
            Role::Offerer => {
                talking.recovery.offer_open = true;
                self.media(leg, MediaAction::Restart);
            }
            Role::Answerer => self.request(Request::Restart(Restart { call: id, leg })),
        }
    }
}
