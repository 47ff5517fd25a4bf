//! What a receiver knows about a stream from its packets alone: loss and interarrival jitter as RFC 3550
//! (appendices A.1, A.3, A.8) defines them. It refuses to know payloads, playout and concealment.

use std::time::{Duration, Instant};

use crate::packet::{CLOCK_RATE, RtpTimestamp, SequenceNumber};

/// Reception statistics of one incoming stream. A new source starts a new count of its sequence numbers and
/// adds to the totals.
#[derive(Clone, Debug)]
pub struct Reception {
    /// Units of the RTP clock in a second.
    clock_rate: f64,
    source: Option<Source>,
    /// Packets expected from and received of sources that went before.
    past_expected: u64,
    past_received: u64,
    /// Smoothed jitter in units of the RTP clock.
    jitter: f64,
}

#[derive(Clone, Debug)]
struct Source {
    ssrc: u32,
    /// Extended sequence number of the first packet; may still move down when packets arrive out of order.
    lowest: i64,
    highest: i64,
    received: u64,
    arrived: Instant,
    timestamp: RtpTimestamp,
}

/// A jump in sequence numbers larger than this is a sender that started again (RFC 3550 appendix A.1 uses 3000).
const MAX_DROPOUT: i16 = 3000;

impl Default for Reception {
    /// For sound.
    fn default() -> Self {
        Self::new(CLOCK_RATE)
    }
}

impl Reception {
    /// For a stream whose RTP clock has so many units in a second.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate: clock_rate.into(),
            source: None,
            past_expected: 0,
            past_received: 0,
            jitter: 0.0,
        }
    }

    /// Takes note of a packet that arrived at `at`.
    pub fn on_packet(&mut self, ssrc: u32, sequence: SequenceNumber, timestamp: RtpTimestamp, at: Instant) {
        let number = i64::from(sequence.0);
        let fresh = Source {
            ssrc,
            lowest: number,
            highest: number,
            received: 1,
            arrived: at,
            timestamp,
        };
        let Some(source) = &mut self.source else {
            self.source = Some(fresh);
            return;
        };
        let step = sequence.distance(SequenceNumber(source.highest as u16));
        if source.ssrc != ssrc || step.unsigned_abs() > MAX_DROPOUT.unsigned_abs() {
            self.past_expected += source.expected();
            self.past_received += source.received;
            self.source = Some(fresh);
            return;
        }
        let extended = source.highest + i64::from(step);
        source.lowest = source.lowest.min(extended);
        source.highest = source.highest.max(extended);
        source.received += 1;

        // What a pacer spreads of one picture says nothing about the network.
        if timestamp == source.timestamp {
            return;
        }
        // Difference of relative transit times of this packet and the one that arrived before it.
        let arrived = at.saturating_duration_since(source.arrived).as_secs_f64() * self.clock_rate;
        let sent = f64::from(timestamp.distance(source.timestamp));
        let difference = (arrived - sent).abs();
        // A silence suppressed for long, or a clock that jumped, says nothing about the network.
        if difference < self.clock_rate {
            self.jitter += (difference - self.jitter) / 16.0;
        }
        source.arrived = at;
        source.timestamp = timestamp;
    }

    /// Packets expected less packets received; negative with duplicates.
    pub fn lost(&self) -> i64 {
        let (expected, received) = match &self.source {
            Some(source) => (source.expected(), source.received),
            None => (0, 0),
        };
        (self.past_expected + expected) as i64 - (self.past_received + received) as i64
    }

    /// Interarrival jitter.
    pub fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter / self.clock_rate)
    }
}

impl Source {
    fn expected(&self) -> u64 {
        (self.highest - self.lowest + 1) as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    fn feed(reception: &mut Reception, start: Instant, index: u32, first: u16, late: Duration) {
        reception.on_packet(
            7,
            SequenceNumber(first.wrapping_add(index as u16)),
            RtpTimestamp(960u32.wrapping_mul(index).wrapping_sub(9600)),
            start + FRAME * index + late,
        );
    }

    #[test]
    fn a_steady_stream_has_no_jitter_and_no_loss() {
        let (mut reception, start) = (Reception::default(), Instant::now());
        for index in 0..1000 {
            feed(&mut reception, start, index, 65_000, Duration::ZERO);
        }
        assert_eq!(reception.lost(), 0);
        assert!(reception.jitter() < Duration::from_micros(1));
    }

    #[test]
    fn alternating_delay_is_the_jitter() {
        let (mut reception, start) = (Reception::default(), Instant::now());
        for index in 0..1000 {
            feed(
                &mut reception,
                start,
                index,
                0,
                Duration::from_millis(u64::from(index % 2) * 4),
            );
        }
        let jitter = reception.jitter().as_secs_f64() * 1e3;
        assert!((3.9..4.1).contains(&jitter), "{jitter}");
    }

    #[test]
    fn the_jitter_of_pictures_is_that_of_their_first_packets() {
        let (mut reception, start) = (Reception::new(90_000), Instant::now());
        for picture in 0..1000u32 {
            // Four packets, which a pacer spreads over 12 ms; every other picture is 5 ms late.
            for packet in 0..4u32 {
                let late = Duration::from_millis(u64::from(picture % 2) * 5 + u64::from(packet) * 3);
                let number = SequenceNumber((4 * picture + packet) as u16);
                let timestamp = RtpTimestamp(picture * 3600);
                reception.on_packet(
                    1,
                    number,
                    timestamp,
                    start + Duration::from_millis(40) * picture + late,
                );
            }
        }
        let jitter = reception.jitter().as_secs_f64() * 1e3;
        assert!((4.9..5.1).contains(&jitter), "{jitter}");
    }

    #[test]
    fn a_new_source_keeps_the_totals() {
        let (mut reception, start) = (Reception::default(), Instant::now());
        reception.on_packet(1, SequenceNumber(10), RtpTimestamp(0), start);
        reception.on_packet(1, SequenceNumber(13), RtpTimestamp(0), start);
        reception.on_packet(2, SequenceNumber(40_000), RtpTimestamp(0), start);
        reception.on_packet(2, SequenceNumber(40_002), RtpTimestamp(0), start);
        assert_eq!(reception.lost(), 3);
        reception.on_packet(2, SequenceNumber(5), RtpTimestamp(0), start);
        assert_eq!(reception.lost(), 3, "a restarted sender loses nothing");
    }

    proptest! {
        #[test]
        fn loss_is_what_is_missing(first: u16, kept in proptest::collection::vec(any::<bool>(), 2..400), swap: bool) {
            let (mut reception, start) = (Reception::default(), Instant::now());
            let mut indices: Vec<u32> = (0..kept.len() as u32).filter(|&i| kept[i as usize]).collect();
            if swap {
                indices.chunks_mut(2).for_each(|pair| pair.reverse());
            }
            for &index in &indices {
                feed(&mut reception, start, index, first, Duration::ZERO);
            }
            let expected = match (indices.iter().min(), indices.iter().max()) {
                (Some(low), Some(high)) => i64::from(high - low + 1),
                _ => 0,
            };
            prop_assert_eq!(reception.lost(), expected - indices.len() as i64);
            for &index in &indices {
                feed(&mut reception, start, index, first, Duration::ZERO);
            }
            prop_assert_eq!(reception.lost(), expected - 2 * indices.len() as i64, "duplicates count against loss");
        }
    }
}
