//! Pictures between two transports over real sockets, with frames that no codec made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod call;
mod hostile;
mod lips;
mod loss;
#[path = "../transport/mutation.rs"]
mod mutation;
mod studio;
#[allow(dead_code)]
#[path = "../transport/support.rs"]
mod support;
