//! Deadlines by key: what a sans-IO machine waits for. Knows no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// A set of deadlines, one per key.
#[derive(Debug)]
pub struct Timers<K> {
    by_key: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self {
            by_key: BTreeMap::new(),
            by_time: BTreeSet::new(),
        }
    }
}

impl<K: Copy + Ord> Timers<K> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the deadline of `key`, replacing an older one.
    pub fn set(&mut self, key: K, at: Instant) {
        self.cancel(key);
        self.by_key.insert(key, at);
        self.by_time.insert((at, key));
    }

    /// Sets the deadline of `key` unless it has one.
    pub fn set_if_unset(&mut self, key: K, at: Instant) {
        if !self.by_key.contains_key(&key) {
            self.set(key, at);
        }
    }

    /// Forgets the deadline of `key`.
    pub fn cancel(&mut self, key: K) {
        if let Some(at) = self.by_key.remove(&key) {
            self.by_time.remove(&(at, key));
        }
    }

    /// Forgets every deadline.
    pub fn clear(&mut self) {
        self.by_key.clear();
        self.by_time.clear();
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes one key whose deadline has come, earliest first.
    pub fn expired(&mut self, now: Instant) -> Option<K> {
        let (at, key) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.cancel(key);
        Some(key)
    }

    /// Whether nothing is waited for.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_key_has_one_deadline_and_fires_once() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut timers = Timers::new();
        timers.set(1, at(5));
        timers.set(2, at(3));
        timers.set(1, at(1));
        timers.set_if_unset(2, at(0));
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.expired(at(0)), None);
        assert_eq!(timers.expired(at(9)), Some(1));
        assert_eq!(timers.expired(at(9)), Some(2));
        assert_eq!(timers.expired(at(9)), None);
        assert!(timers.is_empty());
    }
}
