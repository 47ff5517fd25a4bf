//! SRTP and SRTCP (RFC 3711, RFC 7714) in place, with the keys that DTLS agreed on (RFC 5764).
//!
//! A [`Sealer`] protects what one end sends, an [`Opener`] checks what the other has sent and refuses what it has
//! seen. Neither allocates for a packet, and neither knows what packets are for.

mod cipher;
mod index;
mod keys;
mod opener;
mod sealer;
#[cfg(test)]
mod tests;

pub use keys::{MasterKeys, Profile};
pub use opener::Opener;
pub use sealer::Sealer;

/// Most that sealing adds to a packet: the tag of AES-GCM, and the index of SRTCP (RFC 7714 section 9).
pub const MAX_OVERHEAD: usize = 16 + 4;

/// Why a packet was not opened or sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// Not an RTP or RTCP packet, or shorter than its header and tag.
    #[error("peer misbehaved: malformed SRTP packet")]
    Malformed,
    /// The tag is wrong: not from the peer, or damaged.
    #[error("peer misbehaved: SRTP packet fails authentication")]
    Unauthentic,
    /// Seen before, or too old to tell (RFC 3711 section 3.3.2).
    #[error("SRTP packet replayed")]
    Replayed,
    /// More sources than one link may have.
    #[error("peer misbehaved: too many sources")]
    TooManySources,
    /// The packet does not leave room for the tag.
    #[error("no room for the SRTP tag")]
    NoRoom,
    /// So many packets that the keys are used up (RFC 3711 section 9.2).
    #[error("SRTP keys used up")]
    KeysUsedUp,
}

/// Length of the RTP header with its contributing sources and extension (RFC 3550 section 5.1).
fn rtp_header_length(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    if first >> 6 != 2 {
        return None;
    }
    let mut length = 12 + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let words = packet.get(length + 2..length + 4)?;
        length += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    (packet.len() >= length).then_some(length)
}

/// Big-endian words out of a packet; the caller has checked its length.
fn word(packet: &[u8], at: usize) -> u32 {
    packet.get(at..at + 4).map_or(0, |bytes| {
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    })
}
