//! What a receiver's path carries. There is no limit until the path has been full once: delays grow, as the receiver's
//! feedback on single packets shows, or packets get lost (draft-ietf-rmcat-gcc-02). Then it is what came through, and
//! grows again, by bursts of padding where layers are held back. A receiver without such feedback estimates itself
//! (REMB), about one and a half times what comes, so that only a figure that falls says anything.

mod history;
mod probe;
mod queue;
#[cfg(test)]
mod tests;
mod trend;

use std::time::{Duration, Instant};

use self::history::History;
use self::probe::Probe;
use self::queue::Waits;
use self::trend::{Trend, Usage};

use crate::rtp::ReportBlock;

pub(super) use self::probe::PROBE;

/// The rate is taken over this long at least, and a limit grows so often.
const WINDOW: Duration = Duration::from_secs(1);

/// An estimate that falls below this share of the last one says that packets queue, in hundredths.
const FALL: u64 = 97;

/// And it is about as much as is sent, in hundredths; else it falls for another reason.
const NEAR: u64 = 120;

/// Loss from which on the path is full, in hundredths: below, it is that of the air.
const LOSS: u64 = 10;

/// Packets over which loss is taken. Fewer tell sooner, and more often the wrong thing.
const SAMPLE: u64 = 100;

/// Growth of the limit, in hundredths. More finds room sooner, and overshoots further.
const GROWTH: u64 = 108;

/// Limits that nobody goes below or above, in bit/s.
const LEAST: u64 = 100_000;
const PLENTY: u64 = 100_000_000;

/// What the limit grows by beside, in bit/s.
const STEP: u64 = 20_000;

/// Most that the limit grows to by itself, of what comes through, in hundredths (section 5.5).
const BEYOND: u64 = 150;

/// Share of what comes through that is sent while a queue drains, in hundredths (section 5.5).
const DRAIN: u64 = 85;

/// Between two steps down: what the first did shows only then.
const PAUSE: Duration = Duration::from_millis(300);

/// A queue as long as this is drained at once.
const LONG: Duration = Duration::from_millis(120);

/// What comes through is taken over this, in milliseconds.
const MEMORY: f64 = 150.0;

/// The path to one receiver.
#[derive(Debug)]
pub(super) struct Path {
    limit: Option<u64>,
    /// The receiver's last.
    estimate: u64,
    bytes: u64,
    since: Instant,
    /// Bits in a second, of the last whole window.
    rate: u64,
    lowered: Instant,
    /// The last one of each picture.
    reports: Vec<ReportBlock>,
    expected: u64,
    lost: u64,
    history: History,
    trend: Trend,
    waits: Waits,
    /// While a queue drains: until when at the latest.
    draining: Option<Instant>,
    probe: Probe,
    /// What comes through, in bit/s, and the newest arrival, in milliseconds.
    delivered: f64,
    newest: Option<f64>,
    told: u64,
}

impl Path {
    pub fn new(now: Instant) -> Self {
        Self {
            limit: None,
            estimate: 0,
            bytes: 0,
            since: now,
            rate: 0,
            lowered: now,
            reports: Vec::new(),
            expected: 0,
            lost: 0,
            history: History::new(now),
            trend: Trend::default(),
            waits: Waits::default(),
            draining: None,
            probe: Probe::new(now),
            delivered: 0.0,
            newest: None,
            told: 0,
        }
    }

    /// Numbers a packet that is sent, of so many bytes.
    pub fn sent(&mut self, now: Instant, bytes: usize) -> u16 {
        self.history.sent(now, bytes, false)
    }

    /// Packets that came, as feedback on single packets says.
    pub const fn told(&self) -> u64 {
        self.told
    }

    /// The limit, in bit/s.
    pub const fn available(&self) -> Option<u64> {
        self.limit
    }

    /// Takes feedback on single packets, from its sender's source on. Gives the limit where it has changed.
    pub fn feedback(&mut self, now: Instant, body: &[u8]) -> Option<u64> {
        let (trend, waits, probe) = (&mut self.trend, &mut self.waits, &mut self.probe);
        let (mut bytes, mut newest, mut told) = (0, self.newest, 0);
        let delivered = self.delivered;
        self.history.feedback(now, body, |packet| {
            told += 1;
            trend.packet(&packet);
            waits.packet(&packet, delivered);
            probe.packet(&packet);
            bytes += packet.bytes;
            newest = newest
                .filter(|newest| *newest > packet.came)
                .or(Some(packet.came));
        });
        if let Some(span) = newest.zip(self.newest).map(|(newest, before)| newest - before)
            && span > 0.0
        {
            let rate = f64::from(bytes) * 8_000.0 / span;
            self.delivered += (rate - self.delivered) * (span / MEMORY).min(1.0);
        }
        self.newest = newest;
        self.told += told;
        let before = self.limit;
        let rested = before.is_none() || now.saturating_duration_since(self.lowered) >= PAUSE;
        let trending = trend.usage() == Usage::Over && !probe.disturbs(now);
        let collapsed = waits.take_collapse();
        let full = trending || waits.is_growing() || collapsed;
        if full && rested {
            self.lower(now, collapsed);
        } else if let Some(until) = self.draining {
            self.drained(now, until);
        } else if let Some(limit) = before
            && let Some(more) = self.probe.result(now, limit)
        {
            self.limit = Some(more.min(PLENTY));
        }
        self.limit.filter(|_| self.limit != before)
    }

    /// The path is full: less than comes through is sent, and no pictures at all where voices wait long behind them.
    fn lower(&mut self, now: Instant, collapsed: bool) {
        let wait = Duration::from_secs_f64(self.waits.wait().clamp(0.0, 10_000.0) / 1_000.0);
        let rate = (self.delivered as u64 / 100 * DRAIN).max(LEAST);
        self.limit = if wait >= LONG || collapsed {
            self.draining = Some(now + wait + PAUSE);
            Some(LEAST)
        } else {
            Some(self.limit.map_or(rate, |before| before.min(rate)))
        };
        self.lowered = now;
        self.probe.failed(now);
    }

    /// Ends the pause when everything has come, or should have.
    fn drained(&mut self, now: Instant, until: Instant) {
        if self.history.is_empty() || until <= now {
            self.draining = None;
            // What came while the queue was full is what the path carries.
            self.limit = Some((self.delivered as u64 / 100 * DRAIN).max(LEAST));
            self.lowered = now;
            self.probe.failed(now);
        }
    }

    /// Packets of padding to send now, where layers are held back: none while a queue drains.
    pub fn probe(&mut self, now: Instant) -> u64 {
        let calm = self.draining.is_none() && self.trend.usage() == Usage::Normal && self.newest.is_some();
        match self.limit {
            Some(limit) if calm => self.probe.start(now, limit),
            _ => 0,
        }
    }

    /// Numbers a packet of padding.
    pub fn probed(&mut self, now: Instant, bytes: usize) -> u16 {
        self.history.sent(now, bytes, true)
    }

    /// Takes the receiver's estimate in bit/s.
    pub fn estimate(&mut self, now: Instant, estimate: u64) {
        let fell = estimate < self.estimate / 100 * FALL;
        self.estimate = estimate;
        if fell && estimate < self.rate / 100 * NEAR {
            self.limit = Some(estimate.max(LEAST));
            self.lowered = now;
        }
    }

    /// Takes a report on a picture.
    pub fn report(&mut self, now: Instant, block: &ReportBlock) {
        let Some(last) = self.reports.iter_mut().find(|last| last.ssrc == block.ssrc) else {
            self.reports.push(*block);
            return;
        };
        let expected = block.highest.wrapping_sub(last.highest);
        // More than could have been sent between two reports is a source that begins anew, or a lie.
        if expected < 1 << 15 {
            self.expected += u64::from(expected);
            self.lost += u64::try_from(block.lost - last.lost).unwrap_or(0);
        }
        *last = *block;
        if self.expected < SAMPLE {
            return;
        }
        let share = (self.lost * 100 / self.expected).min(100);
        (self.expected, self.lost) = (0, 0);
        if share >= LOSS {
            self.limit = Some((self.rate / 200 * (200 - share)).max(LEAST));
            self.lowered = now;
        }
    }

    /// The bytes sent so far; to be told every now and then. Gives the limit to keep to, once the path has ever been
    /// full.
    pub fn limit(&mut self, now: Instant, bytes: u64) -> Option<u64> {
        if let Some(until) = self.draining {
            self.drained(now, until);
        }
        let passed = now.saturating_duration_since(self.since);
        if passed >= WINDOW {
            let bits = (bytes - self.bytes) * 8;
            self.rate = (bits as f64 / passed.as_secs_f64()) as u64;
            (self.bytes, self.since) = (bytes, now);
            if now.saturating_duration_since(self.lowered) >= WINDOW {
                // No further than what has come through allows, where that is known: the rest is found by bursts.
                let most = self
                    .newest
                    .map_or(PLENTY, |_| self.delivered as u64 / 100 * BEYOND);
                let grown = |limit: u64| limit.max((limit / 100 * GROWTH + STEP).min(most)).min(PLENTY);
                self.limit = self.limit.map(grown);
            }
        }
        self.limit
    }
}
