//! Which packets are missing, and when to ask for them again (RFC 4585 section 6.2.1).

use std::time::{Duration, Instant};

/// Wait before the first time where packets change places: half as long again as it took them to come, within these. Where
/// they do not, there is none.
const LEAST_PATIENCE: Duration = Duration::from_millis(10);
const MOST_PATIENCE: Duration = Duration::from_millis(60);

/// What comes sooner than this after it was asked for had only changed places, or half a round trip where that is known.
const PROMPT: Duration = Duration::from_millis(5);

/// For so long after packets changed places they may again.
const WARY: Duration = Duration::from_secs(10);

/// Added to the round trip before the next time: what the other end and its path take longer now and then.
const SLACK: Duration = Duration::from_millis(5);

/// Least wait before another time.
const AGAIN: Duration = Duration::from_millis(30);

/// Round trip while none is known.
const UNKNOWN: Duration = Duration::from_millis(100);

/// How often to ask: once, and then twice a round trip, since the request may be lost as well. Who sends ignores one that
/// comes before it could be answered.
const TRIES: u8 = 13;

/// What is missing for longer is of no use.
const OLDEST: Duration = Duration::from_secs(1);

/// Most missing at a time, and the longest gap: beyond, a key frame costs less.
const MOST: usize = 512;

/// A generic NACK: a packet, and a mask of those after it (PID and BLP of RFC 4585 section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack {
    /// PID.
    pub packet: u16,
    /// BLP: bit n stands for the packet n + 1 after.
    pub following: u16,
}

impl Nack {
    /// The sequence numbers.
    pub fn sequences(self) -> impl Iterator<Item = u16> {
        let following = (0..16).filter(move |n| self.following >> n & 1 == 1);
        [self.packet]
            .into_iter()
            .chain(following.map(move |n| self.packet.wrapping_add(n + 1)))
    }
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    sequence: i64,
    since: Instant,
    /// When to ask next.
    at: Instant,
    tries: u8,
    asked: Option<Instant>,
}

/// What is missing of one stream. Numbers are unwrapped sequence numbers.
#[derive(Clone, Debug, Default)]
pub struct NackGenerator {
    newest: Option<i64>,
    /// In order.
    gaps: Vec<Gap>,
    /// When packets changed places last, and the wait that makes up for it.
    disorder: Option<(Instant, Duration)>,
    round_trip: Option<Duration>,
    /// Newest one that was given up.
    lost: Option<i64>,
}

impl NackGenerator {
    /// What a round trip takes, as far as is known.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = Some(round_trip);
    }

    /// A packet came, for the first time or again; `again` says that it came by the stream of retransmissions, or another
    /// sure way. Gives whether it was sent again.
    pub fn packet(&mut self, sequence: i64, again: bool, now: Instant) -> bool {
        let newest = *self.newest.get_or_insert(sequence);
        if sequence <= newest {
            let Ok(index) = self.gaps.binary_search_by_key(&sequence, |gap| gap.sequence) else {
                return again;
            };
            let gap = self.gaps.remove(index);
            let prompt = self.round_trip.map_or(PROMPT, |trip| trip / 2);
            let since = |at: Instant| now.saturating_duration_since(at);
            let moved = !again
                && gap
                    .asked
                    .is_none_or(|asked| gap.tries == 1 && since(asked) < prompt);
            if moved {
                let wait = (since(gap.since) * 3 / 2).clamp(LEAST_PATIENCE, MOST_PATIENCE);
                let before = self.patience(now).unwrap_or_default();
                self.disorder = Some((now, wait.max(before)));
            }
            return !moved;
        }
        self.newest = Some(sequence);
        let missing = usize::try_from(sequence - newest - 1).unwrap_or(usize::MAX);
        if missing + self.gaps.len() > MOST {
            self.gaps.clear();
            self.lost = Some(sequence - 1);
            return again;
        }
        let at = now + self.patience(now).unwrap_or_default();
        self.gaps.extend((newest + 1..sequence).map(|sequence| Gap {
            sequence,
            since: now,
            at,
            tries: 0,
            asked: None,
        }));
        again
    }

    /// How long to wait for what may only have changed places.
    fn patience(&self, now: Instant) -> Option<Duration> {
        let (at, wait) = self.disorder?;
        (now.saturating_duration_since(at) < WARY).then_some(wait)
    }

    /// Nothing up to `sequence` is of use any more.
    pub fn forget(&mut self, sequence: i64) {
        self.gaps.retain(|gap| gap.sequence > sequence);
        self.lost = self.lost.filter(|lost| *lost > sequence);
    }

    /// Whether something was given up that is of use still.
    pub fn has_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// Whether something is missing that may still come.
    pub fn is_waiting(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// When something is to be asked for.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.gaps.iter().map(|gap| gap.at).min()
    }

    /// What to ask for now.
    pub fn poll(&mut self, now: Instant) -> Vec<Nack> {
        let mut nacks: Vec<Nack> = Vec::new();
        let again = (self.round_trip.unwrap_or(UNKNOWN) + SLACK).max(AGAIN);
        let lost = &mut self.lost;
        self.gaps.retain_mut(|gap| {
            if gap.at > now {
                return true;
            }
            if gap.tries == TRIES || now.saturating_duration_since(gap.since) >= OLDEST {
                *lost = (*lost).max(Some(gap.sequence));
                return false;
            }
            gap.tries += 1;
            gap.asked = Some(now);
            gap.at = now + if gap.tries == 1 { again } else { again / 2 };
            let packet = gap.sequence as u16;
            match nacks.last_mut() {
                Some(last) if (1..=16).contains(&packet.wrapping_sub(last.packet)) => {
                    last.following |= 1 << (packet.wrapping_sub(last.packet) - 1);
                }
                _ => nacks.push(Nack { packet, following: 0 }),
            }
            true
        });
        nacks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRIP: Duration = Duration::from_millis(50);

    #[test]
    fn what_is_lost_is_asked_for_at_once_and_again_after_a_round_trip() {
        let now = Instant::now();
        let mut nack = NackGenerator::default();
        nack.set_round_trip(TRIP);
        nack.packet(65_534, false, now);
        nack.packet(65_538, false, now);
        assert_eq!(nack.next_timeout(), Some(now));
        let asked = nack.poll(now);
        assert_eq!(
            asked,
            [Nack {
                packet: 65_535,
                following: 3
            }]
        );
        assert_eq!(asked[0].sequences().collect::<Vec<_>>(), [65_535, 0, 1]);
        assert!(nack.poll(now).is_empty());
        let later = now + TRIP + SLACK;
        assert!(nack.packet(65_536, true, later), "asked for");
        assert_eq!(
            nack.poll(later),
            [Nack {
                packet: 65_535,
                following: 2
            }]
        );
        nack.forget(65_537);
        assert_eq!(nack.next_timeout(), None);
    }

    #[test]
    fn what_changes_places_is_waited_for_from_then_on() {
        let now = Instant::now();
        let mut nack = NackGenerator::default();
        nack.packet(10, false, now);
        nack.packet(12, false, now);
        assert_eq!(nack.poll(now).len(), 1);
        assert!(!nack.packet(11, false, now + PROMPT / 2), "came by itself");
        nack.packet(14, false, now + PROMPT);
        assert_eq!(nack.next_timeout(), Some(now + PROMPT + LEAST_PATIENCE));
        let later = now + WARY * 2;
        nack.packet(16, false, later);
        assert_eq!(nack.poll(later).len(), 1);
    }

    #[test]
    fn what_does_not_come_is_given_up() {
        let mut now = Instant::now();
        let mut nack = NackGenerator::default();
        nack.set_round_trip(TRIP);
        nack.packet(0, false, now);
        nack.packet(2, false, now);
        let mut asked = 0;
        while let Some(at) = nack.next_timeout() {
            now = at;
            asked += nack.poll(now).len();
        }
        assert_eq!(asked, usize::from(TRIES));
        assert!(nack.has_lost());
        nack.forget(1);
        assert!(!nack.has_lost());
        nack.packet(10_000, false, now);
        assert!(
            nack.has_lost() && !nack.is_waiting(),
            "a gap too long to be closed"
        );
    }

    proptest! {
        #[test]
        fn all_that_is_missing_is_asked_for_and_nothing_else(
            came in prop::collection::btree_set(0i64..200, 2..100),
        ) {
            let now = Instant::now();
            let mut nack = NackGenerator::default();
            for sequence in &came {
                nack.packet(*sequence, false, now);
            }
            let asked: Vec<i64> = nack.poll(now).into_iter().flat_map(Nack::sequences).map(i64::from).collect();
            let (first, last) = (*came.first().unwrap(), *came.last().unwrap());
            let missing: Vec<i64> = (first..last).filter(|sequence| !came.contains(sequence)).collect();
            prop_assert_eq!(asked, missing);
        }
    }
}
