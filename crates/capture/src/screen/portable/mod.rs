//! Screens and windows of macOS and Windows. The same code shows those of an X server, which is where it is tested.
//!
//! These platforms are asked for the whole picture again and again, and what it differs in from the one before is
//! found here: a screen at rest gives no pictures, but costs the looking, which is held to half of a core. Only macOS
//! tells of changes itself, and draws the pointer into its screens; elsewhere, and in windows, there is no pointer. It
//! refuses to know the systems: where they differ is in `platform`.

mod capture;
mod changes;
mod eye;
mod platform;

use sidetone_video::picture::Size;
use xcap::{Monitor, Window, XCapResult};

pub use platform::HOST;

use crate::pace::FrameRate;
use crate::source::{
    CaptureError, CaptureRequest, CaptureStream, Feed, Mode, PictureSource, SourceId, SourceInfo, SourceKind,
};
use crate::thread::Thread;

/// What a mode of a screen or window names as its rate.
const RATE: u32 = 60;

/// What a source shows.
#[derive(Clone, Debug)]
enum Target {
    /// The screen that [`platform::key`] calls so: what the library has for a screen stays on one thread.
    Screen(String),
    /// This window.
    Window(Window),
}

/// The screens and windows of the desktop that this program runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Desktop(());

impl Desktop {
    /// Every screen there is now, the primary one first.
    ///
    /// # Errors
    /// [`CaptureError::Unavailable`] when the platform does not say.
    pub fn screens(&self) -> Result<Vec<SourceInfo>, CaptureError> {
        Ok(infos(list_screens()?))
    }

    /// Every window there is now, but those of this program. Windows that are minimised are not among them on macOS.
    ///
    /// # Errors
    /// [`CaptureError::Unavailable`] when the platform does not say.
    pub fn windows(&self) -> Result<Vec<SourceInfo>, CaptureError> {
        Ok(infos(list_windows()?))
    }

    /// The screen or window with this id; the primary screen without one.
    ///
    /// # Errors
    /// [`CaptureError::NotFound`], and [`CaptureError::Unavailable`] when the platform does not say.
    pub fn source(&self, id: Option<&SourceId>) -> Result<Screen, CaptureError> {
        let is_window = id.is_some_and(|id| id.0.starts_with(&format!("{HOST}:window:")));
        let mut sources = if is_window {
            list_windows()?
        } else {
            list_screens()?
        }
        .into_iter();
        let found = match id {
            Some(id) => sources.find(|source| source.info.id == *id),
            None => sources.next(),
        };
        found.ok_or_else(|| CaptureError::NotFound(id.map_or_else(|| HOST.to_owned(), |id| id.0.clone())))
    }
}

/// A screen or a window that can be captured.
#[derive(Clone, Debug)]
pub struct Screen {
    info: SourceInfo,
    target: Target,
}

impl PictureSource for Screen {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    /// A window that is hidden opens well, and gives pictures as soon as it is shown. macOS asks the person the first time
    /// whether this program may look at the screen, and until then it is [`CaptureError::Denied`].
    fn open(&mut self, request: CaptureRequest, feed: Feed) -> Result<Box<dyn CaptureStream>, CaptureError> {
        let id = self.info.id.0.clone();
        if !platform::ask() {
            let reason = "the person has not allowed this program to record the screen".into();
            return Err(CaptureError::Denied { id, reason });
        }
        if !self.target.exists() {
            return Err(CaptureError::NotFound(id));
        }
        let capture = capture::Capture::new(self.target.clone(), id.clone(), request, feed);
        let thread = Thread::start("screen capture", move |calls| capture.run(calls));
        let thread = thread.map_err(|error| CaptureError::Unavailable {
            id,
            reason: format!("no thread: {error}"),
        })?;
        Ok(Box::new(thread))
    }
}

impl Target {
    /// Whether it is there, shown or not.
    fn exists(&self) -> bool {
        match self {
            Self::Screen(key) => monitor(key).is_some(),
            Self::Window(window) => platform::exists(window),
        }
    }
}

/// What the library has for the screen that [`platform::key`] calls so.
fn monitor(key: &str) -> Option<Monitor> {
    let is_it = |monitor: &Monitor| platform::key(monitor).is_ok_and(|found| found == key);
    Monitor::all().ok()?.into_iter().find(is_it)
}

fn list_screens() -> Result<Vec<Screen>, CaptureError> {
    let monitors = Monitor::all().map_err(unavailable)?;
    let mut screens: Vec<_> = monitors
        .iter()
        .zip(1..)
        // But for one that was unplugged since.
        .filter_map(|(monitor, number)| screen(monitor, number).ok())
        .collect();
    screens.sort_by_key(|screen| !screen.info.is_default);
    Ok(screens)
}

fn list_windows() -> Result<Vec<Screen>, CaptureError> {
    let windows = Window::all().map_err(unavailable)?;
    let ours = std::process::id();
    Ok(windows
        .into_iter()
        .filter(|window| window.pid().ok() != Some(ours))
        // But for one that was closed since, and what nobody would call a window: it has no title.
        .filter_map(|window| titled(window).ok().filter(|window| !window.info.name.is_empty()))
        .collect())
}

fn infos(sources: Vec<Screen>) -> Vec<SourceInfo> {
    sources.into_iter().map(|source| source.info).collect()
}

fn screen(monitor: &Monitor, number: usize) -> XCapResult<Screen> {
    let key = platform::key(monitor)?;
    Ok(Screen {
        info: SourceInfo {
            id: SourceId(format!("{HOST}:screen:{key}")),
            name: platform::name(monitor, number)?,
            kind: SourceKind::Screen,
            host: HOST,
            is_default: monitor.is_primary()?,
            modes: modes(monitor.width()?, monitor.height()?, platform::pixels(monitor)),
        },
        target: Target::Screen(key),
    })
}

fn titled(window: Window) -> XCapResult<Screen> {
    let pixels = window
        .current_monitor()
        .map_or(1.0, |monitor| platform::pixels(&monitor));
    Ok(Screen {
        info: SourceInfo {
            id: SourceId(format!("{HOST}:window:{:#x}", window.id()?)),
            name: window.title()?.replace(char::is_control, " ").trim().to_owned(),
            kind: SourceKind::Window,
            host: HOST,
            is_default: false,
            modes: modes(window.width()?, window.height()?, pixels),
        },
        target: Target::Window(window),
    })
}

/// The one mode of something so large, with so many pixels along each unit of length.
fn modes(width: u32, height: u32, pixels: f32) -> Vec<Mode> {
    // Screens are far smaller than where rounding would show, and casts of this kind saturate.
    let scaled = |length: u32| (length as f32 * pixels).round() as u32;
    let frame_rate = FrameRate::hz(RATE);
    let size = Size::new(scaled(width), scaled(height)).ok();
    size.into_iter().map(|size| Mode { size, frame_rate }).collect()
}

fn unavailable(error: xcap::XCapError) -> CaptureError {
    CaptureError::Unavailable {
        id: HOST.into(),
        reason: error.to_string(),
    }
}
