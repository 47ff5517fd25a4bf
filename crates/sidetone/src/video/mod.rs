//! Cameras and shared screens as an app sees them: streams that this end sends, and those that come from others.
//!
//! What is sent comes from a source of `sidetone-capture`, or from the app itself; what comes goes to a sink of the app's.
//! Streams begin and end at any time of a call, without a word between the ends about how.

mod control;
mod error;
mod local;
mod remote;
mod sound;
mod source;

pub use error::VideoError;
pub(crate) use local::is_denied;
pub use local::{LocalVideoStream, VideoFeed};
pub use remote::RemoteVideoStream;
pub(crate) use remote::{Gallery, Shown};
pub(crate) use sound::OpenSound;
pub use sound::{ScreenSharingOptions, SharedSound};
pub use source::VideoInput;
pub(crate) use source::{cameras, screens};

use serde::Serialize;
use sidetone_media::video::Content;

/// What a stream of pictures is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MediaStreamType {
    /// A camera.
    Video,
    /// A screen or a window.
    ScreenSharing,
    /// Pictures that the app makes, sent as either.
    RawMedia,
}

impl MediaStreamType {
    /// Whether it can be sent as that.
    pub(crate) fn goes_as(self, content: Content) -> bool {
        match self {
            Self::Video => content == Content::Camera,
            Self::ScreenSharing => content == Content::Screen,
            Self::RawMedia => true,
        }
    }
}
