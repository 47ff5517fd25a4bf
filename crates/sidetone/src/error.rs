//! What a request of the app can fail with, and whose doing it is.

use sidetone_media::device::DeviceError;
use sidetone_media::recording::RecordingError;
use sidetone_media::voice::VoiceError;
use sidetone_signaling::Reason;

use crate::video::VideoError;

/// Why a request failed. How a *call* ended is a [`Reason`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client, agent or call is over.
    #[error("already closed")]
    Closed,
    /// Caller misuse: an argument cannot be used.
    #[error("caller misuse: {0}")]
    Argument(String),
    /// Caller misuse: the call is in a state that does not allow this (spec code 400/41006).
    #[error("caller misuse: not possible while the call is {0}")]
    State(&'static str),
    /// A device could not be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The codec or the system refused.
    #[error("audio: {0}")]
    Audio(String),
    /// A call could not be recorded, or not to its end.
    #[error("recording: {0}")]
    Recording(#[from] RecordingError),
    /// Pictures could not be sent.
    #[error("video: {0}")]
    Video(#[from] VideoError),
    /// The service refused, by its own words.
    #[error("refused: {0}")]
    Refused(Reason),
    /// The service could not be reached in time.
    #[error("network: {0}")]
    Network(String),
    /// The system gave no thread or socket.
    #[error("system: {0}")]
    System(#[from] std::io::Error),
}

impl From<VoiceError> for Error {
    fn from(error: VoiceError) -> Self {
        match error {
            VoiceError::Device(_, error) => Self::Device(error),
            other => Self::Audio(other.to_string()),
        }
    }
}
