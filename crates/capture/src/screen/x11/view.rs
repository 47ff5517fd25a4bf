//! Where the pixels of a screen or window are at the moment: which drawable, from where on, how many.
//!
//! A window's pixels are kept by the server in a pixmap of their own (composite redirection), so that they are whole
//! whatever lies over the window. The pixmap changes with each change of size, and goes when the window is hidden.

use sidetone_video::picture::Size;
use x11rb::connection::Connection;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::xproto::{ConnectionExt as _, Drawable, EventMask, MapState, Pixmap, Window};

use super::display::{Display, Failure};
use super::list;
use crate::source::CaptureError;

/// What is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The monitor with this name.
    Screen(String),
    /// One window.
    Window(Window),
}

/// Where its pixels are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) drawable: Drawable,
    /// First column and row in the drawable.
    pub(super) left: i16,
    pub(super) top: i16,
    pub(super) size: Size,
    /// What is to be taken from coordinates that damage is told in.
    pub(super) offset: (i16, i16),
}

/// Follows a target. Call [`Follower::look`] whenever one of the windows it watches changed.
pub(super) struct Follower {
    target: Target,
    pixmap: Option<Pixmap>,
    /// The window and what it lies in, without the root; empty for screens.
    pub(super) family: Vec<Window>,
    id: String,
}

impl Follower {
    pub(super) fn new(target: Target, id: String) -> Self {
        Self {
            target,
            pixmap: None,
            family: Vec::new(),
            id,
        }
    }

    /// The window whose damage and end matter.
    pub(super) fn watched(&self, display: &Display) -> Window {
        match self.target {
            Target::Screen(_) => display.root(),
            Target::Window(window) => window,
        }
    }

    /// The window that coordinates in the picture are counted from, if it is one.
    pub(super) fn window(&self) -> Option<Window> {
        match self.target {
            Target::Screen(_) => None,
            Target::Window(window) => Some(window),
        }
    }

    /// Redirects a window. Once, before the first look.
    ///
    /// # Errors
    /// When there is no such window.
    pub(super) fn prepare(&self, display: &Display) -> Result<(), Failure> {
        if let Target::Window(window) = self.target {
            let attributes = display.connection.get_window_attributes(window)?.reply();
            let attributes = attributes.map_err(|error| match Failure::from(error) {
                failure if failure.is_refusal() => CaptureError::NotFound(self.id.clone()).into(),
                failure => failure,
            })?;
            let geometry = display.connection.get_geometry(window)?.reply()?;
            display.check_format(&self.id, geometry.depth, attributes.visual)?;
            display
                .connection
                .composite_redirect_window(window, Redirect::AUTOMATIC)?
                .check()?;
        } else {
            let root = display.screen();
            display.check_format(&self.id, root.root_depth, root.root_visual)?;
        }
        Ok(())
    }

    /// Where the pixels are now; `None` while a window is hidden.
    ///
    /// # Errors
    /// When the monitor or window is gone, the server is, or the size is none that a picture can have.
    pub(super) fn look(&mut self, display: &Display) -> Result<Option<View>, Failure> {
        match self.target.clone() {
            Target::Screen(name) => self.look_at_screen(display, &name).map(Some),
            Target::Window(window) => self.look_at_window(display, window),
        }
    }

    fn look_at_screen(&self, display: &Display, name: &str) -> Result<View, Failure> {
        let monitors = list::monitors(display)?;
        let monitor = monitors.iter().find(|monitor| monitor.name == name);
        let monitor = monitor.ok_or_else(|| CaptureError::NotFound(self.id.clone()))?;
        Ok(View {
            drawable: display.root(),
            left: monitor.left,
            top: monitor.top,
            size: Size::new(monitor.width.into(), monitor.height.into())?,
            offset: (monitor.left, monitor.top),
        })
    }

    fn look_at_window(&mut self, display: &Display, window: Window) -> Result<Option<View>, Failure> {
        let connection = &display.connection;
        self.follow_family(display, window)?;
        // Whatever follows, the pixmap we have is of before.
        if let Some(pixmap) = self.pixmap.take() {
            connection.free_pixmap(pixmap)?;
        }
        let gone = || CaptureError::Lost {
            id: self.id.clone(),
            reason: "the window was closed".into(),
        };
        let attributes = connection.get_window_attributes(window)?;
        let geometry = connection.get_geometry(window)?;
        let or_gone = |error| match Failure::from(error) {
            failure if failure.is_refusal() => gone().into(),
            failure => failure,
        };
        let attributes = attributes.reply().map_err(or_gone)?;
        let border = geometry.reply().map_err(or_gone)?.border_width;
        if attributes.map_state != MapState::VIEWABLE {
            return Ok(None);
        }
        let pixmap = connection.generate_id()?;
        match connection.composite_name_window_pixmap(window, pixmap)?.check() {
            Ok(()) => self.pixmap = Some(pixmap),
            // Hidden since we asked.
            Err(x11rb::errors::ReplyError::X11Error(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // The window may have another size by now; the pixmap keeps its own. It has the border around it.
        let geometry = connection.get_geometry(pixmap)?.reply()?;
        let inside = |length: u16| u32::from(length).saturating_sub(2 * u32::from(border));
        Ok(Some(View {
            drawable: pixmap,
            left: i16::try_from(border).unwrap_or(i16::MAX),
            top: i16::try_from(border).unwrap_or(i16::MAX),
            size: Size::new(inside(geometry.width), inside(geometry.height))?,
            offset: (0, 0),
        }))
    }

    /// Watches the window and all it lies in: a window manager hides the frame, not the window.
    fn follow_family(&mut self, display: &Display, window: Window) -> Result<(), Failure> {
        let ancestors = match list::ancestors(display, window) {
            // Taken out of its frame while we look: we are told, and look again.
            Err(failure) if failure.is_refusal() => Vec::new(),
            other => other?,
        };
        let family: Vec<_> = std::iter::once(window).chain(ancestors).collect();
        if family != self.family {
            for &member in &family {
                list::select(display, member, EventMask::STRUCTURE_NOTIFY)?;
            }
            self.family = family;
        }
        Ok(())
    }
}
