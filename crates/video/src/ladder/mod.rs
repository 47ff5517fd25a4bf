//! What to encode for a given budget: from the bit rate there is, what encoding costs, what the pictures show and how
//! large they are looked at, to size, frame rate, bit rate and layers. Pure: takes the time as an argument, touches
//! no codec, and refuses to know where the budget comes from.
//!
//! Movement ([`ContentHint::Motion`]) keeps its frame rate and gives up size; text and detail keep their size and
//! give up frame rate. Down goes at once, since what is too much is lost anyway; up goes when there has been room for
//! a while ([`SETTLE`]), and then straight to where it fits.

mod refine;
mod rung;
mod simulcast;

pub use refine::Refinement;
pub use rung::{RUNGS, Rung};
pub use simulcast::{LayerPlan, share_out, simulcast_layers};

use crate::codec::{Codec, ContentHint, Effort, Settings};
use crate::picture::{ColourSpace, Size};
use std::time::Duration;

/// How long there must be room for more before more is sent. More: calmer; less: full quality sooner after a drop.
pub const SETTLE: Duration = Duration::from_millis(1000);
/// How long computation must have been cheap before more is tried: its cost is known only afterwards.
pub const SETTLE_CPU: Duration = Duration::from_secs(5);
/// How much more than needed must be there to go up.
const MARGIN: f64 = 1.1;
/// Highest frame rate of a camera.
const MAX_RATE: f32 = 30.0;
/// Frame rates of text, best first.
const TEXT_RATES: [f32; 8] = [30.0, 15.0, 10.0, 7.5, 5.0, 3.0, 2.0, 1.0];
/// Bits a pixel that a frame of moving text needs to stay readable, and to be sharp at once.
const TEXT_BITS: f64 = 0.064;
/// Most pixels of a screen: 2560x1600 and a little.
const TEXT_PIXELS: u32 = 4_200_000;
/// Most bits a second and pixel that text is given.
const TEXT_MOST: f64 = 2.0;

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// Size of its pictures.
    pub size: Size,
    /// Pictures a second it gives.
    pub frame_rate: f32,
    /// What they show.
    pub hint: ContentHint,
    /// What their samples mean.
    pub colour: ColourSpace,
    /// Temporal layers wanted by whoever forwards the stream; 1 for one receiver.
    pub temporal_layers: u8,
}

/// What there is to send it with, and how it is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Bits a second for this stream.
    pub bitrate: u32,
    /// Size at which the largest receiver shows it; `None` while nobody said.
    pub shown_at: Option<Size>,
    /// Mean processor time of one frame as it is encoded now; `None` before the first. One layer's, without
    /// simulcast.
    pub encode_time: Option<Duration>,
    /// Share of one core that encoding may take, for example 0.5.
    pub cpu: f32,
}

/// Chooses for one stream.
#[derive(Clone, Debug)]
pub struct Ladder {
    codec: Codec,
    source: Source,
    plan: Option<Settings>,
    /// Since when there has been room for more.
    room_since: Option<Duration>,
    /// The most pixels a second that the machine is believed to manage.
    cpu_cap: Option<f64>,
    cheap_since: Option<Duration>,
    threads: u8,
}

impl Ladder {
    /// A ladder for `source` in `codec`, with so many threads.
    pub fn new(codec: Codec, source: Source, threads: u8) -> Self {
        Self {
            codec,
            source,
            plan: None,
            room_since: None,
            cpu_cap: None,
            cheap_since: None,
            threads: threads.clamp(1, 16),
        }
    }

    /// Another source takes the place of the old one: what was learnt about the machine stays.
    pub fn set_source(&mut self, source: Source) {
        if source != self.source {
            self.source = source;
            self.plan = None;
            self.room_since = None;
        }
    }

    /// What to encode from `now` on. Call it with every new estimate, and several times a second.
    pub fn decide(&mut self, budget: &Budget, now: Duration) -> Settings {
        self.learn_cost(budget, now);
        let best = self.fitting(budget, 1.0);
        let Some(held) = self.plan else {
            self.plan = Some(best);
            return best;
        };
        let (best_work, held_work) = (work(&best), work(&held));
        if best_work < held_work {
            // What is too much now has to go at once; what is shown smaller may wait.
            let shrunk = Budget {
                shown_at: None,
                ..*budget
            };
            let too_much = work(&self.fitting(&shrunk, 1.0)) < held_work;
            if too_much || self.settled(now) {
                return self.take(best);
            }
        } else if best_work > held_work && work(&self.fitting(budget, MARGIN)) > held_work {
            let better = self.fitting(budget, MARGIN);
            if self.settled(now) {
                return self.take(better);
            }
        } else {
            self.room_since = None;
        }
        // Same size and frame rate; bit rate and effort follow the budget.
        let held = Settings {
            bitrate: self.bitrate(held.size, budget),
            effort: best.effort,
            ..held
        };
        self.plan = Some(held);
        held
    }

    /// The largest size that is of use where the largest receiver shows it at `shown_at`, whatever that takes.
    pub fn largest(&self, shown_at: Option<Size>) -> Size {
        match self.source.hint {
            ContentHint::Motion => {
                let mut rungs = RUNGS.iter();
                let rung = rungs.find(|rung| !self.needlessly_large(rung, shown_at));
                rung.map_or(self.source.size, |rung| rung.size(self.source.size))
            }
            ContentHint::Detail | ContentHint::Text => self.legible(shown_at),
        }
    }

    fn take(&mut self, plan: Settings) -> Settings {
        self.room_since = None;
        self.plan = Some(plan);
        plan
    }

    /// Whether the wish to change has lasted.
    fn settled(&mut self, now: Duration) -> bool {
        let since = *self.room_since.get_or_insert(now);
        now.saturating_sub(since) >= SETTLE
    }

    /// Lowers the cap when encoding takes more than its share, and lifts it when it has been cheap for long.
    fn learn_cost(&mut self, budget: &Budget, now: Duration) {
        let (Some(plan), Some(time)) = (self.plan, budget.encode_time) else {
            return;
        };
        let load = time.as_secs_f64() * f64::from(plan.frame_rate);
        let allowed = f64::from(budget.cpu.max(0.01));
        if load > allowed {
            // What it would be if cost went with pixels, and a little less.
            self.cpu_cap = Some(work(&plan) * allowed / load * 0.95);
            self.cheap_since = None;
        } else if let Some(cap) = self.cpu_cap
            && load < allowed * 0.7
        {
            let since = *self.cheap_since.get_or_insert(now);
            if now.saturating_sub(since) >= SETTLE_CPU {
                self.cpu_cap = Some(cap.max(work(&plan)) * (allowed / load.max(allowed / 4.0)).min(2.0));
                self.cheap_since = Some(now);
            }
        } else {
            self.cheap_since = None;
        }
    }

    /// The best that `budget` has room for when everything above the floor needs `margin` times what it needs.
    fn fitting(&self, budget: &Budget, margin: f64) -> Settings {
        match self.source.hint {
            ContentHint::Motion => self.moving(budget, margin),
            ContentHint::Detail | ContentHint::Text => self.reading(budget, margin),
        }
    }

    /// Keeps the frame rate, gives up size.
    fn moving(&self, budget: &Budget, margin: f64) -> Settings {
        let rate = self.source.frame_rate.min(MAX_RATE);
        let bitrate = f64::from(budget.bitrate);
        let lowest = &RUNGS[RUNGS.len() - 1];
        let fits = |rung: &&Rung| {
            let size = rung.size(self.source.size);
            bitrate >= rung.least(self.codec) * margin
                && self.within_cpu(size, rate, margin)
                && !self.needlessly_large(rung, budget.shown_at)
        };
        let rung = RUNGS.iter().find(fits).unwrap_or(lowest);
        let size = rung.size(self.source.size);
        // Below the lowest rung there is only the frame rate left.
        let rate = if std::ptr::eq(rung, lowest) && bitrate < rung.good(self.codec) / 3.0 {
            rate.min(15.0)
        } else {
            rate
        };
        self.settings(size, rate, budget)
    }

    /// Keeps the size, gives up frame rate; at the very end, half the size.
    fn reading(&self, budget: &Budget, margin: f64) -> Settings {
        let full = self.legible(budget.shown_at);
        let room = f64::from(budget.bitrate) / efficiency(self.codec);
        let rate_for = |size: Size| {
            let most = (room / margin / (f64::from(size.pixels()) * TEXT_BITS)) as f32;
            TEXT_RATES
                .into_iter()
                .filter(|&rate| rate <= self.source.frame_rate.max(1.0))
                .find(|&rate| rate <= most && self.within_cpu(size, rate, margin))
        };
        if let Some(rate) = rate_for(full) {
            return self.settings(full, rate, budget);
        }
        let half = Size::new(full.width().div_ceil(2), full.height().div_ceil(2))
            .map_or(full, |half| full.fit(half));
        // Text that nobody can read is of no use: then rather a picture every other second.
        let size =
            if self.source.hint == ContentHint::Text && room > f64::from(full.pixels()) * TEXT_BITS / 2.0 {
                full
            } else {
                half
            };
        self.settings(size, rate_for(size).unwrap_or(1.0), budget)
    }

    /// The size in which a screen is read.
    fn legible(&self, shown_at: Option<Size>) -> Size {
        let mut rungs = RUNGS.iter().rev();
        let rung = rungs.find(|rung| !self.needlessly_small(rung, shown_at));
        rung.map_or_else(|| readable(self.source.size), |rung| rung.size(self.source.size))
    }

    /// Whether a lower rung still covers what is shown.
    fn needlessly_large(&self, rung: &Rung, shown_at: Option<Size>) -> bool {
        let Some(shown) = shown_at else {
            return false;
        };
        let lower = RUNGS.iter().find(|lower| lower.short < rung.short);
        lower.is_some_and(|lower| covers(lower.size(self.source.size), shown))
    }

    /// Whether a rung does not cover what is shown, or all there is where nobody said.
    fn needlessly_small(&self, rung: &Rung, shown_at: Option<Size>) -> bool {
        let shown = shown_at.unwrap_or(self.source.size);
        let size = rung.size(self.source.size);
        size != self.source.size && !covers(size, shown.fit(self.source.size))
    }

    fn within_cpu(&self, size: Size, rate: f32, margin: f64) -> bool {
        let work = f64::from(size.pixels()) * f64::from(rate);
        self.cpu_cap.is_none_or(|cap| work * margin.min(1.0) <= cap)
    }

    fn bitrate(&self, size: Size, budget: &Budget) -> u32 {
        let most = match self.source.hint {
            ContentHint::Motion => rung::good_for(size, self.codec),
            ContentHint::Detail | ContentHint::Text => f64::from(size.pixels()) * TEXT_MOST,
        };
        budget.bitrate.min(most as u32).clamp(10_000, 100_000_000)
    }

    fn settings(&self, size: Size, frame_rate: f32, budget: &Budget) -> Settings {
        // H.264 is coded in pairs of pixels.
        let size = match self.codec {
            Codec::H264 => Size::new(size.width() & !1, size.height() & !1).unwrap_or(size),
            _ => size,
        };
        // A machine that had to give up size or frame rate gives up effort first.
        let effort = match self.cpu_cap {
            Some(_) => Effort::Least,
            None => Effort::Usual,
        };
        Settings {
            size,
            bitrate: self.bitrate(size, budget),
            frame_rate: frame_rate.clamp(0.1, 240.0),
            hint: self.source.hint,
            temporal_layers: self
                .source
                .temporal_layers
                .clamp(1, crate::codec::MAX_TEMPORAL_LAYERS),
            effort,
            threads: self.threads,
            colour: self.source.colour,
        }
    }
}

/// The size in which a screen is sent: its own, since scaled letters are blurred; where that is too much, a half, in
/// which at least each pixel stands for a square of four.
fn readable(size: Size) -> Size {
    if size.pixels() <= TEXT_PIXELS {
        return size;
    }
    Size::new(size.width() / 2, size.height() / 2).map_or(size, readable)
}

/// Pixels a second.
fn work(settings: &Settings) -> f64 {
    f64::from(settings.size.pixels()) * f64::from(settings.frame_rate)
}

fn covers(size: Size, shown: Size) -> bool {
    size.width() >= shown.width() || size.height() >= shown.height()
}

/// Share of the bit rate of VP8 that another codec needs for the same picture.
fn efficiency(codec: Codec) -> f64 {
    match codec {
        Codec::Vp8 => 1.0,
        Codec::H264 => 0.95,
        Codec::Vp9 => 0.75,
        Codec::Av1 => 0.65,
    }
}
