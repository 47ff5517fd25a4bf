//! The settings of the jitter buffer, and what more or less of each costs.

use std::time::Duration;

/// How a jitter buffer trades delay against holes. The defaults suit conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct JitterConfig {
    /// Smallest time between the fastest packet's arrival and its playout. More hides stalls of this machine's
    /// own threads; every millisecond of it is heard as delay.
    pub min_delay: Duration,
    /// Largest such time. What comes later is treated as lost, and never makes the delay grow. More saves speech
    /// on terrible networks and makes the talk half-duplex.
    pub max_delay: Duration,
    /// Delay of the first packet, while nothing is known about the network. More spares a jittery network a few
    /// holes in the first second; on a good one it is delay until it has been worked off.
    pub initial_delay: Duration,
    /// Share of the packets that shall arrive in time, 0 to 1. From 0.93 to 0.98 costs about 0.6 standard
    /// deviations of the network's delay. What really comes in time is one or two percent more, since sound is
    /// asked for in blocks of 10 ms.
    pub quantile: f32,
    /// Share of what was learned that is kept for each 20 ms of media, below 1. Closer to 1 is a steadier
    /// delay; less follows a changing network sooner and stretches more. 0.996 remembers 5 s: a quantile near the end
    /// of a shorter memory wanders, and 2.5 s cost 0.15 of PESQ-WB where the network's delay varies by 30 ms. 10 s
    /// gain as much again there, and cannot follow a clock that is off by 0.2 percent.
    pub forget_factor: f32,
    /// Added to the quantile, for the resolution of the estimate and of the waking threads.
    pub margin: Duration,
    /// Excess over the target that is jumped over at once, losing sound, instead of being worked off by playing
    /// faster.
    pub max_excess: Duration,
    /// Concealment starts to fade after this long: made-up speech gets less and less like what was said.
    pub fade_after: Duration,
    /// And is silent this much later.
    pub fade: Duration,
    /// Silence after which the stream counts as stopped.
    pub stop_after: Duration,
    /// Packets that can wait. The pool they come from needs at least this many.
    pub capacity: usize,
}

impl Default for JitterConfig {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(400),
            initial_delay: Duration::from_millis(2),
            quantile: 0.98,
            forget_factor: 0.996,
            margin: Duration::from_millis(1),
            max_excess: Duration::from_millis(250),
            fade_after: Duration::from_millis(100),
            fade: Duration::from_millis(150),
            stop_after: Duration::from_secs(2),
            capacity: 200,
        }
    }
}

/// Samples at 48 kHz in a duration, the unit of everything inside the buffer.
pub(super) fn samples(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos() * 6 / 125_000).unwrap_or(i64::MAX / 4)
}

/// Seconds in a number of samples at 48 kHz.
pub(super) fn seconds(samples: i64) -> f64 {
    samples as f64 / 48_000.0
}
