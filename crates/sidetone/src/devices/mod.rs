//! The microphones and speakers there are, which of them is used, and what becomes of a call when they come and go.

mod pick;
mod roster;
pub(crate) mod supervisor;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sidetone_capture::{CaptureError, SourceInfo};
use sidetone_media::device::{DeviceError, DeviceInfo, Direction, Platform, system_sound};
use tokio::sync::watch;

pub(crate) use pick::Selection;
pub use pick::{AudioFeed, AudioInput, AudioOutput, AudioTap};
pub(crate) use roster::{Listed, Roster};

use crate::events::Events;
use crate::video::{cameras, screens};

/// What happens to devices.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceEvent {
    /// Microphones or speakers came and went. One that is different now is in both.
    AudioDevicesUpdated {
        /// What is there now and was not.
        added: Vec<DeviceInfo>,
        /// What was there and is not any more.
        removed: Vec<DeviceInfo>,
    },
    /// Calls use another microphone: since the app picked it, or because the one before came or went. `None` while there is
    /// none, and silence is sent in its place.
    SelectedMicrophoneChanged(Option<DeviceInfo>),
    /// The same of the speaker.
    SelectedSpeakerChanged(Option<DeviceInfo>),
}

/// Lists and picks microphones and speakers, and tells what happens to them. Cheap to clone.
///
/// A device that is picked is used in running and future calls while it is there. When it goes, calls go on with the default
/// one, or any other, and come back to it when it does; nothing of that is negotiated, and the far end hears a gap.
/// [`AudioInput::Default`] follows the platform's default. Devices that the app makes itself are never replaced.
#[derive(Clone)]
pub struct DeviceManager {
    selection: Arc<watch::Sender<Selection>>,
    roster: Roster,
    /// What calls use now.
    in_use: Arc<Mutex<[Option<DeviceInfo>; 2]>>,
}

impl Default for DeviceManager {
    fn default() -> Self {
        Self {
            selection: Arc::new(watch::Sender::new(Selection::default())),
            roster: Roster::new(system::platform()),
            in_use: Arc::default(),
        }
    }
}

impl DeviceManager {
    /// Every microphone there is now.
    ///
    /// # Errors
    /// [`DeviceError`] when the platform's audio system does not answer.
    pub fn microphones(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        self.list(Direction::Input)
    }

    /// Every speaker there is now.
    ///
    /// # Errors
    /// [`DeviceError`] when the platform's audio system does not answer.
    pub fn speakers(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        self.list(Direction::Output)
    }

    /// Every camera of this machine now. None where the build has none (feature `camera`).
    pub fn cameras(&self) -> Vec<SourceInfo> {
        cameras::list()
    }

    /// Every screen that can be shared now. Of a Wayland desktop (feature `wayland`): what the person is asked for, and what
    /// was picked last.
    ///
    /// # Errors
    /// [`CaptureError`] when the desktop does not answer.
    pub fn screens(&self) -> Result<Vec<SourceInfo>, CaptureError> {
        screens::list()
    }

    /// Every window that can be shared now.
    ///
    /// # Errors
    /// [`CaptureError`] when the desktop does not answer.
    pub fn windows(&self) -> Result<Vec<SourceInfo>, CaptureError> {
        screens::windows()
    }

    /// Whether what other programs play can be shared with a screen
    /// ([`SharedSound::System`](crate::SharedSound::System)): on Linux, from PulseAudio or PipeWire's server in its place.
    ///
    /// # Errors
    /// [`DeviceError`]: why it cannot.
    pub fn system_sound(&self) -> Result<(), DeviceError> {
        system_sound::probe()
    }

    /// Takes devices from `platform` instead of the machine's audio system: for an app that brings its own, and for tests, such
    /// as [a rack of virtual ones](sidetone_media::device::headless::Rack). Running calls keep what they have open.
    pub fn set_platform(&self, platform: impl Platform + 'static) {
        self.roster.set_platform(Arc::new(platform));
    }

    fn list(&self, direction: Direction) -> Result<Vec<DeviceInfo>, DeviceError> {
        let mut devices = self.roster.platform().devices()?;
        devices.retain(|device| device.direction == direction);
        Ok(devices)
    }

    /// What happens to devices from now on. They are watched for as long as it is kept: the list is looked at every two
    /// seconds on systems that tell nobody of changes.
    pub fn events(&self) -> Events<DeviceEvent> {
        self.roster.events()
    }

    /// The microphone that calls use now. `None` without a call, and while silence is sent since there is none.
    pub fn selected_microphone(&self) -> Option<DeviceInfo> {
        lock(&self.in_use)[Direction::Input as usize].clone()
    }

    /// The speaker that calls use now.
    pub fn selected_speaker(&self) -> Option<DeviceInfo> {
        lock(&self.in_use)[Direction::Output as usize].clone()
    }

    /// Picks the microphone for running and future calls. In a running call a failure comes as an event, and the
    /// microphone before stays.
    pub fn select_microphone(&self, input: AudioInput) {
        self.selection.send_modify(|selection| {
            selection.input = input;
            selection.input_revision += 1;
        });
    }

    /// Picks the speaker for running and future calls.
    pub fn select_speaker(&self, output: AudioOutput) {
        self.selection.send_modify(|selection| {
            selection.output = output;
            selection.output_revision += 1;
        });
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Selection> {
        self.selection.subscribe()
    }

    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Calls use that device from now on.
    pub(crate) fn set_in_use(&self, direction: Direction, device: Option<DeviceInfo>) {
        let before = std::mem::replace(&mut lock(&self.in_use)[direction as usize], device.clone());
        if before != device {
            self.roster.tell(match direction {
                Direction::Input => DeviceEvent::SelectedMicrophoneChanged(device),
                Direction::Output => DeviceEvent::SelectedSpeakerChanged(device),
            });
        }
    }
}

/// No holder of these locks can leave half a value behind.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The machine's audio system.
#[cfg(feature = "cpal")]
mod system {
    use std::sync::Arc;

    use sidetone_media::device::Platform;
    use sidetone_media::device::cpal::SoundCards;

    pub fn platform() -> Arc<dyn Platform> {
        Arc::new(SoundCards)
    }
}

/// A build that has none.
#[cfg(not(feature = "cpal"))]
mod system {
    use std::sync::Arc;

    use sidetone_media::device::Platform;
    use sidetone_media::device::headless::Rack;

    pub fn platform() -> Arc<dyn Platform> {
        Arc::new(Rack::default())
    }
}
