//! Threads that encode and decode, so that neither a capturing thread nor the network ever waits for a codec. What
//! comes too fast is dropped, newest kept, and counted in the words of webrtc-stats.
//!
//! Handing something in takes no lock and never waits. Only here does the crate read a clock.

mod decode;
mod encode;
mod pace;

pub use decode::{CodedFrame, Decoded, DecoderStats, DecoderWorker, Reason};
pub use encode::{Encoded, EncoderStats, EncoderWorker, LayerStats, PictureInput};
