//! Packets of a picture that have not come, and when to ask for them again (RFC 4585 section 6.2.1).

use std::time::{Duration, Instant};

/// Wait before the first time where packets change places: those come within it. Elsewhere there is none, since receivers
/// wait for what was lost twice as long as for what was lost on their own way.
const PATIENCE: Duration = Duration::from_millis(10);

/// What comes so soon after it was asked for had only changed places. In half a round trip where that is shorter: nothing
/// is sent again sooner than in a whole one.
const PROMPT: Duration = Duration::from_millis(5);

/// For so long after packets changed places they may again.
const WARY: Duration = Duration::from_secs(10);

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
    /// When it was asked for.
    asked: Option<Instant>,
}

/// What is missing of one source.
#[derive(Clone, Debug)]
pub struct Missing {
    ssrc: u32,
    newest: u16,
    gaps: Vec<Gap>,
    /// When packets changed places last.
    disorder: Option<Instant>,
    /// [`PROMPT`], or half the last round trip that was known.
    prompt: Duration,
}

impl Missing {
    /// From its first packet on.
    pub const fn new(ssrc: u32, sequence: u16) -> Self {
        Self {
            ssrc,
            newest: sequence,
            gaps: Vec::new(),
            disorder: None,
            prompt: PROMPT,
        }
    }

    /// The source.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// A packet came, for the first time or again.
    pub fn packet(&mut self, now: Instant, sequence: u16) {
        let ahead = sequence.wrapping_sub(self.newest);
        let since = |at: Instant| now.saturating_duration_since(at);
        let wary = self.disorder.is_some_and(|at| since(at) < WARY);
        let at = if wary { now + PATIENCE } else { now };
        match ahead {
            0 => {}
            1..=LONGEST => {
                for n in 1..ahead {
                    if self.gaps.len() == MOST {
                        break;
                    }
                    self.gaps.push(Gap {
                        sequence: self.newest.wrapping_add(n),
                        at,
                        tries: 0,
                        asked: None,
                    });
                }
                self.newest = sequence;
            }
            0x8000.. => {
                if let Some(at) = self.gaps.iter().position(|gap| gap.sequence == sequence) {
                    let gap = self.gaps.remove(at);
                    if gap
                        .asked
                        .is_none_or(|asked| gap.tries == 1 && since(asked) < self.prompt)
                    {
                        self.disorder = Some(now);
                    }
                }
            }
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

    /// What to ask for now, as pairs of a sequence number and the mask of those after it. Gives how many. A round trip of
    /// zero is one that nobody knows.
    pub fn ask(&mut self, now: Instant, round_trip: Duration, out: &mut [(u16, u16)]) -> usize {
        if !round_trip.is_zero() {
            self.prompt = PROMPT.min(round_trip / 2);
        }
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
            gap.asked = Some(now);
            gap.at = now + round_trip.max(AGAIN);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIP: Duration = Duration::from_millis(50);

    #[test]
    fn what_is_lost_is_asked_for_at_once_and_again_after_a_round_trip() {
        let now = Instant::now();
        let mut missing = Missing::new(1, 10);
        missing.packet(now, 13);
        assert_eq!(missing.due(), Some(now));
        let mut out = [(0, 0); 4];
        assert_eq!((missing.ask(now, TRIP, &mut out), out[0]), (1, (11, 1)));
        assert_eq!(missing.ask(now, TRIP, &mut out), 0);
        missing.packet(now + TRIP, 11);
        assert_eq!((missing.ask(now + TRIP, TRIP, &mut out), out[0]), (1, (12, 0)));
        missing.packet(now + 2 * TRIP, 12);
        assert_eq!(missing.due(), None);
    }

    #[test]
    fn what_only_changes_places_is_waited_for_from_then_on() {
        let now = Instant::now();
        let mut missing = Missing::new(1, 10);
        let mut out = [(0, 0); 4];
        missing.packet(now, 12);
        assert_eq!(missing.ask(now, TRIP, &mut out), 1);
        missing.packet(now + PROMPT / 2, 11);
        missing.packet(now + PROMPT, 14);
        assert_eq!(missing.due(), Some(now + PROMPT + PATIENCE));
        missing.packet(now + PROMPT, 13);
        assert_eq!(missing.due(), None);
        // And no longer when that is long ago.
        let later = now + WARY * 2;
        missing.packet(later, 16);
        assert_eq!(missing.due(), Some(later));
    }
    #[test]
    fn what_comes_after_a_short_round_trip_was_sent_again() {
        let now = Instant::now();
        let trip = Duration::from_millis(2);
        let mut missing = Missing::new(1, 10);
        let mut out = [(0, 0); 4];
        missing.packet(now, 12);
        assert_eq!(missing.ask(now, trip, &mut out), 1);
        missing.packet(now + trip, 11);
        missing.packet(now + PROMPT, 14);
        assert_eq!(missing.due(), Some(now + PROMPT));
    }
}
