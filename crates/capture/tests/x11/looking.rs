//! Looks at what is on an X server.

use sidetone_capture::screen::x11::Desktop;
use sidetone_capture::{CaptureRequest, SourceId};

pub use crate::looker::*;
use crate::server::Server;

pub fn window_id(window: u32) -> SourceId {
    SourceId(format!("x11:window:{window:#x}"))
}

/// Times that the capturing threads of this process were woken.
pub fn wake_ups() -> u64 {
    wake_ups_of("x11 capture")
}

impl Looker {
    pub fn at_screen(server: &Server) -> Self {
        Self::at(server, None, request())
    }

    pub fn at_window(server: &Server, window: u32) -> Self {
        Self::at(server, Some(window_id(window)), request())
    }

    pub fn at(server: &Server, id: Option<SourceId>, request: CaptureRequest) -> Self {
        let mut looker = Self::new();
        looker.start(server, id, request);
        looker
    }

    pub fn start(&mut self, server: &Server, id: Option<SourceId>, request: CaptureRequest) {
        let mut source = Desktop::new(Some(&server.name)).source(id.as_ref()).unwrap();
        self.open(&mut source, request);
    }
}
