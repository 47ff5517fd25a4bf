//! Everything between coded pictures and RTP packets: payload formats, assembly and order of frames, playout time,
//! recovery of what was lost, and when each packet leaves.
//!
//! Sans-IO: `now` is an argument, outputs are polled. It refuses to know codecs (bytes only), sockets, SRTP and RTCP's
//! wire format: what is to be asked of the other end comes out as sequence numbers and wishes.

mod allocation;
mod assembly;
mod delay;
mod frames;
pub mod pacer;
pub mod payload;
mod playout;
mod receiver;
pub mod recovery;
mod references;
mod sender;
mod stats;
mod sync;
#[cfg(test)]
mod tests;
mod unwrap;

pub use allocation::{Allocation, Allocator, Demand, Demands};
pub use assembly::{Assembled, Assembly, Inserted};
pub use delay::{PLAYOUT_DELAY_URI, PlayoutDelay};
pub use frames::{Frames, Queued};
pub use playout::Playout;
pub use receiver::{ReceivedFrame, ReceiverOutput, VideoReceiver};
pub use sender::{
    AROUND, Content, OutgoingPacket, Report, StreamConfig, StreamId, StreamStats, VideoSender, Wanted,
    timestamp,
};
pub use stats::{Standstill, VideoStats};
pub use sync::{ABSOLUTE_CAPTURE_TIME_URI, AbsoluteCaptureTime, LipSync, Moment, NtpTime, Timeline};
pub use unwrap::Unwrapper;

use bytes::Bytes;

use crate::packet::{RtpTimestamp, SequenceNumber};

/// RTP clock rate of every video payload format, in Hz (RFC 7741, RFC 9628, RFC 6184, AV1 RTP specification).
pub const CLOCK_RATE: u32 = 90_000;

/// A video codec, as its payload format is named in SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 6386, carried as in RFC 7741.
    Vp8,
    /// Carried as in RFC 9628.
    Vp9,
    /// Carried as in the RTP payload format of the Alliance for Open Media, version 1.0.0.
    Av1,
    /// Annex B byte streams, carried as in RFC 6184, packetization mode 1.
    H264,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vp8, Self::Vp9, Self::Av1, Self::H264];
}

/// Where a frame stands among those of its stream that make up the rate: a layer needs those below it, never those above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemporalLayer {
    /// 0 is the base.
    pub id: u8,
    /// Whether, of the frames since the last key frame, it needs those of the base only: a receiver may begin to take
    /// the layer here.
    pub sync: bool,
}

/// A received RTP packet of a picture, decrypted, its RTX wrapping taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoPacket {
    /// Sequence number.
    pub sequence: SequenceNumber,
    /// Media timestamp, in units of [`CLOCK_RATE`]: the same for all packets of a picture.
    pub timestamp: RtpTimestamp,
    /// Marker bit: last packet of a picture.
    pub marker: bool,
    /// The payload, without padding.
    pub payload: Bytes,
    /// The dependency descriptor header extension, where the packet has one.
    pub dependency: Option<Bytes>,
}
