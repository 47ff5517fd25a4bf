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
    /// A screen or a window; the first screen, without an id. On a Wayland desktop (feature `wayland`) that is what the
    /// person picks when the desktop asks, once the source is opened. macOS asks whether this program may look at all.
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
            Self::Camera(id) => cameras::find(id.as_ref())?,
            Self::Screen(id) => screens::find(id.as_ref())?,
            Self::Film { path, repeat } => {
                let after = if *repeat { AfterEnd::Repeat } else { AfterEnd::Stop };
                Box::new(file_camera(path, after)?)
            }
            Self::Pattern => Box::new(pattern_camera()),
            Self::Custom(factory) => factory()?,
        })
    }
}

/// The cameras of this machine.
#[cfg(all(feature = "camera", any(target_os = "linux", target_os = "macos", windows)))]
pub mod cameras {
    use sidetone_capture::camera::native;
    use sidetone_capture::{CaptureError, PictureSource, SourceId, SourceInfo};

    pub fn list() -> Vec<SourceInfo> {
        native::cameras()
    }

    pub fn find(id: Option<&SourceId>) -> Result<Box<dyn PictureSource>, CaptureError> {
        Ok(Box::new(native::camera(id)?))
    }
}

/// No cameras.
#[cfg(not(all(feature = "camera", any(target_os = "linux", target_os = "macos", windows))))]
pub mod cameras {
    use sidetone_capture::{CaptureError, PictureSource, SourceId, SourceInfo};

    pub fn list() -> Vec<SourceInfo> {
        Vec::new()
    }

    pub fn find(_: Option<&SourceId>) -> Result<Box<dyn PictureSource>, CaptureError> {
        Err(CaptureError::NotFound(
            "this build has no cameras (feature `camera`)".into(),
        ))
    }
}

/// The screens and windows of the desktop.
#[cfg(all(feature = "screen", any(target_os = "linux", target_os = "macos", windows)))]
pub mod screens {
    #[cfg(all(feature = "wayland", target_os = "linux"))]
    use std::sync::LazyLock;

    #[cfg(not(target_os = "linux"))]
    use sidetone_capture::screen::portable::Desktop;
    #[cfg(all(feature = "wayland", target_os = "linux"))]
    use sidetone_capture::screen::wayland;
    #[cfg(target_os = "linux")]
    use sidetone_capture::screen::x11::Desktop;
    use sidetone_capture::{CaptureError, PictureSource, SourceId, SourceInfo};

    /// The Wayland desktop that this program was started on, if it was. All its streams share one memory of what was
    /// chosen last.
    #[cfg(all(feature = "wayland", target_os = "linux"))]
    fn wayland() -> Option<&'static wayland::Desktop> {
        static DESKTOP: LazyLock<wayland::Desktop> = LazyLock::new(wayland::Desktop::default);
        wayland::Desktop::is_here().then(|| &*DESKTOP)
    }

    pub fn list() -> Result<Vec<SourceInfo>, CaptureError> {
        #[cfg(all(feature = "wayland", target_os = "linux"))]
        if let Some(desktop) = wayland() {
            return desktop.screens();
        }
        Desktop::default().screens()
    }

    pub fn windows() -> Result<Vec<SourceInfo>, CaptureError> {
        let windows = Desktop::default().windows();
        #[cfg(all(feature = "wayland", target_os = "linux"))]
        if wayland().is_some() {
            // Only programs of the older system show theirs there, and there may be no server for them.
            return Ok(windows.unwrap_or_default());
        }
        windows
    }

    pub fn find(id: Option<&SourceId>) -> Result<Box<dyn PictureSource>, CaptureError> {
        #[cfg(all(feature = "wayland", target_os = "linux"))]
        if let Some(desktop) = wayland().filter(|_| id.is_none_or(wayland::is_ours)) {
            return Ok(Box::new(desktop.source(id)?));
        }
        Ok(Box::new(Desktop::default().source(id)?))
    }
}

/// No screens.
#[cfg(not(all(feature = "screen", any(target_os = "linux", target_os = "macos", windows))))]
pub mod screens {
    use sidetone_capture::{CaptureError, PictureSource, SourceId, SourceInfo};

    pub fn list() -> Result<Vec<SourceInfo>, CaptureError> {
        Ok(Vec::new())
    }

    pub fn windows() -> Result<Vec<SourceInfo>, CaptureError> {
        Ok(Vec::new())
    }

    pub fn find(_: Option<&SourceId>) -> Result<Box<dyn PictureSource>, CaptureError> {
        Err(CaptureError::NotFound(
            "this build shows no screens (feature `screen`)".into(),
        ))
    }
}
