//! Screens and windows of a Wayland desktop: chosen by the person in the desktop's own dialog, which the XDG desktop
//! portal shows (`org.freedesktop.portal.ScreenCast`), and given through PipeWire.
//!
//! No program may look around there, so there is nothing to list: one source stands for whatever the person picks, and
//! a second one for what was picked last, which the portal gives without a dialog where it allows that. Pixels come
//! through shared memory, and only when something was drawn. It refuses memory of the graphics card, and to draw
//! pointers: the desktop does that.

mod capture;
mod format;
mod frame;
mod memory;
mod painter;
mod portal;
mod stream;
mod wake;

use std::sync::{Arc, Mutex, PoisonError};

use crate::screen::stop;
use crate::source::{
    CaptureError, CaptureRequest, CaptureStream, Feed, PictureSource, SourceId, SourceInfo, SourceKind,
};

/// The system that these sources name.
pub const HOST: &str = "wayland";

const ASK: &str = "wayland:ask";
const AGAIN: &str = "wayland:again";

/// The desktop of a session bus, named by its address, or the one of the environment. Clones remember the same choice.
#[derive(Clone, Debug, Default)]
pub struct Desktop {
    bus: Option<String>,
    /// The portal's restore token of the last choice. Each use may make a new one.
    token: Arc<Mutex<Option<String>>>,
}

impl Desktop {
    /// The desktop of the session bus with this address (`unix:path=...`); `None` for the one of the environment.
    pub fn new(bus: Option<&str>) -> Self {
        Self {
            bus: bus.map(str::to_owned),
            token: Arc::default(),
        }
    }

    /// Whether this program was started in a Wayland session.
    pub fn is_here() -> bool {
        std::env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty())
    }

    /// What stands for the last choice, to be kept for the next start of the program. It may change with each use.
    pub fn token(&self) -> Option<String> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers a choice made earlier, by its [`Desktop::token`].
    pub fn set_token(&self, token: Option<String>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// What the person is asked for, and what was chosen last, if anything was.
    ///
    /// # Errors
    /// [`CaptureError::Unavailable`] when there is no such bus, or no portal that shows screens.
    pub fn screens(&self) -> Result<Vec<SourceInfo>, CaptureError> {
        portal::check(self.bus.as_deref())?;
        let mut screens = vec![info(ASK)];
        screens.extend(self.token().map(|_| info(AGAIN)));
        Ok(screens)
    }

    /// The source with this id; without one, what the person is asked for.
    ///
    /// # Errors
    /// [`CaptureError::NotFound`], and [`CaptureError::Unavailable`] when there is no such bus, or no portal that shows
    /// screens.
    pub fn source(&self, id: Option<&SourceId>) -> Result<Screen, CaptureError> {
        let mut screens = self.screens()?.into_iter();
        let found = match id {
            Some(id) => screens.find(|screen| screen.id == *id),
            None => screens.next(),
        };
        let not_found = || CaptureError::NotFound(id.map_or_else(|| ASK.into(), |id| id.0.clone()));
        Ok(Screen {
            desktop: self.clone(),
            info: found.ok_or_else(not_found)?,
        })
    }
}

/// Whether this id names a source of here.
pub fn is_ours(id: &SourceId) -> bool {
    [ASK, AGAIN].contains(&id.0.as_str())
}

fn info(id: &str) -> SourceInfo {
    SourceInfo {
        id: SourceId(id.into()),
        name: if id == AGAIN {
            "What was shared last"
        } else {
            "A screen or window, as the desktop asks"
        }
        .into(),
        kind: SourceKind::Screen,
        host: HOST,
        is_default: id == ASK,
        modes: Vec::new(),
    }
}

/// A screen or a window that the person picks.
#[derive(Clone, Debug)]
pub struct Screen {
    desktop: Desktop,
    info: SourceInfo,
}

impl PictureSource for Screen {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    /// Returns at once. What the person answers is told through the feed: pictures, or [`CaptureError::Denied`].
    fn open(&mut self, request: CaptureRequest, feed: Feed) -> Result<Box<dyn CaptureStream>, CaptureError> {
        let id = self.info.id.0.clone();
        let capture = capture::Capture {
            desktop: self.desktop.clone(),
            token: (id == AGAIN).then(|| self.desktop.token()).flatten(),
            id: id.clone(),
            request,
            feed,
        };
        let thread = stop::Thread::start("wayland capture", move |control| capture.run(control));
        let thread = thread.map_err(|error| CaptureError::Unavailable {
            id,
            reason: format!("no thread: {error}"),
        })?;
        Ok(Box::new(thread))
    }
}
