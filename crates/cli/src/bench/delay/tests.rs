//! The delay of real speech is found again, whatever was done to it that a call does; nothing else is found.

use proptest::prelude::*;
use sidetone_opus as opus;

use super::*;

const RATE: u32 = 48_000;

/// Real speech at 16 kHz.
fn speech(name: &str) -> Vec<f32> {
    let path = format!("{}/speech/{name}.flac", env!("CARGO_MANIFEST_DIR"));
    let mut reader = claxon::FlacReader::open(path).unwrap();
    assert_eq!(reader.streaminfo().sample_rate, 16_000);
    reader
        .samples()
        .map(|sample| sample.unwrap() as f32 / 32_768.0)
        .collect()
}

/// The first `seconds` of `speech`, `delay` samples (of 48 kHz, any fraction) late: the band-limited signal between its
/// samples (Whittaker-Shannon, with a window of 24 samples either side).
fn delayed(speech: &[f32], seconds: usize, delay: f64) -> Vec<f32> {
    let reach = 24_isize;
    (0..seconds * RATE as usize)
        .map(|n| {
            let time = (n as f64 - delay) / 3.0;
            let centre = time.floor() as isize;
            let sum: f64 = (centre - reach + 1..=centre + reach)
                .filter(|&k| k >= 0 && (k as usize) < speech.len())
                .map(|k| {
                    let x = time - k as f64;
                    let angle = std::f64::consts::PI * x;
                    let sinc = if x.abs() < 1e-9 { 1.0 } else { angle.sin() / angle };
                    let hann = 0.5 + 0.5 * (angle / reach as f64).cos();
                    f64::from(speech[k as usize]) * sinc * hann
                })
                .sum();
            sum as f32
        })
        .collect()
}

fn measure(reference: &[f32], recorded: &[f32]) -> Measurement {
    mouth_to_ear(reference, recorded, RATE, &Options::default())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Through the codec, 20 ms frames; the delay that comes with it is the look-ahead.
fn coded(pcm: &[f32], bitrate: u32) -> (Vec<f32>, f64) {
    let rate = opus::SampleRate::Hz48000;
    let mut encoder = opus::Encoder::new(rate, opus::Channels::Mono, opus::Application::Voip).unwrap();
    encoder.set_bitrate(opus::Bitrate(bitrate)).unwrap();
    let mut decoder = opus::Decoder::new(rate, opus::Channels::Mono).unwrap();
    let (mut packet, mut frame) = ([0; 1275], [0.0; 960]);
    let mut out = Vec::new();
    for block in pcm.chunks_exact(960) {
        let len = encoder.encode(block, &mut packet).unwrap();
        decoder.decode(&packet[..len], &mut frame).unwrap();
        out.extend_from_slice(&frame);
    }
    (out, encoder.lookahead() as f64 / 48.0)
}

#[test]
fn known_delays_are_found_to_a_fraction_of_a_sample() {
    for voice in ["woman-en", "man-it"] {
        let speech = speech(voice);
        let reference = delayed(&speech, 5, 0.0);
        for delay in [0.0, 480.25, 40_000.7] {
            let found = measure(&reference, &delayed(&speech, 6, delay));
            assert!(found.windows.len() > 20, "{} windows", found.windows.len());
            assert_eq!(found.rejected, 0);
            for window in &found.windows {
                let error = window.delay_ms * 48.0 - delay;
                assert!(
                    error.abs() < 0.1,
                    "{voice}: {delay} samples, off by {error} at {:?}",
                    window.at
                );
                assert!(window.correlation > 0.97, "{window:?}");
            }
            assert!(found.level_error_db.unwrap().abs() < 0.01);
        }
    }
}

#[test]
fn the_offset_of_the_recording_counts() {
    let speech = speech("woman-en");
    let reference = delayed(&speech, 5, 0.0);
    // 40 ms late, and the recorder was started 25 ms before the speaker spoke, or 30 ms after.
    for starts_ms in [-25.0, 30.0] {
        let recorded = delayed(&speech, 6, (40.0 - starts_ms) * 48.0);
        let options = Options {
            recording_starts_ms: starts_ms,
            ..Options::default()
        };
        let found = mouth_to_ear(&reference, &recorded, RATE, &options);
        assert!((median(found.delays_ms()) - 40.0).abs() < 0.01);
    }
}

#[test]
fn a_wrong_clock_shows_as_a_negative_delay() {
    let speech = speech("man-it");
    let found = measure(&delayed(&speech, 5, 0.0), &delayed(&speech, 6, -960.0));
    assert!((median(found.delays_ms()) + 20.0).abs() < 0.01);
}

#[test]
fn coded_speech_is_found_and_its_level_kept() {
    for voice in ["woman-en", "man-it"] {
        let reference = delayed(&speech(voice), 8, 0.0);
        for bitrate in [16_000, 24_000, 32_000, 64_000] {
            let (recorded, lookahead_ms) = coded(&reference, bitrate);
            let found = measure(&reference, &recorded);
            let speech_windows = found.windows.len() + found.rejected;
            eprintln!(
                "{voice} {bitrate}: {} of {speech_windows}, median {:.3} (look-ahead {lookahead_ms:.3}), worst correlation {:.3}, level {:?}",
                found.windows.len(),
                median(found.delays_ms()),
                found
                    .windows
                    .iter()
                    .map(|window| window.correlation)
                    .fold(1.0, f64::min),
                found.level_error_db
            );
            assert!(
                found.windows.len() * 100 >= speech_windows * 88,
                "{voice} {bitrate}"
            );
            assert!(
                (median(found.delays_ms()) - lookahead_ms).abs() < 0.25,
                "{voice} {bitrate}"
            );
            let near = found
                .delays_ms()
                .iter()
                .filter(|&&delay| (delay - lookahead_ms).abs() < 1.0)
                .count();
            assert!(
                near * 100 >= found.windows.len() * 97,
                "{voice} {bitrate}: {near} near"
            );
            assert!(found.level_error_db.unwrap().abs() < 1.5);
        }
    }
}

#[test]
fn a_delay_that_changes_is_followed() {
    let speech = speech("woman-en");
    let reference = delayed(&speech, 8, 0.0);
    // The buffer grows from 40 to 100 ms in the middle.
    let (early, late) = (delayed(&speech, 8, 1_920.0), delayed(&speech, 8, 4_800.0));
    let switch = 4 * RATE as usize;
    let recorded: Vec<f32> = early[..switch].iter().chain(&late[switch..]).copied().collect();
    let found = measure(&reference, &recorded);
    for window in &found.windows {
        let at = window.at.as_secs_f64();
        if at < 3.5 {
            assert!((window.delay_ms - 40.0).abs() < 0.01);
        } else if at > 4.0 {
            assert!((window.delay_ms - 100.0).abs() < 0.01);
        } else {
            let either = (window.delay_ms - 40.0).abs() < 1.0 || (window.delay_ms - 100.0).abs() < 1.0;
            assert!(either, "{window:?}");
        }
    }
}

#[test]
fn the_level_is_compared() {
    let speech = speech("man-it");
    let reference = delayed(&speech, 5, 0.0);
    let quieter: Vec<f32> = delayed(&speech, 6, 960.0)
        .iter()
        .map(|sample| sample * 0.5)
        .collect();
    let found = measure(&reference, &quieter);
    assert!((found.level_error_db.unwrap() + 6.0206).abs() < 0.01);
    assert!((median(found.delays_ms()) - 20.0).abs() < 0.01);
}

#[test]
fn noise_hides_the_level_but_not_the_delay() {
    let speech = speech("woman-en");
    let reference = delayed(&speech, 5, 0.0);
    let mut state = 1_u32;
    let noisy: Vec<f32> = delayed(&speech, 6, 2_000.5)
        .iter()
        .map(|sample| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sample + 0.02 * (state as f32 / u32::MAX as f32 - 0.5)
        })
        .collect();
    let found = measure(&reference, &noisy);
    assert!((median(found.delays_ms()) - 2_000.5 / 48.0).abs() < 0.02);
}

#[test]
fn silence_gives_nothing() {
    let reference = delayed(&speech("woman-en"), 4, 0.0);
    let silence = vec![0.0; reference.len()];
    let nothing_said = measure(&silence, &reference);
    assert!(nothing_said.windows.is_empty() && nothing_said.rejected == 0 && nothing_said.silent > 30);
    let nothing_heard = measure(&reference, &silence);
    assert!(nothing_heard.windows.is_empty() && nothing_heard.rejected > 20);
    assert_eq!(nothing_heard.level_error_db, None);
    assert_eq!(measure(&[], &[]), Measurement::default());
    assert_eq!(measure(&reference, &[]).windows, []);
}

#[test]
fn other_speech_is_not_mistaken_for_it() {
    let (woman, man) = (
        delayed(&speech("woman-en"), 10, 0.0),
        delayed(&speech("man-it"), 10, 0.0),
    );
    // Another voice, and the same voice saying something else.
    let half = 5 * RATE as usize;
    let pairs = [
        (&woman[..], &man[..]),
        (&man[..], &woman[..]),
        (&woman[..half], &woman[half..]),
        (&man[..half], &man[half..]),
    ];
    for (said, heard) in pairs {
        let options = Options {
            min_correlation: 0.0,
            min_distinction: 0.0,
            ..Options::default()
        };
        let all = mouth_to_ear(said, heard, RATE, &options);
        let mut best: Vec<f64> = all.windows.iter().map(|window| window.correlation).collect();
        best.sort_by(f64::total_cmp);
        eprintln!(
            "wrong signal: median {:.3}, best {:.3}",
            best[best.len() / 2],
            best[best.len() - 1]
        );
        let found = measure(said, heard);
        assert!(found.windows.is_empty(), "{:?}", found.windows);
        assert!(found.rejected > 20);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_input_is_survived(
        reference in prop::collection::vec(-1.0_f32..1.0, 0..2000),
        recorded in prop::collection::vec(-1.0_f32..1.0, 0..2000),
        starts_ms in -2000.0..2000.0,
        window in 0_u64..100,
        latest_ms in -100.0..1000.0,
    ) {
        let options = Options {
            recording_starts_ms: starts_ms,
            window: Duration::from_millis(window),
            hop: Duration::ZERO,
            latest_ms,
            ..Options::default()
        };
        for found in mouth_to_ear(&reference, &recorded, 1000, &options).windows {
            prop_assert!(found.delay_ms >= options.earliest_ms - 2.0 && found.delay_ms <= latest_ms + 2.0);
            prop_assert!(found.correlation <= 1.0 + 1e-6);
        }
    }
}
