//! Encoders and decoders behind one pair of traits: pictures in and coded frames out, and back. Which library or
//! which hardware does the work is known only inside; RTP payload formats are not known at all.
//!
//! Frames to decode may come straight from a hostile sender: a decoder answers them with an [`Error`], is never
//! made to take more memory than its [`Limits`], and goes on with the next key frame.

#[cfg(feature = "h264")]
mod h264;
#[cfg(any(feature = "vp8", feature = "vp9", feature = "av1"))]
mod layers;
#[cfg(any(feature = "vp8", feature = "vp9", feature = "av1"))]
mod native;
mod settings;
mod simulcast;

pub use settings::{ContentHint, Effort, MAX_TEMPORAL_LAYERS, Settings};
pub use simulcast::{MAX_SIMULCAST, Simulcast};

use crate::picture::{self, Picture, Pool, Size};
use std::fmt;
use std::time::Duration;

/// A video codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// RFC 6386.
    Vp8,
    /// VP9, profile 0.
    Vp9,
    /// AV1, main profile.
    Av1,
    /// H.264, constrained baseline profile.
    H264,
}

impl Codec {
    /// All of them, whether built in or not.
    pub const ALL: [Self; 4] = [Self::Vp8, Self::Vp9, Self::Av1, Self::H264];

    /// Whether this build can encode and decode it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Vp8 => cfg!(feature = "vp8"),
            Self::Vp9 => cfg!(feature = "vp9"),
            Self::Av1 => cfg!(feature = "av1"),
            Self::H264 => cfg!(feature = "h264"),
        }
    }

    /// Its name in SDP (RFC 7741, RFC 9628, RFC 6184 and the AV1 payload format).
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
            Self::H264 => "H264",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why nothing was coded or decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Caller: this build is without the codec.
    #[error("{0} is not built in")]
    Unavailable(Codec),
    /// Caller: a setting is outside its range.
    #[error("{name} cannot be {value}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// The value refused, in the unit of the setting.
        value: u64,
    },
    /// Caller, or an empty pool.
    #[error(transparent)]
    Picture(#[from] picture::Error),
    /// Sender: the data is damaged, or not what the codec makes. Ask for a key frame and go on.
    #[error("not decodable")]
    Corrupt,
    /// Sender: the picture is larger than [`Limits`] allow.
    #[error("a picture larger than allowed")]
    TooLarge,
    /// Sender: the picture is not 8 bit 4:2:0.
    #[error("a picture of another format than 8 bit 4:2:0")]
    Format,
    /// Machine: no memory.
    #[error("no memory for the codec")]
    NoMemory,
    /// The library failed in a way its interface does not foresee. The coder is to be made anew.
    #[error("the codec library failed")]
    Internal,
}

/// One coded frame, and what payload formats want to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    /// Which codec.
    pub codec: Codec,
    /// VP8 and VP9: one frame. AV1: one temporal unit of sized OBUs, without temporal delimiter. H.264: NAL units
    /// behind start codes (Annex B).
    pub data: Vec<u8>,
    /// Can be decoded without any frame before it.
    pub key: bool,
    /// Size of the picture.
    pub size: Size,
    /// When the picture was taken, on the media clock.
    pub time: Duration,
    /// Simulcast layer, 0 the smallest; 0 without simulcast.
    pub layer: u8,
    /// Temporal layer, 0 the base.
    pub temporal: u8,
    /// Temporal layers of the stream.
    pub temporal_layers: u8,
    /// Leans on frames of the base layer only: a receiver may begin to take this layer here (Y of RFC 7741, U of
    /// RFC 9628). Never set in the base layer, but for key frames.
    pub sync: bool,
    /// No later frame leans on it (N of RFC 7741): may be lost or left out without harm.
    pub discardable: bool,
    /// Distances, in coded frames, back to those this one leans on, nearest first; 0 fills the rest (P_DIFF of
    /// RFC 9628, frame dependencies of the AV1 payload format). All 0 for a key frame. A stream of one layer is
    /// a chain: each frame names the one before, whatever the encoder looks at.
    pub leans_on: [u8; 2],
    /// Quantizer index in the units of the codec, what webrtc-stats sums as `qpSum`; 0 where the library does not
    /// say (H.264).
    pub quantizer: u8,
}

/// Makes coded frames of one stream.
pub trait VideoEncoder: Send {
    /// Which codec.
    fn codec(&self) -> Codec;

    /// The library or device: `encoderImplementation` of webrtc-stats.
    fn implementation(&self) -> &'static str;

    /// What it is set to.
    fn settings(&self) -> &Settings;

    /// Changes the settings between two frames. Bit rate and frame rate change without a key frame; anything else
    /// may bring one.
    ///
    /// # Errors
    /// [`Error::Setting`] and the machine's; after one the old settings hold.
    fn configure(&mut self, settings: Settings) -> Result<(), Error>;

    /// Codes one picture of the size in the settings, into as many temporal layers as asked for (H.264: one); `key` asks for a key frame. `None` when the rate control
    /// leaves it out (never a key frame that was asked for; ask again).
    ///
    /// # Errors
    /// [`Error::Picture`] for another size, [`Error::Internal`], [`Error::NoMemory`].
    fn encode(&mut self, picture: &Picture, key: bool) -> Result<Option<EncodedFrame>, Error>;
}

/// Makes pictures of one stream.
pub trait VideoDecoder: Send {
    /// Which codec.
    fn codec(&self) -> Codec;

    /// The library or device: `decoderImplementation` of webrtc-stats.
    fn implementation(&self) -> &'static str;

    /// Decodes what an [`EncodedFrame`] carries into a picture of `pool`, with `time`. `None` when the frame is
    /// not to be shown. The size may change at any key frame.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::TooLarge`], [`Error::Format`]: ask the sender for a key frame.
    /// [`Error::Picture`] when the pool is empty: the frame counts as decoded but not shown.
    fn decode(&mut self, data: &[u8], time: Duration, pool: &Pool) -> Result<Option<Picture>, Error>;
}

/// What a decoder may be made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of the largest picture. Memory follows it: up to some twenty bytes a pixel.
    pub max_pixels: u32,
    /// Threads.
    pub threads: u8,
}

impl Default for Limits {
    /// 4K, one thread.
    fn default() -> Self {
        Self {
            max_pixels: 3840 * 2160,
            threads: 1,
        }
    }
}

/// An encoder.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Setting`], [`Error::NoMemory`].
pub fn encoder(codec: Codec, settings: Settings) -> Result<Box<dyn VideoEncoder>, Error> {
    settings.check()?;
    match codec {
        #[cfg(feature = "vp8")]
        Codec::Vp8 => Ok(Box::new(native::Encoder::new(codec, settings)?)),
        #[cfg(feature = "vp9")]
        Codec::Vp9 => Ok(Box::new(native::Encoder::new(codec, settings)?)),
        #[cfg(feature = "av1")]
        Codec::Av1 => Ok(Box::new(native::Encoder::new(codec, settings)?)),
        #[cfg(feature = "h264")]
        Codec::H264 => Ok(Box::new(h264::Encoder::new(settings)?)),
        #[allow(unreachable_patterns)]
        other => Err(Error::Unavailable(other)),
    }
}

/// A decoder.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::NoMemory`].
pub fn decoder(codec: Codec, limits: Limits) -> Result<Box<dyn VideoDecoder>, Error> {
    let _ = limits;
    match codec {
        #[cfg(feature = "vp8")]
        Codec::Vp8 => Ok(Box::new(native::Decoder::new(codec, limits)?)),
        #[cfg(feature = "vp9")]
        Codec::Vp9 => Ok(Box::new(native::Decoder::new(codec, limits)?)),
        #[cfg(feature = "av1")]
        Codec::Av1 => Ok(Box::new(native::Decoder::new(codec, limits)?)),
        #[cfg(feature = "h264")]
        Codec::H264 => Ok(Box::new(h264::Decoder::new(limits)?)),
        #[allow(unreachable_patterns)]
        other => Err(Error::Unavailable(other)),
    }
}
