//! Latency is measured to a part of a millisecond, through rooms, noise and voice paths; and nothing is invented.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test fails by them

mod support;

use std::time::Duration;

use proptest::prelude::*;
use sidetone_acoustics::latency::{Latency, Report, shares};
use sidetone_acoustics::path::{Config, GainControl, Reflection, Trouble};
use sidetone_acoustics::signal::{ChirpCode, Pink, Sine, White};
use support::{RATE, fault, play, rate};

fn listen(hz: u32, amplitude: f64, seconds: f64, config: &Config, seed: u64) -> Report {
    let rate = rate(hz);
    let mut latency = Latency::standard(rate);
    let chirps = latency.code().play(amplitude).unwrap();
    play(chirps, rate, seconds, config, seed, |block| latency.push(block));
    latency.finish()
}

fn assert_near(report: &Report, true_ms: f64, within_ms: f64) {
    let latency = report
        .latency_ms
        .unwrap_or_else(|| panic!("not found: {report:?}"));
    let off = (latency.p50 - true_ms).abs().max((latency.p95 - true_ms).abs());
    assert!(off < within_ms, "{latency:?} instead of {true_ms} ms");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn through_a_clean_path_it_is_exact_to_a_part_of_a_sample(
        delay_us in 0_u64..1_990_000,
        hz in prop::sample::select(vec![8_000, 16_000, 44_100, 48_000, 96_000]),
        gain_db in -40.0_f64..0.0,
    ) {
        let config = Config { delay: Duration::from_micros(delay_us), gain_db, ..Config::default() };
        let report = listen(hz, 0.5, 5.0, &config, 0);
        let latency = report.latency_ms.unwrap();
        let sample = 1000.0 / f64::from(hz);
        let true_ms = delay_us as f64 / 1000.0;
        prop_assert!((latency.min - true_ms).abs() < 0.1 * sample && (latency.max - true_ms).abs() < 0.1 * sample,
            "{latency:?} instead of {true_ms}");
        prop_assert!(report.jumps.is_empty());
    }

    #[test]
    fn through_a_voice_path_it_is_within_a_millisecond(
        delay_us in 20_000_u64..600_000,
        drift_ppm in -100.0_f64..100.0,
        low_pass_hz in 3_000.0_f64..7_500.0,
        seed: u64,
    ) {
        let config = Config {
            delay: Duration::from_micros(delay_us),
            drift_ppm,
            low_pass_hz: Some(low_pass_hz),
            gain_control: Some(GainControl { target_db: -15.0, most_db: 30.0, seconds: 0.2 }),
            clip: Some(0.2),
            noise_db: Some(-50.0),
            reflections: vec![Reflection { after: Duration::from_micros(5_300), gain_db: -3.0 }],
            ..Config::default()
        };
        let report = listen(16_000, 0.5, 10.0, &config, seed);
        let latency = report.latency_ms.unwrap();
        let true_ms = delay_us as f64 / 1000.0;
        // The clocks have drifted by up to 1 ms at the end.
        let drifted = drift_ppm.abs() * 0.01;
        prop_assert!((latency.min - true_ms).abs() < 1.0 + drifted && (latency.max - true_ms).abs() < 1.0 + drifted,
            "{latency:?} instead of {true_ms}");
    }

    /// Whatever else is heard, no latency is invented.
    #[test]
    fn other_sound_has_no_latency(kind in 0..4, seed: u64) {
        let rate = rate(16_000);
        let mut latency = Latency::standard(rate);
        let quiet = Config::default();
        let mut hear = |block: &[f32]| latency.push(block);
        match kind {
            0 => play(White::new(-20.0, seed).unwrap(), rate, 20.0, &quiet, seed, &mut hear),
            1 => play(Pink::new(-20.0, seed).unwrap(), rate, 20.0, &quiet, seed, &mut hear),
            2 => play(Sine::new(rate, 440.0, 0.5).unwrap(), rate, 20.0, &quiet, seed, &mut hear),
            // Words: noise in syllables.
            _ => {
                let syllables = Pink::new(-20.0, seed).unwrap().enumerate();
                let words = syllables.map(|(at, sample)| if at % 5_000 < 2_800 { sample } else { 0.0 });
                play(words, rate, 20.0, &quiet, seed, &mut hear);
            }
        }
        let report = latency.finish();
        prop_assert!(report.latency_ms.is_none(), "{report:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Noise 20 dB above the chirps, in a room whose strongest sound is a reflection.
    #[test]
    fn in_noise_and_a_room_it_is_the_first_arrival(delay_us in 1_000_u64..900_000, seed: u64) {
        let level_db = -20.0 - 3.0;
        let config = Config {
            delay: Duration::from_micros(delay_us),
            gain_db: -20.0,
            direct_db: -2.0,
            reflections: vec![Reflection { after: Duration::from_micros(8_700), gain_db: 0.0 }],
            reverberation: Some((0.4, -3.0)),
            // The chirps have a peak of 1 and an RMS of -3 dB over their time.
            noise_db: Some(level_db + 20.0),
            ..Config::default()
        };
        let report = listen(RATE, 1.0, 12.0, &config, seed);
        let latency = report.latency_ms.unwrap();
        let true_ms = delay_us as f64 / 1000.0;
        prop_assert!((latency.p50 - true_ms).abs() < 1.0, "{report:?} instead of {true_ms}");
        prop_assert!(report.found >= 9, "{report:?}");
    }
}

#[test]
fn a_jump_is_found_where_it_was() {
    let config = Config {
        delay: Duration::from_millis(50),
        noise_db: Some(-60.0),
        capture_faults: vec![fault(10 * 48_000 - 9_600, Trouble::Inserted(480))],
        ..Config::default()
    };
    let report = listen(RATE, 0.5, 20.0, &config, 1);
    assert_eq!(report.jumps.len(), 1, "{report:?}");
    let jump = report.jumps[0];
    assert!(
        (jump.to_ms - jump.from_ms - 10.0).abs() < 0.05 && (9.0..=10.0).contains(&jump.seconds),
        "{jump:?}"
    );
}

#[test]
fn drift_shows_in_the_latency() {
    let config = Config {
        delay: Duration::from_millis(50),
        drift_ppm: 120.0,
        noise_db: Some(-60.0),
        ..Config::default()
    };
    let report = listen(RATE, 0.5, 30.0, &config, 1);
    assert!((report.drift_ppm.unwrap() - 120.0).abs() < 2.0, "{report:?}");
    assert!(report.jumps.is_empty());
}

#[test]
fn a_latency_longer_than_a_period_is_no_shorter_one() {
    let code = ChirpCode::standard(rate(16_000));
    for seconds in [1.2, 2.4, 3.1] {
        let mut latency = Latency::new(code.clone(), Duration::from_millis(3_200)).unwrap();
        let config = Config {
            delay: Duration::from_secs_f64(seconds),
            ..Config::default()
        };
        play(code.play(0.5).unwrap(), rate(16_000), 12.0, &config, 1, |block| {
            latency.push(block)
        });
        assert_near(&latency.finish(), seconds * 1000.0, 0.02);
        // And where nobody looks so far, there is nothing.
        let mut latency = Latency::new(code.clone(), Duration::from_millis(1_000)).unwrap();
        play(code.play(0.5).unwrap(), rate(16_000), 12.0, &config, 1, |block| {
            latency.push(block)
        });
        assert_eq!(latency.finish().latency_ms, None, "{seconds}");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let code = ChirpCode::standard(rate(RATE));
    assert!(Latency::new(code.clone(), Duration::ZERO).is_err());
    assert!(Latency::new(code, Duration::from_secs(4)).is_err());
    let ms = Duration::from_millis;
    assert!(ChirpCode::new(rate(8_000), 300.0, 5_000.0, ms(500), ms(1000)).is_err());
    assert!(ChirpCode::new(rate(8_000), 3_000.0, 500.0, ms(500), ms(1000)).is_err());
    assert!(ChirpCode::new(rate(8_000), f64::NAN, 500.0, ms(500), ms(1000)).is_err());
    assert!(ChirpCode::new(rate(8_000), 300.0, 3_000.0, ms(500), ms(100)).is_err());
}

/// No symbol has more than a quarter of itself in another, or in itself at another time: what makes the code one.
#[test]
fn symbols_are_told_apart_at_any_shift() {
    for hz in [8_000, 48_000] {
        let code = ChirpCode::standard(rate(hz));
        let symbols: Vec<Vec<f32>> = (0..4).map(|index| code.symbol(index)).collect();
        let energy: f64 = symbols[0].iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let match_at = |one: &[f32], other: &[f32], shift: usize| -> f64 {
            let pairs = one[shift..].iter().zip(other);
            pairs
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum::<f64>()
                .abs()
                / energy
        };
        for (one, symbol) in symbols.iter().enumerate() {
            for (other, later) in symbols.iter().enumerate() {
                // Steps of 1 ms less a sample: no multiple of a chirp, all phases of the carrier.
                for shift in (0..symbol.len()).step_by(hz as usize / 1000 - 1) {
                    if one == other && shift < hz as usize / 500 {
                        continue;
                    }
                    let share = match_at(symbol, later, shift);
                    assert!(share < 0.25, "{share} of {other} in {one} at {shift}");
                }
            }
        }
    }
}

#[test]
fn the_shares_of_a_latency_are_the_whole() {
    let parts = shares(
        80.0,
        &[("output buffer", 20.0), ("input buffer", 10.0)],
        "converters and air",
    );
    assert_eq!(
        parts.iter().map(|part| part.milliseconds).collect::<Vec<_>>(),
        [20.0, 10.0, 50.0]
    );
    assert_eq!(parts.iter().map(|part| part.percent).sum::<f64>(), 100.0);
}
