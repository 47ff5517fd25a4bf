//! Checks and decrypts what the peer has sent.

use super::cipher::{Cipher, Position};
use super::index::Window;
use super::keys::MasterKeys;
use super::{SrtpError, rtp_header_length, word};

/// Most sources of one peer. It has a dozen at a time, and none is forgotten, for what it sent could then be replayed; so
/// this is how often it may begin anew.
const MAX_SOURCES: usize = 256;

/// Opens the packets of one peer.
pub struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    sources: Vec<(u32, Window)>,
    reports: Vec<(u32, Window)>,
}

impl Opener {
    /// With the keys the peer seals with. None where the cryptographic library refuses them.
    pub fn new(keys: &MasterKeys) -> Option<Self> {
        Some(Self {
            rtp: Cipher::rtp(keys).ok()?,
            rtcp: Cipher::rtcp(keys).ok()?,
            sources: Vec::new(),
            reports: Vec::new(),
        })
    }

    /// Opens an SRTP packet in place. Gives its length as RTP.
    ///
    /// # Errors
    /// [`SrtpError`]: the packet is to be dropped, and nothing has been remembered of it.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let header = rtp_header_length(packet).ok_or(SrtpError::Malformed)?;
        let (ssrc, sequence) = (word(packet, 8), u16::from_be_bytes([packet[2], packet[3]]));
        let known = self.sources.iter().position(|(known, _)| *known == ssrc);
        let mut window = known.map_or_else(Window::default, |at| self.sources[at].1);
        let index = window.guess(sequence);
        if !window.is_new(index) {
            return Err(SrtpError::Replayed);
        }
        if known.is_none() && self.sources.len() >= MAX_SOURCES {
            return Err(SrtpError::TooManySources);
        }
        let length = self.rtp.open_rtp(Position { ssrc, index }, header, packet)?;
        window.insert(index);
        match known {
            Some(at) => self.sources[at].1 = window,
            None => self.sources.push((ssrc, window)),
        }
        Ok(length)
    }

    /// Opens an SRTCP packet in place. Gives its length as RTCP.
    ///
    /// # Errors
    /// [`SrtpError`]: the packet is to be dropped, and nothing has been remembered of it.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let index = self.rtcp.rtcp_index(packet).ok_or(SrtpError::Malformed)?;
        // Unencrypted SRTCP is nothing that DTLS-SRTP negotiates.
        if index & 0x8000_0000 == 0 || packet.len() < 8 {
            return Err(SrtpError::Malformed);
        }
        let (ssrc, index) = (word(packet, 4), u64::from(index & 0x7fff_ffff));
        // Each source counts its own reports (RFC 3711 section 3.2.3).
        let known = self.reports.iter().position(|(known, _)| *known == ssrc);
        let mut window = known.map_or_else(Window::default, |at| self.reports[at].1);
        if !window.is_new(index) {
            return Err(SrtpError::Replayed);
        }
        if known.is_none() && self.reports.len() >= MAX_SOURCES {
            return Err(SrtpError::TooManySources);
        }
        let length = self.rtcp.open_rtcp(Position { ssrc, index }, packet)?;
        window.insert(index);
        match known {
            Some(at) => self.reports[at].1 = window,
            None => self.reports.push((ssrc, window)),
        }
        Ok(length)
    }
}
