//! A least delay that somebody outside asks for: with lip sync, the pictures that the sound belongs to come later. It
//! comes and goes no faster than sound can be stretched unnoticed, and never runs away from the sound: what is not
//! worked off yet is never so much that haste or a jump would be called for.

/// It moves by a part of the time that passes: 5 ms in 100 ms. Faster is heard.
const PACE: i64 = 20;

/// How far it goes ahead of the sound when it grows: 10 ms, from where haste begins.
const AHEAD: i64 = 480;

/// How far the sound may be behind when it falls: 60 ms, more than what speech is hurried for, less than what is urgent.
const BEHIND: i64 = 2880;

/// The delay asked for, and how much of it is in force, over the fastest packets, in samples.
#[derive(Debug, Default)]
pub(super) struct Minimum {
    wanted: i64,
    reached: i64,
}

impl Minimum {
    pub(super) fn want(&mut self, wanted: i64) {
        self.wanted = wanted.max(0);
    }

    /// Nothing is heard, so that nobody hears a change.
    pub(super) fn jump(&mut self) -> i64 {
        self.reached = self.wanted;
        self.reached
    }

    /// So many samples have passed, the sound has this delay, and the network needs that much of it.
    pub(super) fn step(&mut self, passed: i64, delay: i64, needed: i64) -> i64 {
        let step = passed / PACE;
        self.reached = if self.wanted > self.reached {
            // What the network needs is there already.
            let from = self.reached.max(needed.min(self.wanted));
            (from + step).min(self.wanted).min(delay + AHEAD).max(from)
        } else {
            (self.reached - step)
                .max(self.wanted)
                .max(delay - BEHIND)
                .min(self.reached)
        };
        self.reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_and_goes_slowly_and_waits_for_the_sound() {
        let mut minimum = Minimum::default();
        minimum.want(9_600);
        // The network needs 50 ms: they are no news. Then 5 percent of the time.
        assert_eq!(minimum.step(480, 2_500, 2_400), 2_424);
        assert_eq!(minimum.step(480, 2_500, 2_400), 2_448);
        // The sound does not follow.
        for _ in 0..100 {
            minimum.step(480, 2_500, 2_400);
        }
        assert_eq!(minimum.step(480, 2_500, 2_400), 2_980);
        for _ in 0..1_000 {
            minimum.step(480, 9_600, 2_400);
        }
        assert_eq!(minimum.step(480, 9_600, 2_400), 9_600);
        minimum.want(0);
        assert_eq!(minimum.step(480, 9_600, 2_400), 9_576);
        for _ in 0..1_000 {
            minimum.step(480, 9_600, 2_400);
        }
        assert_eq!(minimum.step(480, 9_600, 2_400), 6_720);
        assert_eq!(minimum.jump(), 0);
    }
}
