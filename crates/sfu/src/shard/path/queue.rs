//! How long packets wait on a path: each one's delay against the shortest of the last seconds, which is that of an empty
//! queue. It sees a path that suddenly carries a fraction long before a line through delays turns.

use super::history::Came;

/// Seconds for which the shortest delay is believed. A way that has become longer is a queue for so long.
const BELIEF: usize = 10;
/// A wait that hurts a voice behind it, in milliseconds.
const LONG: f64 = 80.0;
/// Packets sent over so many milliseconds have to wait that long, each longer than the first of them: less is a stall.
const LASTING: f64 = 20.0;

/// So many packets in a row, each of which waits longer than the one before and comes at a fraction of the rate at which
/// others came until now, show what the path carries from now on, where the last waits so long, in milliseconds. A large
/// picture alone comes as fast as ever, and what stood still comes all at once.
const RUN: u32 = 3;
const EARLY: f64 = 60.0;
const FRACTION: f64 = 0.5;

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
    /// When the newest packet came, and how many before it came ever later.
    came: f64,
    run: u32,
    collapsed: bool,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            shortest: [f64::INFINITY; BELIEF],
            second: 0,
            wait: 0.0,
            long: None,
            grows: false,
            came: 0.0,
            run: 0,
            collapsed: false,
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

    /// Whether the path suddenly carries a fraction of what it did, since this was last asked.
    pub fn take_collapse(&mut self) -> bool {
        std::mem::take(&mut self.collapsed)
    }

    /// Takes a packet that came. `delivered` is what came through until now, in bit/s.
    pub fn packet(&mut self, packet: &Came, delivered: f64) {
        let before = self.wait;
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
        let apart = packet.came - std::mem::replace(&mut self.came, packet.came);
        let slow = f64::from(packet.bytes) * 8_000.0 < apart * delivered * FRACTION;
        self.run = if slow && self.wait > before {
            self.run + 1
        } else {
            0
        };
        self.collapsed |= self.run >= RUN && self.wait >= EARLY;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of five packets each 33 ms, of which each packet comes so many milliseconds after the one before, from the
    /// tenth frame on; or all of that frame after `stall`.
    fn frames(apart: f64, stall: f64) -> Waits {
        let mut waits = Waits::default();
        let mut free: f64 = 0.0;
        for n in 0..60 {
            let (frame, slow) = (f64::from(n / 5), n >= 50);
            let sent = frame * 33.0;
            free = free.max(sent + if slow { stall } else { 0.0 }) + if slow { apart } else { 5.0 };
            let packet = Came {
                sent,
                came: free + 20.0,
                bytes: 1_200,
                probe: false,
            };
            waits.packet(&packet, 1_500_000.0);
        }
        waits
    }

    #[test]
    fn one_frame_shows_that_a_path_carries_a_fraction() {
        assert!(!frames(5.0, 0.0).take_collapse());
        assert!(frames(32.0, 0.0).take_collapse());
        // As fast as before, or nearly, however long it takes.
        assert!(!frames(10.0, 0.0).take_collapse());
        // What stood still comes all at once.
        assert!(!frames(0.5, 200.0).take_collapse());
    }
}
