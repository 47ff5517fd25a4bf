//! The RTP packet as the voice path sees it: a fixed buffer with the header fields that matter.
//!
//! Packets live in a [`Pool`](sidetone_pipeline::Pool) and cross threads by pointer, so no packet is
//! allocated after start-up. Wire parsing belongs to the transport.

use std::time::Instant;

/// Largest Opus payload we carry, in bytes: one packet of at most 1275 bytes a frame at 60 ms would be
/// larger, but nothing above an Ethernet MTU is ever sent unfragmented (RFC 7587 section 3, RFC 8085 section 3.2).
pub const MAX_PAYLOAD: usize = 1200;

/// RTP clock rate of Opus, in Hz, whatever the audio rate (RFC 7587 section 4.1).
pub const CLOCK_RATE: u32 = 48_000;

/// RTP sequence number with wrap-around order (RFC 3550 section 5.1, RFC 1982).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SequenceNumber(pub u16);

impl SequenceNumber {
    /// The number after this one.
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Signed distance `self - other` on the circle: positive when `self` is newer.
    pub fn distance(self, other: Self) -> i16 {
        self.0.wrapping_sub(other.0) as i16
    }

    /// Whether `self` comes after `other`.
    pub fn is_newer_than(self, other: Self) -> bool {
        self.distance(other) > 0
    }
}

/// RTP timestamp in units of [`CLOCK_RATE`], with wrap-around order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RtpTimestamp(pub u32);

impl RtpTimestamp {
    /// This timestamp moved forward by `samples` at 48 kHz.
    pub fn advanced_by(self, samples: u32) -> Self {
        Self(self.0.wrapping_add(samples))
    }

    /// Signed distance `self - other` in samples: positive when `self` is later.
    pub fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }
}

/// Audio level of a packet, RFC 6464: 0 is the loudest (0 dBov), 127 is silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// Level in -dBov, 0 to 127.
    pub minus_dbov: u8,
    /// Whether the sender's detector heard a voice.
    pub voice: bool,
}

/// One RTP packet of voice.
#[derive(Clone, Debug)]
pub struct VoicePacket {
    /// Sequence number.
    pub sequence: SequenceNumber,
    /// Media timestamp of the first sample.
    pub timestamp: RtpTimestamp,
    /// Synchronisation source. Zero on the way out: the transport stamps its own.
    pub ssrc: u32,
    /// Which of the streams of its link it belongs to, counted from zero (see
    /// [`TransportConfig::slots`](crate::transport::TransportConfig::slots)).
    pub slot: u8,
    /// Who made the sound, where a mixer or selector tells: the first contributing source (RFC 3550 section 5.1, CSRC).
    pub source: Option<u32>,
    /// Marker bit: first packet after silence (RFC 3551 section 4.1).
    pub marker: bool,
    /// Level announced by the sender, if the extension was negotiated.
    pub level: Option<AudioLevel>,
    /// When its first sample was captured (sending), or the packet came out of the socket (receiving).
    pub at: Instant,
    len: u16,
    copies: [FrameCopy; MAX_COPIES],
    data: [u8; MAX_PAYLOAD],
}

/// Most earlier frames a packet repeats.
pub const MAX_COPIES: usize = 3;

/// Furthest back that a repeated frame may begin, in samples: 14 bits (RFC 2198 section 3).
pub const MAX_COPY_DISTANCE: u16 = (1 << 14) - 1;

/// Longest frame that can be repeated, in bytes: 10 bits (RFC 2198 section 3).
pub const MAX_COPY: usize = (1 << 10) - 1;

/// Where an earlier frame lies in a packet's data.
#[derive(Clone, Copy, Debug, Default)]
struct FrameCopy {
    distance: u16,
    start: u16,
    len: u16,
}

impl VoicePacket {
    /// An empty packet, for filling a pool.
    pub fn empty(at: Instant) -> Self {
        Self {
            sequence: SequenceNumber::default(),
            timestamp: RtpTimestamp::default(),
            ssrc: 0,
            slot: 0,
            source: None,
            marker: false,
            level: None,
            at,
            len: 0,
            copies: [FrameCopy::default(); MAX_COPIES],
            data: [0; MAX_PAYLOAD],
        }
    }

    /// The codec payload.
    pub fn payload(&self) -> &[u8] {
        &self.data[..usize::from(self.len)]
    }

    /// Earlier frames that this packet repeats (RFC 2198): how many samples before it each begins, and the frame.
    pub fn copies(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let frames = self.copies.iter().take_while(|copy| copy.len > 0);
        frames.map(|copy| {
            let start = usize::from(copy.start);
            (copy.distance, &self.data[start..start + usize::from(copy.len)])
        })
    }

    /// Repeats `frame`, which began `distance` samples before this packet. Returns `false`, and changes nothing, when
    /// it does not fit or RFC 2198 cannot express it.
    pub fn add_copy(&mut self, distance: u16, frame: &[u8]) -> bool {
        let used = self.copies.iter().take_while(|copy| copy.len > 0).count();
        let start = usize::from(self.len)
            + self.copies[..used]
                .iter()
                .map(|copy| usize::from(copy.len))
                .sum::<usize>();
        let fits = used < MAX_COPIES
            && (1..=MAX_COPY).contains(&frame.len())
            && (1..=MAX_COPY_DISTANCE).contains(&distance)
            && start + frame.len() <= MAX_PAYLOAD;
        if fits {
            self.data[start..start + frame.len()].copy_from_slice(frame);
            self.copies[used] = FrameCopy {
                distance,
                start: start as u16,
                len: frame.len() as u16,
            };
        }
        fits
    }

    /// Copies `payload` in, and forgets what was repeated. Returns `false`, and leaves the packet empty, when it is
    /// longer than [`MAX_PAYLOAD`].
    #[must_use]
    pub fn set_payload(&mut self, payload: &[u8]) -> bool {
        self.copies = [FrameCopy::default(); MAX_COPIES];
        let fits = payload.len() <= MAX_PAYLOAD;
        self.len = if fits { payload.len() as u16 } else { 0 };
        if fits {
            self.data[..payload.len()].copy_from_slice(payload);
        }
        fits
    }

    /// Lets `write` fill the whole buffer and keeps the number of bytes it returns.
    pub fn fill<E>(&mut self, write: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<(), E> {
        self.copies = [FrameCopy::default(); MAX_COPIES];
        self.len = 0;
        let written = write(&mut self.data)?;
        self.len = written.min(MAX_PAYLOAD) as u16;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_lie_behind_the_payload_and_go_with_it() {
        let mut packet = VoicePacket::empty(Instant::now());
        assert!(packet.set_payload(&[1; 100]));
        assert!(packet.add_copy(960, &[2; 50]) && packet.add_copy(1920, &[3; 60]));
        let copies: Vec<(u16, Vec<u8>)> = packet
            .copies()
            .map(|(back, frame)| (back, frame.to_vec()))
            .collect();
        assert_eq!(copies, [(960, vec![2; 50]), (1920, vec![3; 60])]);
        assert_eq!(packet.payload(), [1; 100]);
        assert!(packet.set_payload(&[1; 100]));
        assert_eq!(packet.copies().count(), 0);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut packet = VoicePacket::empty(Instant::now());
        assert!(packet.set_payload(&[1; 1000]));
        assert!(!packet.add_copy(960, &[2; 201]) && packet.add_copy(960, &[2; 200]));
        assert!(packet.set_payload(&[1; 10]));
        assert!(!packet.add_copy(960, &[]) && !packet.add_copy(0, &[1]));
        assert!(!packet.add_copy(1 << 14, &[1]) && !packet.add_copy(960, &[1; 1024]));
        for _ in 0..MAX_COPIES {
            assert!(packet.add_copy(960, &[1]));
        }
        assert!(!packet.add_copy(960, &[1]));
    }
}
