//! The WebRTC transport seen from outside: two of them in one process, over real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod close;
mod connect;
mod hostile;
mod mutation;
mod privacy;
mod restart;
mod slots;
mod statistics;
mod support;
mod trickle;
mod voice;
