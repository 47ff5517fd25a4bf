//! Screens of a real Wayland desktop: a compositor without a monitor, PipeWire, and the desktop portal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(all(feature = "wayland", target_os = "linux"))]

#[path = "../support/looking.rs"]
mod looking;
mod session;

mod answers;
mod screens;
mod trouble;
