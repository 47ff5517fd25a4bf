//! Finding out whether a path carries more than is sent, where pictures are held back: a short burst of padding comes as
//! far apart as the narrowest link takes for it. The forwarding unit does the same on the way to receivers.

use std::time::{Duration, Instant};

use sidetone_opus::Bitrate;

/// Padding of a packet of a burst, in bytes: RTP has one byte for it (RFC 3550 section 5.1). More goes with fewer packets;
/// less keeps a burst short where the path is thin.
const LEAST_PADDING: usize = 60;
const MOST_PADDING: usize = 224;

/// Length of a burst at the rate that is known, which is how long sound waits for it at most.
const BURST: Duration = Duration::from_millis(20);

/// Fewest and most packets of a burst.
const FEWEST: usize = 6;
const MOST: usize = 50;

/// Wait after a burst that found something, after one that found nothing, and most after those that found nothing: a burst
/// takes two hundredths of the path then.
const AGAIN: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_millis(600);
const LONGEST: Duration = Duration::from_millis(1_200);

/// Before anything else is known there is no wait after one that found so many times as much: the next one finds the rest.
const MUCH: f64 = 1.5;

/// Longest wait where what was found did not last.
const WARY: Duration = Duration::from_secs(16);

/// A queue that comes back later than this has nothing to do with a burst.
const VERDICT: Duration = Duration::from_secs(4);

/// Packets of a burst that did not come by then are lost.
const ANSWER: Duration = Duration::from_millis(700);

/// Share of what was found that is believed, and most times as much as before: bursts find too much where a link collects
/// packets before it sends them. Before anything is known, more is believed.
const CAREFUL: f64 = 0.9;
const STEP: f64 = 3.0;
const FIRST_STEP: f64 = 12.0;

/// Resolution of the feedback's times, in seconds (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.5).
const RESOLUTION: f64 = 0.000_25;

#[derive(Debug)]
struct Burst {
    packets: usize,
    until: Instant,
    /// Bytes of the burst up to each packet that came, and when it came, in seconds.
    came: Vec<(f64, f64)>,
}

impl Burst {
    /// Bytes a second that the narrowest link passes on, at least: by the slope of a line through the arrivals, a standard
    /// error steeper, so that jitter makes it less and never more.
    fn rate(&self) -> f64 {
        let count = self.came.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| self.came.iter().map(of).sum::<f64>() / count;
        let (bytes, at) = (mean(|came| came.0), mean(|came| came.1));
        let (mut both, mut spread) = (0.0, 0.0);
        for came in &self.came {
            both += (came.0 - bytes) * (came.1 - at);
            spread += (came.0 - bytes).powi(2);
        }
        let slope = both / spread;
        let off = |came: &(f64, f64)| (came.1 - at - slope * (came.0 - bytes)).powi(2);
        let scatter = self.came.iter().map(off).sum::<f64>() / (count - 2.0);
        let steeper = slope + (scatter / spread).sqrt();
        // Nothing is told more exactly than in quarters of a millisecond.
        let finest = RESOLUTION / spread.sqrt();
        1.0 / steeper.max(finest)
    }
}

/// The bursts of one path.
#[derive(Debug)]
pub struct Prober {
    due: Instant,
    patience: Duration,
    raised: Option<Instant>,
    burst: Option<Burst>,
}

impl Prober {
    /// That may begin at once.
    pub const fn new(now: Instant) -> Self {
        Self {
            due: now,
            patience: PATIENCE,
            raised: None,
            burst: None,
        }
    }

    /// A burst to send now, where `limit` is known and more is wanted: how many packets, and the padding of each. `around`
    /// is what a packet has beside, on the wire.
    pub fn start(&mut self, limit: Bitrate, around: usize, now: Instant) -> Option<(usize, u8)> {
        if let Some(burst) = self.burst.take_if(|burst| burst.until <= now) {
            // Nobody told what became of it.
            self.found_nothing(burst.until);
        }
        if self.due > now || self.burst.is_some() {
            return None;
        }
        let burst = f64::from(limit.bits_per_second()) / 8.0 * BURST.as_secs_f64();
        let padding = (burst as usize / FEWEST).saturating_sub(around);
        let padding = padding.clamp(LEAST_PADDING, MOST_PADDING);
        let packets = (burst as usize / (around + padding)).clamp(FEWEST, MOST);
        self.burst = Some(Burst {
            packets,
            until: now + ANSWER,
            came: Vec::with_capacity(packets),
        });
        Some((packets, padding as u8))
    }

    /// When a burst may start, or one ends without an answer.
    pub fn next_timeout(&self) -> Instant {
        self.burst.as_ref().map_or(self.due, |burst| burst.until)
    }

    /// A packet of a burst came, at that time of the receiver's clock. They are told in the order in which they left.
    pub fn arrived(&mut self, bytes: usize, at: Duration) {
        let Some(burst) = &mut self.burst else { return };
        let before = burst.came.last().map_or(0.0, |came| came.0);
        burst.came.push((before + bytes as f64, at.as_secs_f64()));
    }

    /// What the path carries at least by a burst that has ended: more than `limit`, or not. `first` says that nothing else
    /// is known.
    pub fn result(&mut self, limit: Bitrate, first: bool, now: Instant) -> Option<Bitrate> {
        let ended = |burst: &mut Burst| burst.came.len() >= burst.packets || burst.until <= now;
        let burst = self.burst.take_if(ended)?;
        let limit = f64::from(limit.bits_per_second());
        let whole = burst.came.len() * 5 >= burst.packets * 4;
        let rate = if whole { burst.rate() * 8.0 * CAREFUL } else { 0.0 };
        if !whole || rate <= limit {
            self.found_nothing(now);
            return whole.then_some(Bitrate(rate as u32));
        }
        self.due = if first && rate > limit * MUCH {
            now
        } else {
            now + AGAIN
        };
        self.raised = Some(now);
        let most = limit * if first { FIRST_STEP } else { STEP };
        Some(Bitrate(rate.min(most).min(f64::from(u32::MAX)) as u32))
    }

    fn found_nothing(&mut self, now: Instant) {
        self.due = now + self.patience;
        self.patience = self.patience.max((self.patience * 2).min(LONGEST));
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

#[cfg(test)]
mod tests {
    use super::*;

    const AROUND: usize = 70;

    /// Sends a burst through a link of that rate.
    fn probe(prober: &mut Prober, limit: Bitrate, link: f64, lost: usize, now: Instant) -> Option<Bitrate> {
        let (packets, padding) = prober.start(limit, AROUND, now).unwrap();
        let bytes = AROUND + usize::from(padding);
        for n in lost..packets {
            let at = Duration::from_secs_f64((n + 1) as f64 * bytes as f64 * 8.0 / link);
            prober.arrived(bytes, at);
        }
        prober.result(limit, false, now + ANSWER)
    }

    #[test]
    fn a_burst_finds_what_the_link_carries() {
        let now = Instant::now();
        let limit = Bitrate::kbps(1_000);
        let found = probe(&mut Prober::new(now), limit, 2e6, 0, now).unwrap();
        assert!((f64::from(found.0) - 1.8e6).abs() < 2e4, "{found}");
        let most = probe(&mut Prober::new(now), limit, 50e6, 0, now).unwrap();
        assert_eq!(most, Bitrate::kbps(3_000));
        let no_more = probe(&mut Prober::new(now), limit, 1e6, 0, now).unwrap();
        assert!(no_more < limit);
        assert_eq!(
            probe(&mut Prober::new(now), limit, 2e6, 4, now),
            None,
            "too many lost"
        );
    }

    #[test]
    fn jitter_makes_less_of_it_and_not_more() {
        let now = Instant::now();
        let limit = Bitrate::kbps(1_000);
        let mut found = Vec::new();
        for seed in 0..50u64 {
            let mut prober = Prober::new(now);
            let (packets, padding) = prober.start(limit, AROUND, now).unwrap();
            let bytes = AROUND + usize::from(padding);
            for n in 0..packets as u64 {
                // Up to 3 ms either way, on a link of 3 Mbit/s.
                let jitter = ((seed * 31 + n) * 7_919 % 61) as f64 * 1e-4;
                prober.arrived(
                    bytes,
                    Duration::from_secs_f64((n + 1) as f64 * bytes as f64 * 8.0 / 3e6 + jitter),
                );
            }
            found.push(f64::from(prober.result(limit, false, now).unwrap().0));
        }
        let too_much = found.iter().filter(|found| **found > 3e6).count();
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        assert!(too_much <= 5 && mean > 1.2e6, "{mean} {too_much}");
    }

    #[test]
    fn a_burst_is_short_where_the_path_is_thin() {
        let now = Instant::now();
        for kbps in [300, 1_000, 3_000] {
            let limit = Bitrate::kbps(kbps);
            let (packets, padding) = Prober::new(now).start(limit, AROUND, now).unwrap();
            let bits = packets * (AROUND + usize::from(padding)) * 8;
            let took = Duration::from_secs_f64(bits as f64 / f64::from(limit.0));
            assert!(took <= BURST + Duration::from_millis(2), "{took:?} at {limit}");
        }
    }

    #[test]
    fn what_finds_nothing_is_tried_less_often() {
        let start = Instant::now();
        let (mut now, mut prober) = (start, Prober::new(start));
        for _ in 0..4 {
            probe(&mut prober, Bitrate::kbps(1_000), 1e6, 0, now).unwrap();
            now = prober.next_timeout();
        }
        assert!(now - start > 6 * PATIENCE, "{:?}", now - start);
        prober.failed(now);
        assert_eq!(prober.start(Bitrate::kbps(1_000), AROUND, now), None);
        assert_eq!(prober.next_timeout(), now + PATIENCE);
    }
}
