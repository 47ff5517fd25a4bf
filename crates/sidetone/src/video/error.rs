//! What can be wrong with sending pictures, with the codes that other calling SDKs use (spec section 3.3).

use sidetone_capture::CaptureError;

/// Why pictures are not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// Caller misuse: a camera is sent already.
    #[error("a camera is sent already")]
    AlreadyStarted,
    /// Caller misuse: no camera is sent.
    #[error("no camera is sent")]
    NotStarted,
    /// Caller misuse: a screen cannot be sent as a camera, nor a camera as a screen.
    #[error("a stream of another kind")]
    WrongKind,
    /// Caller misuse: a screen is shared already.
    #[error("a screen is shared already")]
    AlreadySharing,
    /// Caller misuse: no screen is shared.
    #[error("no screen is shared")]
    NotSharing,
    /// Caller misuse: a screen can be shared once the call is connected.
    #[error("a screen can be shared once the call is connected")]
    NotConnected,
    /// Caller misuse: pictures of the app have no other source.
    #[error("pictures of the app have no other source")]
    NoSwitch,
    /// It was stopped before it had begun.
    #[error("stopped before it had begun")]
    Stopped,
    /// The source could not be used.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

impl VideoError {
    /// The code and the subcode.
    pub fn code(&self) -> (u16, u32) {
        match self {
            Self::AlreadyStarted => (400, 41_025),
            Self::NotStarted => (400, 41_027),
            Self::WrongKind => (400, 41_028),
            Self::Stopped => (400, 41_032),
            Self::AlreadySharing => (400, 41_035),
            Self::NotSharing => (400, 41_041),
            Self::NotConnected => (412, 41_071),
            Self::NoSwitch => (400, 43_004),
            Self::Capture(CaptureError::Denied { .. }) => (403, 43_001),
            Self::Capture(CaptureError::Unavailable { .. }) => (412, 43_000),
            Self::Capture(CaptureError::NotFound(_)) => (412, 43_013),
            Self::Capture(_) => (410, 41_048),
        }
    }
}
