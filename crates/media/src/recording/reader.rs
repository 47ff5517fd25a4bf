//! Reads Ogg Opus that somebody else may have made: a greeting, a message.

use std::io::{Read, Seek};

use ogg::PacketReader;
use sidetone_opus::{Channels, Decoder, SampleRate};

use crate::voice::RATE;

/// Longest packet in samples: 120 ms.
const LONGEST: usize = RATE as usize * 120 / 1_000;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Not Ogg, or damaged.
    #[error("not Ogg: {0}")]
    Container(String),
    /// Not Opus, or in more channels than two.
    #[error("not Opus in one or two channels")]
    Content,
    /// A packet that is none, or the codec has no memory.
    #[error("codec: {0}")]
    Codec(#[from] sidetone_opus::Error),
    /// Longer than the caller wants.
    #[error("longer than allowed")]
    TooLong,
}

/// The sound of an Ogg Opus file (RFC 7845, mapping family 0), at 48 kHz in one channel; two are mixed. A file that was
/// cut off is read up to there. At most `longest` samples.
///
/// # Errors
/// [`ReadError`].
pub fn read_ogg_opus(file: impl Read + Seek, longest: usize) -> Result<Vec<f32>, ReadError> {
    let mut packets = PacketReader::new(file);
    let head = packets
        .read_packet()
        .map_err(|error| ReadError::Container(error.to_string()))?
        .ok_or(ReadError::Content)?;
    let skip = match &head.data[..] {
        [
            b'O',
            b'p',
            b'u',
            b's',
            b'H',
            b'e',
            b'a',
            b'd',
            version,
            1 | 2,
            low,
            high,
            _,
            _,
            _,
            _,
            _,
            _,
            0,
            ..,
        ] if *version < 16 => usize::from(u16::from_le_bytes([*low, *high])),
        _ => return Err(ReadError::Content),
    };
    let serial = head.stream_serial();
    let mut decoder = Decoder::new(SampleRate::Hz48000, Channels::Mono)?;
    let mut sound = Vec::new();
    let mut frame = vec![0.0; LONGEST];
    let mut tags = false;
    // An error behind the headers is the end: the rest was never written.
    while let Ok(Some(packet)) = packets.read_packet() {
        if packet.stream_serial() != serial {
            continue;
        }
        if !std::mem::replace(&mut tags, true) {
            continue;
        }
        let len = decoder.decode(&packet.data, &mut frame)?;
        sound.extend_from_slice(frame.get(..len).unwrap_or_default());
        if packet.last_in_stream() {
            // Trimmed at the end (section 4.4).
            sound.truncate(usize::try_from(packet.absgp_page()).unwrap_or(usize::MAX));
        }
        if sound.len() > longest.saturating_add(skip) {
            return Err(ReadError::TooLong);
        }
    }
    sound.drain(..skip.min(sound.len()));
    Ok(sound)
}
