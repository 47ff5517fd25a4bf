//! What stretching and joining do to the sound.

use std::time::Duration;

use realfft::RealFftPlanner;
use sidetone_netsim::{Config, Jitter, Loss};

use crate::support::*;

/// Largest second difference: what a click looks like.
fn roughness(sound: &[f32]) -> f32 {
    sound
        .windows(3)
        .map(|w| (w[0] - 2.0 * w[1] + w[2]).abs())
        .fold(0.0, f32::max)
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
    let peak = (1..power.len() - 1)
        .max_by(|&a, &b| power[a].total_cmp(&power[b]))
        .unwrap();
    let (a, b, c) = (power[peak - 1], power[peak], power[peak + 1]);
    (peak as f64 + 0.5 * (a - c) / (a - 2.0 * b + c)) * RATE / n as f64
}

/// Conditions under which the buffer stretches all the time: a sender whose clock is far off.
fn stretching(drift_ppm: f64) -> Conditions {
    Conditions {
        drift_ppm,
        ..Conditions::default()
    }
}

#[test]
fn a_tone_keeps_its_pitch_and_never_clicks() {
    for (hertz, drift) in [
        (110.0_f64, 15_000.0),
        (220.0, 15_000.0),
        (330.0, -2000.0),
        (150.0, -2000.0),
    ] {
        let tone: Vec<f32> = (0..48_000)
            .map(|i| (0.3 * (std::f64::consts::TAU * hertz * f64::from(i) / RATE).sin()) as f32)
            .collect();
        let outcome = run(
            &stretching(drift),
            Tape::new(&tone.clone().into()),
            tape_packets(960, 18.0),
        );
        outcome.report(&format!("{hertz} Hz"));
        assert!(outcome.stats.stretched_ratio() > 0.001, "{:?}", outcome.stats);
        let sound = &outcome.heard[48_000..48_000 * 17];
        let heard = pitch(sound);
        assert!(
            (heard / hertz - 1.0).abs() < 0.002,
            "{heard} Hz instead of {hertz}"
        );
        let (before, after) = (roughness(&tone), roughness(sound));
        println!(
            "  {heard:.2} Hz, roughness {before} then {after}, concealed {}",
            outcome.stats.concealed_samples
        );
        // 60 dB under the tone.
        assert!(after < before + 0.0005, "{after} against {before}");
    }
}

#[test]
fn speech_has_no_clicks_that_it_did_not_have() {
    for (sound, drift) in [
        (woman(), 15_000.0),
        (man(), 15_000.0),
        (woman(), -2000.0),
        (man(), -2000.0),
    ] {
        let outcome = run(&stretching(drift), Tape::new(sound), tape_packets(960, 17.0));
        outcome.report(&format!("speech, {drift} ppm"));
        let (before, after) = (roughness(&sound[..48_000 * 17]), roughness(&outcome.heard));
        println!("roughness {before} then {after}");
        assert!(outcome.stats.stretched_ratio() > 0.001, "{:?}", outcome.stats);
        assert!(after < before * 1.5, "{after} against {before}");
    }
}

#[test]
fn concealed_speech_of_the_real_codec_has_no_clicks() {
    let network = Config::IDEAL
        .loss(Loss::bursts(0.1, 2.0))
        .jitter(Jitter::normal(Duration::from_millis(10)));
    for sound in [woman(), man()] {
        let packets = opus_packets(sound, 960, Coding::default());
        let clean = run(
            &Conditions::default(),
            opus(),
            opus_packets(sound, 960, Coding::default()),
        );
        let outcome = run(
            &Conditions {
                network,
                ..Conditions::default()
            },
            opus(),
            packets,
        );
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
