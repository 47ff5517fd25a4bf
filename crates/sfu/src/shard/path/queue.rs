//! How long packets wait on a path: each one's delay against the shortest of the last seconds, which is that of an empty
//! queue. It sees a path that suddenly carries a fraction long before a line through delays turns.

use super::history::Came;

/// Seconds for which the shortest delay is believed. A way that has become longer is a queue for so long.
const BELIEF: usize = 10;
/// A wait that hurts a voice behind it, in milliseconds.
const LONG: f64 = 80.0;
/// Packets sent over so many milliseconds have to wait that long, each longer than the first of them: less is a stall.
const LASTING: f64 = 20.0;

/// Follows waits.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    /// Shortest delay of each of the last seconds, in a ring.
    shortest: [f64; BELIEF],
    second: u64,
    wait: f64,
    /// When the first of those that wait long was sent, and how long it waited.
    long: Option<(f64, f64)>,
    grows: bool,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            shortest: [f64::INFINITY; BELIEF],
            second: 0,
            wait: 0.0,
            long: None,
            grows: false,
        }
    }
}

impl Waits {
    /// How long the newest packet waited, in milliseconds.
    pub fn wait(&self) -> f64 {
        self.wait
    }

    /// Whether packets wait long, and ever longer.
    pub fn is_growing(&self) -> bool {
        self.grows
    }

    /// Takes a packet that came.
    pub fn packet(&mut self, packet: &Came) {
        let (delay, second) = (packet.came - packet.sent, (packet.sent / 1_000.0) as u64);
        for passed in self.second + 1..=second.min(self.second + BELIEF as u64) {
            self.shortest[passed as usize % BELIEF] = f64::INFINITY;
        }
        if second > self.second + BELIEF as u64 {
            self.shortest = [f64::INFINITY; BELIEF];
        }
        self.second = self.second.max(second);
        let shortest = &mut self.shortest[second as usize % BELIEF];
        *shortest = shortest.min(delay);
        self.wait = delay - self.shortest.iter().copied().fold(delay, f64::min);
        if self.wait < LONG {
            self.long = None;
        } else if self.long.is_none() {
            self.long = Some((packet.sent, self.wait));
        }
        self.grows = self
            .long
            .is_some_and(|(since, wait)| packet.sent - since >= LASTING && self.wait > wait);
    }
}
