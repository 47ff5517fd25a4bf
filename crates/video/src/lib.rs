//! What a picture is, and how it is coded: pictures and their pool, colour, scaling, encoders and decoders behind
//! one pair of traits, and the choice of what to encode for a given budget.
//!
//! It refuses to know RTP, networks, devices and screens: pictures come from somewhere above, coded frames go
//! somewhere above. Frames to decode may come straight from a hostile sender.

pub mod codec;
pub mod colour;
pub mod ladder;
pub mod picture;
pub mod quality;
pub mod scale;
#[cfg(feature = "synthetic")]
pub mod synthetic;
pub mod worker;

pub use codec::{Codec, ContentHint, EncodedFrame, VideoDecoder, VideoEncoder};
pub use picture::{Picture, Pool, Size};
