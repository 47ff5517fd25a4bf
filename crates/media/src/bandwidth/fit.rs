//! A line through sizes and delays: its slope is the time that a bit takes through the narrowest link.

/// Packets remembered: a second or two. More is surer of a path that stays, and later to see that it has changed.
const MEMORY: f64 = 40.0;
/// Packets until anything is said.
const FEWEST: f64 = 12.0;
/// Least spread of sizes, in bits: with all packets alike there is no slope.
const SPREAD: f64 = 60.0;
/// Delays are never surer than this, in seconds: the feedback counts quarters of a millisecond, and threads wake late.
const NOISE: f64 = 0.000_4;
/// Standard errors either way that are left open.
pub(super) const SURE: f64 = 2.0;

/// Sums with forgetting.
#[derive(Clone, Debug, Default)]
pub(super) struct Fit {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

/// Between what a path's rate lies, in bit/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Rate {
    /// Seconds that a bit certainly takes.
    pub(super) fn seconds_per_bit(self) -> f64 {
        1.0 / self.most
    }
}

impl Fit {
    /// A packet of so many bits took so long, in seconds from any fixed time on.
    pub(super) fn note(&mut self, bits: f64, delay: f64) {
        let keep = 1.0 - 1.0 / MEMORY;
        for sum in [
            &mut self.n,
            &mut self.x,
            &mut self.y,
            &mut self.xx,
            &mut self.xy,
            &mut self.yy,
        ] {
            *sum *= keep;
        }
        self.n += 1.0;
        self.x += bits;
        self.y += delay;
        self.xx += bits * bits;
        self.xy += bits * delay;
        self.yy += delay * delay;
    }

    /// The rate of the narrowest link, if sizes and delays say anything about it.
    pub(super) fn rate(&self) -> Option<Rate> {
        if self.n < FEWEST {
            return None;
        }
        let xx = self.xx - self.x * self.x / self.n;
        if xx < self.n * SPREAD * SPREAD {
            return None;
        }
        let xy = self.xy - self.x * self.y / self.n;
        let yy = self.yy - self.y * self.y / self.n;
        let slope = xy / xx;
        let scatter = ((yy - slope * xy) / (self.n - 2.0)).max(0.0) + NOISE * NOISE;
        let doubt = SURE * (scatter / xx).sqrt();
        // A path that is faster for large packets than for small ones is a quick one.
        Some(Rate {
            least: 1.0 / (slope.max(0.0) + doubt),
            most: if slope > doubt {
                1.0 / (slope - doubt)
            } else {
                f64::INFINITY
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After packets of changing size over a link of `rate`, each delayed by up to `noise` more.
    fn seen(rate: f64, noise: f64) -> Option<Rate> {
        let mut fit = Fit::default();
        for i in 0..60_u32 {
            let bits = f64::from(400 + i * 7919 % 900);
            let late = f64::from(i * 104_729 % 1000) / 1000.0 * noise;
            fit.note(bits, 0.02 + bits / rate + late);
        }
        fit.rate()
    }

    #[test]
    fn the_time_a_bit_takes_is_the_rate() {
        for rate in [25_000.0, 50_000.0, 200_000.0] {
            let seen = seen(rate, 0.0).unwrap();
            assert!(
                seen.least > 0.85 * rate && seen.least <= rate,
                "{seen:?} of {rate}"
            );
            assert!(seen.most >= rate && seen.most < 1.3 * rate, "{seen:?} of {rate}");
        }
    }

    #[test]
    fn noise_makes_unsure_and_not_wrong() {
        let seen = seen(50_000.0, 0.03).unwrap();
        assert!(seen.least < 40_000.0 && seen.most > 60_000.0, "{seen:?}");
    }

    #[test]
    fn a_quick_path_is_known_to_be_quick() {
        let seen = seen(1e9, 0.000_5).unwrap();
        assert!(seen.least > 200_000.0 && seen.most > 1e6, "{seen:?}");
    }

    #[test]
    fn packets_that_are_all_alike_say_nothing() {
        let mut fit = Fit::default();
        (0..100).for_each(|_| fit.note(800.0, 0.02));
        assert_eq!(fit.rate(), None);
    }
}
