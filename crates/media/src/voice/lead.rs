//! When to make the next block ready for the speaker. Sans-IO.
//!
//! Every millisecond a block waits in the device's ring is a millisecond of delay, and every block that comes too
//! late is a hole. The lead is the head start a block gets: it grows at once when a hole was made and shrinks
//! slowly while all goes well.

use std::time::{Duration, Instant};

/// Smallest head start: wake-up of a thread and one decode. Less saves delay and costs holes on a busy machine.
const MIN: Duration = Duration::from_micros(1500);
/// Largest head start. A device that needs more is broken in another way.
const MAX: Duration = Duration::from_millis(60);
/// Added after a hole. Less makes a second hole likelier, more is delay for one stumble of the machine.
const STEP: Duration = Duration::from_millis(2);
/// Taken back for every [`CALM`] without one.
const BACK: Duration = Duration::from_micros(500);
/// How long a calm time is. Shorter oscillates, longer keeps the delay of one bad second for minutes.
const CALM: Duration = Duration::from_secs(3);

/// Decides how early blocks are pulled.
#[derive(Clone, Debug)]
pub struct Lead {
    lead: Duration,
    underruns: u64,
    calm_since: Option<Instant>,
}

impl Default for Lead {
    fn default() -> Self {
        Self {
            lead: MIN,
            underruns: 0,
            calm_since: None,
        }
    }
}

/// What the device's side looks like at one moment.
#[derive(Clone, Copy, Debug)]
pub struct RingState {
    /// Frames ready in the ring.
    pub ready: u32,
    /// Frames a callback takes.
    pub period: u32,
    /// When the last callback ran.
    pub last_callback: Instant,
    /// Frames per second of the device.
    pub rate: u32,
    /// Samples the device has missed so far.
    pub underruns: u64,
    /// Whether anything is played that could be missed.
    pub playing: bool,
}

impl Lead {
    /// The head start now.
    pub fn current(&self) -> Duration {
        self.lead
    }

    /// When the next block must be pulled: the moment before which the ring still covers the device, less the lead.
    pub fn next_pull(&mut self, ring: RingState, now: Instant) -> Instant {
        self.learn(ring.underruns, ring.playing, now);
        let period = ring.period.max(1);
        // Whole callbacks that can be served from what is ready.
        let covered = ring.ready / period;
        let until = frames(u64::from(covered + 1) * u64::from(period), ring.rate);
        (ring.last_callback + until).checked_sub(self.lead).unwrap_or(now)
    }

    fn learn(&mut self, underruns: u64, playing: bool, now: Instant) {
        let calm_since = *self.calm_since.get_or_insert(now);
        // Holes in silence, such as before the first block, teach nothing.
        if playing && underruns > self.underruns {
            self.lead = (self.lead + STEP).min(MAX);
            self.calm_since = Some(now);
        } else if now.saturating_duration_since(calm_since) >= CALM {
            self.lead = self.lead.saturating_sub(BACK).max(MIN);
            self.calm_since = Some(now);
        }
        self.underruns = underruns;
    }
}

/// Duration of `count` frames at `rate` Hz.
pub(super) fn frames(count: u64, rate: u32) -> Duration {
    Duration::from_nanos(count * 1_000_000_000 / u64::from(rate.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(ready: u32, period: u32, last_callback: Instant, underruns: u64) -> RingState {
        RingState {
            ready,
            period,
            last_callback,
            rate: 48_000,
            underruns,
            playing: true,
        }
    }

    #[test]
    fn pulls_just_before_the_callback_that_would_find_too_little() {
        let start = Instant::now();
        let mut lead = Lead::default();
        // 10 ms ready, callbacks of 2.5 ms: four are covered, the fifth is not.
        let due = lead.next_pull(ring(480, 120, start, 0), start);
        assert_eq!(due - start, Duration::from_micros(12_500) - MIN);
        // Nothing ready: the next callback needs it.
        let due = lead.next_pull(ring(0, 480, start, 0), start);
        assert_eq!(due - start, Duration::from_millis(10) - MIN);
    }

    #[test]
    fn a_hole_widens_the_lead_and_calm_narrows_it() {
        let start = Instant::now();
        let mut lead = Lead::default();
        lead.next_pull(ring(0, 480, start, 0), start);
        lead.next_pull(ring(0, 480, start, 100), start);
        assert_eq!(lead.current(), MIN + STEP);
        let mut now = start;
        for _ in 0..200 {
            now += Duration::from_secs(1);
            lead.next_pull(ring(0, 480, now, 100), now);
        }
        assert_eq!(lead.current(), MIN);
    }
}
