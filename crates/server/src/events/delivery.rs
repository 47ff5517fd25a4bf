//! What is sent to one receiver when: a window over the tenant's log. Pure: takes the time and what became of each
//! attempt.
//!
//! Inputs: from the log *offered*; from the network *delivered*, *failed*, *gone*; from the clock *due*. Events of one
//! call go one after the other; those of different calls go side by side. One that fails is tried again, waiting twice
//! as long each time, until it has failed for too long and is laid aside. What is done is remembered exactly, so that
//! after a restart only what was under way goes out again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sidetone_signaling::protocol::CallId;
use sidetone_store::Sequence;

/// How deliveries are tried. Part of [`crate::ServerConfig`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// Wait after the first failure; each further one waits twice as long, up to `longest_retry`, and each wait is
    /// shortened by up to a half at random, so that receivers that failed together do not come back together.
    pub first_retry: Duration,
    /// Longest wait between two attempts. Longer spares a receiver that is down; shorter finds sooner that it is back.
    pub longest_retry: Duration,
    /// How long an event is tried before it is laid aside. Counted from its first failure, anew after a restart.
    pub give_up_after: Duration,
    /// How long a receiver may take to answer.
    pub timeout: Duration,
    /// Requests to one receiver at a time.
    pub at_once: usize,
    /// How long events are kept for sending them again.
    pub keep: Duration,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            first_retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(60),
            give_up_after: Duration::from_secs(24 * 3600),
            timeout: Duration::from_secs(10),
            at_once: 8,
            keep: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

/// Events that are looked at ahead of the first that is not done. More lets more calls go on past one that fails.
const WINDOW: usize = 128;

/// How far a receiver was served, as kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Everything before this record is done.
    pub(super) from: u64,
    /// Done as well.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) done: BTreeSet<u64>,
}

impl Cursor {
    /// Everything from this record on is yet to be sent.
    pub(super) fn at(sequence: Sequence) -> Self {
        Self {
            from: sequence.0.max(1),
            done: BTreeSet::new(),
        }
    }
}

/// An event to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// Its id.
    pub(super) id: String,
    /// Its call: such letters keep their order.
    pub(super) call: CallId,
    /// What is sent.
    pub(super) body: Bytes,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It does not, for now. It may have said when to come again.
    Failed(Option<Duration>),
}

/// What follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Done.
    Done,
    /// Will be tried again.
    Again,
    /// Was tried for too long, this often: to be laid aside.
    Dead(Letter, u32),
}

/// The window.
#[derive(Debug)]
pub(super) struct Delivery {
    config: DeliveryConfig,
    cursor: Cursor,
    /// The next record to look at.
    next: Sequence,
    slots: BTreeMap<Sequence, Slot>,
}

#[derive(Debug)]
struct Slot {
    letter: Letter,
    attempts: u32,
    failing_since: Option<Instant>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not before this instant; at once where absent.
    Waits(Option<Instant>),
    UnderWay,
}

impl Delivery {
    pub(super) fn new(cursor: Cursor, config: DeliveryConfig) -> Self {
        Self {
            next: Sequence(cursor.from),
            config,
            cursor,
            slots: BTreeMap::new(),
        }
    }

    /// Which record to offer next, and how many there is place for.
    pub(super) fn wants(&self) -> (Sequence, usize) {
        let ahead = usize::try_from(self.next.0 - self.cursor.from).unwrap_or(usize::MAX);
        (self.next, WINDOW.saturating_sub(ahead))
    }

    /// Takes the next record: a letter, or nothing where the receiver does not want it. What lies between it and the
    /// one before was removed from the log, and is passed over.
    pub(super) fn offer(&mut self, sequence: Sequence, letter: Option<Letter>) {
        if self.slots.is_empty() {
            self.cursor.from = self.cursor.from.max(sequence.0);
        }
        self.cursor
            .done
            .extend(self.next.0.max(self.cursor.from)..sequence.0);
        self.next = self.next.max(sequence.next());
        match letter {
            Some(letter) if !self.cursor.done.contains(&sequence.0) => {
                let slot = Slot {
                    letter,
                    attempts: 0,
                    failing_since: None,
                    state: State::Waits(None),
                };
                self.slots.insert(sequence, slot);
            }
            _ => drop(self.cursor.done.insert(sequence.0)),
        }
        self.advance();
    }

    /// What goes out now. Each must be answered by [`Delivery::settle`].
    pub(super) fn due(&mut self, now: Instant) -> Vec<(Sequence, Letter)> {
        let under_way = |slot: &&Slot| slot.state == State::UnderWay;
        let mut free = self
            .config
            .at_once
            .saturating_sub(self.slots.values().filter(under_way).count());
        let mut begun = BTreeSet::new();
        let mut letters = Vec::new();
        for (sequence, slot) in &mut self.slots {
            // Of each call only the oldest, also while that one waits.
            let is_first = begun.insert(slot.letter.call);
            if free == 0 || !is_first {
                continue;
            }
            if matches!(slot.state, State::Waits(until) if until.is_none_or(|until| until <= now)) {
                slot.state = State::UnderWay;
                slot.attempts += 1;
                free -= 1;
                letters.push((*sequence, slot.letter.clone()));
            }
        }
        letters
    }

    /// When something will be due that is not due at `now`.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let waits = self.slots.values().filter_map(|slot| match slot.state {
            State::Waits(until) => until.filter(|until| *until > now),
            State::UnderWay => None,
        });
        waits.min()
    }

    /// What became of an attempt. `jitter`, from 0 to 1, says by how much of a half the wait is shortened.
    pub(super) fn settle(
        &mut self,
        sequence: Sequence,
        outcome: &Outcome,
        now: Instant,
        jitter: f64,
    ) -> Verdict {
        let Some(slot) = self.slots.get_mut(&sequence) else {
            return Verdict::Done;
        };
        let verdict = match outcome {
            Outcome::Delivered => Verdict::Done,
            Outcome::Failed(asked) => {
                let since = *slot.failing_since.get_or_insert(now);
                if now.saturating_duration_since(since) >= self.config.give_up_after && slot.attempts > 1 {
                    Verdict::Dead(slot.letter.clone(), slot.attempts)
                } else {
                    let wait = self.config.wait(slot.attempts, jitter);
                    let asked = asked.map(|asked| asked.min(self.config.longest_retry));
                    slot.state = State::Waits(Some(now + wait.max(asked.unwrap_or_default())));
                    Verdict::Again
                }
            }
        };
        if verdict != Verdict::Again {
            self.slots.remove(&sequence);
            self.cursor.done.insert(sequence.0);
            self.advance();
        }
        verdict
    }

    /// How far the receiver was served.
    pub(super) fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Since when the oldest failing letter fails, and how often it was tried.
    pub(super) fn failing(&self) -> Option<(Instant, u32)> {
        let failing = |slot: &Slot| Some((slot.failing_since?, slot.attempts));
        self.slots.values().filter_map(failing).min()
    }

    fn advance(&mut self) {
        self.cursor.done = self.cursor.done.split_off(&self.cursor.from);
        while self.cursor.done.remove(&self.cursor.from) {
            self.cursor.from += 1;
        }
    }
}

impl DeliveryConfig {
    /// The wait after this many attempts.
    fn wait(&self, attempts: u32, jitter: f64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        let wait = self
            .first_retry
            .saturating_mul(1 << doublings)
            .min(self.longest_retry);
        wait.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn letter(call: u128, n: u64) -> Letter {
        Letter {
            id: format!("{call}-{n}"),
            call: CallId(Uuid::from_u128(call)),
            body: Bytes::new(),
        }
    }

    fn config() -> DeliveryConfig {
        DeliveryConfig {
            give_up_after: Duration::from_secs(600),
            ..DeliveryConfig::default()
        }
    }

    #[test]
    fn a_receiver_that_is_down_for_a_minute_loses_nothing_and_keeps_the_order() {
        let start = Instant::now();
        let mut delivery = Delivery::new(Cursor::at(Sequence::FIRST), config());
        for n in 1..=6 {
            delivery.offer(Sequence(n), Some(letter(u128::from(n % 2), n)));
        }
        let (mut now, mut taken, mut attempts) = (start, Vec::new(), 0);
        while delivery.cursor().from < 7 {
            for (sequence, letter) in delivery.due(now) {
                attempts += 1;
                let up = now >= start + Duration::from_secs(60);
                let outcome = if up {
                    Outcome::Delivered
                } else {
                    Outcome::Failed(None)
                };
                if up {
                    taken.push(letter);
                }
                delivery.settle(sequence, &outcome, now, 0.3);
            }
            now = delivery.next_due(now).unwrap_or(now);
        }
        let of = |call: u128| {
            let mine = taken.iter().filter(|letter| letter.call.0.as_u128() == call);
            mine.map(|letter| letter.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            (of(0), of(1)),
            (
                vec!["0-2".into(), "0-4".into(), "0-6".into()],
                vec!["1-1".into(), "1-3".into(), "1-5".into()]
            )
        );
        assert!(attempts < 30, "{attempts} attempts");
    }

    #[test]
    fn one_that_always_fails_is_laid_aside_and_the_next_of_its_call_goes_on() {
        let mut now = Instant::now();
        let mut delivery = Delivery::new(Cursor::at(Sequence::FIRST), config());
        delivery.offer(Sequence(1), Some(letter(1, 1)));
        delivery.offer(Sequence(2), Some(letter(1, 2)));
        let mut verdict = Verdict::Again;
        while verdict == Verdict::Again {
            let due = delivery.due(now);
            assert_eq!(due.len(), 1);
            assert_eq!(due[0].0, Sequence(1));
            verdict = delivery.settle(Sequence(1), &Outcome::Failed(None), now, 0.0);
            now = delivery.next_due(now).unwrap_or(now);
        }
        assert!(matches!(verdict, Verdict::Dead(letter, attempts) if letter.id == "1-1" && attempts > 5));
        assert_eq!(delivery.due(now)[0].0, Sequence(2));
        assert_eq!(delivery.cursor().from, 2);
    }

    #[test]
    fn waits_double_up_to_their_limit_and_a_receiver_may_ask_for_more() {
        let config = config();
        let waits: Vec<u64> = (1..9)
            .map(|attempts| config.wait(attempts, 0.0).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(config.wait(3, 1.0), Duration::from_secs(2));
        let now = Instant::now();
        let mut delivery = Delivery::new(Cursor::at(Sequence::FIRST), config);
        delivery.offer(Sequence(1), Some(letter(1, 1)));
        delivery.due(now);
        delivery.settle(
            Sequence(1),
            &Outcome::Failed(Some(Duration::from_secs(30))),
            now,
            0.0,
        );
        assert_eq!(delivery.next_due(now), Some(now + Duration::from_secs(30)));
    }

    #[test]
    fn what_is_not_wanted_or_gone_is_passed_over() {
        let mut delivery = Delivery::new(Cursor::at(Sequence(5)), config());
        delivery.offer(Sequence(9), None);
        assert_eq!(delivery.cursor(), &Cursor::at(Sequence(10)));
        assert!(delivery.due(Instant::now()).is_empty());
    }

    proptest! {
        /// Whatever fails, and whenever the process is killed: nothing is lost, and the order within a call is kept.
        #[test]
        fn nothing_is_lost_and_calls_keep_their_order(
            calls in prop::collection::vec(0..4_u128, 1..200),
            luck in prop::collection::vec((any::<bool>(), 0..20_u8), 1..2_000),
        ) {
            let start = Instant::now();
            let (mut now, mut luck) = (start, luck.into_iter().cycle());
            let mut delivery = Delivery::new(Cursor::at(Sequence::FIRST), config());
            let mut taken: Vec<u64> = Vec::new();
            let mut kept = delivery.cursor().clone();
            let end = calls.len() as u64 + 1;
            for _ in 0..20_000 {
                if kept.from == end {
                    break;
                }
                let (from, place) = delivery.wants();
                for n in (from.0..end).take(place) {
                    delivery.offer(Sequence(n), Some(letter(calls[n as usize - 1], n)));
                }
                for (sequence, _) in delivery.due(now) {
                    let (works, kill) = luck.next().unwrap();
                    if kill == 0 {
                        // It arrived, and the process was killed before that was written down.
                        taken.push(sequence.0);
                        delivery = Delivery::new(kept.clone(), config());
                        break;
                    }
                    let outcome = if works { Outcome::Delivered } else { Outcome::Failed(None) };
                    if works {
                        taken.push(sequence.0);
                    }
                    let verdict = delivery.settle(sequence, &outcome, now, 0.5);
                    prop_assert!(!matches!(verdict, Verdict::Dead(..)));
                    kept = delivery.cursor().clone();
                }
                now = delivery.next_due(now).unwrap_or(now).min(start + Duration::from_secs(300));
            }
            // The first arrival of each is in order within its call.
            let mut seen = BTreeSet::new();
            let firsts: Vec<u64> = taken.into_iter().filter(|n| seen.insert(*n)).collect();
            for call in 0..4 {
                let mine: Vec<u64> = firsts.iter().copied().filter(|n| calls[*n as usize - 1] == call).collect();
                prop_assert!(mine.is_sorted(), "call {} arrived as {:?}", call, mine);
            }
            if kept.from == end {
                prop_assert_eq!(seen.len() as u64, end - 1);
            }
        }
    }
}
