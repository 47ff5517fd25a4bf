//! Pictures from frames to frames, over bad networks in virtual time: no codec, no socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod capacity;
mod loss;
mod support;
