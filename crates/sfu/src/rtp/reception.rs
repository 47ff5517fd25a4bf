//! What a receiver's report says of a source (RFC 3550 appendix A.3 and A.8).

use std::time::Instant;

use super::reader::ReportBlock;

/// Counts the packets of one source.
#[derive(Clone, Debug)]
pub struct Reception {
    ssrc: u32,
    clock_rate: u32,
    first: u64,
    highest: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    /// Sixteenths of a timestamp unit.
    jitter: u32,
    last_transit: Option<u32>,
    origin: Instant,
    last_report: Option<(u32, Instant)>,
}

impl Reception {
    /// From its first packet on.
    pub fn new(now: Instant, ssrc: u32, clock_rate: u32, sequence: u16) -> Self {
        // A turn ahead, so that earlier packets have a place below.
        let first = 0x1_0000 | u64::from(sequence);
        Self {
            ssrc,
            clock_rate,
            first,
            highest: first,
            received: 0,
            expected_before: 0,
            received_before: 0,
            jitter: 0,
            last_transit: None,
            origin: now,
            last_report: None,
        }
    }

    /// The source.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// A packet came.
    pub fn packet(&mut self, now: Instant, sequence: u16, timestamp: u32) {
        let ahead = sequence.wrapping_sub(self.highest as u16) as i16;
        self.received += 1;
        if ahead > 0 {
            self.highest += ahead as u64;
        } else {
            self.first = self.first.min(self.highest.saturating_add_signed(ahead.into()));
        }
        let passed = now.saturating_duration_since(self.origin);
        let arrival = (passed.as_secs_f64() * f64::from(self.clock_rate)) as u64 as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(last) = self.last_transit {
            let difference = (transit.wrapping_sub(last) as i32).unsigned_abs();
            // A jump of the timestamp is no jitter.
            if difference < self.clock_rate {
                self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
            }
        }
        self.last_transit = Some(transit);
    }

    /// The source's own report came.
    pub fn sender_report(&mut self, now: Instant, ntp: u64) {
        self.last_report = Some(((ntp >> 16) as u32, now));
    }

    /// What to tell since the last time.
    pub fn report(&mut self, now: Instant) -> ReportBlock {
        let expected = self.highest - self.first + 1;
        let of = expected.saturating_sub(self.expected_before);
        let got = self.received - self.received_before;
        self.expected_before = expected;
        self.received_before = self.received;
        let lost = of.saturating_sub(got);
        let fraction = (lost << 8).checked_div(of).unwrap_or(0).min(255);
        let (last_report, delay) = self.last_report.map_or((0, 0), |(ntp, at)| {
            let delay = now.saturating_duration_since(at).as_secs_f64() * 65_536.0;
            (ntp, delay as u32)
        });
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction as u8,
            lost: (expected as i64 - self.received as i64).clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: self.highest as u32 - 0x1_0000,
            jitter: self.jitter >> 4,
            last_report,
            delay,
        }
    }
}
