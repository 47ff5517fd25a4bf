//! Whose connection is lost, who comes back, and who is given up: nobody stays on the roster who is not there.

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::SessionId;
use sidetone_signaling::protocol::meeting::ParticipantId;

use super::participant::{Media, Place};
use super::{Context, Room, Timer};

impl Room {
    /// Sets and takes away the deadlines of somebody, by what they have: media and a session.
    pub(super) fn watch(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let (lease, grace) = (Timer::Lease(self.call, id), Timer::Grace(self.call, id));
        if matches!(participant.place, Place::Ringing(_)) && participant.asking.is_none() {
            cx.timers.cancel(lease);
            return cx.timers.cancel(grace);
        }
        match participant.media {
            Media::Up => cx.timers.cancel(lease),
            Media::Coming => cx.timers.set_if_unset(lease, cx.now + cx.config.setup_timeout),
            Media::Never | Media::Lost => cx.timers.set_if_unset(lease, cx.now + cx.config.media_lease),
        }
        let present = participant.attached || participant.asking.is_some_and(|asking| !asking.restart);
        if present {
            cx.timers.cancel(grace);
        } else {
            cx.timers.set_if_unset(grace, cx.now + cx.config.roster_grace);
        }
    }

    /// An endpoint lost its socket.
    pub(crate) fn detached(&mut self, session: SessionId, cx: &mut Context<'_>) {
        let Ok(id) = self.of(session) else { return };
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant.session == Some(session) {
            participant.attached = false;
            // What it misses it is shown as a whole when it is back.
            participant.welcomed = false;
            self.watch(id, cx);
            self.touch(id, cx);
        }
    }

    /// It is back.
    pub(crate) fn resumed(&mut self, session: SessionId, cx: &mut Context<'_>) {
        let Ok(id) = self.of(session) else { return };
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant.session == Some(session) {
            participant.attached = true;
            let inside = participant.is_inside();
            self.watch(id, cx);
            self.touch(id, cx);
            if inside {
                self.welcome(id, cx);
            }
        }
    }

    /// An endpoint is over.
    pub(crate) fn ended(&mut self, session: SessionId, why: &Reason, cx: &mut Context<'_>) {
        let Ok(id) = self.of(session) else { return };
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant
            .asking
            .is_some_and(|asking| asking.session == session && !asking.restart)
        {
            self.gave_up(id, session, cx);
            return;
        }
        if participant.session != Some(session) {
            return;
        }
        if why.is(&Reason::SESSION_CLOSED) || why.is_about_token() {
            let reason = if why.is(&Reason::SESSION_CLOSED) {
                &Reason::HUNG_UP
            } else {
                why
            };
            self.take_out(id, reason, cx);
            return self.end_if_empty(cx);
        }
        // The person may come back at a new endpoint, as the same participant.
        participant.session = None;
        participant.attached = false;
        participant.welcomed = false;
        participant.asking = None;
        self.by_session.remove(&session);
        self.watch(id, cx);
        self.touch(id, cx);
    }

    /// Whoever was coming is gone before media has answered.
    fn gave_up(&mut self, id: ParticipantId, session: SessionId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant.place == Place::Knocking {
            participant.session = Some(session);
            self.take_out(id, &Reason::HUNG_UP, cx);
            return self.end_if_empty(cx);
        }
        participant.asking = None;
        participant.media = Media::Lost;
        if participant.session == Some(session) {
            participant.session = None;
            participant.attached = false;
            participant.welcomed = false;
        }
        self.by_session.remove(&session);
        self.watch(id, cx);
        self.touch(id, cx);
    }

    /// Somebody's media is up.
    pub(crate) fn media_up(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant.media.is_there() && participant.media != Media::Up {
            participant.media = Media::Up;
            self.watch(id, cx);
            self.touch(id, cx);
        }
    }

    /// Somebody's media is lost.
    pub(crate) fn media_lost(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant.media == Media::Up {
            participant.media = Media::Lost;
            self.watch(id, cx);
            self.touch(id, cx);
        }
    }

    /// Somebody's media does not come up: their client may try again for as long as a lost one may.
    pub(crate) fn media_failed(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant.media.is_there() {
            participant.media = Media::Lost;
            self.watch(id, cx);
            self.touch(id, cx);
        }
    }

    /// Somebody was without media for too long.
    pub(crate) fn lease_over(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let reason = match participant.media {
            Media::Up => return,
            _ if !participant.attached => Reason::PEER_GONE,
            Media::Never | Media::Coming => Reason::MEDIA_SETUP_FAILED,
            Media::Lost => Reason::MEDIA_DROPPED,
        };
        self.put_out(id, &reason, cx);
        self.end_if_empty(cx);
    }

    /// Somebody was without a session for too long.
    pub(crate) fn grace_over(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if self
            .participants
            .get(&id)
            .is_some_and(|participant| !participant.attached)
        {
            self.put_out(id, &Reason::NETWORK_LOST, cx);
            self.end_if_empty(cx);
        }
    }
}
