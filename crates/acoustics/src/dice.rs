//! Seeded random numbers for signals and simulated paths: SplitMix64 (Steele, Lea and Flood 2014). Sound, not secrets.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// `lane` tells apart what draws from the same seed.
    pub(crate) fn new(seed: u64, lane: u64) -> Self {
        let mut dice = Self(seed ^ lane.wrapping_mul(0xd134_2543_de82_ef95));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Of mean 0 and variance 1, within 4.9: the sum of eight uniform numbers of 16 bits, cheap enough for every sample
    /// of an hour.
    pub(crate) fn normal(&mut self) -> f64 {
        let sum: u64 = [self.next(), self.next()]
            .iter()
            .map(|word| (word & 0xffff) + ((word >> 16) & 0xffff) + ((word >> 32) & 0xffff) + (word >> 48))
            .sum();
        // Each has the variance 1/12: eight have 2/3.
        (sum as f64 / 65_536.0 - 4.0 + 8.0 * 0.5 / 65_536.0) * 1.224_744_871_391_589
    }
}
