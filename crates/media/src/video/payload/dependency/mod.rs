//! The dependency descriptor (RTP Payload Format For AV1, version 1.0.0, appendix A): a header extension that tells which
//! frames a frame needs, so that nobody on the way has to read the bitstream. Written for one spatial layer; read for all.

mod bits;
mod read;
mod structure;
#[cfg(test)]
mod tests;
mod write;

pub use read::{DependencyError, Descriptor, Head, Reader};
pub use write::{FrameDescriptors, Writer};

/// URI of the header extension.
pub const DEPENDENCY_DESCRIPTOR_URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
