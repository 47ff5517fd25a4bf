//! Levels are what they are known to be, and faults of channels are told apart.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test fails by them

mod support;

use std::f32::consts::TAU;
use std::time::Duration;

use proptest::prelude::*;
use sidetone_acoustics::level::{Channel, Following, FollowingReport, Levels, Meter, Relation, Report};
use sidetone_acoustics::path::{Config, GainControl};
use sidetone_acoustics::signal::{Pink, Sine, Staircase, White, channel_tone};
use sidetone_acoustics::{SILENCE_DB, SampleRate};
use support::{RATE, play, rate, record};

fn measure(rate: SampleRate, channels: &[Vec<f32>]) -> Report {
    let mut levels = Levels::new(rate, channels.len()).unwrap();
    let frames = channels[0].len();
    let interleaved: Vec<f32> = (0..frames)
        .flat_map(|at| channels.iter().map(move |channel| channel[at]))
        .collect();
    interleaved.chunks(997).for_each(|block| levels.push(block));
    levels.report()
}

fn alone(samples: Vec<f32>) -> Channel {
    measure(rate(RATE), &[samples]).channels.remove(0)
}

fn tone(hz: f64, amplitude: f64, seconds: usize) -> Vec<f32> {
    Sine::new(rate(RATE), hz, amplitude)
        .unwrap()
        .take(seconds * RATE as usize)
        .collect()
}

#[test]
fn a_sine_has_the_levels_of_a_sine() {
    let channel = alone(
        tone(1000.0, 0.5, 4)
            .into_iter()
            .map(|sample| sample + 0.01)
            .collect(),
    );
    assert!((channel.rms_db + 9.03).abs() < 0.01, "{channel:?}");
    assert!((channel.peak_db + 5.85).abs() < 0.01, "{channel:?}");
    assert!((channel.dc - 0.01).abs() < 1e-4, "{channel:?}");
    // A-weighting is 0 dB at 1 kHz, and takes 19.1 dB off 100 Hz (IEC 61672-1).
    assert!((channel.rms_dba + 9.03).abs() < 0.05, "{channel:?}");
    let low = alone(tone(100.0, 0.5, 4));
    assert!((low.rms_dba + 9.03 + 19.1).abs() < 0.2, "{low:?}");
    assert_eq!(
        (channel.clipped_samples, channel.flat_tops, channel.muted),
        (0, 0, false)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_floor_is_that_of_the_pauses(floor_db in -90.0_f64..-40.0, seed: u64) {
        let noise = White::new(floor_db, seed).unwrap();
        let words: Vec<f32> = noise
            .zip(Sine::new(rate(RATE), 300.0, 0.3).unwrap())
            .take(10 * RATE as usize)
            .enumerate()
            .map(|(at, (noise, word))| if at % 96_000 < 60_000 { noise + word } else { noise })
            .collect();
        let channel = alone(words);
        prop_assert!((channel.floor_db - floor_db).abs() < 1.0, "{channel:?}");
    }

    #[test]
    fn what_is_clipped_is_seen_and_what_is_loud_is_not(hz in 60.0_f64..2_000.0, top in 0.1_f32..1.0, over in 1.3_f64..4.0, seed: u64) {
        let noise = White::new(-80.0, seed).unwrap();
        let sound = |amplitude: f64| {
            let wave = Sine::new(rate(RATE), hz, 1.0).unwrap().map(move |sample| sample * amplitude as f32);
            wave.zip(noise.clone()).take(RATE as usize)
        };
        let clipped = alone(sound(over * f64::from(top)).map(|(sound, noise)| sound.clamp(-top, top) + noise * 0.1).collect());
        prop_assert!(clipped.flat_tops > 0, "{clipped:?}");
        let loud = alone(sound(f64::from(top) * 0.99).map(|(sound, noise)| sound + noise * 0.1).collect());
        prop_assert_eq!(loud.flat_tops, 0, "{:?}", loud);
        let music = alone(Pink::new(-15.0, seed).unwrap().take(RATE as usize).collect());
        prop_assert_eq!((music.flat_tops, music.clipped_samples), (0, 0), "{:?}", music);
    }

    #[test]
    fn a_path_without_gain_control_follows_nothing(gain_db in -20.0_f64..6.0, noise_db in -90.0_f64..-60.0, delay_ms in 0_u64..300, seed: u64) {
        let config = Config {
            gain_db,
            noise_db: Some(noise_db),
            delay: Duration::from_millis(delay_ms),
            low_pass_hz: Some(3_400.0),
            ..Config::default()
        };
        let report = follow(&config, delay_ms, seed);
        prop_assert_eq!(report.follows, Some(false), "{:?}", report);
        prop_assert!((report.slope.unwrap() - 1.0).abs() < 0.03);
    }

    #[test]
    fn gain_control_is_found(target_db in -30.0_f64..-10.0, most_db in 6.0_f64..40.0, seconds in 0.05_f64..3.0, seed: u64) {
        let config = Config {
            gain_control: Some(GainControl { target_db, most_db, seconds }),
            noise_db: Some(-80.0),
            ..Config::default()
        };
        let report = follow(&config, 0, seed);
        prop_assert_eq!(report.follows, Some(true), "{:?}", report);
    }
}

fn follow(config: &Config, delay_ms: u64, seed: u64) -> FollowingReport {
    let rate = rate(16_000);
    let staircase = Staircase::levels(rate);
    let mut following = Following::new(&staircase, Duration::from_millis(delay_ms));
    play(staircase, rate, 15.0, config, seed, |block| following.push(block));
    following.report()
}

#[test]
fn full_scale_is_clipped() {
    let loud: Vec<f32> = tone(440.0, 1.0, 1)
        .iter()
        .map(|sample| (sample * 1.5).clamp(-1.0, 32_767.0 / 32_768.0))
        .collect();
    assert!(alone(loud).clipped_samples > 20_000);
}

#[test]
fn a_switch_that_is_off_gives_zeros() {
    let channel = alone(vec![0.0; RATE as usize]);
    assert!(
        channel.muted && channel.zeros == 1.0 && channel.longest_zeros == 1.0,
        "{channel:?}"
    );
    assert_eq!(
        (channel.rms_db, channel.floor_db, channel.floor_dba),
        (SILENCE_DB, SILENCE_DB, SILENCE_DB)
    );
    let mut half = tone(440.0, 0.5, 2);
    half[48_000..72_000].fill(0.0);
    let channel = alone(half);
    assert!(
        !channel.muted && (channel.longest_zeros - 0.5).abs() < 0.001,
        "{channel:?}"
    );
}

#[test]
fn channels_are_told_apart() {
    let rate = rate(RATE);
    let play = |channel: usize| channel_tone(rate, channel, 0.3).unwrap();
    let noise = |seed: u64| White::new(-70.0, seed).unwrap();
    let heard = |played: Option<usize>, seed: u64| -> Vec<f32> {
        let tone: Box<dyn Iterator<Item = f32>> = match played {
            Some(played) => Box::new(play(played)),
            None => Box::new(std::iter::repeat(0.0)),
        };
        tone.zip(noise(seed))
            .map(|(tone, noise)| tone + noise)
            .take(2 * RATE as usize)
            .collect()
    };
    let right = measure(rate, &[heard(Some(0), 1), heard(Some(1), 2)]);
    assert!(!right.swapped && right.channels[1].tone == Some(1), "{right:?}");
    let swapped = measure(rate, &[heard(Some(1), 1), heard(Some(0), 2)]);
    assert!(swapped.swapped, "{swapped:?}");
    let dead = measure(rate, &[heard(Some(0), 1), heard(None, 2)]);
    assert!(
        dead.channels[1].dead && dead.channels[1].tone.is_none() && !dead.swapped,
        "{dead:?}"
    );
    let one = heard(Some(0), 1);
    let same = measure(rate, &[one.clone(), one.clone()]);
    assert!(
        same.pairs[0].relation == Relation::Identical && !same.swapped,
        "{same:?}"
    );
    let inverted = measure(rate, &[one.clone(), one.iter().map(|sample| -sample).collect()]);
    assert_eq!(inverted.pairs[0].relation, Relation::Inverted);
    let both: Vec<f32> = one.iter().zip(heard(Some(1), 3)).map(|(a, b)| a + b).collect();
    let mixed = measure(rate, &[both.clone(), both]);
    assert_eq!(
        mixed.channels[0].tone, None,
        "both tones in one channel are no order"
    );
    assert!(Levels::new(rate, 0).is_err() && Levels::new(rate, 65).is_err());
}

#[test]
fn a_meter_rises_and_falls() {
    let mut meter = Meter::new(rate(RATE));
    assert_eq!(meter.reading().rms_db, SILENCE_DB);
    let wave: Vec<f32> = (0..RATE).map(|at| 0.5 * (TAU * at as f32 / 48.0).sin()).collect();
    meter.push(&wave);
    let loud = meter.reading();
    assert!(
        (loud.rms_db + 9.0).abs() < 0.3 && (loud.held_db + 6.0).abs() < 0.1 && !loud.clipped,
        "{loud:?}"
    );
    meter.push(&vec![0.0; RATE as usize]);
    let quiet = meter.reading();
    assert!(
        (quiet.peak_db + 26.0).abs() < 0.5 && (quiet.held_db + 6.0).abs() < 0.1,
        "{quiet:?}"
    );
    meter.push(&[1.0]);
    assert!(meter.reading().clipped);
}

#[test]
fn noise_has_the_level_and_colour_it_should() {
    for rate_hz in [8_000, 48_000, 192_000] {
        let rate = rate(rate_hz);
        let white = record(White::new(-20.0, 1).unwrap(), rate, 4.0, &Config::default(), 0);
        let pink = record(Pink::new(-20.0, 1).unwrap(), rate, 20.0, &Config::default(), 0);
        for noise in [white, pink] {
            let level = measure(rate, &[noise]).channels[0].rms_db;
            assert!((level + 20.0).abs() < 0.5, "{level} at {rate_hz}");
        }
    }
}
