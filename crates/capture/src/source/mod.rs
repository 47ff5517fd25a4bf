//! Cameras, screens and windows behind one trait, in the words of the sound devices.
//!
//! A source moves pictures from wherever it has them to its [`Feed`], on its own thread. It refuses to know who looks.

mod feed;
mod list;
mod lookout;
mod nearest;

use sidetone_video::picture::{self, Size};

pub use feed::Feed;
pub(crate) use feed::Outlet;
pub use list::SourcesUpdated;
pub use lookout::Lookout;

use crate::pace::FrameRate;

/// A name for a source that survives restarts and re-plugging where the platform allows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub String);

/// What a source shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceKind {
    /// The world outside.
    Camera,
    /// All of one screen.
    Screen,
    /// One window, whatever lies over it.
    Window,
}

/// A size and rate that a source offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Size of its pictures.
    pub size: Size,
    /// Most pictures in a second.
    pub frame_rate: FrameRate,
}

/// One source as a person would pick it from a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// Stable id.
    pub id: SourceId,
    /// Readable name: the camera's, the screen's, the title of the window.
    pub name: String,
    /// What it shows.
    pub kind: SourceKind,
    /// The platform's system: `x11`, `wayland`, `macos`, `windows`, `v4l2`, `avfoundation`, `mediafoundation`, `headless`.
    pub host: &'static str,
    /// Whether the platform would pick it by itself.
    pub is_default: bool,
    /// Sizes and rates it offers, where it tells. A screen or window has one, which changes with it.
    pub modes: Vec<Mode>,
}

/// What we would like from a source; it may give something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureRequest {
    /// Wanted size. A camera takes the mode nearest to it; screens and windows are given as they are.
    pub size: Option<Size>,
    /// Most pictures in a second.
    pub frame_rate: FrameRate,
    /// Whether the mouse pointer is drawn into a screen or window.
    pub cursor: bool,
}

impl Default for CaptureRequest {
    /// Any size, 30 pictures a second, with the pointer.
    fn default() -> Self {
        Self {
            size: None,
            frame_rate: FrameRate::hz(30),
            cursor: true,
        }
    }
}

/// Why a source could not be used, or can no longer be (spec 3.3 maps these to API errors).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// No such source, or none at all.
    #[error("source not found: {0}")]
    NotFound(String),
    /// The platform, or the person at it, does not let this program use it.
    #[error("source {id} is denied: {reason}")]
    Denied {
        /// Which source.
        id: String,
        /// The platform's words.
        reason: String,
    },
    /// It exists but cannot be opened now, such as in use.
    #[error("source {id} cannot be opened: {reason}")]
    Unavailable {
        /// Which source.
        id: String,
        /// The platform's words.
        reason: String,
    },
    /// It offers no format that can be converted.
    #[error("source {id} has no usable format: {reason}")]
    Format {
        /// Which source.
        id: String,
        /// What was wrong.
        reason: String,
    },
    /// The file is not a film, or not readable.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What was wrong with it.
        reason: String,
    },
    /// It was open and went away: unplugged, closed, or its server ended.
    #[error("source {id} is gone: {reason}")]
    Lost {
        /// Which source.
        id: String,
        /// What happened.
        reason: String,
    },
    /// Its pictures have a size that no picture here can have.
    #[error("source {id}: {error}")]
    Picture {
        /// Which source.
        id: String,
        /// What was wrong.
        error: picture::Error,
    },
}

/// A source that runs. Dropping it stops the source, and returns when no picture will follow.
pub trait CaptureStream: Send {
    /// Asks for a picture although nothing may have changed, such as for somebody who has just begun to look. Cameras
    /// give pictures anyhow.
    fn refresh(&self) {}
}

/// A source that can be opened, again and again.
pub trait PictureSource: Send {
    /// What it is.
    fn info(&self) -> SourceInfo;

    /// Starts it: pictures, and what happens to it, go to `feed`. May take as long as the platform likes.
    ///
    /// # Errors
    /// [`CaptureError`], when it cannot be started. What happens later is told through `feed`.
    fn open(&mut self, request: CaptureRequest, feed: Feed) -> Result<Box<dyn CaptureStream>, CaptureError>;
}
