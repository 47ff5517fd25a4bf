//! Packets of a picture that have not come, and when to ask for them again (RFC 4585 section 6.2.1).

use std::time::{Duration, Instant};

/// Wait before the first time: those that only changed places come within it.
const PATIENCE: Duration = Duration::from_millis(10);

/// Least wait before another time; a round trip where that is longer.
const AGAIN: Duration = Duration::from_millis(40);

/// How often to ask.
const TRIES: u8 = 6;

/// A longer gap is none that packets would close: a keyframe does.
const LONGEST: u16 = 128;

/// Most missing at a time.
const MOST: usize = 128;

#[derive(Clone, Copy, Debug)]
struct Gap {
    sequence: u16,
    at: Instant,
    tries: u8,
}

/// What is missing of one source.
#[derive(Clone, Debug)]
pub struct Missing {
    ssrc: u32,
    newest: u16,
    gaps: Vec<Gap>,
}

impl Missing {
    /// From its first packet on.
    pub const fn new(ssrc: u32, sequence: u16) -> Self {
        Self {
            ssrc,
            newest: sequence,
            gaps: Vec::new(),
        }
    }

    /// The source.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// A packet came, for the first time or again.
    pub fn packet(&mut self, now: Instant, sequence: u16) {
        let ahead = sequence.wrapping_sub(self.newest);
        match ahead {
            0 => {}
            1..=LONGEST => {
                for n in 1..ahead {
                    if self.gaps.len() == MOST {
                        break;
                    }
                    self.gaps.push(Gap {
                        sequence: self.newest.wrapping_add(n),
                        at: now + PATIENCE,
                        tries: 0,
                    });
                }
                self.newest = sequence;
            }
            0x8000.. => self.gaps.retain(|gap| gap.sequence != sequence),
            _ => {
                self.gaps.clear();
                self.newest = sequence;
            }
        }
    }

    /// When something is to be asked for.
    pub fn due(&self) -> Option<Instant> {
        self.gaps.iter().map(|gap| gap.at).min()
    }

    /// What to ask for now, as pairs of a sequence number and the mask of those after it. Gives how many.
    pub fn ask(&mut self, now: Instant, round_trip: Duration, out: &mut [(u16, u16)]) -> usize {
        self.gaps.retain(|gap| gap.tries < TRIES);
        let mut count = 0usize;
        for gap in &mut self.gaps {
            if gap.at > now {
                continue;
            }
            let open = count.checked_sub(1).and_then(|last| out.get_mut(last));
            let after = open.map(|pair| (gap.sequence.wrapping_sub(pair.0), pair));
            match after {
                Some((distance @ 1..=16, pair)) => pair.1 |= 1 << (distance - 1),
                _ => match out.get_mut(count) {
                    Some(pair) => {
                        *pair = (gap.sequence, 0);
                        count += 1;
                    }
                    None => break,
                },
            }
            gap.tries += 1;
            gap.at = now + round_trip.max(AGAIN);
        }
        count
    }
}
