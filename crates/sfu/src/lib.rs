//! Selective forwarding.
#![deny(unsafe_code)]
pub mod link;
pub mod srtp;
