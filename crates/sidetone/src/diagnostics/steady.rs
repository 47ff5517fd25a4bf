//! A value that follows what is seen, but only once it has been seen for a while: it never flaps.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

/// How long something must be seen to be believed.
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    /// Before it gets worse. Longer spares people false alarms.
    pub worsen: Duration,
    /// Before it gets better. Longer spares them a warning that comes and goes.
    pub improve: Duration,
}

/// The value, and what it leans to. Larger is worse.
#[derive(Clone, Copy, Debug)]
pub struct Steady<T> {
    value: T,
    hold: Hold,
    lean: Option<Lean<T>>,
}

#[derive(Clone, Copy, Debug)]
struct Lean<T> {
    way: Ordering,
    since: Instant,
    /// Of all that was seen since, the nearest to the value: at least that much is true.
    nearest: T,
}

impl<T: Ord + Copy> Steady<T> {
    pub fn new(value: T, hold: Hold) -> Self {
        Self {
            value,
            hold,
            lean: None,
        }
    }

    /// Takes what is seen at `now`; gives the value when it changes.
    pub fn observe(&mut self, seen: T, now: Instant) -> Option<T> {
        let way = seen.cmp(&self.value);
        let hold = match way {
            Ordering::Equal => {
                self.lean = None;
                return None;
            }
            Ordering::Greater => self.hold.worsen,
            Ordering::Less => self.hold.improve,
        };
        let lean = match self.lean.filter(|lean| lean.way == way) {
            Some(lean) if way == Ordering::Greater => Lean {
                nearest: lean.nearest.min(seen),
                ..lean
            },
            Some(lean) => Lean {
                nearest: lean.nearest.max(seen),
                ..lean
            },
            None => Lean {
                way,
                since: now,
                nearest: seen,
            },
        };
        if now.saturating_duration_since(lean.since) < hold {
            self.lean = Some(lean);
            return None;
        }
        self.lean = None;
        self.value = lean.nearest;
        Some(self.value)
    }

    pub fn value(&self) -> T {
        self.value
    }

    /// Whether nothing but another observation can change it.
    pub fn is_settled(&self) -> bool {
        self.lean.is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOLD: Hold = Hold {
        worsen: Duration::from_secs(2),
        improve: Duration::from_secs(4),
    };

    #[test]
    fn it_moves_as_far_as_was_true_all_the_time() {
        let (mut steady, start) = (Steady::new(1, HOLD), Instant::now());
        let mut see = |seen, second| steady.observe(seen, start + Duration::from_secs(second));
        assert_eq!([see(3, 0), see(2, 1), see(3, 2)], [None, None, Some(2)]);
        assert_eq!([see(3, 3), see(2, 4), see(3, 5)], [None; 3], "it came and went");
        assert_eq!([see(3, 6), see(3, 7)], [None, Some(3)]);
        assert_eq!([see(1, 8), see(2, 10), see(1, 12)], [None, None, Some(2)]);
    }

    proptest! {
        /// Between a change and the next lies at least the time that the next one had to be seen for.
        #[test]
        fn it_never_flaps(seen in proptest::collection::vec((1..4u8, 1..3000u64), 1..300)) {
            let (mut steady, mut now) = (Steady::new(1, HOLD), Instant::now());
            let mut changed: Option<Instant> = None;
            for (seen, millis) in seen {
                now += Duration::from_millis(millis);
                let before = steady.value();
                if let Some(value) = steady.observe(seen, now) {
                    prop_assert_ne!(value, before);
                    let hold = if value > before { HOLD.worsen } else { HOLD.improve };
                    if let Some(changed) = changed {
                        prop_assert!(now - changed >= hold);
                    }
                    changed = Some(now);
                }
            }
            for _ in 0..2 {
                steady.observe(1, now);
                now += HOLD.improve;
                steady.observe(1, now);
            }
            prop_assert_eq!(steady.value(), 1, "it is cleared once all is good");
        }
    }
}
