//! What a path carries, estimated from when packets left here and came there (transport-wide feedback,
//! draft-holmer-rmcat-transport-wide-cc-extensions-01), or from round trips alone where a peer sends no such feedback.
//!
//! Voice sends little and cannot wait, so this is not a probe for the most: it sees within some tenths of a second that
//! more is sent than comes through, takes the rate back to what does, lets the queue drain, and finds out when there is
//! room again, mostly without trying: large packets take longer than small ones just as the path is thin. Sans-IO; it
//! refuses to know codecs and RTP.

mod estimator;
mod feedback;
mod fit;
mod path;
mod reporting;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub use estimator::{BandwidthEstimator, START};
pub use feedback::Feedback;
pub use reporting::{FEEDBACK_INTERVAL, Reporting, SHORTEST_INTERVAL};
use sidetone_opus::Bitrate;

/// One packet, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When it left.
    pub departed: Instant,
    /// When it came, by the receiver's clock; `None` when it did not.
    pub arrived: Option<Duration>,
    /// Its size on the wire, with all headers.
    pub bytes: usize,
}

/// What may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Most that should be sent, with all headers. `None` while nothing speaks against what is wanted.
    pub limit: Option<Bitrate>,
    /// What the path carries at least, as far as is known (`availableOutgoingBitrate` of webrtc-stats).
    pub available: Bitrate,
    /// Whether a queue that this sender fills is being drained: what gets lost meanwhile fell out of it.
    pub congested: bool,
    /// Whether the limit is a careful beginning, and no queue was seen yet.
    pub beginning: bool,
}

impl Estimate {
    /// What the path carries, in bit/s, for the statistics: `None` before anything is known.
    pub fn known(&self) -> Option<u32> {
        let available = self.available.bits_per_second();
        (available > 0).then_some(available)
    }

    /// Before anything is known.
    pub const FIRST: Self = Self {
        limit: Some(START),
        available: Bitrate(0),
        congested: false,
        beginning: true,
    };
}
