//! RTP and RTCP on the wire.

mod header;

pub use header::Parsed;
