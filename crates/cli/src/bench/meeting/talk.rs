//! What the packets of the benchmark say: who speaks, since when, and when they were sent.
//!
//! The payload is no sound: nobody decodes it. The service sees an RTP packet of voice with its level.

use std::time::{Duration, Instant};

use sidetone_sfu::room::AudioLevel;

use super::case::FRAME;

/// Samples of a frame at the RTP clock of Opus.
const SAMPLES: u32 = 960;

/// Bytes of the mark that a payload begins with.
pub const MARK: usize = 16;

/// What a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which turn of its talker, from 0.
    pub turn: u32,
    /// Which packet of the turn, from 0.
    pub number: u32,
    /// When it was sent.
    pub sent: Duration,
}

impl Mark {
    /// Writes it to the beginning.
    pub fn write(self, to: &mut [u8]) {
        to[..4].copy_from_slice(&self.turn.to_be_bytes());
        to[4..8].copy_from_slice(&self.number.to_be_bytes());
        to[8..MARK].copy_from_slice(&(self.sent.as_nanos() as u64).to_be_bytes());
    }

    /// Reads what was written.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(payload.get(at..at + 4)?.try_into().ok()?));
        let nanoseconds = u64::from_be_bytes(payload.get(8..MARK)?.try_into().ok()?);
        Some(Self {
            turn: word(0)?,
            number: word(4)?,
            sent: Duration::from_nanos(nanoseconds),
        })
    }
}

/// When somebody talks.
#[derive(Clone, Copy, Debug)]
pub enum Plan {
    /// All the time.
    Always,
    /// A turn after the others': this long, then silence until all have had theirs.
    Turns {
        /// Length of a turn.
        turn: Duration,
        /// From one turn to the next.
        every: Duration,
        /// The first turn, from the start.
        first: Duration,
    },
}

impl Plan {
    /// Which turn it is, and whether there is a voice.
    fn at(self, since_start: Duration) -> (u32, bool) {
        match self {
            Self::Always => (0, true),
            Self::Turns { turn, every, first } => {
                let Some(since) = since_start.checked_sub(first) else {
                    return (0, false);
                };
                let turns = since.as_nanos() / every.as_nanos().max(1);
                let into = since.as_nanos() % every.as_nanos().max(1);
                (turns as u32, into < turn.as_nanos())
            }
        }
    }
}

/// Bytes of voice in a packet.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// On average.
    pub mean: u16,
    /// Most by which it differs, in percent.
    pub vary: u8,
}

impl Size {
    /// Of one packet: as good as random, and the same in every run.
    fn of(self, timestamp: u32) -> usize {
        let spread = u32::from(self.mean) * u32::from(self.vary) / 100;
        let dice = (timestamp / 64).wrapping_mul(0x9e37_79b1) >> 16;
        let size = u32::from(self.mean) - spread + dice % (2 * spread + 1);
        (size as usize).max(MARK)
    }
}

/// Where a packet stands in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// How loud it is said to be.
    pub level: AudioLevel,
    /// Bytes of payload.
    pub length: usize,
}

/// The stream of a talker.
#[derive(Clone, Debug)]
pub struct Talk {
    plan: Plan,
    started: Instant,
    /// When the next packet is due.
    pub due: Instant,
    size: Size,
    sequence: u16,
    timestamp: u32,
    turn: u32,
    number: u32,
    was_talking: bool,
}

impl Talk {
    /// A stream that begins at `started`. Streams of different seeds are different.
    pub fn new(plan: Plan, started: Instant, seed: u32, size: Size) -> Self {
        Self {
            plan,
            started,
            due: started,
            size,
            sequence: seed as u16 >> 1,
            timestamp: seed.rotate_left(7),
            turn: 0,
            number: 0,
            was_talking: false,
        }
    }

    /// Writes the payload that is due: voice, or in silence a little noise now and then, as real talkers send it.
    pub fn next(&mut self, now: Instant, epoch: Instant, payload: &mut [u8]) -> Option<Frame> {
        let (turn, talking) = self.plan.at(now.saturating_duration_since(self.started));
        if turn != self.turn || (talking && !self.was_talking) {
            self.number = 0;
        }
        (self.turn, self.was_talking) = (turn, talking);
        self.due += FRAME;
        // One that is far behind does not send all that it missed.
        if self.due + 10 * FRAME < now {
            self.due = now;
        }
        let timestamp = self.timestamp;
        self.timestamp = self.timestamp.wrapping_add(SAMPLES);
        let quiet = !talking && !(self.timestamp / SAMPLES).is_multiple_of(20);
        if quiet {
            return None;
        }
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        let length = if talking {
            self.size.of(self.timestamp)
        } else {
            MARK
        };
        let payload = payload.get_mut(..length)?;
        // Zeros would be as good, but a link that compresses must not gain by it.
        payload.fill(0xa5);
        let mark = Mark {
            turn,
            number: self.number,
            sent: now.saturating_duration_since(epoch),
        };
        mark.write(payload);
        self.number += 1;
        Some(Frame {
            sequence,
            timestamp,
            level: AudioLevel {
                minus_dbov: if talking { 25 } else { 80 },
                voice: talking,
            },
            length,
        })
    }
}

/// What came of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reception {
    first: Option<u64>,
    highest: u64,
    received: u64,
}

impl Reception {
    /// Counts a packet.
    pub fn take(&mut self, sequence: u16) {
        let highest = self.highest;
        // The nearest to the highest so far (RFC 3550 appendix A.1).
        let step = sequence.wrapping_sub(highest as u16) as i16;
        let extended = match self.first {
            None => u64::from(sequence) + (1 << 16),
            Some(_) => highest.saturating_add_signed(step.into()),
        };
        self.first = Some(self.first.map_or(extended, |first| first.min(extended)));
        self.highest = highest.max(extended);
        self.received += 1;
    }

    /// Packets that are missing between the first and the last.
    pub fn lost(&self) -> u64 {
        let expected = self.first.map_or(0, |first| self.highest - first + 1);
        expected.saturating_sub(self.received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_marked_and_silence_is_thin() {
        let epoch = Instant::now();
        let plan = Plan::Turns {
            turn: Duration::from_secs(1),
            every: Duration::from_secs(4),
            first: Duration::from_secs(2),
        };
        let mut talk = Talk::new(plan, epoch, 7, Size { mean: 80, vary: 25 });
        let (mut voice, mut noise, mut starts) = (0, 0, Vec::new());
        let mut payload = [0; 200];
        for _ in 0..600 {
            let now = talk.due;
            let Some(frame) = talk.next(now, epoch, &mut payload) else {
                continue;
            };
            let mark = Mark::read(&payload[..frame.length]).unwrap();
            assert_eq!(mark.sent, now - epoch);
            if frame.level.voice {
                voice += 1;
                if mark.number == 0 {
                    starts.push(mark.turn);
                }
            } else {
                noise += 1;
                assert_eq!(frame.length, MARK);
            }
        }
        assert_eq!((voice, starts), (150, vec![0, 1, 2]));
        assert!((20..26).contains(&noise), "{noise}");
    }

    #[test]
    fn sizes_differ_as_they_should() {
        let varied = Size { mean: 80, vary: 25 };
        let sizes: Vec<usize> = (0..1000).map(|frame| varied.of(frame * SAMPLES)).collect();
        let mean = sizes.iter().sum::<usize>() as f64 / 1000.0;
        assert!((78.0..82.0).contains(&mean), "{mean}");
        assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&60), Some(&100)));
        let even = Size { mean: 80, vary: 0 };
        assert!((0..1000).all(|frame| even.of(frame * SAMPLES) == 80));
    }

    #[test]
    fn gaps_are_counted_over_the_wrap() {
        let mut reception = Reception::default();
        for sequence in [65_533, 65_535, 65_534, 1, 0, 4] {
            reception.take(sequence);
        }
        assert_eq!(reception.lost(), 2);
        assert_eq!(Reception::default().lost(), 0);
    }
}
