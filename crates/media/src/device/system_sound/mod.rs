//! What other programs of this machine play, as an input: to be shared with a screen. Never what this process plays, so
//! that nobody hears themselves come back.
//!
//! On Linux it comes from the sound server, stream by stream. Elsewhere there is nothing: what the platforms' loopbacks
//! give through our library of sound cards is everything that a speaker plays, the call included.

#[cfg(all(feature = "system-sound", target_os = "linux"))]
mod pulse;

use super::{DeviceError, InputDevice};

/// The sound of all other programs, those that begin to play later included. Mono, 48 kHz.
///
/// # Errors
/// [`DeviceError::Unsupported`] where the platform or the build has no such thing, [`DeviceError::NotFound`] where no
/// sound server runs, [`DeviceError::Denied`] where it lets this program not listen.
pub fn input() -> Result<Box<dyn InputDevice>, DeviceError> {
    platform::input()
}

/// Whether [`input`] can be opened now.
///
/// # Errors
/// As [`input`]: why not.
pub fn probe() -> Result<(), DeviceError> {
    platform::probe()
}

#[cfg(all(feature = "system-sound", target_os = "linux"))]
use pulse as platform;

#[cfg(not(all(feature = "system-sound", target_os = "linux")))]
mod platform {
    use super::{DeviceError, InputDevice};

    pub fn input() -> Result<Box<dyn InputDevice>, DeviceError> {
        Err(unsupported())
    }

    pub fn probe() -> Result<(), DeviceError> {
        Err(unsupported())
    }

    fn unsupported() -> DeviceError {
        let why = if cfg!(target_os = "linux") {
            "this build does not hear other programs (feature `system-sound`)"
        } else {
            "this platform does not tell what other programs play from what this one does"
        };
        DeviceError::Unsupported(why.into())
    }
}
