//! Meetings and group calls with the SDK: a real service with its forwarding of media, real UDP on loopback, devices
//! without hardware, real human speech. One behaviour a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod breakouts;
mod clinic;
mod engagement;
mod grown;
mod lost;
mod order;
mod record;
mod shared_sound;
#[path = "../calls/support/mod.rs"]
#[allow(dead_code)] // what calls alone need
mod support;
mod thread;
mod video;
mod visit;
