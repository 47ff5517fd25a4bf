//! What a lost or regained socket means for the calls of its session.

use std::time::Instant;

use super::call::Phase;
use super::{Switchboard, Timer};
use crate::protocol::{CallId, Event, MediaState, PeerPresence, Presence, SessionId};

impl Switchboard {
    /// A session lost its socket: peers learn of it, ringing legs get a grace.
    pub(super) fn absent_from_calls(&mut self, session: SessionId, now: Instant) {
        for id in self.calls_of(session) {
            let Some(call) = self.calls.get(&id) else { continue };
            if let Some((_, peer)) = call.side_of(session) {
                self.emit_presence(peer, id, Presence::Reconnecting);
                self.update_lease(id, now);
            } else if let Some(leg) = call.ringing_leg_of(session) {
                self.timers
                    .set(Timer::Reach(id, leg), now + self.config.reach_grace);
            }
        }
    }

    /// A session has a socket again.
    pub(super) fn present_in_calls(&mut self, session: SessionId, now: Instant) {
        for id in self.calls_of(session) {
            let Some(call) = self.calls.get(&id) else { continue };
            if let Some((_, peer)) = call.side_of(session) {
                self.emit_presence(peer, id, Presence::Present);
                self.update_lease(id, now);
            } else if let Some(leg) = call.ringing_leg_of(session) {
                self.timers.cancel(Timer::Reach(id, leg));
            }
        }
    }

    pub(super) fn emit_presence(&mut self, peer: SessionId, call: CallId, presence: Presence) {
        self.emit(peer, &Event::Peer(PeerPresence { call, presence }));
    }

    fn calls_of(&self, session: SessionId) -> Vec<CallId> {
        self.sessions
            .get(&session)
            .map(|session| session.calls.iter().copied().collect())
            .unwrap_or_default()
    }

    /// An end without a socket that the other end cannot hear either has only so long to come back.
    pub(super) fn update_lease(&mut self, id: CallId, now: Instant) {
        let Some(call) = self.calls.get(&id) else { return };
        let Phase::Answered(answered) = &call.phase else {
            return;
        };
        let absent = |session| {
            !self
                .sessions
                .get(&session)
                .is_some_and(|session| session.is_attached())
        };
        let unheard = |media: Option<MediaState>| media != Some(MediaState::Connected);
        let gone = (absent(call.caller) && unheard(answered.callee_media))
            || (absent(answered.endpoint) && unheard(answered.caller_media));
        if gone {
            self.timers
                .set_if_unset(Timer::Lease(id), now + self.config.media_lease);
        } else {
            self.timers.cancel(Timer::Lease(id));
        }
    }
}
