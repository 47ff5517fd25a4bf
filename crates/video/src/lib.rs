//! What a picture is, and how it is coded: pictures and their pool, colour, scaling, encoders and decoders behind
//! one pair of traits, and the choice of what to encode for a given budget.
//!
//! It refuses to know RTP, networks, devices and screens: pictures come from somewhere above, coded frames go
//! somewhere above. Frames to decode may come straight from a hostile sender.
//!
//! ```
//! use sidetone_video::codec::{Limits, Settings, decoder, encoder};
//! use sidetone_video::{Codec, Picture, Pool, Size};
//!
//! # fn main() -> Result<(), sidetone_video::codec::Error> {
//! let mut encoder = encoder(Codec::Vp8, Settings::new(Size::P360, 500_000, 30.0))?;
//! let mut decoder = decoder(Codec::Vp8, Limits::default())?;
//! let pool = Pool::new(4);
//!
//! let picture = Picture::black(Size::P360);
//! if let Some(frame) = encoder.encode(&picture, true)? {
//!     let shown = decoder.decode(&frame.data, frame.time, &pool)?;
//!     assert_eq!(shown.map(|picture| picture.size()), Some(Size::P360));
//! }
//! # Ok(())
//! # }
//! ```

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
