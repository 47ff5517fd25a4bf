//! Whether less should be sent than is wanted, and how much: the decisions, on what `path` sees.

use std::time::{Duration, Instant};

use sidetone_opus::Bitrate;

use super::path::{Path, RoundTrips, SHORT_WINDOW, View, WINDOW};
use super::{Delivery, Estimate};

/// A queue that stands longer than this, in seconds, is one that we fill ...
const QUEUE: f64 = 0.02;
/// ... and so many times longer than delays differ from packet to packet: four standard deviations where they are
/// normal, for the shortest of ten seconds and the shortest of a window are far apart by chance.
const NOISE: f64 = 3.0;
/// A queue that stands for a tenth of a second only must be so many times as long ...
const SHORT: f64 = 2.0;
/// ... and grow by so much a second.
const FAST: f64 = 0.25;
/// A queue from which so large a share of packets is lost is full, and grows no more: of so many packets at least.
const OVERFLOW: f64 = 0.1;
const ENOUGH: usize = 10;
/// A queue that grows by less, in seconds a second, is somebody else's, or of a clock that runs slow.
const GROWTH: f64 = 0.02;
/// A queue shall be gone after so many seconds. Shorter costs more sound than the delay is worth.
const DRAIN: f64 = 0.7;
/// Least share of what the path carries that is sent while its queue drains: 12 kbit/s of 25, still speech ...
const LEAST_DRAIN: f64 = 0.5;
/// ... and no more than this, in bit/s: pictures can wait.
const SPEECH: f64 = 40_000.0;
/// A queue that does not go for so long although we send less is not ours.
const GIVE_UP: Duration = Duration::from_secs(4);
/// Share of what the path carries that is sent: variable bitrate must find room.
const CAREFUL: f64 = 0.93;
/// Time until more is tried. It doubles with every try that fails, for each is heard as delay that comes and goes.
const FIRST_PATIENCE: Duration = Duration::from_millis(800);
const MOST_PATIENCE: Duration = Duration::from_secs(32);
/// So many times longer is waited where nothing is known of the path, and trying is the only way to find out.
const IN_DOUBT: u32 = 3;
/// A queue that comes back later than this after a try has nothing to do with it.
const VERDICT: Duration = Duration::from_secs(5);
/// From one step up to the next: a round trip, a report, and a window in which a queue would show.
const STEP: Duration = Duration::from_millis(300);
/// The steps: where the sizes of packets say that there is room, and where nothing is known.
const SURE_STEP: f64 = 1.6;
const STEP_IN_DOUBT: f64 = 1.08;
/// The latter become longer with each that goes well, up to this.
const LONGEST_STEP: f64 = 1.26;
/// The path is known to be used up where it carries no more than this beside what it carried before.
const USED_UP: f64 = 1.3;
/// What is sent before anything is known of the path: wide-band speech, which half of today's thinnest links carry. The
/// first second of a call is not worth a queue in each of its first ten.
pub const START: Bitrate = Bitrate::kbps(36);
/// What is sent, with pictures, to a peer that says nothing of single packets, until its reports speak against it, in bit/s.
const BLIND: f64 = 300_000.0;
/// Least that is ever asked of a sender, in bit/s: speech at 8 kbit/s in 60 ms frames, with its headers.
const LEAST: f64 = 14_000.0;
/// Change of the limit that is worth telling.
const WORTH_TELLING: f64 = 0.02;
/// For so long after a burst of padding, bursts tell when there is room, and nothing else is tried: where pictures are sent
/// the sizes of packets say little, since large ones come behind others of their frame.
const PROBED: Duration = Duration::from_secs(20);
/// For so long, what a burst of padding has found is believed where nobody has sent as much since.
const PROVED: Duration = Duration::from_secs(60);
/// Without feedback on single packets for so long, round trips have to do.
const SILENCE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// A queue is being emptied, since then.
    Drain(Instant),
    /// Nothing waits; more may be tried from then on.
    Hold(Instant),
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    /// What may be sent, in bit/s.
    rate: f64,
    /// What the path carried when its queue was last full.
    carried: f64,
    phase: Phase,
}

/// Follows one path.
#[derive(Clone, Debug)]
pub struct BandwidthEstimator {
    /// What is wanted at most, in bit/s.
    wanted: f64,
    path: Path,
    trips: RoundTrips,
    /// When feedback on single packets last came.
    heard: Option<Instant>,
    limit: Option<Limit>,
    /// No queue was seen yet.
    beginning: bool,
    patience: Duration,
    tried: Option<Instant>,
    /// When a burst last told something.
    probed: Option<Instant>,
    /// What the last one has found, in bit/s, unless a queue was seen since: more than was ever sent, where little is.
    proved: f64,
    /// Every step since then went well.
    climbing: bool,
    /// The next step where nothing is known.
    step: f64,
    available: f64,
    told: Option<Estimate>,
}

impl BandwidthEstimator {
    /// For a sender that never wants to send more than `wanted`, with all headers. It begins at [`START`].
    pub fn new(wanted: Bitrate, now: Instant) -> Self {
        let wanted = f64::from(wanted.bits_per_second()).max(LEAST);
        let start = Limit {
            rate: f64::from(START.bits_per_second()),
            carried: 0.0,
            phase: Phase::Hold(now),
        };
        Self {
            wanted,
            path: Path::default(),
            trips: RoundTrips::default(),
            heard: None,
            limit: (start.rate < wanted).then_some(start),
            beginning: true,
            patience: FIRST_PATIENCE,
            tried: Some(now),
            probed: None,
            proved: 0.0,
            climbing: true,
            step: STEP_IN_DOUBT,
            available: 0.0,
            told: None,
        }
    }

    /// Takes in what became of packets, in the order they left. Returns the estimate when it has changed.
    pub fn on_feedback(&mut self, packets: &[Delivery], now: Instant) -> Option<Estimate> {
        self.heard = Some(now);
        self.path.note(packets);
        let view = self.path.view(WINDOW)?;
        let overflows = packets.len() >= ENOUGH && {
            let lost = packets.iter().filter(|packet| packet.arrived.is_none()).count();
            lost as f64 > OVERFLOW * packets.len() as f64
        };
        if let Some(short) = self.path.view(SHORT_WINDOW)
            && short.standing > SHORT * threshold(&short)
            && (short.growth > FAST || overflows)
        {
            self.drain(short, now);
            return self.tell();
        }
        self.decide(view, now)
    }

    /// Takes in a reception report (RFC 3550 section 6.4.1) and what was sent since the one before, in bit/s. It counts
    /// only where the peer gives no feedback on single packets.
    pub fn on_report(
        &mut self,
        round_trip: Duration,
        jitter: Duration,
        fraction_lost: f64,
        sent: f64,
        now: Instant,
    ) -> Option<Estimate> {
        let view = self.trips.view(round_trip, jitter, fraction_lost, sent, now)?;
        if self
            .heard
            .is_some_and(|heard| now.saturating_duration_since(heard) < SILENCE)
        {
            return None;
        }
        if self.heard.is_none() && self.beginning {
            self.begin_blindly(now);
        }
        self.decide(view, now)
    }

    /// With a report every second or five there is no careful beginning: it would be over before it was one.
    fn begin_blindly(&mut self, now: Instant) {
        match &mut self.limit {
            Some(_) if self.wanted <= BLIND => self.limit = None,
            Some(limit) if limit.rate < BLIND => {
                limit.rate = BLIND;
                limit.carried = limit.carried.max(BLIND);
                limit.phase = Phase::Hold(now);
            }
            _ => {}
        }
    }

    /// A burst of padding came through at `found` (see [`Prober`](crate::video::pacer::Prober)), which is believed where it
    /// is more than what was known, unless a queue is being drained. Where nothing speaks against what is wanted, it says
    /// what may be sent at once should more be wanted. Returns the estimate when it has changed.
    pub fn on_probe(&mut self, found: Bitrate, now: Instant) -> Option<Estimate> {
        let found = f64::from(found.bits_per_second());
        self.probed = Some(now);
        if self.is_draining() {
            return None;
        }
        self.proved = found;
        let Some(limit) = self.limit.as_mut().filter(|limit| found > limit.rate) else {
            return self.tell();
        };
        self.tried = Some(now);
        self.climbing = true;
        if found >= self.wanted {
            self.limit = None;
        } else {
            limit.rate = found;
            limit.carried = limit.carried.max(found);
            limit.phase = Phase::Hold(now + STEP);
        }
        self.tell()
    }

    /// From now on at most `wanted` is sent, with all headers: more than before as when a picture joins a voice, or less.
    pub fn set_wanted(&mut self, wanted: Bitrate, now: Instant) -> Option<Estimate> {
        let before = std::mem::replace(&mut self.wanted, f64::from(wanted.bits_per_second()).max(LEAST));
        match self.limit {
            // Nothing spoke against what was wanted, which says nothing of more.
            None if self.wanted > before => {
                let fresh = self
                    .probed
                    .is_some_and(|probed| now.saturating_duration_since(probed) < PROVED);
                let proved = if fresh { self.proved } else { 0.0 };
                let rate = before.max(self.available).max(proved).min(self.wanted);
                self.limit = Some(Limit {
                    rate,
                    carried: rate,
                    phase: Phase::Hold(now),
                });
            }
            Some(limit) if limit.rate >= self.wanted => self.limit = None,
            _ => {}
        }
        self.tell()
    }

    /// What may be sent now.
    pub fn estimate(&self) -> Estimate {
        let bitrate = |rate: f64| Bitrate(rate.clamp(0.0, f64::from(u32::MAX)) as u32);
        Estimate {
            limit: self.limit.map(|limit| bitrate(limit.rate)),
            available: bitrate(
                self.limit
                    .map_or(self.available.max(self.proved), |limit| limit.carried),
            ),
            congested: self.is_draining(),
            beginning: self.beginning && self.limit.is_some(),
        }
    }

    fn is_draining(&self) -> bool {
        self.limit
            .is_some_and(|limit| matches!(limit.phase, Phase::Drain(_)))
    }

    fn decide(&mut self, view: View, now: Instant) -> Option<Estimate> {
        let full = view.standing > threshold(&view);
        self.available = view.delivered.max(view.rate.map_or(0.0, |rate| rate.least));
        match self.limit {
            None if full && view.growth > GROWTH => self.drain(view, now),
            None => {}
            Some(limit) => match limit.phase {
                Phase::Drain(since) if full && now.saturating_duration_since(since) > GIVE_UP => {
                    self.path.accept_queue();
                    self.hold(now);
                }
                Phase::Drain(_) if full => self.drain(view, now),
                Phase::Drain(_) => self.hold(now),
                Phase::Hold(_) if full && view.growth > GROWTH => self.drain(view, now),
                Phase::Hold(until) if now >= until && !full => self.raise(view, until, now),
                Phase::Hold(_) => {}
            },
        }
        self.tell()
    }

    /// Sends less than comes through until nothing waits. While the queue grows, what comes is what the path carries.
    fn drain(&mut self, view: View, now: Instant) {
        let delivered = view.delivered.clamp(LEAST, self.wanted);
        let (carried, since) = match self.limit {
            Some(Limit {
                carried,
                phase: Phase::Drain(since),
                ..
            }) if view.growth <= GROWTH => (delivered.max(carried), since),
            _ => (delivered, now),
        };
        let least = (carried * LEAST_DRAIN).clamp(LEAST, SPEECH);
        let rate = (carried * (CAREFUL - view.standing / DRAIN)).max(least);
        self.climbing = false;
        self.beginning = false;
        self.proved = 0.0;
        if let Some(tried) = self.tried.take() {
            let blamed = now.saturating_duration_since(tried) < VERDICT;
            self.patience = if blamed {
                (self.patience * 2).min(MOST_PATIENCE)
            } else {
                FIRST_PATIENCE
            };
        }
        self.limit = Some(Limit {
            rate,
            carried,
            phase: Phase::Drain(since),
        });
    }

    fn hold(&mut self, now: Instant) {
        // What was learned with a queue before it says nothing of a packet's own time.
        self.path.forget_rate();
        if let Some(limit) = &mut self.limit {
            limit.rate = (limit.carried * CAREFUL).max(LEAST);
            limit.phase = Phase::Hold(now + self.patience);
        }
    }

    fn raise(&mut self, view: View, until: Instant, now: Instant) {
        let Some(limit) = &mut self.limit else { return };
        if self
            .probed
            .is_some_and(|probed| now.saturating_duration_since(probed) < PROBED)
        {
            return;
        }
        if !self.climbing {
            self.step = STEP_IN_DOUBT;
        }
        let next = match view.rate {
            Some(rate) if rate.least * CAREFUL > limit.rate => {
                (rate.least * CAREFUL).min(limit.rate * SURE_STEP)
            }
            Some(rate) if rate.most < limit.carried * USED_UP => {
                self.climbing = false;
                return;
            }
            _ if !self.climbing && now < until + self.patience * IN_DOUBT => return,
            _ => limit.rate * self.step,
        };
        self.step = (self.step * STEP_IN_DOUBT).min(LONGEST_STEP);
        self.tried = Some(now);
        self.climbing = true;
        if next >= self.wanted {
            self.limit = None;
            return;
        }
        limit.rate = next;
        limit.carried = limit.carried.max(next);
        limit.phase = Phase::Hold(now + STEP);
    }

    /// The estimate, if it is news.
    fn tell(&mut self) -> Option<Estimate> {
        let estimate = self.estimate();
        let near = |a: Bitrate, b: Bitrate| {
            let (a, b) = (f64::from(a.bits_per_second()), f64::from(b.bits_per_second()));
            (a - b).abs() <= WORTH_TELLING * b
        };
        let known = self.told.is_some_and(|told| {
            let same = match (told.limit, estimate.limit) {
                (Some(told), Some(limit)) => near(told, limit),
                (told, limit) => told == limit,
            };
            same && told.congested == estimate.congested
        });
        if known {
            return None;
        }
        self.told = Some(estimate);
        Some(estimate)
    }
}

/// How long a queue is ours.
fn threshold(view: &View) -> f64 {
    QUEUE + NOISE * view.noise
}
