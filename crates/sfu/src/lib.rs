//! Selective forwarding.
#![deny(unsafe_code)]
pub mod room;
