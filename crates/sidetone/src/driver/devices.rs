//! The microphone and the speaker of calls: what the engine tells of them, what the app picks, and what comes and goes.

use std::time::Instant;

use sidetone_media::voice::{VoiceEngine, VoiceEvent};
use tokio::sync::watch;

use super::Driver;
use crate::call::CallEvent;
use crate::devices::Listed;

impl Driver {
    /// What the engine tells.
    pub(super) fn voice_events(&mut self, now: Instant) {
        while let Some(event) = self.audio.engine().and_then(VoiceEngine::poll_event) {
            let told = match event {
                VoiceEvent::DeviceLost(direction) => {
                    self.trouble.lost(direction);
                    self.audio.lost(direction, now);
                    self.devices.set_in_use(direction, None);
                    self.devices.roster().look();
                    CallEvent::DeviceLost(direction)
                }
                VoiceEvent::DeviceFailed(direction, error) => {
                    self.trouble.failed(&error, Some(direction));
                    self.audio.given(direction, false, now);
                    CallEvent::DeviceFailed(error.to_string())
                }
                VoiceEvent::DeviceReplaced(direction) => {
                    self.trouble.opened(direction);
                    let device = self.audio.given(direction, true, now);
                    self.devices.set_in_use(direction, device);
                    continue;
                }
                VoiceEvent::InputEnded => CallEvent::InputEnded,
                VoiceEvent::SharedSoundLost => {
                    self.sound_ended(true, now);
                    continue;
                }
                VoiceEvent::SharedSoundEnded => {
                    self.sound_ended(false, now);
                    continue;
                }
            };
            self.tell_active(&told);
        }
        self.supervise(now);
    }

    /// A pick of the app reaches the engine that is open, or the one that is about to be.
    pub(super) fn reselect(&mut self, now: Instant) {
        let picked = self.selection.borrow_and_update().clone();
        self.audio.swap(&picked, &self.devices.roster().platform(), now);
    }

    /// Devices may have come or gone.
    pub(super) fn devices_listed(&mut self, now: Instant) {
        let Some(listed) = self
            .listed
            .as_mut()
            .map(|listed| listed.borrow_and_update().clone())
        else {
            return;
        };
        if listed.look > 0 {
            self.trouble.listed(&listed);
            self.audio.listed(&listed);
            self.supervise(now);
        }
    }

    /// Sees to it that calls use the best devices there are.
    pub(super) fn supervise(&mut self, now: Instant) {
        if self.audio.supervise(&self.devices.roster().platform(), now) {
            self.devices.roster().look();
        }
    }

    /// Has the list of devices while it matters.
    pub(super) fn mind_devices(&mut self) {
        let matters = self.audio.is_supervised() || self.trouble.is_missing();
        match (matters, &self.listed) {
            (true, None) => self.listed = Some(self.devices.roster().subscribe()),
            (false, Some(_)) => self.listed = None,
            _ => {}
        }
    }
}

/// Returns when the list has changed; never while nobody wants it.
pub(super) async fn changed(listed: &mut Option<watch::Receiver<Listed>>) {
    let gone = match listed {
        Some(listed) => listed.changed().await.is_err(),
        None => true,
    };
    if gone {
        std::future::pending::<()>().await;
    }
}
