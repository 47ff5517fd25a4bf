//! The media half of the engine: sound in, packets out, and back.
//!
//! It knows devices, codecs, jitter and transports. It refuses to know organisations, users and JSON: those
//! live in `sidetone-signaling`, which in turn has never heard of audio.

pub mod bandwidth;
pub mod device;
pub mod jitter;
pub mod packet;
pub mod recording;
pub mod transport;
pub mod video;
pub mod voice;
