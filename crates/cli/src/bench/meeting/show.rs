//! A picture that somebody shows, as far as a forwarder sees it: frames of some packets, and a keyframe every second.
//!
//! The payload is no picture: behind the descriptor and the byte that tells keyframes it says when it was sent.

use std::time::{Duration, Instant};

use super::talk::{MARK, Mark};

/// From one frame to the next.
const FRAME: Duration = Duration::from_micros(33_333);

/// Ticks of a frame at the RTP clock of pictures.
const TICKS: u32 = 3_000;

/// Packets of a frame, and bytes of each: 2.6 Mbit/s.
pub const PACKETS: u16 = 10;
const LENGTH: usize = 1_100;

/// Frames from one keyframe to the next.
const KEYFRAME: u32 = 30;

/// Bytes before the mark: the descriptor (RFC 7741 section 4.2), and the first of the frame.
pub const HEAD: usize = 2;

/// A packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Whether its frame ends with it.
    pub last: bool,
    /// Bytes of payload.
    pub length: usize,
}

/// The stream of a camera.
#[derive(Clone, Debug)]
pub struct Show {
    /// When the next frame is due.
    pub due: Instant,
    frame: u32,
    piece: u16,
    sequence: u16,
}

impl Show {
    /// A stream that begins at `started`.
    pub const fn new(started: Instant, seed: u32) -> Self {
        Self {
            due: started,
            frame: 0,
            piece: 0,
            sequence: seed as u16 >> 1,
        }
    }

    /// Writes the next packet of the frame that is due.
    pub fn next(&mut self, now: Instant, epoch: Instant, payload: &mut [u8]) -> Option<Piece> {
        let payload = payload.get_mut(..LENGTH)?;
        payload.fill(0xa5);
        let first = self.piece == 0;
        payload[0] = if first { 0x10 } else { 0 };
        payload[1] = u8::from(!self.frame.is_multiple_of(KEYFRAME));
        let mark = Mark {
            turn: 0,
            number: self.frame,
            sent: now.saturating_duration_since(epoch),
        };
        mark.write(&mut payload[HEAD..HEAD + MARK]);
        let piece = Piece {
            sequence: self.sequence,
            timestamp: self.frame.wrapping_mul(TICKS),
            last: self.piece + 1 == PACKETS,
            length: LENGTH,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.piece = (self.piece + 1) % PACKETS;
        if piece.last {
            self.frame += 1;
            self.due += FRAME;
            // One that is far behind does not send all that it missed.
            if self.due + 10 * FRAME < now {
                self.due = now;
            }
        }
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_their_packets_and_keyframes_come_every_second() {
        let epoch = Instant::now();
        let mut show = Show::new(epoch, 7);
        let (mut payload, mut frames, mut keyframes) = ([0; 1_500], 0, 0);
        while show.due < epoch + Duration::from_secs(10) {
            let now = show.due;
            let piece = show.next(now, epoch, &mut payload).unwrap();
            assert_eq!(
                Mark::read(&payload[HEAD..piece.length]).unwrap().sent,
                now - epoch
            );
            assert_eq!(piece.timestamp, frames * TICKS);
            keyframes += u32::from(payload[0] == 0x10 && payload[1] & 1 == 0);
            frames += u32::from(piece.last);
        }
        assert_eq!((frames, keyframes), (301, 11));
    }
}
