//! The mechanisms with a memory or a distribution: loss, jitter, spikes.
//!
//! Each takes its configuration on every call, so conditions may change between two packets. None of them knows
//! packets or queues.

use std::time::{Duration, Instant};

use crate::config::{Jitter, Loss, Spikes};
use crate::dice::Dice;

/// Nothing takes longer than this, so that no configuration can overflow the clock.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// `instant` moved by `duration`, the latter cut to a day.
pub(crate) fn later(instant: Instant, duration: Duration) -> Instant {
    instant + duration.min(LONGEST)
}

/// Share of time a two-state chain spends in the bad state (its stationary distribution).
pub(crate) fn share_of_bad(to_bad: f64, to_good: f64) -> f64 {
    let (to_bad, to_good) = (to_bad.clamp(0.0, 1.0), to_good.clamp(0.0, 1.0));
    if to_bad + to_good > 0.0 {
        to_bad / (to_bad + to_good)
    } else {
        0.0
    }
}

/// State of the loss model.
#[derive(Clone, Debug, Default)]
pub(crate) struct LossChain {
    /// `None` before the first packet: the start is drawn from the stationary distribution, so that short runs
    /// lose their fair share too.
    bad: Option<bool>,
}

impl LossChain {
    /// Whether the next packet is lost.
    pub(crate) fn lost(&mut self, loss: &Loss, dice: &mut Dice) -> bool {
        // Two draws a packet in every model.
        let (fate, step) = (dice.unit(), dice.unit());
        match *loss {
            Loss::None => false,
            Loss::Uniform { probability } => fate < probability,
            Loss::GilbertElliott {
                to_bad,
                to_good,
                loss_in_good,
                loss_in_bad,
            } => {
                let bad = match self.bad {
                    None => step < share_of_bad(to_bad, to_good),
                    Some(true) => step >= to_good,
                    Some(false) => step < to_bad,
                };
                self.bad = Some(bad);
                fate < if bad { loss_in_bad } else { loss_in_good }
            }
        }
    }
}

/// Seconds to add to the delay; negative where the distribution is symmetric.
pub(crate) fn jitter(jitter: &Jitter, dice: &mut Dice) -> f64 {
    match *jitter {
        Jitter::None => 0.0,
        Jitter::Normal { sd } => sd.as_secs_f64() * dice.normal(),
        Jitter::Uniform { spread } => spread.as_secs_f64() * (2.0 * dice.unit() - 1.0),
        Jitter::Pareto { mean, shape, max } => {
            let shape = shape.max(1.01);
            let scale = mean.as_secs_f64() * (shape - 1.0);
            let tail = scale * ((1.0 - dice.unit()).powf(-1.0 / shape) - 1.0);
            tail.min(max.as_secs_f64())
        }
    }
}

/// Where the link is between stalls.
#[derive(Clone, Debug, Default)]
pub(crate) struct SpikeClock {
    /// Start and end of the current or next stall.
    stall: Option<(Instant, Instant)>,
}

impl SpikeClock {
    /// How much longer the link is stalled for a packet that comes at `now`. `now` must not go backwards.
    pub(crate) fn remaining(&mut self, spikes: &Spikes, now: Instant, dice: &mut Dice) -> Duration {
        let (every, height, random) = match *spikes {
            Spikes::None => {
                self.stall = None;
                return Duration::ZERO;
            }
            Spikes::Periodic { every, height } => (every, height, false),
            Spikes::Random { every, height } => (every, height, true),
        };
        // A period of zero would never let go.
        let every = every.clamp(Duration::from_millis(1), LONGEST);
        let height = height.min(LONGEST);
        let mut next_after = |start: Instant, end: Instant| {
            if random {
                let start = end + every.mul_f64(dice.exponential());
                (start, start + height.mul_f64(dice.unit()))
            } else {
                let start = (start + every).max(end);
                (start, start + height)
            }
        };
        let mut stall = self.stall.unwrap_or_else(|| next_after(now, now));
        while stall.1 <= now {
            stall = next_after(stall.0, stall.1);
        }
        self.stall = Some(stall);
        if stall.0 <= now {
            stall.1 - now
        } else {
            Duration::ZERO
        }
    }

    /// Forgets the schedule; the next packet starts a new one.
    pub(crate) fn reset(&mut self) {
        self.stall = None;
    }
}
