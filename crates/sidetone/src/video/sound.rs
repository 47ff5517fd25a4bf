//! Sound that is shared with a screen.

use std::fmt;

use sidetone_media::device::{Platform, system_sound};
use sidetone_media::voice;

use crate::Error;
use crate::devices::AudioInput;

/// Where sound that is shared with a screen comes from.
#[derive(Clone, Default)]
pub enum SharedSound {
    /// All other programs of this machine, never this one: nobody hears themselves come back. Where the platform gives it:
    /// see [`DeviceManager::system_sound`](crate::DeviceManager::system_sound).
    #[default]
    System,
    /// Anything else, such as the sound of a film that the app plays itself.
    Input(AudioInput),
}

impl SharedSound {
    /// Opens it, as long as the platform takes for that.
    pub(crate) fn open(&self, platform: &dyn Platform) -> Result<OpenSound, Error> {
        let device = match self {
            Self::System => system_sound::input()?,
            Self::Input(input) => input.make(platform)?,
        };
        Ok(voice::SharedSound::open(device)?)
    }
}

impl fmt::Debug for SharedSound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Input(_) => "Input(..)",
        })
    }
}

/// For the engine, and what keeps it open.
pub(crate) type OpenSound = (voice::SharedSound, voice::SharedSoundKeeper);

/// How a screen is shared.
#[derive(Clone, Debug, Default)]
pub struct ScreenSharingOptions {
    /// Sound that is sent with it. It is mixed into what the microphone sends, untouched by the microphone's processing
    /// and its mute, and ends with the share.
    pub with_sound: Option<SharedSound>,
}
