//! What macOS and Windows get, with the screens and windows of a real X server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(all(feature = "portable", target_os = "linux"))]

#[path = "../support/looking.rs"]
mod looker;
mod looking;
#[path = "../support/server.rs"]
mod server;
#[path = "../../../../tests/support/xvfb.rs"]
mod xvfb;

mod lists;
mod screens;
mod trouble;
mod windows;
