//! An X server of the test's own, and a client that draws on it. Shared by the tests of all that reads its screen.

#![allow(dead_code)]

use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use x11rb::connection::Connection;
use x11rb::protocol::randr::{ConnectionExt as _, ModeInfo};
use x11rb::protocol::xproto::*;
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::xvfb::Xvfb;

/// Tests look at the threads of their process, so one runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A running Xvfb, killed when dropped.
pub struct Server {
    xvfb: Xvfb,
    pub name: String,
    _alone: MutexGuard<'static, ()>,
}

impl Server {
    /// A screen of `screen` (`WIDTHxHEIGHTxDEPTH`) on a display number that was free.
    pub fn start(screen: &str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let xvfb = Xvfb::start(screen, &[]);
        Self {
            name: xvfb.name.clone(),
            xvfb,
            _alone: alone,
        }
    }

    pub fn kill(&mut self) {
        self.xvfb.child.kill().unwrap();
        self.xvfb.child.wait().unwrap();
    }

    pub fn signal(&self, signal: &str) {
        let id = self.xvfb.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    pub fn painter(&self) -> Painter {
        Painter::new(&self.name)
    }
}

pub const RED: u32 = 0xFF_0000;
pub const GREEN: u32 = 0x00_FF00;
pub const BLUE: u32 = 0x00_00FF;
pub const GREY: u32 = 0x80_8080;

/// A client that draws. Each call returns when the server has done it.
pub struct Painter {
    pub connection: RustConnection,
    pub root: Window,
    gc: Gcontext,
}

impl Painter {
    fn new(name: &str) -> Self {
        let (connection, screen) = RustConnection::connect(Some(name)).unwrap();
        let root = connection.setup().roots[screen].root;
        let gc = connection.generate_id().unwrap();
        connection.create_gc(gc, root, &CreateGCAux::new()).unwrap();
        Self { connection, root, gc }
    }

    pub fn sync(&self) {
        self.connection.sync().unwrap();
    }

    /// A window of one colour, shown.
    pub fn window(
        &self,
        parent: Window,
        (x, y): (i16, i16),
        (width, height): (u16, u16),
        colour: u32,
    ) -> Window {
        let window = self.connection.generate_id().unwrap();
        let aux = CreateWindowAux::new().background_pixel(colour);
        let class = WindowClass::INPUT_OUTPUT;
        self.connection
            .create_window(0, window, parent, x, y, width, height, 0, class, 0, &aux)
            .unwrap();
        self.show(window);
        window
    }

    pub fn title(&self, window: Window, title: &str) {
        let connection = &self.connection;
        let utf8 = connection
            .intern_atom(false, b"UTF8_STRING")
            .unwrap()
            .reply()
            .unwrap()
            .atom;
        let name = connection
            .intern_atom(false, b"_NET_WM_NAME")
            .unwrap()
            .reply()
            .unwrap()
            .atom;
        connection
            .change_property8(PropMode::REPLACE, window, name, utf8, title.as_bytes())
            .unwrap();
        self.sync();
    }

    pub fn show(&self, window: Window) {
        self.connection.map_window(window).unwrap();
        self.sync();
    }

    pub fn hide(&self, window: Window) {
        self.connection.unmap_window(window).unwrap();
        self.sync();
    }

    pub fn close(&self, window: Window) {
        self.connection.destroy_window(window).unwrap();
        self.sync();
    }

    pub fn configure(&self, window: Window, aux: ConfigureWindowAux) {
        self.connection.configure_window(window, &aux).unwrap();
        self.sync();
    }

    pub fn fill(&self, drawable: Drawable, (x, y): (i16, i16), (width, height): (u16, u16), colour: u32) {
        let aux = ChangeGCAux::new().foreground(colour);
        let rectangle = Rectangle { x, y, width, height };
        self.connection.change_gc(self.gc, &aux).unwrap();
        self.connection
            .poly_fill_rectangle(drawable, self.gc, &[rectangle])
            .unwrap();
        self.sync();
    }

    /// Moves the pointer as a mouse does.
    pub fn point(&self, x: i16, y: i16) {
        self.connection
            .xtest_fake_input(MOTION_NOTIFY_EVENT, 0, 0, self.root, x, y, 0)
            .unwrap();
        self.sync();
    }

    /// Gives a window a pointer that is a square of 8 by 8 in one colour, its hot spot in the upper left corner.
    pub fn square_pointer(&self, window: Window, colour: u32) {
        let connection = &self.connection;
        let (pixmap, gc, cursor) = (
            connection.generate_id().unwrap(),
            connection.generate_id().unwrap(),
            connection.generate_id().unwrap(),
        );
        connection.create_pixmap(1, pixmap, self.root, 8, 8).unwrap();
        connection
            .create_gc(gc, pixmap, &CreateGCAux::new().foreground(1))
            .unwrap();
        let all = Rectangle {
            x: 0,
            y: 0,
            width: 8,
            height: 8,
        };
        connection.poly_fill_rectangle(pixmap, gc, &[all]).unwrap();
        let [_, red, green, blue] = colour.to_be_bytes().map(|part| u16::from(part) * 257);
        connection
            .create_cursor(cursor, pixmap, pixmap, red, green, blue, 0, 0, 0, 0, 0)
            .unwrap();
        let aux = ChangeWindowAttributesAux::new().cursor(cursor);
        connection.change_window_attributes(window, &aux).unwrap();
        self.sync();
    }

    /// Gives the one monitor another size.
    pub fn resize_screen(&self, width: u16, height: u16) {
        let randr = &self.connection;
        let resources = randr
            .randr_get_screen_resources(self.root)
            .unwrap()
            .reply()
            .unwrap();
        let now = resources.config_timestamp;
        let small = ModeInfo {
            width,
            height,
            name_len: 5,
            ..resources.modes[0]
        };
        let mode = randr
            .randr_create_mode(self.root, small, b"small")
            .unwrap()
            .reply()
            .unwrap()
            .mode;
        randr
            .randr_add_output_mode(resources.outputs[0], mode)
            .unwrap()
            .check()
            .unwrap();
        let rotation = x11rb::protocol::randr::Rotation::ROTATE0;
        let crtc = resources.crtcs[0];
        // Off, smaller, on again: what a settings program does.
        let off = randr
            .randr_set_crtc_config(crtc, 0, now, 0, 0, 0, rotation, &[])
            .unwrap()
            .reply()
            .unwrap();
        assert_eq!(u8::from(off.status), 0);
        randr
            .randr_set_screen_size(self.root, width, height, 80, 60)
            .unwrap();
        let outputs = &resources.outputs;
        let on = randr
            .randr_set_crtc_config(crtc, 0, now, 0, 0, mode, rotation, outputs)
            .unwrap();
        assert_eq!(u8::from(on.reply().unwrap().status), 0);
        self.connection.flush().unwrap();
    }

    /// Keeps the list of windows that a window manager would keep, the topmost last.
    pub fn list(&self, windows: &[Window]) {
        let connection = &self.connection;
        let list = connection
            .intern_atom(false, b"_NET_CLIENT_LIST_STACKING")
            .unwrap();
        let list = list.reply().unwrap().atom;
        connection
            .change_property32(PropMode::REPLACE, self.root, list, AtomEnum::WINDOW, windows)
            .unwrap();
        self.sync();
    }

    /// Says that this process has the window.
    pub fn own(&self, window: Window) {
        let connection = &self.connection;
        let process = connection.intern_atom(false, b"_NET_WM_PID").unwrap();
        let process = process.reply().unwrap().atom;
        connection
            .change_property32(
                PropMode::REPLACE,
                window,
                process,
                AtomEnum::CARDINAL,
                &[std::process::id()],
            )
            .unwrap();
        self.sync();
    }
}
