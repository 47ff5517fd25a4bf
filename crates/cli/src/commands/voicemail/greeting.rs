//! What a caller hears before the beep.

use std::f64::consts::TAU;

use sidetone_media::voice::RATE;

/// Longest greeting that is played: two minutes.
pub const LONGEST: usize = 120 * RATE as usize;

/// Notes of the greeting of who has none: four that rise, and the last two fall back. Nothing else in a call sounds so.
const NOTES: [f64; 6] = [523.25, 659.25, 783.99, 1046.5, 783.99, 523.25];
/// How long each is, in seconds.
const NOTE: f64 = 0.22;
/// The beep: everybody knows it.
const BEEP: (f64, f64) = (1_000.0, 0.4);
/// Silence before the beep, in seconds.
const PAUSE: f64 = 0.35;

/// The greeting of who has none.
pub fn built_in() -> Vec<f32> {
    NOTES.iter().flat_map(|hertz| tone(*hertz, NOTE)).collect()
}

/// The beep, with a moment of silence before it.
pub fn beep() -> Vec<f32> {
    let mut sound = vec![0.0; samples(PAUSE)];
    sound.extend(tone(BEEP.0, BEEP.1));
    sound
}

/// A sine that swells and fades, so that nothing clicks.
fn tone(hertz: f64, seconds: f64) -> Vec<f32> {
    let (len, edge) = (samples(seconds), samples(0.01));
    (0..len)
        .map(|n| {
            let swell = (n.min(len - n) as f64 / edge as f64).min(1.0);
            ((n as f64 * hertz * TAU / f64::from(RATE)).sin() * 0.25 * swell) as f32
        })
        .collect()
}

fn samples(seconds: f64) -> usize {
    (seconds * f64::from(RATE)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tones_begin_and_end_in_silence() {
        for sound in [built_in(), beep()] {
            assert!(sound.first().unwrap().abs() < 0.01 && sound.last().unwrap().abs() < 0.01);
            let loudest = sound.iter().fold(0.0_f32, |loudest, s| loudest.max(s.abs()));
            assert!((0.2..0.3).contains(&loudest));
        }
    }
}
