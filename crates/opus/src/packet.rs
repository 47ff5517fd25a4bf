//! A look into a packet without decoding it (RFC 6716 section 3): duration, frames, mode, bandwidth, FEC.
//!
//! Only the framing and the first bits are read, so a packet that passes here can still be full of noise.
//! Deep redundancy is looked for by [`Dred::parse`](crate::Dred::parse).

use crate::error::{Error, counted};
use crate::units::{Bandwidth, Channels, SampleRate};
use opusic_sys as sys;
use std::ptr;
use std::time::Duration;

/// Most frames one packet holds: 48 of 2.5 ms (RFC 6716 section 3.2.5).
const MAX_FRAMES: usize = 48;

/// Which of the three coders made the packet (RFC 6716 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Linear prediction, for speech up to wide band. Carries in-band FEC.
    Silk,
    /// Linear prediction below 8 kHz, transform above. Carries in-band FEC.
    Hybrid,
    /// Transform, for music and the lowest delay.
    Celt,
}

/// What the framing of a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Sound in the whole packet.
    pub duration: Duration,
    /// Frames in it, 1 to 48.
    pub frames: usize,
    /// Sound in one frame.
    pub frame_duration: Duration,
    /// How high the coded spectrum reaches.
    pub bandwidth: Bandwidth,
    /// Which coder made it.
    pub mode: Mode,
    /// Coded channels; the decoder's own layout may differ.
    pub channels: Channels,
    /// Whether it repeats the frame before it (LBRR), for [`Decoder::decode_fec`](crate::Decoder::decode_fec).
    pub has_fec: bool,
    /// Whether it is a discontinuous-transmission packet: no frame has more than one byte.
    pub is_dtx: bool,
}

/// Reads the framing of `packet`.
///
/// # Errors
/// [`Error::InvalidPacket`] when it breaks a rule of RFC 6716 section 3.4.
pub fn inspect(packet: &[u8]) -> Result<Packet, Error> {
    let &toc = packet.first().ok_or(Error::InvalidPacket)?;
    let len = i32::try_from(packet.len()).map_err(|_| Error::InvalidPacket)?;
    let mut sizes = [0_i16; MAX_FRAMES];
    // SAFETY: `packet` has `len` bytes, at least one; `sizes` has the 48 entries libopus may write, and the
    // other outputs are null, which it permits.
    let frames = counted(unsafe {
        sys::opus_packet_parse(
            packet.as_ptr(),
            len,
            ptr::null_mut(),
            ptr::null_mut(),
            sizes.as_mut_ptr(),
            ptr::null_mut(),
        )
    })?;
    let quanta = samples(packet, SampleRate::Hz48000)? / SampleRate::Hz48000.quantum();
    let duration = Duration::from_micros(2_500 * quanta as u64);
    let mode = mode(toc);
    Ok(Packet {
        duration,
        frames,
        frame_duration: duration / frames as u32,
        bandwidth: bandwidth(toc, mode),
        mode,
        channels: if toc & 0x04 == 0 {
            Channels::Mono
        } else {
            Channels::Stereo
        },
        has_fec: has_fec(packet),
        is_dtx: sizes.iter().take(frames).all(|&size| size <= 1),
    })
}

/// Samples per channel that decoding `packet` at `rate` yields; never 0, at most 120 ms.
///
/// # Errors
/// [`Error::InvalidPacket`] when the first bytes already rule it out. A valid answer does not mean a valid packet.
pub fn samples(packet: &[u8], rate: SampleRate) -> Result<usize, Error> {
    let len = i32::try_from(packet.len()).map_err(|_| Error::InvalidPacket)?;
    if len == 0 {
        return Err(Error::InvalidPacket);
    }
    // SAFETY: `packet` has `len` bytes, at least one.
    match counted(unsafe { sys::opus_packet_get_nb_samples(packet.as_ptr(), len, rate.raw()) })? {
        0 => Err(Error::InvalidPacket),
        samples => Ok(samples),
    }
}

/// Whether `packet` repeats the frame before it (LBRR flag, RFC 6716 section 4.2.4); `false` for what is no packet.
pub fn has_fec(packet: &[u8]) -> bool {
    let Ok(len @ 1..) = i32::try_from(packet.len()) else {
        return false;
    };
    // SAFETY: `packet` has `len` bytes, at least one.
    unsafe { sys::opus_packet_has_lbrr(packet.as_ptr(), len) == 1 }
}

/// RFC 6716 table 2, the configuration number's upper bits.
fn mode(toc: u8) -> Mode {
    match toc >> 3 {
        0..12 => Mode::Silk,
        12..16 => Mode::Hybrid,
        _ => Mode::Celt,
    }
}

/// RFC 6716 table 2.
fn bandwidth(toc: u8, mode: Mode) -> Bandwidth {
    let config = toc >> 3;
    match (mode, config) {
        (Mode::Silk, 0..4) => Bandwidth::Narrow,
        (Mode::Silk, 4..8) => Bandwidth::Medium,
        (Mode::Silk, _) => Bandwidth::Wide,
        (Mode::Hybrid, 0..14) => Bandwidth::SuperWide,
        (Mode::Hybrid, _) => Bandwidth::Full,
        (Mode::Celt, 0..20) => Bandwidth::Narrow,
        (Mode::Celt, 20..24) => Bandwidth::Wide,
        (Mode::Celt, 24..28) => Bandwidth::SuperWide,
        (Mode::Celt, _) => Bandwidth::Full,
    }
}
