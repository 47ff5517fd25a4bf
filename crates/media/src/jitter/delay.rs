//! How late packets are: a histogram of transit times with forgetting, and the target delay read from it.
//!
//! A packet's transit is its arrival time less its media time, both in samples. It has an unknown constant in
//! it (the two ends share no clock), which does not matter: playout positions carry the same constant. So the
//! target is a quantile of transits, needs no separate estimate of the fastest packet, and follows clock drift
//! by forgetting. This module refuses to know packets and sound.

use super::config::{JitterConfig, samples};

/// Samples in a bucket: 0.5 ms.
const WIDTH: i64 = 24;
/// Buckets: one second.
const BINS: usize = 2048;
/// Media time in one slot of the recent maxima, in samples.
const SLOT: i64 = 19_200;
/// Slots: a target above everything of the last 9.6 s is a memory of something that is over. A third of it takes every
/// lull for the end, and the sound is stretched down and up again: 0.2 to 0.3 of PESQ-WB on bad radio links.
const SLOTS: usize = 24;
/// Slots, 3.2 s, after which it is over as well when all they saw is below this share of the target: what was a bad
/// network is a good one. At half, congested Wi-Fi loses 0.13 of PESQ-WB.
const CALM_SLOTS: usize = 8;
const CALM: f32 = 0.3;
/// Share of the packets that carry redundancy that shall come before what they repeat is due. Less than of packets in
/// general: only a lost packet needs one.
const REDUNDANCY: f32 = 0.8;
/// The target less this share of the packets is not worth touching the sound for: 10 ms where the network's delay varies
/// by 30 ms, and nothing where the last packets are all equally late.
const BAND: f32 = 0.02;
/// But no more than 20 ms: rare spikes, which are in the target and not below, need it whole.
const WIDEST_BAND: i64 = 960;
/// Media time that has the weight one: 20 ms.
const UNIT: f32 = 960.0;

/// The learned distribution of transit times.
#[derive(Debug)]
pub(super) struct DelayEstimator {
    quantile: f32,
    forget: f32,
    margin: i64,
    min: i64,
    max: i64,
    weights: Box<[f32]>,
    /// Transit, in buckets, of `weights[0]`.
    base: i64,
    total: f32,
    recent: [i64; SLOTS],
    in_slot: i64,
    /// How long a lost packet's redundancy is waited for.
    reach: i64,
    /// The least delay over the fastest packets, whatever they need.
    minimum: i64,
    target: i64,
    floor: i64,
    fastest: i64,
    spread: i64,
}

impl DelayEstimator {
    pub(super) fn new(config: &JitterConfig) -> Self {
        let min = samples(config.min_delay).clamp(0, 24_000);
        let max = samples(config.max_delay).clamp(min + WIDTH, (BINS as i64 - 64) * WIDTH);
        Self {
            quantile: config.quantile.clamp(0.5, 0.999),
            forget: config.forget_factor.clamp(0.5, 0.9999),
            margin: samples(config.margin).clamp(0, 4800),
            min,
            max,
            weights: vec![0.0; BINS].into_boxed_slice(),
            base: 0,
            total: 0.0,
            recent: [i64::MIN; SLOTS],
            in_slot: 0,
            reach: 0,
            minimum: 0,
            target: 0,
            floor: 0,
            fastest: 0,
            spread: 0,
        }
    }

    /// Starts over with one packet of this transit, and the belief that others may need up to `delay` more. The
    /// belief weighs as much as one packet, so it is gone after half a second.
    pub(super) fn restart(&mut self, transit: i64, delay: i64) {
        self.weights.fill(0.0);
        self.total = 0.0;
        self.recent = [i64::MIN; SLOTS];
        self.in_slot = 0;
        self.base = transit.div_euclid(WIDTH) - 256;
        self.add(transit + (delay - self.margin - WIDTH / 2).max(0), UNIT);
        self.add(transit, UNIT);
        self.update();
    }

    /// Takes in the transit of a packet that holds `duration` samples.
    pub(super) fn learn(&mut self, transit: i64, duration: i64) {
        let units = duration as f32 / UNIT;
        let keep = self.forget.powf(units);
        for weight in &mut self.weights {
            *weight *= keep;
        }
        self.total *= keep;
        self.in_slot += duration;
        if self.in_slot >= SLOT {
            self.in_slot %= SLOT;
            self.recent.copy_within(1.., 0);
            self.recent[SLOTS - 1] = i64::MIN;
        }
        self.add(transit, duration as f32);
        self.update();
    }

    /// From now on the delay is at least what lets redundancy that lies `reach` samples later come in time.
    pub(super) fn reach(&mut self, reach: i64) {
        self.reach = reach.max(0);
    }

    /// How long redundancy is waited for.
    pub(super) fn redundancy(&self) -> i64 {
        self.reach
    }

    /// From now on the delay over the fastest packets is at least this.
    pub(super) fn set_minimum(&mut self, minimum: i64) {
        self.minimum = minimum.clamp(0, self.max);
    }

    /// Playing a sample this long after its media time is enough for the wanted share of packets, and not before it is
    /// wanted.
    pub(super) fn target(&self) -> i64 {
        self.target.max(self.fastest + self.minimum)
    }

    /// The least that is as good as the target.
    pub(super) fn floor(&self) -> i64 {
        self.floor.max(self.fastest + self.minimum)
    }

    /// Transit of the fastest packets.
    pub(super) fn fastest(&self) -> i64 {
        self.fastest
    }

    /// The target as a delay over the fastest packets.
    pub(super) fn target_delay(&self) -> i64 {
        self.target() - self.fastest
    }

    /// The same, of which the network needs that much.
    pub(super) fn needed(&self) -> i64 {
        self.target - self.fastest
    }

    /// From the middle of the distribution to the wanted quantile: how much the estimate itself can wander.
    pub(super) fn spread(&self) -> i64 {
        self.spread
    }

    /// Largest delay over the fastest packets that will ever be targeted.
    pub(super) fn max_delay(&self) -> i64 {
        self.max
    }

    fn add(&mut self, transit: i64, duration: f32) {
        let slot = &mut self.recent[SLOTS - 1];
        *slot = (*slot).max(transit);
        let bucket = transit.div_euclid(WIDTH);
        if bucket < self.base {
            self.move_base(bucket - 128);
        } else if bucket >= self.base + BINS as i64 {
            self.move_base(
                (bucket - BINS as i64 + 1)
                    .min(self.fastest.div_euclid(WIDTH) - 16)
                    .max(self.base),
            );
        }
        let index = (bucket - self.base).clamp(0, BINS as i64 - 1) as usize;
        let weight = duration / UNIT;
        self.weights[index] += weight;
        self.total += weight;
    }

    /// Moves the range. What falls out below is let go; what falls out above gathers in the last bucket.
    fn move_base(&mut self, base: i64) {
        let shift = base - self.base;
        let distance = usize::try_from(shift.unsigned_abs()).unwrap_or(BINS).min(BINS);
        if shift > 0 {
            self.weights.copy_within(distance.., 0);
            self.weights[BINS - distance..].fill(0.0);
        } else {
            let out: f32 = self.weights[BINS - distance..].iter().sum();
            self.weights.copy_within(..BINS - distance, distance);
            self.weights[..distance].fill(0.0);
            self.weights[BINS - 1] += out;
        }
        self.base = base;
        self.total = self.weights.iter().sum();
    }

    fn update(&mut self) {
        let upper = self.edge(self.quantile) + WIDTH;
        self.fastest = self.lower_edge(0.01);
        let newest = |slots: usize| {
            self.recent[SLOTS - slots..]
                .iter()
                .copied()
                .max()
                .unwrap_or(upper)
        };
        let (calm, recent) = (newest(CALM_SLOTS), newest(SLOTS));
        let is_over = ((calm - self.fastest) as f32) < CALM * (upper - self.fastest) as f32;
        let recent = if is_over { calm } else { recent };
        let needed = upper.min(recent + WIDTH / 2);
        self.spread = (needed - self.lower_edge(0.5)).max(0);
        let redundancy = match self.reach {
            0 => i64::MIN,
            reach => self.edge(REDUNDANCY).min(recent) + WIDTH + reach,
        };
        let enough = (self.edge(self.quantile - BAND) + WIDTH).clamp(needed - WIDEST_BAND, needed);
        let target = |needed: i64| {
            (needed.max(redundancy) + self.margin).clamp(self.fastest + self.min, self.fastest + self.max)
        };
        (self.target, self.floor) = (target(needed), target(enough));
        // Clock drift pushes the range along; move it long before the end is reached.
        let low = self.fastest.div_euclid(WIDTH) - self.base;
        if low > 1024 {
            self.move_base(self.base + low - 256);
        }
    }

    /// Lower edge of the bucket that holds the quantile, searched from above.
    fn edge(&self, quantile: f32) -> i64 {
        let above = (1.0 - quantile) * self.total;
        let mut tail = 0.0;
        let index = self.weights.iter().rposition(|weight| {
            tail += weight;
            tail > above
        });
        (self.base + index.unwrap_or(0) as i64) * WIDTH
    }

    /// The same, searched from below, which is nearer for low quantiles.
    fn lower_edge(&self, quantile: f32) -> i64 {
        let below = quantile * self.total;
        let mut head = 0.0;
        let index = self.weights.iter().position(|weight| {
            head += weight;
            head > below
        });
        (self.base + index.unwrap_or(0) as i64) * WIDTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimator() -> DelayEstimator {
        DelayEstimator::new(&JitterConfig::default())
    }

    #[test]
    fn a_steady_stream_needs_the_margin_only() {
        let mut delay = estimator();
        delay.restart(1000, 144);
        assert!(
            (100..=192).contains(&delay.target_delay()),
            "the first belief: {}",
            delay.target_delay()
        );
        for _ in 0..500 {
            delay.learn(1000, 960);
        }
        assert!(delay.target_delay() <= 2 * WIDTH + 24, "{}", delay.target_delay());
        assert!(delay.target() >= 1000);
    }

    #[test]
    fn rare_outliers_do_not_count_and_frequent_ones_do() {
        let mut delay = estimator();
        for (period, expected) in [(50, 0..150), (8, 4000..5000)] {
            delay.restart(0, 0);
            for i in 0..2000 {
                delay.learn(if i % period == 0 { 4800 } else { 0 }, 960);
            }
            assert!(
                expected.contains(&delay.target_delay()),
                "1 in {period}: {}",
                delay.target_delay()
            );
        }
    }

    #[test]
    fn what_is_over_is_forgotten_in_seconds() {
        let mut delay = estimator();
        delay.restart(0, 0);
        for i in 0..500 {
            delay.learn(i % 10 * 480, 960);
        }
        assert!(delay.target_delay() > 3800);
        // 3.2 s of calm, plus the slot that was under way.
        for _ in 0..180 {
            delay.learn(0, 960);
        }
        assert!(delay.target_delay() < 200, "{}", delay.target_delay());
    }

    #[test]
    fn any_transit_is_survived() {
        let mut delay = estimator();
        delay.restart(0, 0);
        for transit in [
            0,
            1 << 40,
            -(1 << 40),
            1,
            i64::MAX / 8,
            0,
            i64::MIN / 8,
            7,
            100_000,
            -100_000,
        ] {
            for _ in 0..10 {
                delay.learn(transit, 960);
                assert!((0..=delay.max_delay()).contains(&delay.target_delay()));
            }
        }
    }

    #[test]
    fn redundancy_is_waited_for_while_it_is_wanted() {
        let mut delay = estimator();
        delay.restart(0, 0);
        for reach in [0, 1920, 0] {
            delay.reach(reach);
            for _ in 0..10 {
                delay.learn(0, 960);
            }
            let over = delay.target_delay() - reach;
            assert!((0..150).contains(&over), "{over} over {reach}");
        }
    }

    #[test]
    fn the_minimum_is_kept_without_being_learnt() {
        let mut delay = estimator();
        delay.restart(0, 0);
        delay.set_minimum(4_800);
        for _ in 0..100 {
            delay.learn(0, 960);
        }
        assert_eq!(delay.target_delay(), 4_800);
        assert_eq!(delay.floor(), delay.target());
        assert!(delay.needed() < 150);
        delay.set_minimum(i64::MAX);
        assert_eq!(delay.target_delay(), delay.max_delay());
        delay.set_minimum(0);
        assert_eq!(delay.target_delay(), delay.needed());
    }

    #[test]
    fn drift_moves_the_range_along() {
        let mut delay = estimator();
        delay.restart(0, 0);
        for i in 0..1_000_000_i64 {
            delay.learn(i * 3 / 10, 960);
        }
        assert!((299_900..300_200).contains(&delay.target()), "{}", delay.target());
    }
}
