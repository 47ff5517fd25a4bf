//! Finding out whether a path carries more than is sent, where layers are held back: a short burst of padding comes as
//! far apart as the narrowest link takes for it.

use std::time::{Duration, Instant};

use super::history::Came;

/// Bytes of a packet of padding, with what protects it.
pub(crate) const PROBE: usize = 300;

/// Length of a burst at the rate that is known, which is how long others wait for it at most.
const BURST: Duration = Duration::from_millis(40);

/// Fewest and most packets of a burst.
const FEWEST: u64 = 5;
const MOST: u64 = 40;

/// Wait before the first burst, after one that found something, and most after those that found nothing.
const PATIENCE: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(300);
const LONGEST: Duration = Duration::from_secs(2);

/// Longest wait where what was found did not last.
const WARY: Duration = Duration::from_secs(16);

/// A queue that comes back later than this has nothing to do with a burst.
const VERDICT: Duration = Duration::from_secs(5);

/// For so long after its beginning, delays may be those of a burst.
const DISTURBS: Duration = Duration::from_millis(500);

/// Packets of a burst that did not come by then are lost.
const ANSWER: Duration = Duration::from_secs(1);

/// Share of what was found that is believed, in hundredths, and most times as much as before: bursts find too much where
/// a link collects packets before it sends them.
const CAREFUL: u64 = 90;
const STEP: u64 = 3;

/// The bursts of one path.
#[derive(Debug)]
pub(super) struct Probe {
    due: Instant,
    patience: Duration,
    raised: Option<Instant>,
    started: Option<Instant>,
    burst: Option<Burst>,
}

#[derive(Debug)]
struct Burst {
    packets: u64,
    until: Instant,
    came: u64,
    /// Of all but the first.
    bytes: u64,
    first: f64,
    last: f64,
}

impl Probe {
    pub const fn new(now: Instant) -> Self {
        Self {
            due: now,
            patience: PATIENCE,
            raised: None,
            started: None,
            burst: None,
        }
    }

    /// Packets to send now, where `limit` bit/s are known.
    pub fn start(&mut self, now: Instant, limit: u64) -> u64 {
        if self.due > now || self.burst.is_some() {
            return 0;
        }
        let packets = limit * BURST.as_millis() as u64 / 8_000 / PROBE as u64;
        let packets = packets.clamp(FEWEST, MOST);
        self.started = Some(now);
        self.burst = Some(Burst {
            packets,
            until: now + ANSWER,
            came: 0,
            bytes: 0,
            first: 0.0,
            last: 0.0,
        });
        packets
    }

    /// Whether delays may be its own doing.
    pub fn disturbs(&self, now: Instant) -> bool {
        self.started
            .is_some_and(|started| now.saturating_duration_since(started) < DISTURBS)
    }

    /// A packet came.
    pub fn packet(&mut self, packet: &Came) {
        let Some(burst) = self.burst.as_mut().filter(|_| packet.probe) else {
            return;
        };
        if burst.came == 0 {
            (burst.first, burst.last) = (packet.came, packet.came);
        } else {
            burst.bytes += u64::from(packet.bytes);
        }
        burst.last = burst.last.max(packet.came);
        burst.came += 1;
    }

    /// What may be sent by a burst that has ended, where that is more than `limit`.
    pub fn result(&mut self, now: Instant, limit: u64) -> Option<u64> {
        let ended = |burst: &mut Burst| burst.came >= burst.packets || burst.until <= now;
        let burst = self.burst.take_if(ended)?;
        // Nothing is told more exactly than in quarters of a millisecond.
        let span = (burst.last - burst.first).max(0.25);
        let rate = (burst.bytes as f64 * 8_000.0 / span) as u64 / 100 * CAREFUL;
        if burst.came * 5 < burst.packets * 4 || rate <= limit {
            self.due = now + self.patience;
            self.patience = self.patience.max((self.patience * 2).min(LONGEST));
            return None;
        }
        self.due = now + AGAIN;
        self.raised = Some(now);
        Some(rate.min(limit * STEP))
    }

    /// The path is full.
    pub fn failed(&mut self, now: Instant) {
        self.burst = None;
        self.patience = match self.raised.take() {
            Some(raised) if now.saturating_duration_since(raised) < VERDICT => (self.patience * 2).min(WARY),
            _ => PATIENCE,
        };
        self.due = now + self.patience;
    }
}
