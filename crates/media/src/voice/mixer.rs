//! Adds the streams of several talkers into one block, without clipping.

use super::BLOCK;

/// Sums blocks and keeps the sum within full scale.
#[derive(Clone, Debug)]
pub struct Mixer {
    sum: [f32; BLOCK],
    gain: f32,
}

/// The limiter's gain comes back to 1 in about 200 ms. Faster pumps, slower leaves words too quiet.
const RELEASE: f32 = 0.05;
/// Peaks are held below this, so that no device clips after conversion.
const CEILING: f32 = 0.98;

impl Default for Mixer {
    fn default() -> Self {
        Self {
            sum: [0.0; BLOCK],
            gain: 1.0,
        }
    }
}

impl Mixer {
    /// Adds one talker's samples, at most a block.
    pub fn add(&mut self, samples: &[f32]) {
        for (sum, sample) in self.sum.iter_mut().zip(samples) {
            *sum += sample;
        }
    }

    /// Whether it changes nothing: the limiter has let go.
    pub fn is_at_rest(&self) -> bool {
        self.gain == 1.0
    }

    /// Writes the mix to `out` (at most a block) and starts afresh. A single stream passes unchanged unless it clips.
    pub fn finish(&mut self, out: &mut [f32]) {
        let len = out.len().min(BLOCK);
        let peak = self.sum[..len].iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        let wanted = if peak > CEILING { CEILING / peak } else { 1.0 };
        // Attack within the block by ramping to the wanted gain; the clamp below catches what the ramp misses.
        let target = if wanted < self.gain {
            wanted
        } else {
            (self.gain + RELEASE).min(wanted)
        };
        let step = (target - self.gain) / len.max(1) as f32;
        for (index, (out, sum)) in out.iter_mut().zip(&self.sum).enumerate() {
            let gain = self.gain + step * (index + 1) as f32;
            *out = (sum * gain).clamp(-1.0, 1.0);
        }
        self.gain = target;
        self.sum = [0.0; BLOCK];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_mix_stays_within_full_scale(streams in prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, BLOCK), 0..6)) {
            let mut mixer = Mixer::default();
            let mut out = [0.0; BLOCK];
            for stream in &streams {
                mixer.add(stream);
            }
            mixer.finish(&mut out);
            prop_assert!(out.iter().all(|s| s.abs() <= 1.0));
            if streams.len() == 1 && streams[0].iter().all(|s| s.abs() < CEILING) {
                prop_assert_eq!(&out[..], &streams[0][..]);
            }
        }
    }

    #[test]
    fn the_gain_comes_back_after_an_overload() {
        let mut mixer = Mixer::default();
        let mut out = [0.0; BLOCK];
        mixer.add(&[0.9; BLOCK]);
        mixer.add(&[0.9; BLOCK]);
        mixer.finish(&mut out);
        for _ in 0..30 {
            mixer.add(&[0.5; BLOCK]);
            mixer.finish(&mut out);
        }
        assert_eq!(out, [0.5; BLOCK]);
    }
}
