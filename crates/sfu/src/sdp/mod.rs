//! Session descriptions (RFC 8866, RFC 8829) of the one kind of negotiation there is: a participant offers all it sends
//! and all the slots it has room for, once, and gets one answer. Knows no room and no link.

mod answer;
mod codec;
mod offer;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Transport};
pub use codec::Codec;
pub use offer::{Direction, Kind, Offer, OfferError, Section};

/// Header extensions that we know (RFC 8285 and the registry of its URIs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// RFC 6464.
    AudioLevel,
    /// RFC 9143 section 16.2.
    Mid,
    /// RFC 8852.
    Rid,
    /// RFC 8852, of a retransmission.
    RepairedRid,
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01.
    TransportSequence,
    /// When the sender sent it.
    AbsSendTime,
    /// When it was captured, by the clock of who did.
    AbsoluteCaptureTime,
    /// Within which bounds of delay the sender would have it shown.
    PlayoutDelay,
}

impl Extension {
    /// All, as they are answered.
    pub const ALL: [Self; 8] = [
        Self::AudioLevel,
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::TransportSequence,
        Self::AbsSendTime,
        Self::AbsoluteCaptureTime,
        Self::PlayoutDelay,
    ];

    /// Its name in descriptions.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::TransportSequence => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::AbsoluteCaptureTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
            Self::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        }
    }

    fn of(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.uri() == uri)
    }
}
