//! What a link does to packets, as plain data: built by chained constants, carried as JSON.
//!
//! It refuses to know how a packet is delayed or dropped: that is `impairment` and `link`. Durations are
//! milliseconds in JSON, probabilities are 0 to 1; a probability outside that range acts as the nearer end.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One direction of a path.
///
/// A packet meets, in this order: the queue and rate of the bottleneck, loss, then propagation (delay, jitter,
/// spikes, reordering) and duplication. So a packet that is lost has still used the bottleneck, as on a radio link.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Propagation delay every packet has, one way.
    #[serde(rename = "delay_ms", with = "milliseconds")]
    pub delay: Duration,
    /// Variation of the delay from packet to packet.
    pub jitter: Jitter,
    /// Which packets never arrive.
    pub loss: Loss,
    /// Which packets may overtake others.
    pub order: Order,
    /// Probability that a packet arrives twice.
    pub duplicate: f64,
    /// Bottleneck; `None` is infinitely fast.
    pub rate: Option<Rate>,
    /// Stalls of the whole link.
    pub spikes: Spikes,
}

/// Per-packet variation of the delay. The total delay of a packet is never below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Jitter {
    /// Every packet takes the same time.
    #[default]
    None,
    /// Gaussian around the delay.
    Normal {
        /// Standard deviation.
        #[serde(rename = "sd_ms", with = "milliseconds")]
        sd: Duration,
    },
    /// Anywhere within `spread` below or above the delay, equally likely.
    Uniform {
        /// Half the width.
        #[serde(rename = "spread_ms", with = "milliseconds")]
        spread: Duration,
    },
    /// Only ever later, rarely much later: a Pareto tail that starts at zero (Lomax distribution), as measured
    /// on Wi-Fi and mobile links.
    Pareto {
        /// Mean of the added delay before the cut at `max`.
        #[serde(rename = "mean_ms", with = "milliseconds")]
        mean: Duration,
        /// Tail exponent, above 1: smaller is heavier. 3 has a finite variance just so.
        shape: f64,
        /// Nothing is delayed by more than this.
        #[serde(rename = "max_ms", with = "milliseconds")]
        max: Duration,
    },
}

/// Which packets never arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Loss {
    /// All arrive.
    #[default]
    None,
    /// Each is lost with the same probability, independently.
    Uniform {
        /// Probability of loss.
        probability: f64,
    },
    /// Two-state Markov chain (Gilbert 1960, Elliott 1963): losses come in bursts. The chain steps once a packet.
    GilbertElliott {
        /// Probability to step from the good to the bad state.
        to_bad: f64,
        /// Probability to step from the bad to the good state. Mean stay in the bad state is `1 / to_good` packets.
        to_good: f64,
        /// Probability of loss while good (0 in Gilbert's simple model).
        loss_in_good: f64,
        /// Probability of loss while bad (1 in Gilbert's simple model).
        loss_in_bad: f64,
    },
}

/// Which packets may overtake others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Order {
    /// Each packet takes its own time, so jitter reorders.
    #[default]
    Natural,
    /// First in, first out: a packet waits for those sent before it, as behind one queue.
    Kept,
    /// First in, first out, except that some packets take a longer way and are overtaken.
    HeldBack {
        /// Probability that a packet is held back.
        probability: f64,
        /// For how long.
        #[serde(rename = "by_ms", with = "milliseconds")]
        by: Duration,
    },
}

/// Bottleneck: packets leave one after the other at `bits_per_second`, and wait in `queue` for their turn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Bits a second, of what the caller declares as a packet's size.
    pub bits_per_second: NonZeroU64,
    /// How much may wait; what finds it full is dropped (tail drop).
    pub queue: Queue,
}

/// Size of the queue before the bottleneck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "limit")]
pub enum Queue {
    /// At most this many bytes, the packet in transmission not counted.
    Bytes {
        /// Bytes.
        bytes: u64,
    },
    /// A packet that would wait longer than this before its transmission begins is dropped.
    Time {
        /// Longest wait.
        #[serde(rename = "wait_ms", with = "milliseconds")]
        wait: Duration,
    },
}

/// Stalls: for `height` nothing gets through, then all that was held arrives at once, in order. What a Wi-Fi
/// scan or a mobile handover looks like from outside: the delay jumps by `height` and falls back at one second a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Spikes {
    /// Never.
    #[default]
    None,
    /// At regular times; the first comes one period after the first packet.
    Periodic {
        /// From one start to the next.
        #[serde(rename = "every_ms", with = "milliseconds")]
        every: Duration,
        /// Length of the stall.
        #[serde(rename = "height_ms", with = "milliseconds")]
        height: Duration,
    },
    /// At random times (a Poisson process), each of random length up to `height`.
    Random {
        /// Mean time from the end of one stall to the start of the next.
        #[serde(rename = "every_ms", with = "milliseconds")]
        every: Duration,
        /// Longest stall.
        #[serde(rename = "height_ms", with = "milliseconds")]
        height: Duration,
    },
}

impl Config {
    /// A perfect wire: no delay, nothing lost.
    pub const IDEAL: Self = Self {
        delay: Duration::ZERO,
        jitter: Jitter::None,
        loss: Loss::None,
        order: Order::Natural,
        duplicate: 0.0,
        rate: None,
        spikes: Spikes::None,
    };

    /// Sets the propagation delay, one way.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets the variation of the delay.
    #[must_use]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets which packets are lost.
    #[must_use]
    pub const fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Sets which packets may overtake others.
    #[must_use]
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// First in, first out.
    #[must_use]
    pub const fn keep_order(self) -> Self {
        self.order(Order::Kept)
    }

    /// Sets the probability that a packet arrives twice.
    #[must_use]
    pub const fn duplicate(mut self, probability: f64) -> Self {
        self.duplicate = probability;
        self
    }

    /// Sets the bottleneck.
    #[must_use]
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Sets the stalls.
    #[must_use]
    pub const fn spikes(mut self, spikes: Spikes) -> Self {
        self.spikes = spikes;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::IDEAL
    }
}

impl Jitter {
    /// Gaussian with standard deviation `sd`.
    pub const fn normal(sd: Duration) -> Self {
        Self::Normal { sd }
    }

    /// Equally likely within `spread` either way.
    pub const fn uniform(spread: Duration) -> Self {
        Self::Uniform { spread }
    }

    /// Pareto tail of the given mean and exponent, cut at `max`.
    pub const fn pareto(mean: Duration, shape: f64, max: Duration) -> Self {
        Self::Pareto { mean, shape, max }
    }
}

impl Loss {
    /// Independent loss.
    pub const fn uniform(probability: f64) -> Self {
        Self::Uniform { probability }
    }

    /// Gilbert's simple model from what one measures: the share of packets lost and the mean number lost in a row.
    ///
    /// A share `p` cannot go with bursts shorter than `p / (1 - p)` or than one packet; the burst is then as
    /// short as it can be and the share stays exact. A share of 1 or more loses all.
    pub const fn bursts(share: f64, mean_burst: f64) -> Self {
        if share >= 1.0 {
            return Self::Uniform { probability: 1.0 };
        }
        let share = share.max(0.0);
        let odds = share / (1.0 - share);
        let to_good = 1.0 / mean_burst.max(odds).max(1.0);
        Self::GilbertElliott {
            to_bad: to_good * odds,
            to_good,
            loss_in_good: 0.0,
            loss_in_bad: 1.0,
        }
    }

    /// Share of packets lost in the long run.
    pub fn ratio(&self) -> f64 {
        match *self {
            Self::None => 0.0,
            Self::Uniform { probability } => probability.clamp(0.0, 1.0),
            Self::GilbertElliott {
                to_bad,
                to_good,
                loss_in_good,
                loss_in_bad,
            } => {
                let bad = crate::impairment::share_of_bad(to_bad, to_good);
                bad * loss_in_bad.clamp(0.0, 1.0) + (1.0 - bad) * loss_in_good.clamp(0.0, 1.0)
            }
        }
    }
}

impl Rate {
    /// A bottleneck of `bits_per_second` (0 counts as 1) before which a packet waits at most `wait`.
    pub const fn new(bits_per_second: u64, wait: Duration) -> Self {
        Self {
            bits_per_second: at_least_one(bits_per_second),
            queue: Queue::Time { wait },
        }
    }

    /// A bottleneck of `bits_per_second` (0 counts as 1) with a queue of `bytes`.
    pub const fn with_queue_bytes(bits_per_second: u64, bytes: u64) -> Self {
        Self {
            bits_per_second: at_least_one(bits_per_second),
            queue: Queue::Bytes { bytes },
        }
    }

    /// Time `bytes` take on the wire.
    pub fn transmission(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(self.bits_per_second.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

const fn at_least_one(value: u64) -> NonZeroU64 {
    match NonZeroU64::new(value) {
        Some(value) => value,
        None => NonZeroU64::MIN,
    }
}

/// Durations as milliseconds, fractions allowed.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_nanos() as f64 / 1e6)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let milliseconds = f64::deserialize(deserializer)?;
        let seconds = Duration::try_from_secs_f64(milliseconds / 1e3).map_err(de::Error::custom)?;
        // Through f64 and back, whole microseconds must stay whole.
        Ok(Duration::from_nanos((seconds.as_nanos() as f64).round() as u64))
    }
}
