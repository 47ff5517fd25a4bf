//! Takes rumble, and most of a mains hum, out of a microphone's sound.

use super::{BLOCK, RATE};

/// Where half the power is left, in Hz: below the lowest voices. A higher one is heard in men.
const RUMBLE: f64 = 70.0;

/// Butterworth of the fourth order, as two of the second.
pub struct HighPass([Section; 2]);

impl HighPass {
    pub fn new() -> Self {
        // The poles lie at these parts of half a turn from the real axis.
        Self([0.125, 0.375].map(|turn| {
            let angle = std::f64::consts::TAU * RUMBLE / f64::from(RATE);
            let damped = angle.sin() * (std::f64::consts::PI * turn).cos();
            Section {
                gain: (1.0 + angle.cos()) / 2.0 / (1.0 + damped),
                back: [
                    -2.0 * angle.cos() / (1.0 + damped),
                    (1.0 - damped) / (1.0 + damped),
                ],
                state: [0.0; 2],
            }
        }))
    }

    pub fn run(&mut self, block: &[f32; BLOCK]) -> [f32; BLOCK] {
        block.map(|sample| {
            let sections = self.0.iter_mut();
            sections.fold(f64::from(sample), |sample, section| section.run(sample)) as f32
        })
    }
}

/// In double precision: the poles are near the circle.
struct Section {
    gain: f64,
    back: [f64; 2],
    state: [f64; 2],
}

impl Section {
    fn run(&mut self, sample: f64) -> f64 {
        let input = sample * self.gain;
        let out = input + self.state[0];
        self.state = [
            self.state[1] - 2.0 * input - self.back[0] * out,
            input - self.back[1] * out,
        ];
        out
    }
}
