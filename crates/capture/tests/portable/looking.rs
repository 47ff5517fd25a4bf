//! Looks at what is on an X server.

use sidetone_capture::screen::portable::{Desktop, Screen};
use sidetone_capture::{CaptureRequest, SourceId};
use x11rb::protocol::xproto::Window;

pub use crate::looker::*;
use crate::server::{Painter, Server};

/// The desktop of this server, on which this process then is.
pub fn desktop(server: &Server) -> Desktop {
    // SAFETY: one test at a time runs in a process (`Server` sees to it), and what it started has ended by now.
    unsafe {
        std::env::set_var("DISPLAY", &server.name);
        std::env::remove_var("WAYLAND_DISPLAY");
        std::env::remove_var("XDG_SESSION_TYPE");
    }
    Desktop::default()
}

pub fn window_id(window: Window) -> SourceId {
    SourceId(format!("portable:window:{window:#x}"))
}

/// A window of one colour with a title, which is the only one on the list.
pub fn only_window(painter: &Painter, at: (i16, i16), size: (u16, u16), colour: u32) -> Window {
    let window = painter.window(painter.root, at, size, colour);
    painter.title(window, "A window");
    painter.list(&[window]);
    window
}

pub fn find(server: &Server, id: Option<SourceId>) -> Screen {
    desktop(server).source(id.as_ref()).unwrap()
}

impl Looker {
    pub fn at(server: &Server, id: Option<SourceId>, request: CaptureRequest) -> Self {
        let mut looker = Self::new();
        looker.open(&mut find(server, id), request);
        looker
    }

    pub fn at_screen(server: &Server) -> Self {
        Self::at(server, None, request())
    }

    pub fn at_window(server: &Server, window: Window) -> Self {
        Self::at(server, Some(window_id(window)), request())
    }
}
