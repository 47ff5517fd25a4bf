//! The `sidetone.v1` signaling protocol and the state machines that speak it.
//!
//! Everything here is sans-IO: inputs and `now` go in, outputs come out, no clock is read and no socket opened.
//! This crate knows identities, sessions and calls. It refuses to know audio, SRTP, devices, and how bytes or
//! descriptions travel: an SDP text is a bounded string to it.
//!
//! # The drained-output contract
//!
//! [`Agent`](agent::Agent) (the client's brain) and [`Switchboard`](switchboard::Switchboard) (the server's) are
//! used the same way:
//!
//! 1. call `handle(input, now)` with one input;
//! 2. call `poll()` and carry out each output, until it returns `Timeout`;
//! 3. wait for the next input, or until the instant that `Timeout` named, then `handle` a `Timeout` input.
//!
//! `now` must not go backwards. A `Timeout` input that comes early or late is harmless. Outputs not carried out
//! are lost, so a driver drains before it hands in the next input.

#![forbid(unsafe_code)]

pub mod agent;
pub mod call;
pub mod end_reason;
pub mod identifier;
mod meeting;
pub mod protocol;
pub mod secret;
pub mod session;
#[cfg(feature = "sim")]
pub mod sim;
pub mod switchboard;
pub mod timers;

pub use end_reason::{Category, Reason};
pub use identifier::Identifier;
