//! From a camera to whoever looks, over real sockets and with real codecs. What is shown is compared with what was captured,
//! picture by picture, and the marks in it tell how long that took; so with what is heard beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod call;
mod lips;
mod loss;
mod still;
mod studio;
#[allow(dead_code)]
#[path = "../transport/support.rs"]
mod support;
