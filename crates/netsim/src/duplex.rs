//! Both directions of a path between two ends, from one seed.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::link::{Link, Stats};

/// An end of a [`Duplex`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// One end.
    A,
    /// The other end.
    B,
}

impl Side {
    /// The end across.
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Two links in opposite directions, with independent dice from one seed.
#[derive(Clone, Debug)]
pub struct Duplex<T> {
    from_a: Link<T>,
    from_b: Link<T>,
}

impl<T> Duplex<T> {
    /// Two links with nothing in them.
    pub fn new(a_to_b: Config, b_to_a: Config, seed: u64) -> Self {
        Self {
            from_a: Link::on_lane(a_to_b, seed, 0),
            from_b: Link::on_lane(b_to_a, seed, 1),
        }
    }

    /// The same conditions both ways.
    pub fn symmetric(config: Config, seed: u64) -> Self {
        Self::new(config, config, seed)
    }

    /// The link that carries what `side` sends.
    pub fn link(&self, side: Side) -> &Link<T> {
        match side {
            Side::A => &self.from_a,
            Side::B => &self.from_b,
        }
    }

    /// The link that carries what `side` sends, to change its conditions.
    pub fn link_mut(&mut self, side: Side) -> &mut Link<T> {
        match side {
            Side::A => &mut self.from_a,
            Side::B => &mut self.from_b,
        }
    }

    /// `from` sends a packet of `bytes` to the other side.
    pub fn send(&mut self, from: Side, packet: T, bytes: usize, now: Instant)
    where
        T: Clone,
    {
        self.link_mut(from).send(packet, bytes, now);
    }

    /// The next packet that has arrived by `now`, and the side it arrived at. Both directions in order of arrival.
    pub fn poll(&mut self, now: Instant) -> Option<(Side, T)> {
        let sender = match (self.from_a.next_timeout(), self.from_b.next_timeout()) {
            (Some(a), Some(b)) if b < a => Side::B,
            (Some(_), _) => Side::A,
            (None, _) => Side::B,
        };
        Some((sender.other(), self.link_mut(sender).poll(now)?))
    }

    /// When the next packet arrives at either side.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.from_a
            .next_timeout()
            .into_iter()
            .chain(self.from_b.next_timeout())
            .min()
    }

    /// Counters of what `side` sent.
    pub fn stats(&self, side: Side) -> Stats {
        self.link(side).stats()
    }
}
