//! What can go wrong, by who is at fault: the caller's buffers and settings, the sender's packet, or libopus.

use opusic_sys as sys;
use std::ffi::c_int;

/// Why a call into the codec was refused or failed. A refused call leaves the coder as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Caller: the input is not one whole Opus frame of 2.5, 5, 10, 20, 40 or 60 ms (RFC 6716 section 2.1.4).
    #[error("{got} interleaved samples are not one Opus frame ({channels} channels at {rate} Hz)")]
    FrameLength {
        /// Interleaved samples given.
        got: usize,
        /// Channels of the encoder.
        channels: usize,
        /// Sample rate of the encoder, in Hz.
        rate: u32,
    },
    /// Caller: a lost stretch must be a multiple of 2.5 ms, at least that and at most 120 ms.
    #[error("{got} interleaved samples are not a multiple of 2.5 ms up to 120 ms")]
    LostLength {
        /// Interleaved samples of room given.
        got: usize,
    },
    /// Caller: the output does not hold the result.
    #[error("the output has room for {got}, {needed} needed")]
    OutputTooSmall {
        /// Items (bytes or interleaved samples) needed; 0 where libopus does not say.
        needed: usize,
        /// Items there is room for.
        got: usize,
    },
    /// Caller: the input holds a sample that is not a number, or infinite.
    #[error("the input holds a sample that is no finite number")]
    NotFinite,
    /// Caller: a setting is outside its range.
    #[error("{name} cannot be {value}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// The value refused, in the unit of the setting.
        value: i64,
    },
    /// Caller: redundancy parsed for one sample rate is used with a decoder of another.
    #[error("redundancy parsed at {dred} Hz does not fit a decoder at {decoder} Hz")]
    RateMismatch {
        /// Rate the redundancy was parsed for, in Hz.
        dred: u32,
        /// Rate of the decoder, in Hz.
        decoder: u32,
    },
    /// Sender: the packet breaks the framing rules (RFC 6716 section 3.4) or its content cannot be decoded.
    #[error("not a valid Opus packet")]
    InvalidPacket,
    /// Machine: no memory for a new coder.
    #[error("no memory for the coder")]
    NoMemory,
    /// libopus failed in a way its interface does not foresee.
    #[error("libopus failed with code {0}")]
    Internal(i32),
}

impl Error {
    /// An error code of a decoding or parsing call, where the packet is to blame unless libopus says otherwise.
    pub(crate) fn from_code(code: c_int) -> Self {
        match code {
            sys::OPUS_INVALID_PACKET => Self::InvalidPacket,
            sys::OPUS_ALLOC_FAIL => Self::NoMemory,
            sys::OPUS_BUFFER_TOO_SMALL => Self::OutputTooSmall { needed: 0, got: 0 },
            other => Self::Internal(other),
        }
    }
}

/// The count a libopus call returned, or its error.
pub(crate) fn counted(result: c_int) -> Result<usize, Error> {
    usize::try_from(result).map_err(|_| Error::from_code(result))
}
