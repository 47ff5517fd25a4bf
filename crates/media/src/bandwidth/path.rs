//! What the last packets tell of a path: how long its queue is, whether it grows, and what comes through.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Delivery;
use super::fit::{Fit, Rate, SURE};

/// Packets looked at, by when they left, in seconds. Shorter takes chance for a queue; longer lets the queue grow.
pub(super) const WINDOW: f64 = 0.4;
/// The same for a queue that grows fast.
pub(super) const SHORT_WINDOW: f64 = 0.1;
/// Most packets looked at: 10 ms frames, and some.
const MOST: usize = 64;
/// Fewest that say anything.
const FEWEST: usize = 3;
/// Seconds for which the shortest delay is believed to be that of an empty queue. A route that has become longer is a
/// queue for so long.
const BELIEF: usize = 10;
/// Packets over which the noise is a mean. Fewer, and chance makes it small.
const NOISE_MEMORY: f64 = 32.0;
/// A delay that changes by more, in seconds, is another clock.
const JUMP: f64 = 10.0;

#[derive(Clone, Copy, Debug)]
struct Seen {
    departed: f64,
    arrived: f64,
    bits: f64,
}

impl Seen {
    /// With an unknown constant in it: the two ends share no clock.
    fn delay(&self) -> f64 {
        self.arrived - self.departed
    }
}

/// What is seen now. Times are seconds, rates bit/s.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// What even the luckiest of the last packets waited.
    pub(super) standing: f64,
    /// By how much the queue certainly grows a second.
    pub(super) growth: f64,
    /// What came of it.
    pub(super) delivered: f64,
    /// Mean difference of delays from packet to packet that their sizes do not explain.
    pub(super) noise: f64,
    /// What the narrowest link carries.
    pub(super) rate: Option<Rate>,
}

/// The packets of a path.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    epoch: Option<Instant>,
    recent: VecDeque<Seen>,
    /// Shortest delay of each of the last seconds, and which second the last is.
    shortest: VecDeque<f64>,
    second: f64,
    noise: f64,
    last: Option<Seen>,
    fit: Fit,
}

impl Path {
    /// Takes in packets in the order they left. Those that did not come say nothing here.
    pub(super) fn note(&mut self, packets: &[Delivery]) {
        for packet in packets {
            let Some(arrived) = packet.arrived.map(|at| at.as_secs_f64()) else {
                continue;
            };
            let epoch = *self.epoch.get_or_insert(packet.departed);
            self.see(Seen {
                departed: packet.departed.saturating_duration_since(epoch).as_secs_f64(),
                arrived,
                bits: packet.bytes as f64 * 8.0,
            });
        }
    }

    fn see(&mut self, seen: Seen) {
        let delay = seen.delay();
        if let Some(last) = self.last.replace(seen) {
            let of_size = self.fit.rate().map_or(0.0, Rate::seconds_per_bit) * (seen.bits - last.bits);
            let step = (delay - last.delay() - of_size).abs();
            if step > JUMP {
                *self = Self {
                    epoch: self.epoch,
                    last: Some(seen),
                    ..Self::default()
                };
            } else {
                self.noise += (step - self.noise) / NOISE_MEMORY;
            }
        }
        if self.recent.len() == MOST {
            self.recent.pop_front();
        }
        self.recent.push_back(seen);
        while self
            .recent
            .front()
            .is_some_and(|first| first.departed < seen.departed - WINDOW)
        {
            self.recent.pop_front();
        }
        let second = seen.departed.floor();
        if self.shortest.is_empty() || second > self.second {
            self.second = second;
            if self.shortest.len() == BELIEF {
                self.shortest.pop_front();
            }
            self.shortest.push_back(delay);
        } else if let Some(shortest) = self.shortest.back_mut() {
            *shortest = shortest.min(delay);
        }
        self.fit.note(seen.bits, delay);
    }

    fn base(&self) -> f64 {
        self.shortest.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Believes from now on that what is waited belongs to the path.
    pub(super) fn accept_queue(&mut self) {
        let now = self.recent.iter().map(Seen::delay).fold(f64::INFINITY, f64::min);
        self.shortest.clear();
        if now.is_finite() {
            self.shortest.push_back(now);
        }
    }

    /// Begins to learn anew how thin the path is.
    pub(super) fn forget_rate(&mut self) {
        self.fit = Fit::default();
    }

    /// What the packets of the last seconds say together: of [`WINDOW`] at most.
    pub(super) fn view(&self, window: f64) -> Option<View> {
        let last = self.recent.back()?;
        let since = last.departed - window;
        let seen = || self.recent.iter().filter(|seen| seen.departed >= since);
        let first = seen().next()?;
        let span = last.arrived - first.arrived;
        let count = seen().count();
        if count < FEWEST || span <= 0.0 {
            return None;
        }
        let base = self.base();
        let mean = |of: fn(&Seen) -> f64| seen().map(of).sum::<f64>() / count as f64;
        let (at, delay) = (mean(|seen| seen.departed), mean(Seen::delay));
        let (mut both, mut times, mut delays, mut bits) = (0.0, 0.0, 0.0, -first.bits);
        let mut standing = f64::INFINITY;
        for seen in seen() {
            both += (seen.departed - at) * (seen.delay() - delay);
            times += (seen.departed - at).powi(2);
            delays += (seen.delay() - delay).powi(2);
            bits += seen.bits;
            standing = standing.min(seen.delay() - base);
        }
        if times <= 0.0 {
            return None;
        }
        let slope = both / times;
        let scatter = ((delays - slope * both) / (count as f64 - 2.0)).max(0.0);
        Some(View {
            standing,
            growth: slope - SURE * (scatter / times).sqrt(),
            delivered: bits / span,
            noise: self.noise,
            rate: self.fit.rate(),
        })
    }
}

/// What round trips say, one a second, where nothing is known of single packets.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundTrips {
    shortest: Option<f64>,
    last: Option<(f64, Instant)>,
}

/// The shortest round trip is forgotten at this rate a second, for a path that has become longer.
const LENGTHEN: f64 = 1.01;
/// Jitter reaches twice from its middle to where the shortest lies, and further for one report in a hundred.
const WANDER: f64 = 2.0;

impl RoundTrips {
    /// A report: its round trip and jitter, the share that was lost, and what was sent since the one before, in bit/s.
    pub(super) fn view(
        &mut self,
        round_trip: Duration,
        jitter: Duration,
        lost: f64,
        sent: f64,
        now: Instant,
    ) -> Option<View> {
        let round_trip = round_trip.as_secs_f64();
        let shortest = self
            .shortest
            .map_or(round_trip, |shortest| (shortest * LENGTHEN).min(round_trip));
        self.shortest = Some(shortest);
        let (before, at) = self.last.replace((round_trip, now))?;
        let elapsed = now.saturating_duration_since(at).as_secs_f64().max(0.1);
        let growth = (round_trip - before) / elapsed;
        Some(View {
            // The shorter of two, for one may be chance.
            standing: before.min(round_trip) - shortest,
            growth,
            delivered: sent * (1.0 - lost) / (1.0 + growth.clamp(0.0, 1.0)),
            noise: WANDER * jitter.as_secs_f64(),
            rate: None,
        })
    }
}
