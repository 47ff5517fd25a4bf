//! The window: shows the scene whenever it changed, and hands on what people press.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use sidetone::media::pictures::Size;
use softbuffer::{Context, Surface};
use winit::application::ApplicationHandler;
use winit::dpi::{LogicalSize, PhysicalPosition};
use winit::event::{ElementState, KeyEvent, MouseButton, WindowEvent};
use winit::event_loop::{ActiveEventLoop, OwnedDisplayHandle};
use winit::keyboard::{Key, NamedKey};
use winit::window::{Window, WindowId};

use crate::call::{Failure, Message};
use crate::canvas::Brush;
use crate::scene::Board;
use crate::view::{self, Button, Layout};

/// The window's side of the app.
pub struct App {
    board: Arc<Board>,
    messages: Sender<Message>,
    window: Option<Shown>,
    brush: Brush,
    layout: Layout,
    /// What the thread of the call was told last.
    looks: Vec<(u32, Size)>,
    pointer: PhysicalPosition<f64>,
    fill: bool,
    /// Why there is no window.
    pub failure: Option<Failure>,
}

struct Shown {
    window: Rc<Window>,
    surface: Surface<OwnedDisplayHandle, Rc<Window>>,
}

impl App {
    pub fn new(board: Arc<Board>, messages: Sender<Message>) -> Self {
        Self {
            board,
            messages,
            window: None,
            brush: Brush::default(),
            layout: Layout::default(),
            looks: Vec::new(),
            pointer: PhysicalPosition::default(),
            fill: false,
            failure: None,
        }
    }

    fn open(event_loop: &ActiveEventLoop) -> Result<Shown, Failure> {
        let attributes = Window::default_attributes()
            .with_title("Sidetone")
            .with_inner_size(LogicalSize::new(1120, 720))
            .with_min_inner_size(LogicalSize::new(320, 240));
        let window = Rc::new(event_loop.create_window(attributes)?);
        // The errors of a surface stay on their thread.
        let wrong = |error: softbuffer::SoftBufferError| Failure::from(error.to_string());
        let context = Context::new(event_loop.owned_display_handle()).map_err(wrong)?;
        let surface = Surface::new(&context, window.clone()).map_err(wrong)?;
        Ok(Shown { window, surface })
    }

    fn draw(&mut self) -> Result<(), softbuffer::SoftBufferError> {
        let Some(Shown { window, surface }) = &mut self.window else {
            return Ok(());
        };
        let size = window.inner_size();
        let (Some(width), Some(height)) = (NonZeroU32::new(size.width), NonZeroU32::new(size.height)) else {
            return Ok(());
        };
        surface.resize(width, height)?;
        let mut buffer = surface.buffer_mut()?;
        let scene = self.board.scene();
        let size = (size.width as i32, size.height as i32);
        self.layout = view::draw(&mut buffer, size, &scene, self.fill, &mut self.brush);
        window.pre_present_notify();
        buffer.present()?;
        let looks = self.layout.looks(&scene, self.fill);
        if looks != self.looks {
            self.looks.clone_from(&looks);
            // Nobody listens any more once the call is over.
            let _ = self.messages.send(Message::Looks(looks));
        }
        Ok(())
    }

    fn press(&mut self, button: Button, event_loop: &ActiveEventLoop) {
        match button {
            Button::Fill => {
                self.fill = !self.fill;
                self.redraw();
            }
            Button::HangUp => event_loop.exit(),
            _ => drop(self.messages.send(Message::Pressed(button))),
        }
    }

    fn redraw(&self) {
        if let Some(shown) = &self.window {
            shown.window.request_redraw();
        }
    }
}

impl ApplicationHandler for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        match Self::open(event_loop) {
            Ok(shown) => self.window = Some(shown),
            Err(error) => {
                self.failure = Some(error);
                event_loop.exit();
            }
        }
    }

    /// The scene changed.
    fn user_event(&mut self, _: &ActiveEventLoop, (): ()) {
        self.redraw();
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        match event {
            WindowEvent::RedrawRequested => {
                if let Err(error) = self.draw() {
                    self.failure = Some(error.to_string().into());
                    event_loop.exit();
                }
            }
            WindowEvent::Resized(_) => self.redraw(),
            WindowEvent::CloseRequested => self.press(Button::HangUp, event_loop),
            WindowEvent::CursorMoved { position, .. } => self.pointer = position,
            WindowEvent::MouseInput {
                state: ElementState::Pressed,
                button: MouseButton::Left,
                ..
            } => {
                let (x, y) = (self.pointer.x as i32, self.pointer.y as i32);
                if let Some(button) = self.layout.button_at(x, y) {
                    self.press(button, event_loop);
                }
            }
            WindowEvent::KeyboardInput {
                event:
                    KeyEvent {
                        state: ElementState::Pressed,
                        logical_key,
                        repeat: false,
                        ..
                    },
                ..
            } => {
                let button = match &logical_key {
                    Key::Named(NamedKey::Escape) => Some(Button::HangUp),
                    Key::Character(key) => Button::of_key(key),
                    _ => None,
                };
                if let Some(button) = button {
                    self.press(button, event_loop);
                }
            }
            _ => {}
        }
    }
}
