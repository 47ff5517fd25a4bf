//! Return loss, delay and reverberation are those of the path.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test fails by them

mod support;

use std::time::Duration;

use proptest::prelude::*;
use sidetone_acoustics::SampleRate;
use sidetone_acoustics::echo::{Echo, Report, enhancement_db};
use sidetone_acoustics::path::{Config, Path, Trouble};
use sidetone_acoustics::signal::{Pink, White};
use support::{fault, rate};

/// Plays pink noise, and adds another one at the microphone.
fn listen(rate: SampleRate, config: &Config, other_db: f64, seconds: usize, seed: u64) -> Report {
    let mut path = Path::new(rate, config, seed).unwrap();
    let mut echo = Echo::standard(rate).unwrap();
    let mut source = Pink::new(-20.0, seed).unwrap();
    let mut other = White::new(other_db, seed.wrapping_add(1)).unwrap();
    let mut recorded = Vec::new();
    for _ in 0..seconds * 100 {
        let played: Vec<f32> = source.by_ref().take(rate.hz() as usize / 100).collect();
        recorded.clear();
        path.process(&played, &mut recorded);
        recorded
            .iter_mut()
            .zip(other.by_ref())
            .for_each(|(sample, other)| *sample += other);
        echo.push(&played, &recorded);
    }
    echo.report()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_plain_echo_is_measured(
        delay_us in 500_u64..450_000,
        gain_db in -45.0_f64..0.0,
        hz in prop::sample::select(vec![8_000, 16_000, 48_000]),
        seed: u64,
    ) {
        let config = Config { delay: Duration::from_micros(delay_us), gain_db, ..Config::default() };
        let report = listen(rate(hz), &config, -80.0, 10, seed);
        let delay = report.delay_ms.unwrap();
        prop_assert!((delay - delay_us as f64 / 1000.0).abs() < 0.5, "{delay} instead of {delay_us} us");
        let loss = report.return_loss_db.unwrap();
        prop_assert!((loss + gain_db).abs() < 1.0, "{loss} instead of {}", -gain_db);
        let spread = report.delays_ms.unwrap();
        prop_assert!(spread.max - spread.min < 0.5, "{spread:?}");
    }

    /// A talker at the microphone 10 dB louder than the echo changes little.
    #[test]
    fn a_talker_is_no_echo(gain_db in -30.0_f64..-10.0, seed: u64) {
        let config = Config { delay: Duration::from_millis(80), gain_db, ..Config::default() };
        let report = listen(rate(16_000), &config, -20.0 + gain_db + 10.0, 30, seed);
        let loss = report.return_loss_db.unwrap();
        prop_assert!((loss + gain_db).abs() < 2.0, "{loss} instead of {}", -gain_db);
    }

    #[test]
    fn reverberation_is_measured(seconds in 0.15_f64..0.5, seed: u64) {
        let config = Config {
            delay: Duration::from_millis(30),
            reverberation: Some((seconds, 0.0)),
            ..Config::default()
        };
        let report = listen(rate(16_000), &config, -80.0, 20, seed);
        let decay = report.decay.unwrap();
        prop_assert!((decay.seconds / seconds - 1.0).abs() < 0.35, "{decay:?} instead of {seconds}");
    }
}

#[test]
fn nothing_comes_back_of_a_headset() {
    let report = listen(
        rate(16_000),
        &Config {
            gain_db: -150.0,
            ..Config::default()
        },
        -50.0,
        20,
        1,
    );
    assert!(
        !report.found && report.return_loss_db.is_none() && report.delays_ms.is_none(),
        "{:?}",
        report.delay_ms
    );
    assert_eq!(report.windows, 20);
}

#[test]
fn a_delay_that_moves_is_seen() {
    let config = Config {
        delay: Duration::from_millis(60),
        capture_faults: vec![fault(160_000, Trouble::Inserted(320))],
        ..Config::default()
    };
    let delays = listen(rate(16_000), &config, -60.0, 20, 1).delays_ms.unwrap();
    assert!(
        (delays.min - 60.0).abs() < 0.2 && (delays.max - 80.0).abs() < 0.2,
        "{delays:?}"
    );
}

#[test]
fn what_a_canceller_takes_away_is_measured() {
    let before = listen(
        rate(16_000),
        &Config {
            gain_db: -10.0,
            ..Config::default()
        },
        -90.0,
        10,
        1,
    );
    let after = listen(
        rate(16_000),
        &Config {
            gain_db: -35.0,
            ..Config::default()
        },
        -90.0,
        10,
        1,
    );
    assert!((enhancement_db(&before, &after).unwrap() - 25.0).abs() < 0.1);
    let nothing = Echo::standard(rate(16_000)).unwrap().report();
    assert_eq!(enhancement_db(&before, &nothing), None);
}
