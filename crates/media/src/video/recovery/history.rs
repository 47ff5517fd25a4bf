//! What a sender has sent of one stream, to send it again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sidetone_opus::Bitrate;

use crate::packet::{RtpTimestamp, SequenceNumber};

/// Packets kept. A thousand are four seconds of 2 Mbit/s.
const MOST: usize = 1024;

/// What is older is of no use to anybody.
const OLDEST: Duration = Duration::from_secs(2);

/// Share of the bitrate that may be sent again, and how much of that may come at once. Above half, the path is so bad that
/// fewer pictures are better.
const SHARE: f64 = 0.5;
const SAVED: Duration = Duration::from_millis(500);

/// Packets that may always come at once, however low the bitrate, in bytes.
const FLOOR: f64 = 6_000.0;

/// A packet that is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resent {
    /// Its sequence number.
    pub sequence: SequenceNumber,
    /// Its media timestamp.
    pub timestamp: RtpTimestamp,
    /// Its marker bit.
    pub marker: bool,
    /// Its payload.
    pub payload: Bytes,
    /// Its dependency descriptor.
    pub dependency: Option<Bytes>,
}

#[derive(Clone, Debug)]
struct Sent {
    packet: Resent,
    /// When it was sent first and last.
    first: Instant,
    last: Instant,
    times: u32,
}

/// The packets.
#[derive(Debug)]
pub struct History {
    packets: VecDeque<Sent>,
    /// Bytes that may be sent again now.
    budget: f64,
    filled: Option<Instant>,
    rate: f64,
    /// Packets that were asked for and not sent again, for want of budget.
    refused: u64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            packets: VecDeque::new(),
            budget: FLOOR,
            filled: None,
            rate: 0.0,
            refused: 0,
        }
    }
}

impl History {
    /// What the stream may send: retransmissions get a share of it.
    pub fn set_rate(&mut self, rate: Bitrate) {
        self.rate = f64::from(rate.bits_per_second()) / 8.0 * SHARE;
    }

    /// A packet was sent for the first time. Their sequence numbers follow each other.
    pub fn sent(&mut self, packet: Resent, now: Instant) {
        let old = |sent: &Sent| now.saturating_duration_since(sent.first) > OLDEST;
        while self.packets.len() >= MOST || self.packets.front().is_some_and(old) {
            self.packets.pop_front();
        }
        self.packets.push_back(Sent {
            packet,
            first: now,
            last: now,
            times: 0,
        });
    }

    /// A key frame was made: what was sent before is of no use to anybody.
    pub fn forget(&mut self) {
        self.packets.clear();
    }

    /// Packets refused so far, for want of budget.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The packet, if it is to be sent again now: it is known, was not sent within about a round trip, and there is budget. And how
    /// often: twice what has been lost twice, and so on, for each round trip more is seen.
    pub fn resend(
        &mut self,
        sequence: SequenceNumber,
        round_trip: Duration,
        now: Instant,
    ) -> Option<(Resent, usize)> {
        self.fill(now);
        let first = self.packets.front()?.packet.sequence;
        let index = usize::from(sequence.0.wrapping_sub(first.0));
        let sent = self.packets.get_mut(index)?;
        if sent.packet.sequence != sequence || now.saturating_duration_since(sent.first) > OLDEST {
            return None;
        }
        // Who asks a first time has missed it; who asks again may not have seen what is on its way. A round trip may be a
        // little shorter than it is believed to be.
        if sent.times > 0 && now.saturating_duration_since(sent.last) < round_trip * 3 / 4 {
            return None;
        }
        let bytes = sent.packet.payload.len() as f64;
        if self.budget < bytes {
            self.refused += 1;
            return None;
        }
        self.budget -= bytes;
        sent.times += 1;
        sent.last = now;
        let copies = sent.times.min(3) as usize;
        Some((sent.packet.clone(), copies))
    }

    /// The newest packet: to be sent once more where something has to be sent.
    pub fn newest(&self) -> Option<&Resent> {
        self.packets.back().map(|sent| &sent.packet)
    }

    fn fill(&mut self, now: Instant) {
        let passed = self
            .filled
            .map_or(Duration::ZERO, |filled| now.saturating_duration_since(filled));
        self.filled = Some(now);
        let most = (self.rate * SAVED.as_secs_f64()).max(FLOOR);
        self.budget = (self.budget + self.rate * passed.as_secs_f64()).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIP: Duration = Duration::from_millis(50);

    fn packet(sequence: u16) -> Resent {
        Resent {
            sequence: SequenceNumber(sequence),
            timestamp: RtpTimestamp(0),
            marker: false,
            payload: Bytes::from_static(&[0; 1_000]),
            dependency: None,
        }
    }

    #[test]
    fn what_is_asked_for_is_sent_again_once_a_round_trip() {
        let now = Instant::now();
        let mut history = History::default();
        history.set_rate(Bitrate::kbps(1_000));
        for sequence in 65_530..=65_545u32 {
            history.sent(packet(sequence as u16), now);
        }
        let mut resend = |sequence, at| history.resend(SequenceNumber(sequence), TRIP, at);
        let first = resend(3, now).unwrap();
        assert_eq!((first.0.sequence.0, first.1), (3, 1));
        assert_eq!(resend(3, now + TRIP / 2), None);
        assert_eq!(resend(3, now + TRIP).unwrap().1, 2);
        assert!(resend(65_530, now + TRIP).is_some());
        assert_eq!(resend(65_529, now), None);
        assert_eq!(resend(10, now), None);
        assert_eq!(resend(65_531, now + 2 * OLDEST), None);
    }

    #[test]
    fn no_more_than_a_share_of_the_bitrate_is_sent_again() {
        let start = Instant::now();
        let mut history = History::default();
        history.set_rate(Bitrate::kbps(160));
        let mut bytes = 0;
        for n in 0..1_000u32 {
            let now = start + n * Duration::from_millis(10);
            history.sent(packet(n as u16), now);
            bytes += history
                .resend(SequenceNumber(n as u16), TRIP, now)
                .map_or(0, |(packet, _)| packet.payload.len());
        }
        // 10 kB/s for ten seconds, and what may come at once.
        assert!((90_000..=106_000).contains(&bytes), "{bytes}");
        assert!(history.refused() > 800);
    }
}
