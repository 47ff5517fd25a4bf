//! When a receiver tells what came: seldom while only sound comes, at once where the sender waits for it.

use std::time::{Duration, Instant};

/// How often it tells at least, while anything comes. More often is a quicker reaction and more packets.
pub const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);

/// How often at most: fifty reports a second are below two hundredths of what pictures take that call for them.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(20);

/// So many packets are worth telling of.
const MANY: usize = 10;

/// A burst of padding is over when none has come for so long. Who sent it waits for what it found.
const QUIET: Duration = Duration::from_millis(5);

/// The clock of the reports of one path.
#[derive(Clone, Copy, Debug)]
pub struct Reporting {
    last: Instant,
    packets: usize,
    padding: Option<Instant>,
}

impl Reporting {
    /// As if one had been sent just now.
    pub const fn new(now: Instant) -> Self {
        Self {
            last: now,
            packets: 0,
            padding: None,
        }
    }

    /// A packet came; `padding` is whether it was nothing else.
    pub fn came(&mut self, padding: bool, now: Instant) {
        self.packets += 1;
        if padding {
            self.padding = Some(now);
        }
    }

    /// When the next report is to be sent.
    pub fn due(&self) -> Instant {
        let (soon, late) = (self.last + SHORTEST_INTERVAL, self.last + FEEDBACK_INTERVAL);
        match self.padding {
            _ if self.packets >= MANY => soon,
            Some(padding) => (padding + QUIET).clamp(soon, late),
            None => late,
        }
    }

    /// It was sent.
    pub fn reported(&mut self, now: Instant) {
        *self = Self::new(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn sound_alone_is_told_of_ten_times_a_second() {
        let start = Instant::now();
        let mut reporting = Reporting::new(start);
        for packet in 0..5 {
            reporting.came(false, start + millis(20 * packet));
        }
        assert_eq!(reporting.due(), start + FEEDBACK_INTERVAL);
    }

    #[test]
    fn many_packets_and_the_end_of_a_burst_are_told_of_at_once() {
        let start = Instant::now();
        let mut reporting = Reporting::new(start);
        for _ in 0..MANY {
            reporting.came(false, start + millis(3));
        }
        assert_eq!(reporting.due(), start + SHORTEST_INTERVAL);
        let then = start + millis(30);
        reporting.reported(then);
        for packet in 0..6 {
            reporting.came(true, then + millis(25 + packet));
        }
        assert_eq!(reporting.due(), then + millis(30) + QUIET);
    }

    proptest! {
        /// Whatever comes: not more often than the shortest interval, and not later than the longest.
        #[test]
        fn reports_keep_their_distance(packets in prop::collection::vec((0u64..60, any::<bool>()), 0..60)) {
            let start = Instant::now();
            let (mut now, mut last, mut reporting) = (start, start, Reporting::new(start));
            for (wait, padding) in packets {
                now += millis(wait);
                while reporting.due() <= now {
                    let due = reporting.due();
                    prop_assert!((SHORTEST_INTERVAL..=FEEDBACK_INTERVAL).contains(&(due - last)));
                    last = due;
                    reporting.reported(due);
                }
                reporting.came(padding, now);
            }
        }
    }
}
