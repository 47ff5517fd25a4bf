//! What to code for what the port gives: settings of every layer, and the rates that are useful. Pure; it refuses to know
//! encoders, threads and clocks.

use std::time::Duration;

use sidetone_opus::Bitrate;
use sidetone_video::codec::{ContentHint, Settings};
use sidetone_video::ladder::{Budget, Ladder, RUNGS, Source, simulcast_layers};
use sidetone_video::{Codec, Size};

use crate::video::Demand;

/// Below this, pictures are of no use: what the smallest needs with fifteen frames a second.
const LEAST: f64 = 50_000.0;

/// Headers and what is sent again, on top of what is coded.
const AROUND: f64 = 1.1;

/// Most bits a second and pixel that a screen gets, and the bounds of that.
const SCREEN_BITS: f64 = 2.0;
const SCREEN_LEAST: f64 = 500_000.0;
const SCREEN_MOST: f64 = 8_000_000.0;

/// A rate that differs by less from the one in force is no news to an encoder.
const NEWS: f64 = 0.05;

/// What there is to code with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    /// Bits a second of each layer, the smallest first; 0 where it should not be sent.
    pub bitrates: &'a [u32],
    /// Size at which the largest viewer shows it.
    pub shown_at: Option<Size>,
    /// Mean time of coding one picture in all layers.
    pub encode_time: Option<Duration>,
    /// Share of one core that coding may take.
    pub cpu: f32,
}

/// Chooses for one source.
#[derive(Clone, Debug)]
pub(super) struct Planner {
    codec: Codec,
    source: Source,
    /// Sizes of the layers, the smallest first; of a single stream, the largest that is of use.
    sizes: Vec<Size>,
    layers: usize,
    ladder: Ladder,
    /// Layers that the machine does not manage.
    beyond: usize,
    plan: Vec<Option<Settings>>,
}

impl Planner {
    /// For `source` in `codec`, in at most so many layers, with so many threads.
    pub(super) fn new(codec: Codec, source: Source, layers: usize, threads: u8) -> Self {
        Self {
            codec,
            source,
            sizes: sizes(source.size, layers),
            layers,
            ladder: Ladder::new(codec, source, threads),
            beyond: 0,
            plan: vec![None; layers],
        }
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    /// Another source, or the same in another size or rate.
    pub(super) fn set_source(&mut self, source: Source) {
        if source != self.source {
            self.source = source;
            self.sizes = sizes(source.size, self.layers);
            self.ladder.set_source(source);
        }
    }

    /// Whether encoders made for the source can go on with one of `size`. Layers are made in order of their size, and would
    /// not be while they change one after the other.
    pub(super) fn takes(&self, size: Size) -> bool {
        self.layers == 1 || self.source.size == size
    }

    /// What can be used of each layer, headers included.
    pub(super) fn demands(&self) -> Vec<Option<Demand>> {
        (0..self.layers)
            .map(|layer| {
                let size = *self.sizes.get(layer)?;
                if layer > 0 && layer + self.beyond >= self.sizes.len() {
                    return None;
                }
                let (least, most) = self.useful(size, layer == 0);
                Some(Demand {
                    least: Bitrate((least * AROUND) as u32),
                    most: Bitrate((most * AROUND) as u32),
                })
            })
            .collect()
    }

    fn useful(&self, size: Size, lowest: bool) -> (f64, f64) {
        if self.source.hint != ContentHint::Motion {
            let most = f64::from(size.pixels()) * SCREEN_BITS;
            return (LEAST, most.clamp(SCREEN_LEAST, SCREEN_MOST));
        }
        let holds = |rung: &&sidetone_video::ladder::Rung| rung.size(size) == size;
        let rung = RUNGS.iter().rev().find(holds).unwrap_or(&RUNGS[0]);
        let least = if lowest { LEAST } else { rung.least(self.codec) };
        (least, rung.good(self.codec))
    }

    /// What to code from `now` on: a setting for each layer, `None` for one that is off.
    pub(super) fn decide(&mut self, given: &Given<'_>, now: Duration) -> &[Option<Settings>] {
        let rate = |layer: usize| given.bitrates.get(layer).copied().filter(|rate| *rate > 0);
        // Layers have the size that they have. How many of them the machine manages is asked as if there were room for all.
        let bitrate = if self.layers == 1 { rate(0) } else { Some(u32::MAX) };
        if self.layers == 1 {
            self.sizes = vec![self.ladder.largest(given.shown_at)];
        }
        let budget = bitrate.map(|bitrate| Budget {
            bitrate,
            shown_at: given.shown_at,
            encode_time: given.encode_time,
            cpu: given.cpu,
        });
        let chosen = budget.map(|budget| self.ladder.decide(&budget, now));
        let new: Vec<Option<Settings>> = if self.layers == 1 {
            vec![chosen]
        } else {
            let most = chosen.map_or(0, |chosen| chosen.size.pixels());
            let beyond = self.sizes.iter().skip(1).filter(|size| size.pixels() > most);
            self.beyond = beyond.count();
            let on = self.sizes.len() - self.beyond;
            (0..self.layers)
                .map(|layer| {
                    let size = *self.sizes.get(layer).filter(|_| layer < on)?;
                    let (_, good) = self.useful(size, false);
                    Some(Settings {
                        size,
                        bitrate: rate(layer)?.min(good as u32).max(10_000),
                        ..chosen?
                    })
                })
                .collect()
        };
        if is_news(&self.plan, &new) {
            self.plan = new;
        }
        &self.plan
    }

    /// Settings to make encoders with, of every layer that there is.
    pub(super) fn first(&self) -> Vec<Settings> {
        let known = self.plan.iter().flatten().next();
        let like = known
            .copied()
            .unwrap_or_else(|| Settings::new(self.source.size, 100_000, self.source.frame_rate));
        let sizes = self.sizes.iter().zip(&self.plan);
        let settings = sizes.map(|(size, plan)| plan.unwrap_or(Settings { size: *size, ..like }));
        settings.collect()
    }
}

/// Sizes of so many layers: the largest ones that there are.
fn sizes(source: Size, layers: usize) -> Vec<Size> {
    if layers == 1 {
        return vec![source];
    }
    let all = simulcast_layers(source);
    let skipped = all.len().saturating_sub(layers);
    all[skipped..].iter().map(|layer| layer.size).collect()
}

/// Whether an encoder should be told.
fn is_news(old: &[Option<Settings>], new: &[Option<Settings>]) -> bool {
    old.len() != new.len()
        || old.iter().zip(new).any(|(old, new)| match (old, new) {
            (Some(old), Some(new)) => {
                let alike = Settings {
                    bitrate: old.bitrate,
                    ..*new
                } == *old;
                let change = f64::from(new.bitrate.abs_diff(old.bitrate));
                !alike || change > f64::from(old.bitrate) * NEWS
            }
            (None, None) => false,
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn source(size: Size, hint: ContentHint) -> Source {
        Source {
            size,
            frame_rate: 30.0,
            hint,
            colour: Default::default(),
            temporal_layers: 1,
        }
    }

    fn given(bitrates: &[u32]) -> Given<'_> {
        Given {
            bitrates,
            shown_at: None,
            encode_time: None,
            cpu: 0.8,
        }
    }

    #[test]
    fn one_stream_is_as_large_as_its_rate_allows_and_off_without_one() {
        let mut planner = Planner::new(Codec::Vp8, source(Size::P720, ContentHint::Motion), 1, 1);
        assert_eq!(planner.decide(&given(&[0]), Duration::ZERO), [None]);
        let small = planner.decide(&given(&[150_000]), Duration::from_secs(1))[0].unwrap();
        assert!(
            small.size.height() <= 240 && small.bitrate <= 150_000,
            "{small:?}"
        );
        // Room for more has to last.
        planner.decide(&given(&[2_000_000]), Duration::from_secs(2));
        let large = planner.decide(&given(&[2_000_000]), Duration::from_secs(4))[0].unwrap();
        assert_eq!(large.size, Size::P720);
        let demand = planner.demands()[0].unwrap();
        assert!(
            demand.most.0 >= 2_000_000 && demand.least.0 < 60_000,
            "{demand:?}"
        );
    }

    #[test]
    fn what_barely_changes_is_no_news_to_the_encoder() {
        let mut planner = Planner::new(Codec::Vp8, source(Size::P720, ContentHint::Text), 1, 1);
        let at = |planner: &mut Planner, rate, second| {
            planner.decide(&given(&[rate]), Duration::from_secs(second))[0]
                .unwrap()
                .bitrate
        };
        assert_eq!(at(&mut planner, 1_000_000, 0), 1_000_000);
        assert_eq!(at(&mut planner, 1_040_000, 1), 1_000_000);
        assert_eq!(at(&mut planner, 1_060_000, 2), 1_060_000);
    }

    #[test]
    fn a_slow_machine_gives_up_the_largest_layer() {
        let mut planner = Planner::new(Codec::Vp8, source(Size::P720, ContentHint::Motion), 3, 1);
        let rates = [100_000, 300_000, 1_500_000];
        let fast = Given {
            encode_time: Some(Duration::from_millis(5)),
            ..given(&rates)
        };
        assert!(planner.decide(&fast, Duration::ZERO).iter().all(Option::is_some));
        let slow = Given {
            encode_time: Some(Duration::from_millis(60)),
            ..given(&rates)
        };
        let plan = planner.decide(&slow, Duration::from_secs(1)).to_vec();
        assert!(plan[0].is_some() && plan[2].is_none(), "{plan:?}");
        assert!(planner.demands()[0].is_some() && planner.demands()[2].is_none());
    }

    #[test]
    fn a_small_source_has_fewer_layers() {
        let planner = Planner::new(Codec::Vp8, source(Size::P360, ContentHint::Motion), 3, 1);
        let demands = planner.demands();
        assert_eq!(demands.iter().flatten().count(), 2);
        assert!(demands[0].unwrap().most < demands[1].unwrap().most);
        assert!(!planner.takes(Size::P720) && planner.takes(Size::P360));
    }

    proptest! {
        /// Whatever there is: encoders can be made for it, in the order that they want, and nothing is coded without a rate.
        #[test]
        fn plans_can_be_carried_out(
            width in 16u32..2_000, height in 16u32..2_000, layers in 1usize..=3, hint in 0..3u8,
            steps in prop::collection::vec((prop::array::uniform3(0u32..3_000_000), 0u64..100), 1..12)
        ) {
            let hint = [ContentHint::Motion, ContentHint::Detail, ContentHint::Text][usize::from(hint)];
            let size = Size::new(width, height).unwrap();
            let mut planner = Planner::new(Codec::Vp8, source(size, hint), layers, 1);
            for (second, (rates, millis)) in (0..).zip(steps) {
                let given = Given {
                    encode_time: Some(Duration::from_millis(millis)),
                    ..given(&rates[..layers])
                };
                let plan = planner.decide(&given, Duration::from_secs(second)).to_vec();
                prop_assert_eq!(plan.len(), layers);
                for (plan, rate) in plan.iter().zip(rates) {
                    prop_assert!(plan.is_none() || rate > 0);
                    prop_assert!(plan.is_none_or(|plan| plan.bitrate <= (rate + rate / 10).max(10_000)));
                }
                let first = planner.first();
                prop_assert!(!first.is_empty() && first.len() <= layers);
                prop_assert!(first.is_sorted_by_key(|settings| settings.size.pixels()));
                let demands = planner.demands();
                prop_assert!(demands[0].is_some());
                prop_assert!(demands.iter().flatten().all(|demand| demand.least <= demand.most));
            }
        }
    }
}
