//! How much media a participant may send.

use std::time::Instant;

use crate::config::Limits;

/// Two token buckets, for packets and for bytes, each of two seconds' worth.
pub(super) struct Bucket {
    packets: f64,
    bytes: f64,
    at: Instant,
}

impl Bucket {
    pub fn new(now: Instant, limits: &Limits) -> Self {
        Self {
            packets: 2.0 * f64::from(limits.packets_per_second),
            bytes: 2.0 * f64::from(limits.bytes_per_second),
            at: now,
        }
    }

    /// Whether a packet of this many bytes may pass.
    pub fn take(&mut self, now: Instant, bytes: usize, limits: &Limits) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        let fill = |level: f64, rate: u32| {
            let rate = f64::from(rate);
            (level + passed * rate).min(2.0 * rate)
        };
        self.packets = fill(self.packets, limits.packets_per_second);
        self.bytes = fill(self.bytes, limits.bytes_per_second);
        let bytes = bytes as f64;
        if self.packets < 1.0 || self.bytes < bytes {
            return false;
        }
        self.packets -= 1.0;
        self.bytes -= bytes;
        true
    }
}
