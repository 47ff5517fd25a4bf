//! One direction of a path: packets in, packets out later, fewer, or in another order.
//!
//! It refuses to know clocks and sockets; `now` comes from the caller.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::config::{Config, Order, Queue, Rate};
use crate::dice::{Dice, Mechanism};
use crate::impairment::{LossChain, SpikeClock, jitter, later};

/// One direction of a path. See the crate's page for the contract.
#[derive(Clone, Debug)]
pub struct Link<T> {
    config: Config,
    blackout: bool,
    in_flight: BinaryHeap<Reverse<Flight<T>>>,
    /// Latest `now` seen.
    clock: Option<Instant>,
    /// When the bottleneck has sent all it holds.
    free_at: Option<Instant>,
    /// Latest arrival planned so far, for first in, first out.
    last_arrival: Option<Instant>,
    entered: u64,
    /// Highest number delivered, to count those that were overtaken.
    newest_delivered: Option<u64>,
    loss: LossChain,
    spikes: SpikeClock,
    dice: LinkDice,
    stats: Stats,
}

#[derive(Clone, Debug)]
struct LinkDice {
    loss: Dice,
    jitter: Dice,
    order: Dice,
    duplicate: Dice,
    spikes: Dice,
}

/// Counters of a link. At any time `sent + duplicated == delivered + lost + dropped + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Packets that entered.
    pub sent: u64,
    /// Bytes that entered.
    pub sent_bytes: u64,
    /// Packets that came out, duplicates included.
    pub delivered: u64,
    /// Bytes that came out, duplicates included.
    pub delivered_bytes: u64,
    /// Packets the loss model or a blackout took.
    pub lost: u64,
    /// Packets that found the queue full.
    pub dropped: u64,
    /// Extra copies made.
    pub duplicated: u64,
    /// Packets that came out after one that was sent later.
    pub reordered: u64,
    /// Packets still inside.
    pub queued: u64,
    /// Sum of the planned delays of all packets delivered.
    pub delay_sum: Duration,
    /// Longest planned delay of a packet delivered.
    pub delay_max: Duration,
}

impl Stats {
    /// Mean one-way delay of what was delivered.
    pub fn mean_delay(&self) -> Option<Duration> {
        let nanos = self
            .delay_sum
            .as_nanos()
            .checked_div(u128::from(self.delivered))?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

impl<T> Link<T> {
    /// A link with nothing in it. The same configuration, seed and calls give the same result, on every machine.
    pub fn new(config: Config, seed: u64) -> Self {
        Self::on_lane(config, seed, 0)
    }

    pub(crate) fn on_lane(config: Config, seed: u64, lane: u64) -> Self {
        let dice = |mechanism| Dice::new(seed, lane, mechanism);
        Self {
            config,
            blackout: false,
            in_flight: BinaryHeap::new(),
            clock: None,
            free_at: None,
            last_arrival: None,
            entered: 0,
            newest_delivered: None,
            loss: LossChain::default(),
            spikes: SpikeClock::default(),
            dice: LinkDice {
                loss: dice(Mechanism::Loss),
                jitter: dice(Mechanism::Jitter),
                order: dice(Mechanism::Order),
                duplicate: dice(Mechanism::Duplicate),
                spikes: dice(Mechanism::Spikes),
            },
            stats: Stats::default(),
        }
    }

    /// Puts a packet of `bytes` in. Count the headers in `bytes` when the rate is that of a wire.
    pub fn send(&mut self, packet: T, bytes: usize, now: Instant)
    where
        T: Clone,
    {
        self.enter(packet, bytes, now, |packet| Some(packet.clone()));
    }

    /// Like [`Link::send`] for packets that cannot be copied: they are never duplicated.
    pub fn send_unique(&mut self, packet: T, bytes: usize, now: Instant) {
        self.enter(packet, bytes, now, |_| None);
    }

    fn enter(&mut self, packet: T, bytes: usize, now: Instant, copy: impl FnOnce(&T) -> Option<T>) {
        let now = self.advance(now);
        let bytes = bytes as u64;
        let number = self.entered;
        self.entered += 1;
        self.stats.sent += 1;
        self.stats.sent_bytes = self.stats.sent_bytes.saturating_add(bytes);

        // Every die is thrown for every packet, so that no mechanism shifts another's sequence.
        let lost = self.loss.lost(&self.config.loss, &mut self.dice.loss);
        let jitters = [
            jitter(&self.config.jitter, &mut self.dice.jitter),
            jitter(&self.config.jitter, &mut self.dice.jitter),
        ];
        let orders = [self.dice.order.unit(), self.dice.order.unit()];
        let twice = self.dice.duplicate.chance(self.config.duplicate);
        let stalled = self
            .spikes
            .remaining(&self.config.spikes, now, &mut self.dice.spikes);

        let Some(left) = self.through_bottleneck(bytes, now) else {
            self.stats.dropped += 1;
            return;
        };
        if lost || self.blackout {
            self.stats.lost += 1;
            return;
        }
        let second = if twice { copy(&packet) } else { None };
        let flight = Flight {
            number,
            sent: now,
            bytes,
            arrival: now,
            packet,
        };
        // A packet still in the bottleneck when the stall ends is not held any more.
        let released = left.max(later(now, stalled));
        self.launch(flight, released, jitters[0], orders[0]);
        if let Some(packet) = second {
            self.stats.duplicated += 1;
            let flight = Flight {
                number,
                sent: now,
                bytes,
                arrival: now,
                packet,
            };
            self.launch(flight, released, jitters[1], orders[1]);
        }
    }

    /// When the packet has left the bottleneck, or `None` when the queue was full.
    fn through_bottleneck(&mut self, bytes: u64, now: Instant) -> Option<Instant> {
        let Some(rate) = self.config.rate else {
            return Some(now);
        };
        let start = self.free_at.map_or(now, |free_at| free_at.max(now));
        let waiting = start - now;
        let fits = match rate.queue {
            Queue::Time { wait } => waiting <= wait,
            // What is being sent is at most one packet of this size: an idle link takes any packet.
            Queue::Bytes { bytes: limit } => waiting.is_zero() || backlog(&rate, waiting) <= limit as f64,
        };
        if !fits {
            return None;
        }
        let left = later(start, rate.transmission(bytes));
        self.free_at = Some(left);
        Some(left)
    }

    /// Plans the arrival of a packet that has passed everything that could drop it.
    fn launch(&mut self, mut flight: Flight<T>, released: Instant, jitter: f64, order: f64) {
        let travel =
            Duration::try_from_secs_f64(self.config.delay.as_secs_f64() + jitter).unwrap_or(Duration::ZERO);
        let own = later(released, travel);
        let after_others = self.last_arrival.map_or(own, |last| last.max(own));
        flight.arrival = match self.config.order {
            Order::Natural => own,
            Order::Kept => after_others,
            Order::HeldBack { probability, by } if order < probability => {
                // Its place in the line is not taken: those behind it go past.
                self.in_flight.push(Reverse(Flight {
                    arrival: later(after_others, by),
                    ..flight
                }));
                return;
            }
            Order::HeldBack { .. } => after_others,
        };
        self.last_arrival = Some(after_others);
        self.in_flight.push(Reverse(flight));
    }

    /// The next packet that has arrived by `now`, in order of arrival.
    pub fn poll(&mut self, now: Instant) -> Option<T> {
        let now = self.advance(now);
        if self.in_flight.peek()?.0.arrival > now {
            return None;
        }
        let Reverse(flight) = self.in_flight.pop()?;
        let delay = flight.arrival - flight.sent;
        self.stats.delivered += 1;
        self.stats.delivered_bytes = self.stats.delivered_bytes.saturating_add(flight.bytes);
        self.stats.delay_sum += delay;
        self.stats.delay_max = self.stats.delay_max.max(delay);
        if self.newest_delivered.is_some_and(|newest| newest > flight.number) {
            self.stats.reordered += 1;
        } else {
            self.newest_delivered = Some(flight.number);
        }
        Some(flight.packet)
    }

    /// When the next packet arrives; `None` when nothing is inside.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.in_flight.peek().map(|Reverse(flight)| flight.arrival)
    }

    /// Counters up to now.
    pub fn stats(&self) -> Stats {
        Stats {
            queued: self.in_flight.len() as u64,
            ..self.stats
        }
    }

    /// Conditions in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes the conditions for the packets sent from here on. What is inside keeps its arrival.
    pub fn set_config(&mut self, config: Config) {
        if config.spikes != self.config.spikes {
            self.spikes.reset();
        }
        self.config = config;
    }

    /// While on, everything sent is lost. What is inside still arrives.
    pub fn set_blackout(&mut self, on: bool) {
        self.blackout = on;
    }

    /// Time as this link knows it: never backwards.
    fn advance(&mut self, now: Instant) -> Instant {
        let now = self.clock.map_or(now, |clock| clock.max(now));
        self.clock = Some(now);
        now
    }
}

/// Bytes that the bottleneck sends in `time`.
fn backlog(rate: &Rate, time: Duration) -> f64 {
    time.as_secs_f64() * rate.bits_per_second.get() as f64 / 8.0
}

/// A packet on its way. Ordered by arrival, then by the order of sending.
#[derive(Clone, Debug)]
struct Flight<T> {
    number: u64,
    sent: Instant,
    arrival: Instant,
    bytes: u64,
    packet: T,
}

impl<T> Flight<T> {
    fn key(&self) -> (Instant, u64) {
        (self.arrival, self.number)
    }
}

impl<T> PartialEq for Flight<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Flight<T> {}

impl<T> PartialOrd for Flight<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Flight<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
