//! What stretching and joining do to the sound, and what the buffer does to the allocator.

use std::time::Duration;

use realfft::RealFftPlanner;
use sidetone_media::jitter::JitterConfig;
use sidetone_netsim::{Config, Jitter, Loss};

use crate::support::*;

/// Largest second difference: what a click looks like.
fn roughness(sound: &[f32]) -> f32 {
    sound.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f32::max)
}

/// Frequency of the strongest component, by the interpolated peak of the spectrum.
fn pitch(sound: &[f32]) -> f64 {
    let mut input: Vec<f32> = sound.to_vec();
    let n = input.len();
    for (i, x) in input.iter_mut().enumerate() {
        *x *= (std::f32::consts::PI * i as f32 / n as f32).sin().powi(2);
    }
    let fft = RealFftPlanner::<f32>::new().plan_fft_forward(n);
    let mut spectrum = fft.make_output_vec();
    fft.process(&mut input, &mut spectrum).unwrap();
    let power: Vec<f64> = spectrum.iter().map(|c| f64::from(c.norm()).ln()).collect();
    let peak = (1..power.len() - 1).max_by(|&a, &b| power[a].total_cmp(&power[b])).unwrap();
    let (a, b, c) = (power[peak - 1], power[peak], power[peak + 1]);
    (peak as f64 + 0.5 * (a - c) / (a - 2.0 * b + c)) * RATE / n as f64
}

/// Conditions under which the buffer stretches a lot: the delay swings between two networks.
fn swinging() -> (Conditions, Vec<(f64, Config)>) {
    let calm = Config::IDEAL.delay(Duration::from_millis(20));
    let rough = calm.clone().delay(Duration::from_millis(60)).jitter(Jitter::normal(Duration::from_millis(15)));
    let swaps = (1..10)
        .map(|i| (f64::from(i) * 1.7, if i % 2 == 1 { rough.clone() } else { calm.clone() }))
        .collect();
    // Patient enough that late packets are rare and stretching does the work.
    let config = JitterConfig { quantile: 0.99, ..JitterConfig::default() };
    (Conditions { network: calm, config, ..Conditions::default() }, swaps)
}

#[test]
fn a_tone_keeps_its_pitch_and_never_clicks() {
    for hertz in [110.0_f64, 220.0, 330.0] {
        let tone: Vec<f32> = (0..48_000)
            .map(|i| (0.3 * (std::f64::consts::TAU * hertz * f64::from(i) / RATE).sin()) as f32)
            .collect();
        let (conditions, swaps) = swinging();
        let outcome = run_changing(&conditions, Tape::new(&tone.clone().into()), tape_packets(960, 18.0), swaps);
        outcome.report(&format!("{hertz} Hz"));
        assert!(outcome.stats.removed_samples_for_acceleration > 2000, "{:?}", outcome.stats);
        let whole = pitch(&outcome.heard[4800..48_000 * 17]);
        assert!((whole / hertz - 1.0).abs() < 0.005, "{whole} Hz instead of {hertz}");
    }
}

#[test]
fn speech_has_no_clicks_that_it_did_not_have() {
    for sound in [woman(), man()] {
        let (conditions, swaps) = swinging();
        let outcome = run_changing(&conditions, Tape::new(sound), tape_packets(960, 17.0), swaps);
        outcome.report("swinging");
        let (before, after) = (roughness(&sound[..48_000 * 17]), roughness(&outcome.heard));
        println!("roughness {before} then {after}");
        assert!(outcome.stats.stretched_ratio() > 0.002, "{:?}", outcome.stats);
        assert!(after < before * 1.5, "{after} against {before}");
    }
}

#[test]
fn concealed_speech_of_the_real_codec_has_no_clicks() {
    let network = Config::IDEAL.loss(Loss::bursts(0.1, 2.0)).jitter(Jitter::normal(Duration::from_millis(10)));
    for sound in [woman(), man()] {
        let packets = opus_packets(sound, 960, Coding::default());
        let clean = run(&Conditions::default(), opus(), opus_packets(sound, 960, Coding::default()));
        let outcome = run(&Conditions { network: network.clone(), ..Conditions::default() }, opus(), packets);
        outcome.report("lossy");
        let (before, after) = (roughness(&clean.heard), roughness(&outcome.heard));
        println!("roughness {before} then {after}");
        assert!(after < before * 1.5, "{after} against {before}");
        let (before, after) = (rms(&clean.heard), rms(&outcome.heard));
        assert!((0.6..1.2).contains(&(after / before)), "{after} against {before}");
    }
}

fn rms(sound: &[f32]) -> f32 {
    (sound.iter().map(|x| x * x).sum::<f32>() / sound.len() as f32).sqrt()
}
