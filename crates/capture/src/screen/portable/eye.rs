//! Looks at a screen or a window: asks the platform for a picture of it, or takes what the platform tells.

use std::sync::{Arc, Mutex, PoisonError};

use sidetone_video::colour::{Image, PixelFormat};
use sidetone_video::picture::{self, Size};
use xcap::{Frame, Monitor, VideoRecorder, Window, XCapResult};

use super::{Target, monitor, platform};

/// What is seen at a look.
pub(super) enum Look {
    /// This.
    Pixels(Pixels),
    /// Nothing new.
    Same,
    /// It is there, but gives no picture: minimised, on another desktop, or behind the lock of the screen.
    Hidden,
    /// It is no longer there: why.
    Gone(&'static str),
}

/// Pixels of four bytes each: red, green, blue, alpha. Rows are without gaps.
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bytes: Vec<u8>,
}

impl Pixels {
    /// As an image to be painted.
    ///
    /// # Errors
    /// [`picture::Error`] when no picture can be so large.
    pub(super) fn image(&self) -> Result<Image<'_>, picture::Error> {
        let size = Size::new(self.width, self.height)?;
        Image::new(PixelFormat::Rgba, size, &self.bytes, self.width as usize * 4)
    }
}

impl From<xcap::image::RgbaImage> for Pixels {
    fn from(image: xcap::image::RgbaImage) -> Self {
        Self {
            width: image.width(),
            height: image.height(),
            bytes: image.into_raw(),
        }
    }
}

impl From<Frame> for Pixels {
    fn from(frame: Frame) -> Self {
        Self {
            width: frame.width,
            height: frame.height,
            bytes: frame.raw,
        }
    }
}

/// Looks at one screen or window. It stays on one thread.
pub(super) enum Eye {
    /// At a screen, by its key, when asked.
    Screen(String, Monitor),
    /// At a screen, by its key, whenever it changes.
    Recording(String, Recording),
    /// At a window, when asked.
    Window(Window),
}

impl Eye {
    /// `None` when it is no longer there.
    pub(super) fn open(target: Target, cursor: bool) -> XCapResult<Option<Self>> {
        let key = match target {
            Target::Window(window) => return Ok(Some(Self::Window(window))),
            Target::Screen(key) => key,
        };
        let Some(monitor) = monitor(&key) else {
            return Ok(None);
        };
        // The recorder of macOS always draws the pointer, and asking never does.
        Ok(Some(if platform::RECORDS && cursor {
            Self::Recording(key, Recording::start(&monitor)?)
        } else {
            Self::Screen(key, monitor)
        }))
    }

    /// Whether looking costs nothing while nothing changes.
    pub(super) fn is_told(&self) -> bool {
        matches!(self, Self::Recording(..))
    }

    pub(super) fn look(&mut self) -> Look {
        match self {
            Self::Screen(key, screen) => {
                if let Ok(image) = screen.capture_image() {
                    return Look::Pixels(image.into());
                }
                let Some(found) = monitor(key) else {
                    return Look::Gone("the screen is no longer there");
                };
                // It may be another one for the platform now: its settings were changed.
                *screen = found;
                Look::Hidden
            }
            Self::Recording(key, recording) => match recording.take() {
                Some(frame) => Look::Pixels(frame.into()),
                None if monitor(key).is_none() => Look::Gone("the screen is no longer there"),
                None => Look::Same,
            },
            // What is minimised may give a picture all the same: of its title.
            Self::Window(window) if window.is_minimized().unwrap_or(false) => Look::Hidden,
            Self::Window(window) => match window.capture_image() {
                Ok(image) => Look::Pixels(image.into()),
                Err(_) if platform::exists(window) => Look::Hidden,
                Err(_) => Look::Gone("the window was closed"),
            },
        }
    }
}

/// A screen that tells of its changes. A thread takes them as they come: the platform drops those that come while one is
/// not taken, and the last one must not be among them.
pub(super) struct Recording {
    recorder: VideoRecorder,
    newest: Arc<Mutex<Option<Frame>>>,
}

impl Recording {
    pub(super) fn start(monitor: &Monitor) -> XCapResult<Self> {
        let (recorder, frames) = monitor.video_recorder()?;
        let newest = Arc::default();
        let recording = Self { recorder, newest };
        let newest = recording.newest.clone();
        // It ends when the recorder does.
        std::thread::Builder::new()
            .name("screen frames".into())
            .spawn(move || {
                for frame in frames {
                    *newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(frame);
                }
            })
            .map_err(xcap::XCapError::new)?;
        recording.recorder.start()?;
        Ok(recording)
    }

    fn take(&self) -> Option<Frame> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Err(error) = self.recorder.stop() {
            tracing::debug!(%error, "a recorder of the screen does not stop");
        }
    }
}
