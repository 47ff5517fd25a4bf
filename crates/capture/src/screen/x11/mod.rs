//! Screens and windows of an X server: through shared memory, woken by what is drawn and by nothing else.
//!
//! The server tells that something was drawn (DAMAGE); then the changed rows are written to shared memory (MIT-SHM),
//! the pointer is drawn in (XFIXES), and the changed rectangles become part of the next picture. A screen at rest costs
//! nothing on either side. Windows are redirected (COMPOSITE), so that they are whole whatever lies over them. It refuses
//! pixels that are not 24 or 32 bits of blue, green and red, and servers on other machines: their pixels would come
//! through a socket.

mod capture;
mod display;
mod list;
mod pointer;
mod segment;
mod view;

use display::Display;
use view::Target;

use sidetone_video::picture::Size;

use crate::pace::FrameRate;
use crate::screen::stop;
use crate::source::{
    CaptureError, CaptureRequest, CaptureStream, Feed, Mode, PictureSource, SourceId, SourceInfo, SourceKind,
};

/// The system that these sources name.
pub const HOST: &str = "x11";

/// What a mode of a screen or window names as its rate: no monitor in an office shows more, whatever it is asked for.
const RATE: u32 = 60;

const SCREEN: &str = "x11:screen:";
const WINDOW: &str = "x11:window:";

/// The screens and windows of an X server, named as `:0`, or of the one of the environment.
#[derive(Clone, Debug, Default)]
pub struct Desktop {
    name: Option<String>,
}

impl Desktop {
    /// The display of this name; `None` for the one in `DISPLAY`.
    pub fn new(name: Option<&str>) -> Self {
        Self {
            name: name.map(str::to_owned),
        }
    }

    /// Every monitor there is now, the primary one first.
    ///
    /// # Errors
    /// [`CaptureError::Unavailable`] when there is no such server, or it does not answer.
    pub fn screens(&self) -> Result<Vec<SourceInfo>, CaptureError> {
        let display = self.connect()?;
        let monitors = list::monitors(&display).map_err(|failure| failure.into_error(HOST, false))?;
        let mut screens: Vec<_> = monitors
            .into_iter()
            .map(|monitor| SourceInfo {
                id: SourceId(format!("{SCREEN}{}", monitor.name)),
                name: monitor.name,
                kind: SourceKind::Screen,
                host: HOST,
                is_default: monitor.is_primary,
                modes: modes(Size::new(monitor.width.into(), monitor.height.into()).ok()),
            })
            .collect();
        screens.sort_by_key(|screen| !screen.is_default);
        Ok(screens)
    }

    /// Every window there is now: those the window manager lists, or whatever is shown where there is none.
    ///
    /// # Errors
    /// [`CaptureError::Unavailable`] when there is no such server, or it does not answer.
    pub fn windows(&self) -> Result<Vec<SourceInfo>, CaptureError> {
        let display = self.connect()?;
        let windows = list::windows(&display).map_err(|failure| failure.into_error(HOST, false))?;
        Ok(windows
            .into_iter()
            .map(|window| SourceInfo {
                id: SourceId(format!("{WINDOW}{:#x}", window.window)),
                name: window.title,
                kind: SourceKind::Window,
                host: HOST,
                is_default: false,
                modes: modes(window.size),
            })
            .collect())
    }

    /// The screen or window with this id; of the primary screen without one.
    ///
    /// # Errors
    /// [`CaptureError::NotFound`], and [`CaptureError::Unavailable`] when there is no such server.
    pub fn source(&self, id: Option<&SourceId>) -> Result<Screen, CaptureError> {
        let is_window = id.is_some_and(|id| id.0.starts_with(WINDOW));
        let mut sources = if is_window {
            self.windows()?
        } else {
            self.screens()?
        }
        .into_iter();
        let found = match id {
            Some(id) => sources.find(|source| source.id == *id),
            None => sources.next(),
        };
        let not_found = || CaptureError::NotFound(id.map_or_else(|| SCREEN.into(), |id| id.0.clone()));
        let info = found.ok_or_else(not_found)?;
        let target = target(&info.id).ok_or_else(not_found)?;
        Ok(Screen {
            desktop: self.clone(),
            target,
            info,
        })
    }

    fn connect(&self) -> Result<Display, CaptureError> {
        Display::connect(self.name.as_deref())
    }
}

/// A screen or a window that can be captured.
#[derive(Clone, Debug)]
pub struct Screen {
    desktop: Desktop,
    target: Target,
    info: SourceInfo,
}

impl PictureSource for Screen {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    /// A window that is hidden opens well, and gives pictures as soon as it is shown.
    fn open(&mut self, request: CaptureRequest, feed: Feed) -> Result<Box<dyn CaptureStream>, CaptureError> {
        let id = &self.info.id.0;
        let display = self.desktop.connect()?;
        let capture = capture::Capture::open(display, self.target.clone(), id, request, feed)?;
        let thread = stop::Thread::start("x11 capture", move |control| capture.run(control));
        let thread = thread.map_err(|error| CaptureError::Unavailable {
            id: id.clone(),
            reason: format!("no thread: {error}"),
        })?;
        Ok(Box::new(thread))
    }
}

fn target(id: &SourceId) -> Option<Target> {
    if let Some(name) = id.0.strip_prefix(SCREEN) {
        return Some(Target::Screen(name.to_owned()));
    }
    let window = id.0.strip_prefix(WINDOW)?.strip_prefix("0x")?;
    u32::from_str_radix(window, 16).ok().map(Target::Window)
}

fn modes(size: Option<Size>) -> Vec<Mode> {
    let frame_rate = FrameRate::hz(RATE);
    size.into_iter().map(|size| Mode { size, frame_rate }).collect()
}
