//! Edges of made-up sound: the fade of a long concealment, and the joint where real sound comes back. It refuses
//! to know where the sound comes from.

use super::pcm::{HISTORY, Pcm};
use super::stretch::{self, Side};

/// Length of a joint, 5 ms.
const JOINT: usize = 240;

/// How long it takes a sound that goes on at another height to get there, 1 ms: an edge that is not heard.
const EASE: usize = 48;

/// Gain of the concealment: one, then a straight line to zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fade {
    /// Samples at full gain.
    pub(super) after: i64,
    /// Samples from full gain to none.
    pub(super) length: i64,
}

impl Fade {
    fn gain(self, run: i64) -> f32 {
        (1.0 - (run - self.after) as f32 / self.length.max(1) as f32).clamp(0.0, 1.0)
    }

    /// Whether nothing is heard any more after `run` samples.
    pub(super) fn is_over(self, run: i64) -> bool {
        run >= self.after + self.length.max(1)
    }

    /// Fades `sound`, of which `run` samples went before.
    pub(super) fn apply(self, sound: &mut [f32], run: i64) {
        if run + sound.len() as i64 <= self.after {
            return;
        }
        for (i, sample) in sound.iter_mut().enumerate() {
            *sample *= self.gain(run + i as i64);
        }
    }
}

/// What a signal would go on as, for a few milliseconds: its last pitch period, repeated.
fn go_on(pcm: &Pcm) -> [f32; JOINT] {
    let mut next = [0.0; JOINT];
    let tail = pcm.tail(HISTORY);
    let origin = tail.len() - JOINT;
    let lag = match stretch::best_lag(tail, origin, Side::Before, stretch::MIN_LAG..=stretch::MAX_LAG) {
        Some(found) if found.correlation > 0.3 => found.lag,
        _ => JOINT,
    };
    for i in 0..JOINT {
        next[i] = if i < lag {
            tail[tail.len() - lag + i]
        } else {
            next[i - lag]
        };
    }
    // The period began at another height than it ended at.
    let last = tail.len() - 1;
    let step = tail[last] - tail[last - lag];
    for (i, sample) in next.iter_mut().take(EASE).enumerate() {
        *sample += step * (1.0 - (i + 1) as f32 / (EASE + 1) as f32);
    }
    next
}

/// The joint between what is ready and what comes next, which does not continue it. Take it before the new sound
/// is committed, put it on after.
pub(super) struct Joint([f32; JOINT]);

impl Joint {
    pub(super) fn new(pcm: &Pcm) -> Self {
        Self(go_on(pcm))
    }

    /// Cross-fades into the beginning of `sound`.
    pub(super) fn put(&self, sound: &mut [f32]) {
        let length = JOINT.min(sound.len());
        for (i, (new, old)) in sound.iter_mut().zip(self.0).enumerate() {
            let weight = (i + 1) as f32 / (length + 1) as f32;
            *new = old + (*new - old) * weight;
        }
    }

    /// Writes the old sound alone, fading out.
    pub(super) fn end(&self, sound: &mut [f32]) {
        sound.fill(0.0);
        self.put(sound);
    }
}
