//! [`Reception`] of every stream of a link, and what they make together.

use std::time::{Duration, Instant};

use super::{MAX_SLOTS, Reception};
use crate::packet::{RtpTimestamp, SequenceNumber};

/// One reception for each slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Receptions([Reception; MAX_SLOTS]);

impl Receptions {
    /// Takes note of a packet in `slot` that arrived at `at`.
    pub(super) fn on_packet(
        &mut self,
        slot: u8,
        ssrc: u32,
        sequence: SequenceNumber,
        timestamp: RtpTimestamp,
        at: Instant,
    ) {
        if let Some(reception) = self.0.get_mut(usize::from(slot)) {
            reception.on_packet(ssrc, sequence, timestamp, at);
        }
    }

    /// Packets expected less packets received, of all streams.
    pub(super) fn lost(&self) -> i64 {
        self.0.iter().map(Reception::lost).sum()
    }

    /// Interarrival jitter of the stream that has most: they came over the same path.
    pub(super) fn jitter(&self) -> Duration {
        self.0.iter().map(Reception::jitter).max().unwrap_or_default()
    }
}
