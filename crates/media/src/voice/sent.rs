//! The last frames sent, to be repeated in later packets (RED, RFC 2198). It refuses to know why.

use super::adapt::Red;
use crate::packet::{RtpTimestamp, VoicePacket};

/// Frames kept: what the 14 bits of an offset reach back at 20 ms a frame.
const KEPT: usize = 17;

/// Longest frame kept, in bytes: 160 kbit/s at 20 ms. What is longer need not be repeated, it would not fit.
const LONGEST: usize = 400;

struct Frame {
    timestamp: RtpTimestamp,
    len: usize,
    bytes: [u8; LONGEST],
}

/// Frames in the order they were sent, the oldest overwritten.
pub(super) struct SentFrames {
    frames: Box<[Frame]>,
    next: usize,
    known: usize,
}

impl Default for SentFrames {
    fn default() -> Self {
        let empty = || Frame {
            timestamp: RtpTimestamp::default(),
            len: 0,
            bytes: [0; LONGEST],
        };
        Self {
            frames: std::iter::repeat_with(empty).take(KEPT).collect(),
            next: 0,
            known: 0,
        }
    }
}

impl SentFrames {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.known = 0;
    }

    /// Keeps a frame that is sent now.
    pub(super) fn note(&mut self, timestamp: RtpTimestamp, payload: &[u8]) {
        let frame = &mut self.frames[self.next];
        frame.timestamp = timestamp;
        frame.len = if payload.len() <= LONGEST {
            payload.len()
        } else {
            0
        };
        frame.bytes[..frame.len].copy_from_slice(&payload[..frame.len]);
        self.next = (self.next + 1) % KEPT;
        self.known = (self.known + 1).min(KEPT);
    }

    /// Repeats earlier frames in `packet`, which begins at `timestamp`, the nearest first. Those before a pause are too
    /// old to be of use, and out of reach of the format.
    pub(super) fn repeat(&self, red: Red, timestamp: RtpTimestamp, packet: &mut VoicePacket) {
        for copy in 1..=usize::from(red.copies) {
            let back = copy * usize::from(red.spacing);
            if !(1..=self.known).contains(&back) {
                return;
            }
            let frame = &self.frames[(self.next + KEPT - back) % KEPT];
            let Ok(distance) = u16::try_from(timestamp.distance(frame.timestamp)) else {
                return;
            };
            packet.add_copy(distance, &frame.bytes[..frame.len]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_frames_at_the_spacing_are_repeated() {
        let mut sent = SentFrames::default();
        let red = Red {
            copies: 2,
            spacing: 3,
        };
        for i in 0..100_u8 {
            let timestamp = RtpTimestamp(u32::MAX - 5000).advanced_by(u32::from(i) * 960);
            let mut packet = VoicePacket::empty(Instant::now());
            assert!(packet.set_payload(&[i; 30]));
            sent.repeat(red, timestamp, &mut packet);
            sent.note(timestamp, packet.payload());
            let copies: Vec<(u16, u8)> = packet
                .copies()
                .map(|(distance, frame)| (distance, frame[0]))
                .collect();
            let all = [(2880, i.wrapping_sub(3)), (5760, i.wrapping_sub(6))];
            assert_eq!(copies, all[..usize::from(i / 3).min(2)]);
        }
    }

    #[test]
    fn what_lies_before_a_pause_is_not_repeated() {
        let mut sent = SentFrames::default();
        sent.note(RtpTimestamp(0), &[1; 10]);
        let mut packet = VoicePacket::empty(Instant::now());
        assert!(packet.set_payload(&[2; 10]));
        sent.repeat(
            Red {
                copies: 1,
                spacing: 1,
            },
            RtpTimestamp(48_000),
            &mut packet,
        );
        assert_eq!(packet.copies().count(), 0);
    }
}
