//! The cameras of the machine: V4L2 on Linux, AVFoundation on macOS, Media Foundation on Windows. Kept thin: what can be
//! decided without a camera is decided elsewhere ([`CaptureRequest::nearest`], [`raw`](super::raw)).

#[cfg(any(target_os = "macos", windows))]
#[path = "nokhwa.rs"]
mod system;
#[cfg(target_os = "linux")]
#[path = "v4l2.rs"]
mod system;

use crate::source::{CaptureError, CaptureRequest, CaptureStream, Feed, PictureSource, SourceId, SourceInfo};

/// The system that these cameras name.
pub const HOST: &str = system::HOST;

/// Every camera there is now.
pub fn cameras() -> Vec<SourceInfo> {
    system::cameras().into_iter().map(|camera| camera.info).collect()
}

/// The camera with this id; the first one without.
///
/// # Errors
/// [`CaptureError::NotFound`].
pub fn camera(id: Option<&SourceId>) -> Result<NativeCamera, CaptureError> {
    let mut cameras = system::cameras().into_iter();
    let found = match id {
        Some(id) => cameras.find(|camera| camera.info.id == *id),
        None => cameras.next(),
    };
    let not_found = || CaptureError::NotFound(id.map_or_else(|| HOST.to_owned(), |id| id.0.clone()));
    found.map(NativeCamera).ok_or_else(not_found)
}

/// A camera that can be opened.
pub struct NativeCamera(system::Camera);

impl PictureSource for NativeCamera {
    fn info(&self) -> SourceInfo {
        self.0.info.clone()
    }

    /// Takes some seconds with some cameras.
    fn open(&mut self, request: CaptureRequest, feed: Feed) -> Result<Box<dyn CaptureStream>, CaptureError> {
        self.0.open(request, feed)
    }
}
