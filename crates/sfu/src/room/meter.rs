//! What a stream costs, in bit/s, over about a second.

/// Length of a measurement, in microseconds.
const WINDOW: u64 = 500_000;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    bytes: u64,
    since: u64,
    rate: u64,
    newest: Option<u64>,
}

impl Meter {
    pub(crate) fn add(&mut self, now: u64, bytes: usize) {
        if self.newest.is_none() {
            self.since = now;
        }
        let elapsed = now - self.since;
        if elapsed >= WINDOW {
            let rate = self.bytes * 8_000_000 / elapsed;
            self.rate = if self.rate == 0 {
                rate
            } else {
                (self.rate + rate) / 2
            };
            (self.bytes, self.since) = (0, now);
        }
        self.bytes += bytes as u64;
        self.newest = Some(now);
    }

    /// In bit/s; 0 until a window is full.
    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }

    /// How long ago the newest packet came, in microseconds; `None` if none ever did.
    pub(crate) fn silent_for(&self, now: u64) -> Option<u64> {
        self.newest.map(|newest| now.saturating_sub(newest))
    }
}
