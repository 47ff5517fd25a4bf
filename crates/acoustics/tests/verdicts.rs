//! What is wrong with a device is told in the right words.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test fails by them

mod support;

use std::time::Duration;

use sidetone_acoustics::echo::Echo;
use sidetone_acoustics::glitch::{Glitches, Tones};
use sidetone_acoustics::latency::Latency;
use sidetone_acoustics::level::Levels;
use sidetone_acoustics::path::{Config, Fault, Trouble};
use sidetone_acoustics::profile::{Check, Judge, Outcome, Profile, Verdict, worst};
use sidetone_acoustics::signal::{Pink, Sweep};
use sidetone_acoustics::sweep::Response;
use support::{fault, play, rate};

fn of(verdicts: &[Verdict], check: Check) -> &Verdict {
    verdicts.iter().find(|verdict| verdict.check == check).unwrap()
}

fn all(config: &Config) -> Vec<Verdict> {
    let limits = Profile::Headset.limits();
    let rate = rate(48_000);
    let mut latency = Latency::standard(rate);
    play(latency.code().play(0.5).unwrap(), rate, 8.0, config, 1, |block| {
        latency.push(block)
    });
    let mut glitches = Glitches::new(rate);
    play(Tones::new(rate, 0.5).unwrap(), rate, 10.0, config, 2, |block| {
        glitches.push(block)
    });
    let mut levels = Levels::new(rate, 1).unwrap();
    play(std::iter::repeat(0.0), rate, 3.0, config, 3, |block| {
        levels.push(block)
    });
    let sweep = Sweep::standard(rate);
    let mut response = Response::new(
        sweep.clone(),
        Duration::from_millis(500),
        Duration::from_millis(200),
    )
    .unwrap();
    play(sweep, rate, 5.0, config, 4, |block| response.push(block));
    let mut verdicts = latency.finish().judge(&limits);
    verdicts.extend(glitches.report().judge(&limits));
    verdicts.extend(levels.report().judge(&limits));
    verdicts.extend(response.report().judge(&limits));
    verdicts
}

#[test]
fn a_good_device_passes() {
    let config = Config {
        delay: Duration::from_millis(30),
        drift_ppm: 12.0,
        noise_db: Some(-75.0),
        ..Config::default()
    };
    let verdicts = all(&config);
    assert_eq!(worst(&verdicts), Some(Outcome::Pass), "{verdicts:#?}");
    assert!(
        verdicts
            .iter()
            .all(|verdict| verdict.advice.is_none() && !verdict.reason.is_empty())
    );
}

#[test]
fn a_bad_device_is_told_what_is_wrong() {
    let dropouts = (3..9).map(|second| fault(second * 48_000, Trouble::Silence(700)));
    let config = Config {
        delay: Duration::from_millis(170),
        drift_ppm: 800.0,
        noise_db: Some(-40.0),
        low_pass_hz: Some(2_500.0),
        dc: 0.08,
        capture_faults: dropouts.collect(),
        ..Config::default()
    };
    let verdicts = all(&config);
    for check in [
        Check::Latency,
        Check::Glitches,
        Check::ClockDrift,
        Check::Noise,
        Check::Dc,
    ] {
        let verdict = of(&verdicts, check);
        assert_eq!(verdict.outcome, Outcome::Fail, "{verdict:?}");
        assert!(
            verdict.advice.is_some() && verdict.value > verdict.limit,
            "{verdict:?}"
        );
    }
    assert_ne!(of(&verdicts, Check::BandwidthHigh).outcome, Outcome::Pass);
}

#[test]
fn a_muted_microphone_is_told_from_a_quiet_one() {
    let muted = Config {
        capture_faults: vec![Fault {
            at: 0,
            trouble: Trouble::Mute,
        }],
        ..Config::default()
    };
    let verdicts = all(&muted);
    let verdict = of(&verdicts, Check::Muted);
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!(verdict.advice.unwrap().contains("switch is off"));
    // What was not heard is not measured, and not good.
    assert_eq!(of(&verdicts, Check::Latency).outcome, Outcome::NotMeasured);
    assert_eq!(of(&verdicts, Check::SignalHeard).outcome, Outcome::Fail);
    let quiet = Config {
        gain_db: -100.0,
        noise_db: Some(-90.0),
        ..Config::default()
    };
    assert_eq!(of(&all(&quiet), Check::Muted).outcome, Outcome::Pass);
}

#[test]
fn an_echo_is_judged_by_the_profile() {
    let echo = |gain_db: f64| {
        let rate = rate(16_000);
        let mut echo = Echo::standard(rate).unwrap();
        let sound: Vec<f32> = Pink::new(-20.0, 1).unwrap().take(160_000).collect();
        let mut heard = Vec::new();
        let config = Config {
            gain_db,
            delay: Duration::from_millis(20),
            noise_db: Some(-80.0),
            ..Config::default()
        };
        play(sound.clone().into_iter(), rate, 10.0, &config, 1, |block| {
            heard.extend_from_slice(block)
        });
        echo.push(&sound, &heard);
        echo.report()
    };
    let verdict = |gain_db, profile: Profile| {
        of(&echo(gain_db).judge(&profile.limits()), Check::EchoReturnLoss).outcome
    };
    assert_eq!(verdict(-12.0, Profile::Speakerphone), Outcome::Pass);
    assert_eq!(verdict(-12.0, Profile::Headset), Outcome::Fail);
    assert_eq!(verdict(3.0, Profile::ConferenceRoom), Outcome::Fail);
    assert_eq!(verdict(-150.0, Profile::Headset), Outcome::Pass);
}

#[test]
fn verdicts_and_profiles_are_written_as_they_are_read() {
    for profile in Profile::ALL {
        assert_eq!(profile.name().parse(), Ok(profile));
        assert_eq!(serde_json::to_value(profile).unwrap(), profile.name());
    }
    assert!(
        "phone"
            .parse::<Profile>()
            .unwrap_err()
            .to_string()
            .contains("headset, speakerphone, conference-room")
    );
    let report = Latency::standard(rate(48_000)).finish();
    let json = serde_json::to_value(report.judge(&Profile::Headset.limits())).unwrap();
    assert_eq!(json[1]["outcome"], "not-measured");
    assert_eq!(json[0]["check"], "signal-heard");
}
