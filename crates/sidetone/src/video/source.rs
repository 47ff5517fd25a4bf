//! Where the pictures that are sent come from.

use std::path::PathBuf;
use std::sync::Arc;

use sidetone_capture::camera::file::{AfterEnd, file_camera};
use sidetone_capture::camera::pattern::pattern_camera;
use sidetone_capture::{CaptureError, PictureSource, SourceId, SourceInfo};

/// Makes a source. Called each time one is opened.
type SourceFactory = Arc<dyn Fn() -> Result<Box<dyn PictureSource>, CaptureError> + Send + Sync>;

/// Where the pictures that are sent come from.
#[derive(Clone)]
pub enum VideoInput {
    /// A camera of this machine; the one that the system would pick, without an id.
    Camera(Option<SourceId>),
    /// A screen or a window; the first screen, without an id.
    Screen(Option<SourceId>),
    /// A film (Y4M, or JPEG pictures), shown as if it were seen by a camera.
    Film {
        /// Its path.
        path: PathBuf,
        /// Whether to begin again at the end.
        repeat: bool,
    },
    /// A test picture, which says in each when it was taken.
    Pattern,
    /// Whatever the app makes.
    Custom(SourceFactory),
}

impl VideoInput {
    /// A source made by `factory` each time one is opened.
    pub fn custom(
        factory: impl Fn() -> Result<Box<dyn PictureSource>, CaptureError> + Send + Sync + 'static,
    ) -> Self {
        Self::Custom(Arc::new(factory))
    }

    /// What it would show. It is looked up or read, not opened: what is wrong with it is known before a call is.
    ///
    /// # Errors
    /// [`CaptureError`] where there is no such source, or it is no film.
    pub fn info(&self) -> Result<SourceInfo, CaptureError> {
        Ok(self.make()?.info())
    }

    pub(super) fn make(&self) -> Result<Box<dyn PictureSource>, CaptureError> {
        Ok(match self {
            Self::Camera(id) => system::camera(id.as_ref())?,
            Self::Screen(id) => system::screen(id.as_ref())?,
            Self::Film { path, repeat } => {
                let after = if *repeat { AfterEnd::Repeat } else { AfterEnd::Stop };
                Box::new(file_camera(path, after)?)
            }
            Self::Pattern => Box::new(pattern_camera()),
            Self::Custom(factory) => factory()?,
        })
    }
}

pub mod system {
    use sidetone_capture::{CaptureError, PictureSource, SourceId, SourceInfo};

    #[cfg(all(feature = "camera", target_os = "linux"))]
    pub fn cameras() -> Vec<SourceInfo> {
        sidetone_capture::camera::native::cameras()
    }

    #[cfg(not(all(feature = "camera", target_os = "linux")))]
    pub fn cameras() -> Vec<SourceInfo> {
        Vec::new()
    }

    #[cfg(all(feature = "camera", target_os = "linux"))]
    pub fn camera(id: Option<&SourceId>) -> Result<Box<dyn PictureSource>, CaptureError> {
        Ok(Box::new(sidetone_capture::camera::native::camera(id)?))
    }

    #[cfg(not(all(feature = "camera", target_os = "linux")))]
    pub fn camera(_: Option<&SourceId>) -> Result<Box<dyn PictureSource>, CaptureError> {
        Err(CaptureError::NotFound(
            "this build has no cameras (feature `camera`)".into(),
        ))
    }

    #[cfg(all(feature = "screen", target_os = "linux"))]
    pub fn screens() -> Result<Vec<SourceInfo>, CaptureError> {
        sidetone_capture::screen::x11::Desktop::default().screens()
    }

    #[cfg(all(feature = "screen", target_os = "linux"))]
    pub fn windows() -> Result<Vec<SourceInfo>, CaptureError> {
        sidetone_capture::screen::x11::Desktop::default().windows()
    }

    #[cfg(all(feature = "screen", target_os = "linux"))]
    pub fn screen(id: Option<&SourceId>) -> Result<Box<dyn PictureSource>, CaptureError> {
        let desktop = sidetone_capture::screen::x11::Desktop::default();
        Ok(Box::new(desktop.source(id)?))
    }

    #[cfg(not(all(feature = "screen", target_os = "linux")))]
    pub fn screens() -> Result<Vec<SourceInfo>, CaptureError> {
        Ok(Vec::new())
    }

    #[cfg(not(all(feature = "screen", target_os = "linux")))]
    pub fn windows() -> Result<Vec<SourceInfo>, CaptureError> {
        Ok(Vec::new())
    }

    #[cfg(not(all(feature = "screen", target_os = "linux")))]
    pub fn screen(_: Option<&SourceId>) -> Result<Box<dyn PictureSource>, CaptureError> {
        Err(CaptureError::NotFound(
            "this build shows no screens (feature `screen`)".into(),
        ))
    }
}
