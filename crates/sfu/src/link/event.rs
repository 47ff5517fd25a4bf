//! What a link says: what happened to it, what a datagram was, and why one was refused.

use std::net::SocketAddr;

use crate::srtp::SrtpError;

/// What happens to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The peer has proved that it is at this address.
    Address(SocketAddr),
    /// Packets can be sealed and opened.
    Connected,
    /// No check for the time of consent: nothing may be sent any more.
    Lost,
    /// The peer is there again.
    Back,
    /// The link will not come to be.
    Failed(LinkError),
}

/// Why a link failed, or a datagram was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// A datagram of no protocol that we speak.
    #[error("peer misbehaved: not STUN, DTLS, RTP or RTCP")]
    Unknown,
    /// A check with wrong credentials, or an answer to none of ours.
    #[error("peer misbehaved: connectivity check refused")]
    Check,
    /// DTLS from an address that has passed no check, or after the end of the handshake.
    #[error("handshake out of turn")]
    OutOfTurn,
    /// More checks or handshake records in a second than anybody needs.
    #[error("peer misbehaved: too many checks or handshake records")]
    TooMany,
    /// The handshake failed.
    #[error("handshake failed: {0}")]
    Handshake(String),
    /// The certificate is not the one whose fingerprint was signalled (RFC 8122 section 6.2).
    #[error("peer misbehaved: certificate does not match its fingerprint")]
    Certificate,
    /// The peer does not speak SRTP.
    #[error("peer misbehaved: no SRTP profile")]
    NoProfile,
    /// Media before the handshake is done.
    #[error("media before the handshake")]
    TooEarly,
    /// Media that cannot be opened.
    #[error(transparent)]
    Srtp(#[from] SrtpError),
}

/// What a datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Part of making or keeping the link.
    Own,
    /// RTP: this many bytes at the start of the buffer.
    Rtp(usize),
    /// RTCP: this many bytes at the start of the buffer.
    Rtcp(usize),
}
