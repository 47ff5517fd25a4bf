//! Sound that is shared with a screen: it follows the share, the consent to being recorded, and the call from leg to leg.

use std::time::Instant;

use sidetone_media::voice::SharedSoundKeeper;
use sidetone_signaling::agent::AgentInput;
use sidetone_signaling::protocol::CallId;

use super::sight::elsewhere;
use super::video::diagnose;
use super::{Driver, Entry};
use crate::Error;
use crate::call::CallEvent;
use crate::diagnostics::Diagnostic;
use crate::video::OpenSound;

impl Entry {
    /// Whether this end is heard in a meeting with the microphone off, by what it shares: unless it was switched off by
    /// others, who want nothing to be heard.
    pub(super) fn is_heard_muted(&self) -> bool {
        let snapshot = self.shared.snapshot();
        snapshot.shares_sound
            && snapshot.meeting.is_some()
            && !snapshot.notices.consent_needed
            && !self.muted_by_others
    }
}

impl Driver {
    /// Sends an opened sound with the share of a call.
    pub(super) fn begin_sound(&mut self, call: CallId, (sound, keeper): OpenSound) -> Result<(), Error> {
        let link = self.legs.talking_in(call).map(|leg| leg.link);
        let (Some(engine), Some(link)) = (self.audio.engine(), link) else {
            elsewhere(move || drop(keeper));
            return Err(Error::State("without sound"));
        };
        engine.share_sound(link, sound);
        // There is one at a time.
        let others = self.calls.iter().filter(|entry| entry.sight.sound.is_some());
        let others: Vec<CallId> = others.map(Entry::id).collect();
        for other in others {
            if let Some(sound) = self.forget_sound(other) {
                elsewhere(move || drop(sound));
            }
        }
        if let Some(entry) = self.entry(call) {
            entry.sight.sound = Some(keeper);
            self.tell_sound(call, true);
        }
        Ok(())
    }

    /// Sound that is shared is heard when the screen is seen, and ends with it.
    pub(super) fn keep_sound(&mut self, call: CallId) {
        let Some(entry) = self.entry(call).filter(|entry| entry.sight.sound.is_some()) else {
            return;
        };
        if entry.sight.share.is_some() {
            let held = entry.sight.is_held();
            if let Some(engine) = self.audio.engine() {
                engine.pass_shared_sound(!held);
            }
        } else if let Some(sound) = self.forget_sound(call) {
            self.close_sound(sound);
        }
    }

    /// The source came to its end, or went away.
    pub(super) fn sound_ended(&mut self, lost: bool, now: Instant) {
        let mut calls = self.calls.iter_mut();
        let Some(entry) = calls.find(|entry| entry.sight.sound.is_some()) else {
            return;
        };
        if lost {
            diagnose(entry, Diagnostic::SharedSoundStoppedUnexpectedly, true, now);
        }
        let call = entry.id();
        if let Some(sound) = self.forget_sound(call) {
            self.close_sound(sound);
        }
    }

    pub(super) fn close_sound(&self, sound: SharedSoundKeeper) {
        if let Some(engine) = self.audio.engine() {
            engine.unshare_sound();
        }
        elsewhere(move || drop(sound));
    }

    /// A call shares no sound any more.
    fn forget_sound(&mut self, call: CallId) -> Option<SharedSoundKeeper> {
        let sound = self.entry(call)?.sight.sound.take();
        if sound.is_some() {
            self.tell_sound(call, false);
        }
        sound
    }

    /// Tells everybody whom it concerns: the app, the codec, and who shows who is muted.
    fn tell_sound(&mut self, call: CallId, on: bool) {
        let Some(entry) = self.entry(call) else { return };
        entry
            .shared
            .update(CallEvent::IsSharedSoundOnChanged(on), |snapshot| {
                snapshot.shares_sound = on;
            });
        self.keep_sound(call);
        self.recode(call);
        if let Some(mute) = self.silence(call) {
            self.deferred.push_back(AgentInput::Command(mute));
        }
    }
}
