//! Microphones and speakers, real and headless, behind two traits.
//!
//! A device moves interleaved `f32` samples between its own clock and a lock-free ring, nothing else. It refuses
//! to know what the samples mean. Both directions run the very same callback bodies ([`CaptureCallback`],
//! [`PlayoutCallback`]) on real and headless devices, so what the guard proves on one holds on the other.

mod callback;
pub mod convert;
#[cfg(feature = "cpal")]
pub mod cpal;
pub(crate) mod elastic;
mod events;
pub mod headless;
mod platform;
pub mod system_sound;

use std::time::Instant;

pub use callback::{
    CAPTURE_SECTION, CaptureCallback, LatencyGauge, MAX_CHANNELS, PLAYOUT_SECTION, PlayoutCallback,
};
pub use events::{EventSender, StreamEvents, stream_events};
pub use platform::{Changed, Platform};

use serde::{Deserialize, Serialize};
use sidetone_pipeline::{ClockReader, Notifier, SampleReader, SampleWriter};

/// Channel count and rate of an open stream. Samples are interleaved `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamFormat {
    /// Frames per second, in Hz.
    pub sample_rate: u32,
    /// Samples per frame.
    pub channels: u16,
}

/// Which way the samples go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A microphone.
    Input,
    /// A speaker.
    Output,
}

/// A name for a device that survives restarts and re-plugging where the platform allows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeviceId(pub String);

/// One device as a person would pick it from a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceInfo {
    /// Stable id.
    pub id: DeviceId,
    /// Readable name.
    pub name: String,
    /// The platform's audio system: `alsa`, `coreaudio`, `wasapi`, `headless`.
    pub host: String,
    /// Which way.
    pub direction: Direction,
    /// Whether the platform would pick it by itself.
    pub is_default: bool,
    /// Preferred channel count, rate and sample format (`f32`, `i16`, ...), where the device tells.
    pub default_format: Option<(StreamFormat, String)>,
}

/// What we would like from a device; it may give something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRequest {
    /// Wanted rate in Hz.
    pub sample_rate: u32,
    /// Wanted frames per callback.
    pub period: u32,
}

impl Default for StreamRequest {
    /// 48 kHz in periods of 10 ms.
    fn default() -> Self {
        Self {
            sample_rate: 48_000,
            period: 480,
        }
    }
}

/// Why a device could not be used (spec 3.3 maps these to API errors).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No such device, or none at all.
    #[error("device not found: {0}")]
    NotFound(String),
    /// The platform, or the person at it, does not let this program use it.
    #[error("device {id} is denied: {reason}")]
    Denied {
        /// Which device.
        id: String,
        /// The platform's words.
        reason: String,
    },
    /// It exists but cannot be opened now, such as in use.
    #[error("device {id} cannot be opened: {reason}")]
    Unavailable {
        /// Which device.
        id: String,
        /// The platform's words.
        reason: String,
    },
    /// It offers no format that can be converted.
    #[error("device {id} has no usable format: {reason}")]
    Format {
        /// Which device.
        id: String,
        /// What was wrong.
        reason: String,
    },
    /// This platform, or this build, has nothing of the kind.
    #[error("not to be had here: {0}")]
    Unsupported(String),
    /// The input file is not sound, or not readable.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What was wrong with it.
        reason: String,
    },
}

/// What happens to an open stream, polled by its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// The device went away; no callback will follow.
    Lost,
    /// The platform reported an overrun or underrun of its own.
    Xrun,
    /// The input came to its end (files that do not repeat).
    Ended,
}

/// A running microphone. Dropping it stops the device.
pub struct CaptureStream {
    /// What it delivers.
    pub format: StreamFormat,
    /// Frames a callback brings, as far as known before the first.
    pub period: u32,
    /// The samples. Read whole frames only: the channels of a torn frame would change places for good.
    pub samples: SampleReader,
    /// The device's clock.
    pub clock: ClockReader,
    /// What happened to the device. Never blocks.
    pub events: StreamEvents,
    /// Time from a sample being spoken until the callback that brings it, where the platform tells.
    pub hardware_latency: LatencyGauge,
    /// Keeps the device open.
    pub keep: Box<dyn Send>,
}

/// A running speaker. Dropping it stops the device.
pub struct PlayoutStream {
    /// What it wants.
    pub format: StreamFormat,
    /// Frames a callback takes, as far as known before the first.
    pub period: u32,
    /// Where the samples go. Write whole frames only.
    pub samples: SampleWriter,
    /// The device's clock.
    pub clock: ClockReader,
    /// What happened to the device. Never blocks.
    pub events: StreamEvents,
    /// Time from a callback until its first sample is heard, where the platform tells.
    pub hardware_latency: LatencyGauge,
    /// Keeps the device open.
    pub keep: Box<dyn Send>,
}

/// A microphone that can be opened, again and again.
pub trait InputDevice: Send {
    /// What it is.
    fn info(&self) -> DeviceInfo;
    /// Starts it. `wake` is notified by every callback.
    fn open(&mut self, request: StreamRequest, wake: Notifier) -> Result<CaptureStream, DeviceError>;
}

/// A speaker that can be opened, again and again.
pub trait OutputDevice: Send {
    /// What it is.
    fn info(&self) -> DeviceInfo;
    /// Starts it. `wake` is notified by every callback.
    fn open(&mut self, request: StreamRequest, wake: Notifier) -> Result<PlayoutStream, DeviceError>;
}

/// Shared shape of a callback's timing argument: when the platform called.
pub type CallbackTime = Instant;
