//! Sound cards through the platform's audio system.
//!
//! Lists devices under stable ids and opens them in whatever format, channel count and callback size they have.
//! It refuses to convert rates or channels: that is the worker's job, outside the callback.

#[cfg(target_os = "linux")]
mod changes;
mod format;
mod keeper;
mod stream;

use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::cpal::traits::{DeviceTrait, HostTrait};
use ::cpal::{Error, ErrorKind};
use sidetone_pipeline::Notifier;

#[cfg(target_os = "linux")]
use super::Changed;
use super::{
    CaptureStream, DeviceError, DeviceId, DeviceInfo, Direction, InputDevice, OutputDevice, Platform,
    PlayoutStream, StreamFormat, StreamRequest,
};

/// Platform devices that swallow or make up sound: no person would pick one from a list.
const NOT_FOR_PEOPLE: [&str; 1] = ["null"];

/// Opening or describing a device runs driver and plugin code that is not everywhere safe to enter twice.
static PLATFORM: Mutex<()> = Mutex::new(());

/// Before anything of the platform is called on this thread.
fn enter_platform() -> MutexGuard<'static, ()> {
    // ALSA tries every plugin it has and tells a person's terminal about each that fails. What matters comes
    // back as an error; the rest is kept from this thread.
    #[cfg(target_os = "linux")]
    let _ = alsa::Output::local_error_handler();
    PLATFORM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sound cards of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SoundCards;

impl Platform for SoundCards {
    fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        devices()
    }

    fn input(&self, id: Option<&DeviceId>) -> Result<Box<dyn InputDevice>, DeviceError> {
        input(id)
    }

    fn output(&self, id: Option<&DeviceId>) -> Result<Box<dyn OutputDevice>, DeviceError> {
        output(id)
    }

    /// On Linux, where there is a sound card at all.
    #[cfg(target_os = "linux")]
    fn watch(&self, changed: Changed) -> Option<Box<dyn Send>> {
        let changes = changes::Changes::watch(changed);
        changes.ok().map(|changes| Box::new(changes) as Box<dyn Send>)
    }
}

/// Every device of the platform that can be used, both directions, in the platform's order. A device with a
/// microphone and a speaker comes twice.
///
/// # Errors
/// [`DeviceError::NotFound`] when the platform's audio system is not there. No devices is an empty list.
pub fn devices() -> Result<Vec<DeviceInfo>, DeviceError> {
    let host = ::cpal::default_host();
    let _one_at_a_time = enter_platform();
    let found = host
        .devices()
        .map_err(|error| DeviceError::NotFound(format!("audio system: {error}")))?;
    let default_input = host.default_input_device().and_then(|device| device.id().ok());
    let default_output = host.default_output_device().and_then(|device| device.id().ok());
    let mut list = Vec::new();
    for device in found {
        let Ok(id) = device.id() else { continue };
        if NOT_FOR_PEOPLE.contains(&id.id()) {
            continue;
        }
        if device.supports_input() && answers(device.default_input_config().err()) {
            list.push(describe(
                &device,
                &id,
                Direction::Input,
                default_input.as_ref() == Some(&id),
            ));
        }
        if device.supports_output() && answers(device.default_output_config().err()) {
            list.push(describe(
                &device,
                &id,
                Direction::Output,
                default_output.as_ref() == Some(&id),
            ));
        }
    }
    Ok(list)
}

/// Whether a device is there at all, judged by the error it gave: one that is busy or forbidden is, one that
/// the platform lists on the off-chance is not.
fn answers(error: Option<Error>) -> bool {
    error.is_none_or(|error| matches!(error.kind(), ErrorKind::DeviceBusy | ErrorKind::PermissionDenied))
}

fn describe(
    device: &::cpal::Device,
    id: &::cpal::DeviceId,
    direction: Direction,
    is_default: bool,
) -> DeviceInfo {
    let default = match direction {
        Direction::Input => device.default_input_config(),
        Direction::Output => device.default_output_config(),
    };
    DeviceInfo {
        id: DeviceId(id.to_string()),
        name: device.to_string(),
        host: id.host().to_string(),
        direction,
        is_default,
        default_format: default.ok().map(|config| {
            let format = StreamFormat {
                sample_rate: config.sample_rate(),
                channels: config.channels(),
            };
            (format, config.sample_format().to_string())
        }),
    }
}

/// The microphone with this id, or the platform's default one.
///
/// # Errors
/// [`DeviceError::NotFound`] when there is none. Whether it can be opened is known when it is opened.
pub fn input(id: Option<&DeviceId>) -> Result<Box<dyn InputDevice>, DeviceError> {
    Ok(Box::new(SoundCard::find(id, Direction::Input)?))
}

/// The speaker with this id, or the platform's default one.
///
/// # Errors
/// [`DeviceError::NotFound`] when there is none. Whether it can be opened is known when it is opened.
pub fn output(id: Option<&DeviceId>) -> Result<Box<dyn OutputDevice>, DeviceError> {
    Ok(Box::new(SoundCard::find(id, Direction::Output)?))
}

/// One device in one direction.
struct SoundCard {
    device: ::cpal::Device,
    info: DeviceInfo,
}

impl SoundCard {
    fn find(wanted: Option<&DeviceId>, direction: Direction) -> Result<Self, DeviceError> {
        let host = ::cpal::default_host();
        let _one_at_a_time = enter_platform();
        let device = match (wanted, direction) {
            (Some(wanted), _) => {
                let id = ::cpal::DeviceId::from_str(&wanted.0)
                    .map_err(|error| DeviceError::NotFound(format!("{}: {error}", wanted.0)))?;
                host.device_by_id(&id)
            }
            (None, Direction::Input) => host.default_input_device(),
            (None, Direction::Output) => host.default_output_device(),
        };
        let name = || wanted.map_or_else(|| format!("default {direction:?}"), |id| id.0.clone());
        let device = device.ok_or_else(|| DeviceError::NotFound(name()))?;
        let id = device
            .id()
            .map_err(|error| DeviceError::NotFound(format!("{}: {error}", name())))?;
        let info = describe(&device, &id, direction, wanted.is_none());
        Ok(Self { device, info })
    }

    /// The platform's refusal in our terms.
    fn refusal(&self, error: &Error) -> DeviceError {
        let id = self.info.id.0.clone();
        match error.kind() {
            ErrorKind::DeviceNotAvailable => DeviceError::NotFound(id),
            ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation | ErrorKind::InvalidInput => {
                DeviceError::Format {
                    id,
                    reason: error.to_string(),
                }
            }
            ErrorKind::PermissionDenied => DeviceError::Denied {
                id,
                reason: error.to_string(),
            },
            _ => DeviceError::Unavailable {
                id,
                reason: error.to_string(),
            },
        }
    }
}

impl InputDevice for SoundCard {
    fn info(&self) -> DeviceInfo {
        self.info.clone()
    }

    fn open(&mut self, request: StreamRequest, wake: Notifier) -> Result<CaptureStream, DeviceError> {
        let _one_at_a_time = enter_platform();
        let choices = self
            .device
            .supported_input_configs()
            .map_err(|error| self.refusal(&error))?;
        let config = format::choose(choices, request.sample_rate, Direction::Input).ok_or_else(|| {
            DeviceError::Format {
                id: self.info.id.0.clone(),
                reason: "no PCM format".into(),
            }
        })?;
        stream::open_capture(&self.device, config, request, wake).map_err(|error| self.refusal(&error))
    }
}

impl OutputDevice for SoundCard {
    fn info(&self) -> DeviceInfo {
        self.info.clone()
    }

    fn open(&mut self, request: StreamRequest, wake: Notifier) -> Result<PlayoutStream, DeviceError> {
        let _one_at_a_time = enter_platform();
        let choices = self
            .device
            .supported_output_configs()
            .map_err(|error| self.refusal(&error))?;
        let config = format::choose(choices, request.sample_rate, Direction::Output).ok_or_else(|| {
            DeviceError::Format {
                id: self.info.id.0.clone(),
                reason: "no PCM format".into(),
            }
        })?;
        stream::open_playout(&self.device, config, request, wake).map_err(|error| self.refusal(&error))
    }
}
