//! What the application wants of a call.

use std::time::Instant;

use super::machine::{ClientCall, Phase, Ringing, Talking};
use crate::agent::{MediaAction, Role};
use crate::end_reason::Reason;
use crate::protocol::{Accept, Decline, DeclineReason, Hold, Mute, Pictures, Request, Ring, Show};

impl ClientCall {
    pub(crate) fn accept(&mut self, now: Instant) {
        let Phase::Incoming(Ringing { leg, .. }) = self.phase else {
            return;
        };
        self.request(Request::Accept(Accept { call: self.id, leg }));
        self.answer_here(false, now);
    }

    /// Makes the endpoint's ringing known to the caller.
    pub(crate) fn ring(&mut self) {
        if let Phase::Incoming(Ringing { leg, .. }) = self.phase {
            self.request(Request::Ring(Ring { call: self.id, leg }));
        }
    }

    /// The service answered for this endpoint: both ends had called each other, or the call was picked up. The
    /// application is told otherwise.
    pub(crate) fn merge(&mut self, now: Instant) {
        self.unannounced = None;
        self.told = None;
        self.answer_here(true, now);
        self.confirmed(Ok(()));
    }

    /// Answers at once, for a call that this one takes the place of. The application is told otherwise.
    pub(crate) fn take_over(&mut self, now: Instant) {
        self.unannounced = None;
        self.told = None;
        self.accept(now);
    }

    fn answer_here(&mut self, confirmed: bool, now: Instant) {
        let Phase::Incoming(Ringing {
            leg,
            warm,
            media,
            offer_open,
        }) = self.phase
        else {
            return;
        };
        self.phase = Phase::Talking(Talking::new(leg, Role::Offerer, confirmed, media, offer_open));
        if warm {
            if self.settings.hide_addresses {
                self.media(leg, MediaAction::ReleaseCandidates);
            }
            self.open_leg();
        } else {
            self.create_talking_leg();
        }
        self.begin_talking(now);
    }

    pub(crate) fn decline(&mut self) {
        if let Phase::Incoming(Ringing { leg, .. }) = self.phase {
            let decline = Decline {
                call: self.id,
                leg,
                reason: DeclineReason::Declined,
            };
            self.request(Request::Decline(decline));
            self.finish(None, Reason::DECLINED);
        }
    }

    pub(crate) fn hang_up(&mut self) {
        let reason = match self.phase {
            Phase::Outgoing(_) => Reason::CANCELLED,
            Phase::Incoming(_) => Reason::DECLINED,
            Phase::Talking(_) => Reason::HUNG_UP,
            Phase::Ended => return,
        };
        self.finish(Some(None), reason);
    }

    pub(crate) fn mute(&mut self, muted: bool) {
        if std::mem::replace(&mut self.muted, muted) != muted && matches!(self.phase, Phase::Talking(_)) {
            self.request(Request::Mute(Mute { call: self.id, muted }));
        }
    }

    pub(crate) fn show(&mut self, pictures: Pictures) {
        if std::mem::replace(&mut self.pictures, pictures) != pictures
            && matches!(self.phase, Phase::Talking(_))
        {
            self.request(Request::Show(Show {
                call: self.id,
                pictures,
            }));
        }
    }

    pub(crate) fn hold(&mut self, held: bool) {
        let Phase::Talking(talking) = &mut self.phase else {
            return;
        };
        if talking.local_hold != held {
            talking.local_hold = held;
            self.request(Request::Hold(Hold { call: self.id, held }));
            self.set_audio();
            self.report();
        }
    }
}
