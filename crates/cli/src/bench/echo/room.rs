//! The room: what of the far end, the near end and the noises arrives at the microphone.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use realfft::RealFftPlanner;
use sidetone_media::voice::RATE;

use super::case::{Case, Noise};
use crate::bench::delay::active_speech_power;

/// Level of the near end at the microphone, in dB of full scale: a person at arm's length.
const NEAR_LEVEL: f64 = -26.0;

/// Level of the far end's echo there: 6 dB below.
const ECHO_LEVEL: f64 = NEAR_LEVEL - 6.0;

/// Level of what is played.
const FAR_LEVEL: f64 = -26.0;

/// Noise of the microphone itself: a good one.
const FLOOR_LEVEL: f64 = -80.0;

/// Level of a fan: 15 dB below the near end.
const FAN_LEVEL: f64 = NEAR_LEVEL - 15.0;

/// Peak of a key that is struck, of full scale.
const KEY: f32 = 0.08;

/// From the far end's first word to the near end's first in double talk: some seconds to learn the room, as at the
/// beginning of any call.
pub const ALONE: usize = 12 * RATE as usize;

/// From the driver to the air and back, in seconds: what a sound server holds.
const LATENCY: f64 = 0.025;

/// The same of the speaker that takes over.
const OTHER_LATENCY: f64 = 0.085;

/// How much later the other speaker's callbacks run than the first's would have, in seconds.
pub const SWAP_GAP: f64 = 0.007;

/// Everything that sounds, sample by sample of the microphone but `far`, which is the speaker's.
pub struct Room {
    pub far: Vec<f32>,
    pub near: Vec<f32>,
    pub echo: Vec<f32>,
    pub mic: Vec<f32>,
}

impl Room {
    /// `voices` are those of the far end and the near end.
    pub fn new(case: &Case, voices: [&[f32]; 2], samples: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let far = match case.far {
            true => repeated(voices[0], FAR_LEVEL, 0, samples),
            false => vec![0.0; samples],
        };
        let start = if case.far { ALONE } else { RATE as usize };
        let near = match case.near {
            true => repeated(voices[1], NEAR_LEVEL, start, samples),
            false => vec![0.0; samples],
        };
        let echo = echo(case, &far, &mut rng);
        let noise = noise(case.noise, samples, &mut rng);
        let mic = (0..samples).map(|n| near[n] + echo[n] + noise[n]).collect();
        Self { far, near, echo, mic }
    }
}

/// The voice again and again from `start` on, with a pause of a second between.
fn repeated(voice: &[f32], level: f64, start: usize, samples: usize) -> Vec<f32> {
    let power = active_speech_power(voice, RATE).unwrap_or(1.0);
    let gain = (10.0_f64.powf(level / 10.0) / power).sqrt() as f32;
    let round = voice
        .iter()
        .copied()
        .chain(std::iter::repeat_n(0.0, RATE as usize));
    let mut said = vec![0.0; start.min(samples)];
    said.extend(
        round
            .cycle()
            .take(samples - said.len())
            .map(|sample| sample * gain),
    );
    said
}

/// What comes back of `far`.
fn echo(case: &Case, far: &[f32], rng: &mut ChaCha8Rng) -> Vec<f32> {
    let speed = 1.0 + case.drift_ppm * 1e-6;
    let half = if case.swap { far.len() / 2 } else { far.len() };
    // When the microphone's sample was heard, in samples of the speaker.
    let heard = |n: usize, latency: f64| (n as f64 - latency * f64::from(RATE)) * speed;
    let part = |from: usize, to: usize, latency: f64, rng: &mut ChaCha8Rng| {
        let dry: Vec<f32> = (0..to).map(|n| between(far, heard(n, latency))).collect();
        let mut wet = convolved(&dry, &response(case, rng));
        let power = active_speech_power(&wet, RATE).unwrap_or(1.0);
        let gain = (10.0_f64.powf(ECHO_LEVEL / 10.0) / power).sqrt() as f32;
        wet.drain(..from);
        wet.truncate(to - from);
        wet.iter_mut().for_each(|sample| *sample *= gain);
        wet
    };
    let mut echo = part(0, half, LATENCY, rng);
    if case.swap {
        echo.extend(part(half, far.len(), OTHER_LATENCY + SWAP_GAP, rng));
    }
    echo
}

/// The sample at a position between samples: sinc in a Hann window of 32.
fn between(samples: &[f32], position: f64) -> f32 {
    const SIDE: i64 = 16;
    let whole = position.floor();
    let fraction = position - whole;
    let at = |index: i64| usize::try_from(index).ok().and_then(|index| samples.get(index));
    if fraction < 1e-9 {
        return at(whole as i64).copied().unwrap_or(0.0);
    }
    let sine = (std::f64::consts::PI * fraction).sin() / std::f64::consts::PI;
    let sum: f64 = (1 - SIDE..=SIDE)
        .map(|tap| {
            let Some(sample) = at(whole as i64 + tap) else {
                return 0.0;
            };
            let away = fraction - tap as f64;
            let sign = if tap % 2 == 0 { 1.0 } else { -1.0 };
            let window = 0.5 + 0.5 * (std::f64::consts::PI * away / SIDE as f64).cos();
            f64::from(*sample) * sign * sine / away * window
        })
        .sum();
    sum as f32
}

/// Direct sound, then noise that decays by 60 dB over the tail.
fn response(case: &Case, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let length = (case.tail.as_secs_f64() * f64::from(RATE)) as usize;
    // Sound takes 1 ms for 34 cm.
    let mut response = vec![0.0; RATE as usize / 1000];
    response.push(1.0);
    response.extend((0..length).map(|n| {
        let decay = 10.0_f32.powf(-3.0 * n as f32 / length as f32);
        // Together as strong as the direct sound, whatever the length.
        let strength = (6.9 * 6.0 / length as f32).sqrt();
        rng.random_range(-1.0..1.0_f32) * decay * strength
    }));
    response
}

fn convolved(samples: &[f32], response: &[f32]) -> Vec<f32> {
    let size = (samples.len() + response.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let spectrum = |part: &[f32]| {
        let mut padded = part.to_vec();
        padded.resize(size, 0.0);
        let mut spectrum = forward.make_output_vec();
        // The sizes are those of the plan.
        let _ = forward.process(&mut padded, &mut spectrum);
        spectrum
    };
    let mut product = spectrum(samples);
    for (bin, other) in product.iter_mut().zip(spectrum(response)) {
        *bin *= other / size as f32;
    }
    let mut out = inverse.make_output_vec();
    let _ = inverse.process(&mut product, &mut out);
    out.truncate(samples.len());
    out
}

fn noise(noise: Noise, samples: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let uniform = |rng: &mut ChaCha8Rng| rng.random_range(-1.0..1.0_f32);
    let rms = |level: f64| 10.0_f64.powf(level / 20.0) as f32;
    // A uniform distribution between -1 and 1 has a power of a third.
    let floor = rms(FLOOR_LEVEL) * 3.0_f32.sqrt();
    let mut sound: Vec<f32> = (0..samples).map(|_| uniform(rng) * floor).collect();
    match noise {
        Noise::Quiet => {}
        Noise::Fan => {
            // Rushing air: noise through one pole at 500 Hz, whose power is that of the input times k / (2 - k).
            let pole = 1.0 - (-std::f32::consts::TAU * 500.0 / RATE as f32).exp();
            let gain = rms(FAN_LEVEL) * (3.0 * (2.0 - pole) / pole).sqrt();
            let mut state = 0.0;
            for sample in &mut sound {
                state += pole * (uniform(rng) - state);
                *sample += state * gain;
            }
        }
        Noise::Typing => {
            let mut next = 0;
            while next < samples {
                let strength = KEY * rng.random_range(0.3..1.0_f32);
                // A key rings for 10 ms.
                for (age, sample) in sound[next..].iter_mut().take(4800).enumerate() {
                    *sample += uniform(rng) * strength * (-(age as f32) / 480.0).exp();
                }
                next += rng.random_range(RATE as usize / 12..RATE as usize / 3);
            }
        }
    }
    sound
}
