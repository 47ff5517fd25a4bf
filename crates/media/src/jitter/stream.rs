//! One incoming stream's clock: wrapped RTP timestamps become positions on an endless line, and packets that
//! cannot belong to that line are told apart (RFC 3550 appendix A.1). It refuses to know what waits and plays.

use super::delay::DelayEstimator;
use crate::packet::{RtpTimestamp, SequenceNumber, VoicePacket};

/// A packet this much faster than the fastest known, in samples, comes from a clock that jumped: 1 s.
const JUMP: i64 = 48_000;
/// How long packets may come too late to be of any use before the stream is taken to have a new clock: 0.5 s.
const PATIENCE: i64 = 24_000;
/// Sequence numbers further apart than this are another stream's.
const MAX_DROPOUT: i16 = 3000;

/// Where a packet belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    /// Media time of its first sample.
    pub(super) at: i64,
    /// Arrival time less media time.
    pub(super) transit: i64,
    /// Whether the delay may learn from it: an outage is no jitter.
    pub(super) plausible: bool,
}

/// The stream's clock and count.
#[derive(Debug)]
pub(super) struct Stream {
    ssrc: u32,
    timestamp: RtpTimestamp,
    at: i64,
    sequence: SequenceNumber,
    highest: i64,
    received: i64,
    /// Since when every packet was implausibly late.
    late_since: Option<i64>,
}

impl Stream {
    pub(super) fn new(packet: &VoicePacket, arrival: i64) -> (Self, Arrived) {
        let stream = Self {
            ssrc: packet.ssrc,
            timestamp: packet.timestamp,
            at: 0,
            sequence: packet.sequence,
            highest: 0,
            received: 1,
            late_since: None,
        };
        (
            stream,
            Arrived {
                at: 0,
                transit: arrival,
                plausible: true,
            },
        )
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// RTP timestamp of a media time.
    pub(super) fn timestamp(&self, at: i64) -> RtpTimestamp {
        // The line is unwrapped and the clock is not: only the low 32 bits matter.
        self.timestamp.advanced_by((at - self.at) as u32)
    }

    /// Packets that never came.
    pub(super) fn lost(&self) -> i64 {
        self.highest + 1 - self.received
    }

    /// Finds a packet's place, or `None` when it begins another stream.
    pub(super) fn place(
        &mut self,
        packet: &VoicePacket,
        arrival: i64,
        delay: &DelayEstimator,
    ) -> Option<Arrived> {
        if packet.ssrc != self.ssrc {
            return None;
        }
        let step = packet.sequence.distance(self.sequence);
        let at = self.at + i64::from(packet.timestamp.distance(self.timestamp));
        let transit = arrival - at;
        let early = delay.fastest() - transit > JUMP;
        if early || step.unsigned_abs() > MAX_DROPOUT.unsigned_abs() {
            return None;
        }
        let plausible = transit - delay.fastest() <= delay.max_delay();
        if plausible {
            self.late_since = None;
        } else if arrival - *self.late_since.get_or_insert(arrival) > PATIENCE {
            return None;
        }
        self.received += 1;
        if step > 0 {
            self.highest += i64::from(step);
            self.sequence = packet.sequence;
            self.timestamp = packet.timestamp;
            self.at = at;
        }
        Some(Arrived {
            at,
            transit,
            plausible,
        })
    }
}
