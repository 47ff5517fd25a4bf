//! Every glitch that was injected is found where it was, and none is invented.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test fails by them

mod support;

use std::time::Duration;

use proptest::prelude::*;
use sidetone_acoustics::glitch::{Glitch, Glitches, Kind, Report, Tones};
use sidetone_acoustics::path::{Config, GainControl, Reflection, Trouble};
use sidetone_acoustics::signal::{Pink, Sine};
use support::{RATE, fault, play, rate};

fn listen(hz: u32, amplitude: f64, seconds: f64, config: &Config, seed: u64) -> Report {
    let rate = rate(hz);
    let mut glitches = Glitches::new(rate);
    play(
        Tones::new(rate, amplitude).unwrap(),
        rate,
        seconds,
        config,
        seed,
        |block| glitches.push(block),
    );
    glitches.report()
}

/// A path like a good sound card's.
fn card() -> Config {
    Config {
        delay: Duration::from_micros(21_370),
        drift_ppm: 35.0,
        noise_db: Some(-60.0),
        ..Config::default()
    }
}

fn only(report: &Report) -> Glitch {
    assert_eq!(report.glitches.len(), 1, "{report:#?}");
    report.glitches[0]
}

fn one(trouble: Trouble) -> Glitch {
    let config = Config {
        capture_faults: vec![fault(96_123, trouble)],
        ..card()
    };
    only(&listen(RATE, 0.4, 5.0, &config, 1))
}

#[test]
fn a_dropout_has_its_place_and_length() {
    for samples in [48, 64, 480, 4800, 60_000] {
        let glitch = one(Trouble::Silence(samples));
        assert_eq!(
            (glitch.kind, glitch.shift),
            (Kind::Dropout, Some(0.0)),
            "{glitch:?}"
        );
        assert!(
            glitch.at.abs_diff(96_123) <= 3 && glitch.length.abs_diff(samples as u64) <= 6,
            "{samples}: {glitch:?}"
        );
    }
}

#[test]
fn a_held_sample_is_told_from_silence() {
    for samples in [48, 480, 4800] {
        let glitch = one(Trouble::Held(samples));
        assert_eq!(glitch.kind, Kind::Held, "{glitch:?}");
        assert!(
            glitch.at.abs_diff(96_123) <= 12 && glitch.length.abs_diff(samples as u64) <= 24,
            "{samples}: {glitch:?}"
        );
    }
}

#[test]
fn a_repeat_is_told_from_other_disturbance() {
    for samples in [240, 480, 1024, 4410] {
        let glitch = one(Trouble::Repeat(samples));
        assert_eq!(glitch.kind, Kind::Repeat, "{glitch:?}");
        assert!(
            glitch.at.abs_diff(96_123) <= 24 && glitch.length.abs_diff(samples as u64) <= 24,
            "{samples}: {glitch:?}"
        );
    }
}

#[test]
fn what_was_lost_or_put_in_is_counted_to_the_sample() {
    for samples in [1, 7, 48, 128, 480, 1024, 4800, 9000] {
        for (trouble, expected) in [
            (Trouble::Lost(samples), -(samples as f64)),
            (Trouble::Inserted(samples), samples as f64),
            (Trouble::Replayed(samples), samples as f64),
        ] {
            let glitch = one(trouble);
            let shift = glitch.shift.unwrap();
            assert!((shift - expected).abs() < 0.2, "{trouble:?}: {glitch:?}");
            assert!(glitch.at.abs_diff(96_123) <= 24, "{trouble:?}: {glitch:?}");
        }
    }
}

#[test]
fn a_click_is_one() {
    for height in [-0.3, 0.1, 0.8] {
        let glitch = one(Trouble::Click(height));
        assert_eq!(
            (glitch.kind, glitch.at, glitch.shift),
            (Kind::Click, 96_123, Some(0.0)),
            "{glitch:?}"
        );
    }
}

#[test]
fn a_level_that_jumps_is_no_dropout() {
    let glitch = one(Trouble::Gain(-9.0));
    assert_eq!(glitch.kind, Kind::Level, "{glitch:?}");
    assert!((glitch.level_db + 9.0).abs() < 0.2, "{glitch:?}");
}

#[test]
fn a_device_that_falls_silent_for_good_is_lost() {
    let config = Config {
        capture_faults: vec![fault(96_000, Trouble::Mute)],
        ..card()
    };
    let report = listen(RATE, 0.4, 5.0, &config, 1);
    assert!((report.lost_since.unwrap() - 2.0).abs() < 0.001, "{report:?}");
    assert_eq!(report.counts.total(), 0);
}

#[test]
fn without_tones_nothing_is_told() {
    let rate = rate(RATE);
    let mut glitches = Glitches::new(rate);
    play(Pink::new(-20.0, 3).unwrap(), rate, 20.0, &card(), 1, |block| {
        glitches.push(block)
    });
    let report = glitches.report();
    assert!(
        !report.found && report.drift.is_none() && report.counts.total() == 0,
        "{report:?}"
    );
}

#[test]
fn the_echo_of_a_dropout_is_no_second_one() {
    for (after, gain_db) in [(3, -6.0), (35, -8.0), (120, -8.0)] {
        let config = Config {
            reflections: vec![Reflection {
                after: Duration::from_millis(after),
                gain_db,
            }],
            playback_faults: vec![
                fault(96_000, Trouble::Silence(960)),
                fault(196_000, Trouble::Lost(480)),
            ],
            ..card()
        };
        let report = listen(RATE, 0.4, 7.0, &config, 1);
        assert_eq!(report.counts.total(), 2, "{after} ms: {report:#?}");
        assert_eq!(report.glitches[0].kind, Kind::Dropout, "{report:#?}");
        assert!(
            (report.glitches[1].shift.unwrap() + 480.0).abs() < 2.0,
            "{report:#?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn drift_is_within_two_ppm_after_half_a_minute(
        drift_ppm in -500.0_f64..500.0,
        hz in prop::sample::select(vec![8_000, 16_000, 44_100, 48_000]),
        noise in -90.0_f64..-55.0,
        seed: u64,
    ) {
        let config = Config {
            drift_ppm,
            noise_db: Some(noise),
            reflections: vec![Reflection { after: Duration::from_micros(7_300), gain_db: -7.0 }],
            capture_faults: vec![fault(u64::from(hz) * 11, Trouble::Lost(97)), fault(u64::from(hz) * 17, Trouble::Silence(977))],
            ..Config::default()
        };
        let report = listen(hz, 0.3, 30.0, &config, seed);
        let drift = report.drift.unwrap();
        prop_assert!((drift.ppm - drift_ppm).abs() < 2.0, "{drift:?} instead of {drift_ppm}");
        prop_assert!((drift.recent_ppm - drift_ppm).abs() < 2.0, "{drift:?} instead of {drift_ppm}");
        prop_assert_eq!(report.counts.total(), 2);
    }

    /// At any place, rate, level and drift; also through a voice path that filters.
    #[test]
    fn every_dropout_of_a_millisecond_is_found(
        hz in prop::sample::select(vec![8_000_u32, 16_000, 44_100, 48_000, 96_000]),
        places in prop::collection::vec((0.1_f64..0.9, 0.001_f64..0.08, 0..3), 1..12),
        amplitude in 0.05_f64..0.9,
        drift_ppm in -300.0_f64..300.0,
        voice in any::<bool>(),
        before: bool,
        seed: u64,
    ) {
        let mut faults = Vec::new();
        for (index, (place, length, kind)) in places.iter().enumerate() {
            // One in each second, from the second on.
            let at = ((1.0 + index as f64 + place) * f64::from(hz)) as u64;
            let samples = (length * f64::from(hz)).ceil() as usize;
            faults.push(fault(at, match kind {
                0 => Trouble::Silence(samples),
                1 => Trouble::Held(samples),
                _ => Trouble::Inserted(samples),
            }));
        }
        let mut config = Config {
            drift_ppm,
            noise_db: Some(-60.0),
            low_pass_hz: voice.then_some(3_400.0),
            ..Config::default()
        };
        if before { config.playback_faults = faults.clone() } else { config.capture_faults = faults.clone() }
        let report = listen(hz, amplitude, 2.5 + places.len() as f64, &config, seed);
        prop_assert_eq!(report.counts.total() as usize, faults.len(), "{:?} {:?} {:?}", faults, report.counts, report.glitches);
        for (fault, glitch) in faults.iter().zip(&report.glitches) {
            let clock = if before { 1.0 + drift_ppm * 1e-6 } else { 1.0 };
            let off = (glitch.seconds - fault.at as f64 / f64::from(hz) / clock).abs();
            prop_assert!(off < 0.001, "{fault:?} {glitch:?}");
            // A filter rings for longer than a short one lasts.
            let plain = matches!(glitch.kind, Kind::Dropout | Kind::Held);
            prop_assert!(plain || (voice && glitch.milliseconds < 6.0), "{fault:?} {glitch:?}");
        }
    }
}

/// An hour of what must not be taken for a glitch: clocks that wander by 500 ppm, noise, an echo, gain control, distortion,
/// DC and a resampler.
fn an_hour(hz: u32, config: Config, seed: u64) {
    let report = listen(hz, 0.4, 3600.0, &config, seed);
    assert!(report.found && report.lost_since.is_none(), "{report:#?}");
    assert_eq!(report.counts.total() + report.counts.echoes, 0, "{report:#?}");
    assert!(report.sensitivity.unwrap() < 0.7, "{report:#?}");
}

#[test]
fn an_hour_of_a_good_card_has_no_glitch() {
    an_hour(RATE, card(), 7);
}

#[test]
fn an_hour_of_wandering_clocks_has_no_glitch() {
    let drifts = (1..3600_u64).map(|second| {
        let ppm = 500.0 * (second as f64 / 40.0).sin() + if second % 7 == 0 { 200.0 } else { 0.0 };
        fault(second * 16_000, Trouble::Drift(ppm))
    });
    an_hour(
        16_000,
        Config {
            noise_db: Some(-60.0),
            capture_faults: drifts.collect(),
            ..Config::default()
        },
        8,
    );
}

#[test]
fn an_hour_in_a_room_has_no_glitch() {
    let config = Config {
        reflections: vec![
            Reflection {
                after: Duration::from_micros(4_100),
                gain_db: -3.0,
            },
            Reflection {
                after: Duration::from_micros(17_700),
                gain_db: -9.0,
            },
        ],
        noise_db: Some(-45.0),
        dc: 0.05,
        ..card()
    };
    an_hour(16_000, config, 9);
}

#[test]
fn an_hour_of_gain_control_and_clipping_has_no_glitch() {
    let config = Config {
        gain_control: Some(GainControl {
            target_db: -12.0,
            most_db: 30.0,
            seconds: 0.3,
        }),
        clip: Some(0.3),
        low_pass_hz: Some(3_400.0),
        ..card()
    };
    an_hour(8_000, config, 10);
}

#[test]
fn a_hundred_dropouts_of_an_hour_are_found_and_nothing_else() {
    let faults: Vec<_> = (0..100_u64)
        .map(|index| {
            let samples = 16 + (index as usize * 37) % 900;
            let at = (20 + 35 * index) * 16_000 + index * 1_237;
            fault(
                at,
                if index % 3 == 0 {
                    Trouble::Inserted(samples)
                } else {
                    Trouble::Silence(samples)
                },
            )
        })
        .collect();
    let report = listen(
        16_000,
        0.4,
        3600.0,
        &Config {
            capture_faults: faults.clone(),
            ..card()
        },
        11,
    );
    assert_eq!(
        (report.counts.total(), report.counts.dropouts),
        (100, 100),
        "{:#?}",
        report.counts
    );
    for (fault, glitch) in faults.iter().zip(&report.glitches) {
        assert!(glitch.at.abs_diff(fault.at) <= 4, "{fault:?} {glitch:?}");
    }
}

#[test]
fn a_device_at_another_rate_is_told_by_its_tone() {
    let config = Config {
        noise_db: Some(-60.0),
        ..Config::default()
    };
    // Played as if at 44.1 kHz.
    let tones = Tones::new(rate(44_100), 0.4).unwrap();
    let mut glitches = Glitches::new(rate(RATE));
    play(tones, rate(RATE), 3.0, &config, 1, |block| glitches.push(block));
    let report = glitches.report();
    assert!(!report.found, "{report:?}");
    assert!(
        (report.other_tone_hz.unwrap() - 997.0 * 48.0 / 44.1).abs() < 2.0,
        "{report:?}"
    );

    // In the middle of it.
    let trouble = Trouble::Rate(rate(44_100));
    let config = Config {
        capture_faults: vec![fault(96_000, trouble)],
        ..config
    };
    let report = listen(RATE, 0.4, 5.0, &config, 1);
    assert!((report.lost_since.unwrap() - 2.0).abs() < 0.01, "{report:?}");
    assert!(
        (report.other_tone_hz.unwrap() - 997.0 * 48.0 / 44.1).abs() < 2.0,
        "{report:?}"
    );
    assert_eq!(listen(RATE, 0.4, 5.0, &card(), 1).other_tone_hz, None);
}

/// What goes wrong before the speaker is heard through the room, which fills the gaps and adds echoes to each.
#[test]
fn what_is_lost_before_a_room_is_found_behind_it_once() {
    for seed in 0..4 {
        let faults: Vec<_> = (0..10_u64)
            .map(|index| {
                let troubles = [
                    Trouble::Silence(160),
                    Trouble::Silence(1600),
                    Trouble::Lost(160),
                    Trouble::Inserted(480),
                ];
                fault(
                    (3 + 2 * index) * 16_000 + index * 777,
                    troubles[index as usize % 4],
                )
            })
            .collect();
        let config = Config {
            reverberation: Some((0.4, 0.0)),
            noise_db: Some(-55.0),
            playback_faults: faults,
            ..card()
        };
        let report = listen(16_000, 0.4, 25.0, &config, seed);
        assert_eq!(
            report.counts.total(),
            10,
            "{:?} {:?}",
            report.counts,
            report.glitches
        );
        // Those of 100 ms are told from noise in the room.
        assert!(
            report.counts.of_sound() >= 7,
            "{:?} {:?}",
            report.counts,
            report.glitches
        );
    }
}

/// A hand that claps, a word, a door: heard, but nothing of the sound was lost.
#[test]
fn noise_in_the_room_is_no_lost_sound() {
    let rate = rate(16_000);
    let config = Config {
        noise_db: Some(-60.0),
        reverberation: Some((0.3, -3.0)),
        ..Config::default()
    };
    for (length, strength, voiced) in [(800, 3.0, false), (8_000, 1.0, true), (100, 9.0, false)] {
        let mut glitches = Glitches::new(rate);
        let mut noise = Pink::new(-30.0, 3).unwrap();
        let mut voice = Sine::new(rate, 180.0, 1.0).unwrap();
        let mut at = 0_u64;
        play(Tones::new(rate, 0.4).unwrap(), rate, 25.0, &config, 1, |block| {
            let disturbed: Vec<f32> = block
                .iter()
                .map(|sample| {
                    at += 1;
                    let word = voice.next().unwrap().clamp(-0.3, 0.3);
                    let noise = noise.next().unwrap() * strength;
                    let heard = at > 30_000 && at % 32_000 < length;
                    sample
                        + if !heard {
                            0.0
                        } else if voiced {
                            word
                        } else {
                            noise
                        }
                })
                .collect();
            glitches.push(&disturbed);
        });
        let counts = glitches.report().counts;
        assert!(counts.total() >= 12 && counts.of_sound() == 0, "{counts:?}");
    }
}
