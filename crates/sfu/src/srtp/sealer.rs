//! Encrypts and signs what is sent to the peer.

use super::cipher::{Cipher, Position};
use super::index::Window;
use super::keys::MasterKeys;
use super::{SrtpError, rtp_header_length, word};

/// Largest packet index (RFC 3711 section 9.2).
const LAST_INDEX: u64 = (1 << 48) - 1;

/// Seals the packets to one peer.
pub struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    sources: Vec<(u32, Window)>,
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
        let at = match self.sources.iter().position(|(known, _)| *known == ssrc) {
            Some(at) => at,
            None => {
                self.sources.push((ssrc, Window::default()));
                self.sources.len() - 1
            }
        };
        let window = &mut self.sources[at].1;
        let index = window.guess(sequence);
        if index > LAST_INDEX {
            return Err(SrtpError::KeysUsedUp);
        }
        if !window.is_new(index) {
            return Err(SrtpError::Replayed);
        }
        window.insert(index);
        self.rtp
            .seal_rtp(Position { ssrc, index }, header, buffer, length)
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
