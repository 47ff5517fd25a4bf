//! Response and distortion are those of the path.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test fails by them

mod support;

use std::time::Duration;

use proptest::prelude::*;
use sidetone_acoustics::path::Config;
use sidetone_acoustics::signal::{Pink, Sine, Sweep, White};
use sidetone_acoustics::sweep::{Distortion, Response, ResponseReport};
use support::{RATE, play, rate};

fn sweep(hz: u32, config: &Config, bend: impl Fn(f32) -> f32) -> ResponseReport {
    let sweep = Sweep::standard(rate(hz));
    let mut response = Response::new(
        sweep.clone(),
        Duration::from_millis(500),
        Duration::from_millis(200),
    )
    .unwrap();
    let bent: Vec<f32> = sweep.map(bend).collect();
    play(bent.into_iter(), rate(hz), 4.5, config, 1, |block| {
        response.push(block)
    });
    response.report()
}

#[test]
fn a_wire_is_flat() {
    for hz in [8_000, 44_100, 48_000, 96_000] {
        let config = Config {
            delay: Duration::from_millis(120),
            gain_db: -6.0,
            noise_db: Some(-90.0),
            ..Config::default()
        };
        let report = sweep(hz, &config, |sample| sample);
        assert!(
            (report.latency_ms.unwrap() - 120.0).abs() < 0.2,
            "{:?}",
            report.latency_ms
        );
        assert!(
            (report.gain_db.unwrap() + 6.0).abs() < 0.05,
            "{:?}",
            report.gain_db
        );
        let inner = report
            .bands
            .iter()
            .filter(|band| band.hz > 90.0 && band.hz < f64::from(hz) * 0.38);
        assert!(inner.clone().count() > 12);
        inner.for_each(|band| assert!(band.level_db.abs() < 0.3, "{band:?} at {hz}"));
        assert!(
            report.distortion.iter().all(|at| at.thd_percent < 0.3),
            "{:?}",
            report.distortion
        );
        assert!(report.snr_db.unwrap() > 60.0, "{:?}", report.snr_db);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_low_pass_shows_where_it_is(low_pass_hz in 1_500.0_f64..8_000.0, noise_db in -90.0_f64..-60.0) {
        let config = Config { low_pass_hz: Some(low_pass_hz), noise_db: Some(noise_db), ..Config::default() };
        let report = sweep(48_000, &config, |sample| sample);
        let (_, high) = report.within_3_db.unwrap();
        prop_assert!((high / low_pass_hz - 1.0).abs() < 0.12, "{high} instead of {low_pass_hz}");
        let (_, wider) = report.within_10_db.unwrap();
        prop_assert!(wider > high);
    }

    /// A bend of known strength: x + a x^2 makes a second harmonic of a / 2 times the amplitude.
    #[test]
    fn distortion_is_what_it_is(bend in 0.02_f32..0.4) {
        let report = sweep(48_000, &Config { noise_db: Some(-90.0), ..Config::default() }, |sample| sample + bend * sample * sample);
        let expected = 100.0 * f64::from(bend) * 0.5 / 2.0;
        let at = report.distortion.iter().find(|at| (at.hz - 1000.0).abs() < 1.0).unwrap();
        prop_assert!((at.thd_percent / expected - 1.0).abs() < 0.05, "{at:?} instead of {expected} %");

        let mut distortion = Distortion::new(rate(RATE), 997.0).unwrap();
        let tone: Vec<f32> = Sine::new(rate(RATE), 997.0, 0.5).unwrap().map(|sample| sample + bend * sample * sample).take(96_000).collect();
        distortion.push(&tone);
        let report = distortion.report();
        prop_assert!((report.thd_percent / expected - 1.0).abs() < 0.02, "{report:?} instead of {expected} %");
        prop_assert!((report.hz - 997.0).abs() < 0.1 && (report.level_db + 9.03).abs() < 0.05, "{report:?}");
    }

    #[test]
    fn noise_beside_a_tone_is_what_it_is(noise_db in -80.0_f64..-30.0, hz in 100.0_f64..8_000.0, drift_ppm in -300.0_f64..300.0, seed: u64) {
        let mut distortion = Distortion::new(rate(RATE), hz).unwrap();
        let config = Config { noise_db: Some(noise_db), drift_ppm, ..Config::default() };
        play(Sine::new(rate(RATE), hz, 0.5).unwrap(), rate(RATE), 3.0, &config, seed, |block| distortion.push(block));
        let report = distortion.report();
        // White noise up to 24 kHz, of which 20 kHz count.
        let expected = noise_db - 0.79 + 9.03;
        prop_assert!((report.thd_n_db - expected).abs() < 0.5, "{report:?} instead of {expected}");
        prop_assert!((report.hz / hz / (1.0 + drift_ppm * 1e-6) - 1.0).abs() < 1e-3);
    }
}

#[test]
fn without_a_sweep_there_is_no_response() {
    for noise in [0, 1] {
        let sweep = Sweep::standard(rate(16_000));
        let mut response =
            Response::new(sweep, Duration::from_millis(500), Duration::from_millis(200)).unwrap();
        let config = Config::default();
        if noise == 0 {
            play(
                Pink::new(-20.0, 1).unwrap(),
                rate(16_000),
                6.0,
                &config,
                1,
                |block| response.push(block),
            );
        }
        let report = response.report();
        assert!(
            !report.found && report.bands.is_empty(),
            "{:?} {:?}",
            report.latency_ms,
            report.gain_db
        );
    }
    let mut distortion = Distortion::new(rate(RATE), 997.0).unwrap();
    assert!(!distortion.report().found);
    distortion.push(&White::new(-20.0, 1).unwrap().take(96_000).collect::<Vec<_>>());
    assert!(!distortion.report().found);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let ms = Duration::from_millis;
    assert!(Sweep::new(rate(8_000), 100.0, 4_000.0, ms(1000), 0.5).is_err());
    assert!(Sweep::new(rate(8_000), 1_000.0, 100.0, ms(1000), 0.5).is_err());
    assert!(Sweep::new(rate(8_000), 100.0, 3_000.0, ms(1), 0.5).is_err());
    assert!(Sweep::new(rate(8_000), 100.0, 3_000.0, ms(1000), f64::NAN).is_err());
    assert!(Response::new(Sweep::standard(rate(8_000)), ms(20_000), ms(100)).is_err());
    assert!(Distortion::new(rate(8_000), 4_000.0).is_err());
}
