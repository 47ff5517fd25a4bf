//! Random numbers for one mechanism of one link.
//!
//! Every mechanism (loss, jitter, ...) has its own ChaCha stream of the same seed, and draws the same number of
//! values a packet whatever comes out. So with one seed, more loss does not change the jitter: experiments compare.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The mechanisms that draw.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mechanism {
    Loss,
    Jitter,
    Order,
    Duplicate,
    Spikes,
}

/// Mechanisms a link may grow to without its neighbour's streams moving.
const STREAMS_PER_LINK: u64 = 16;

#[derive(Clone, Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// `lane` tells the two directions of a duplex apart.
    pub(crate) fn new(seed: u64, lane: u64, mechanism: Mechanism) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(lane * STREAMS_PER_LINK + mechanism as u64);
        Self(rng)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// `true` with `probability`.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal, by the method of Box and Muller; the second value is thrown away to keep the draws even.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Exponential of mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }
}
