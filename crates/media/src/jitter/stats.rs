//! Counters of the jitter buffer, under the names of the W3C webrtc-stats `inbound-rtp` dictionary.

use serde::{Deserialize, Serialize};

/// What the jitter buffer has done so far. Samples are at 48 kHz mono; delays are in seconds, summed over emitted
/// samples as webrtc-stats wants it: divide by [`jitter_buffer_emitted_count`](Self::jitter_buffer_emitted_count).
///
/// Every sample pulled is one of: decoded (less removed), inserted, concealed, recovered, comfort or idle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JitterStats {
    /// Time from a packet's arrival to its playout, summed over samples.
    pub jitter_buffer_delay: f64,
    /// The target at that time, summed over samples.
    pub jitter_buffer_target_delay: f64,
    /// The target the network asks for, its losses included, and not what waits for pictures, summed over samples.
    pub jitter_buffer_minimum_delay: f64,
    /// Samples the three sums are over.
    pub jitter_buffer_emitted_count: u64,
    /// Samples handed out since the stream began.
    pub total_samples_received: u64,
    /// Samples made up, silent ones included.
    pub concealed_samples: u64,
    /// Those of them that were silence.
    pub silent_concealed_samples: u64,
    /// Runs of made-up samples.
    pub concealment_events: u64,
    /// Samples added by playing slower.
    pub inserted_samples_for_deceleration: u64,
    /// Samples taken out by playing faster.
    pub removed_samples_for_acceleration: u64,
    /// Packets that came too late, twice, malformed, or found the buffer full.
    pub packets_discarded: u64,
    /// Packets that never came, by sequence numbers (RFC 3550 section 6.4.1; negative with duplicates).
    pub packets_lost: i64,
    /// Packets whose in-band FEC or deep redundancy was used.
    pub fec_packets_received: u64,

    /// Packets that came after their time (part of the discarded ones).
    pub packets_late: u64,
    /// Packets taken.
    pub packets_received: u64,
    /// Samples decoded from packets.
    pub decoded_samples: u64,
    /// Samples rebuilt from redundancy instead of being made up: the next three together.
    pub recovered_samples: u64,
    /// Samples decoded from a copy of the frame in a later packet (RED, RFC 2198).
    pub red_samples: u64,
    /// Samples decoded from the in-band FEC of the next packet (RFC 6716 section 2.1.7).
    pub fec_samples: u64,
    /// Samples drawn from deep redundancy in a later packet (DRED).
    pub dred_samples: u64,
    /// Samples of background noise while the sender paused (DTX).
    pub comfort_samples: u64,
    /// Silent samples before the stream began, or after it stopped.
    pub idle_samples: u64,
    /// How often the stream began anew: another source, or a jump in its clock.
    pub resets: u64,
    /// Target now, in seconds over the fastest packets.
    pub target_delay: f64,
    /// How long redundancy is waited for, in seconds: part of the target.
    pub redundancy_delay: f64,
    /// Time from arrival to playout, mean of the last second or so, in seconds.
    pub recent_delay: f64,
    /// Sound waiting in the buffer, in seconds.
    pub level: f64,
}

impl JitterStats {
    /// Share of samples made up.
    pub fn concealed_ratio(&self) -> f64 {
        self.concealed_samples as f64 / (self.total_samples_received.max(1)) as f64
    }

    /// Share of samples added or removed by playing slower or faster.
    pub fn stretched_ratio(&self) -> f64 {
        let stretched = self.inserted_samples_for_deceleration + self.removed_samples_for_acceleration;
        stretched as f64 / (self.total_samples_received.max(1)) as f64
    }
}
