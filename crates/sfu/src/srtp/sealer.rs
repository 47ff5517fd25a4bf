//! Encrypts and signs what is sent to the peer.

use super::cipher::{Cipher, Position};
use super::index::Window;
use super::keys::MasterKeys;
use super::{SrtpError, rtp_header_length, word};

/// Largest packet index (RFC 3711 section 9.2).
const LAST_INDEX: u64 = (1 << 48) - 1;

/// Packets of a source that can be sealed again.
const KEPT: u64 = 32;

/// What has been sealed of one source.
struct Source {
    ssrc: u32,
    window: Window,
    /// The first half of the tags of the last packets, by their index.
    tags: [u64; KEPT as usize],
}

/// Seals the packets to one peer.
pub struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    sources: Vec<Source>,
    next_report: u32,
}

impl Sealer {
    /// With our keys. None where the cryptographic library refuses them.
    pub fn new(keys: &MasterKeys) -> Option<Self> {
        Some(Self {
            rtp: Cipher::rtp(keys).ok()?,
            rtcp: Cipher::rtcp(keys).ok()?,
            sources: Vec::new(),
            next_report: 0,
        })
    }

    /// Seals the RTP packet in the first `length` bytes of `buffer`, which has room for
    /// [`MAX_OVERHEAD`](super::MAX_OVERHEAD) more. Gives the length as SRTP. Each sequence number of a source is
    /// sealed once only: a second one is refused, for the same key stream must not cover two texts.
    ///
    /// # Errors
    /// [`SrtpError`]: nothing is to be sent.
    pub fn seal_rtp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let packet = buffer.get(..length).ok_or(SrtpError::Malformed)?;
        let header = rtp_header_length(packet).ok_or(SrtpError::Malformed)?;
        let (ssrc, sequence) = (word(packet, 8), u16::from_be_bytes([packet[2], packet[3]]));
        let at = match self.sources.iter().position(|source| source.ssrc == ssrc) {
            Some(at) => at,
            None => {
                self.sources.push(Source {
                    ssrc,
                    window: Window::default(),
                    tags: [0; KEPT as usize],
                });
                self.sources.len() - 1
            }
        };
        let source = &mut self.sources[at];
        let index = source.window.guess(sequence);
        if index > LAST_INDEX {
            return Err(SrtpError::KeysUsedUp);
        }
        if !source.window.is_new(index) {
            return Err(SrtpError::Replayed);
        }
        source.window.insert(index);
        let position = Position { ssrc, index };
        let sealed = self.rtp.seal_rtp(position, header, buffer, length)?;
        source.tags[(index % KEPT) as usize] = tag(buffer, length);
        Ok(sealed)
    }

    /// Seals a packet again that was sealed lately and is to be repeated as it was. The tag shows that it is the same to
    /// the bit; anything else under the same sequence number would give the keys away, and is refused.
    ///
    /// # Errors
    /// [`SrtpError`]: nothing is to be sent.
    pub fn seal_rtp_again(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let packet = buffer.get(..length).ok_or(SrtpError::Malformed)?;
        let header = rtp_header_length(packet).ok_or(SrtpError::Malformed)?;
        let (ssrc, sequence) = (word(packet, 8), u16::from_be_bytes([packet[2], packet[3]]));
        let source = self.sources.iter().find(|source| source.ssrc == ssrc);
        let source = source.ok_or(SrtpError::Replayed)?;
        let index = source.window.guess(sequence);
        if source.window.is_new(index) || source.window.newest() >= index + KEPT {
            return Err(SrtpError::Replayed);
        }
        let position = Position { ssrc, index };
        let sealed = self.rtp.seal_rtp(position, header, buffer, length)?;
        if tag(buffer, length) != source.tags[(index % KEPT) as usize] {
            buffer.fill(0);
            return Err(SrtpError::Replayed);
        }
        Ok(sealed)
    }

    /// Seals the compound RTCP packet in the first `length` bytes of `buffer`. Gives the length as SRTCP.
    ///
    /// # Errors
    /// [`SrtpError`]: nothing is to be sent.
    pub fn seal_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        if length < 8 || buffer.len() < length {
            return Err(SrtpError::Malformed);
        }
        if self.next_report > 0x7fff_ffff {
            return Err(SrtpError::KeysUsedUp);
        }
        let (ssrc, index) = (word(buffer, 4), u64::from(self.next_report));
        self.next_report += 1;
        self.rtcp.seal_rtcp(Position { ssrc, index }, buffer, length)
    }
}

/// The first half of the tag behind a sealed packet.
fn tag(buffer: &[u8], length: usize) -> u64 {
    let tag = buffer.get(length..length + 8).and_then(|tag| tag.try_into().ok());
    tag.map_or(0, u64::from_be_bytes)
}
