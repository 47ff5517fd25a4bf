//! Whatever a driver gives: no panic, finite results, bounded memory, and the same however it is cut into blocks.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test fails by them

#[path = "support/analysers.rs"]
mod analysers;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use analysers::All;
use proptest::prelude::*;
use sidetone_acoustics::glitch::Tones;
use sidetone_acoustics::path::{Config, Fault, Path, Trouble};
use sidetone_acoustics::plot::Histogram;
use sidetone_acoustics::signal::{Pink, Sine, Sweep, White};
use sidetone_acoustics::{Error, SampleRate};

/// The system's allocator, with the bytes that are in use counted.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is left to the system's allocator; only a number is kept beside.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn rate(hz: u32) -> SampleRate {
    SampleRate::new(hz).unwrap()
}

fn sample() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -1.0_f32..1.0,
        1 => Just(0.0),
        1 => any::<f32>(),
        1 => prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-42]),
    ]
}

/// Stretches of something: hostile samples, nothing, tones, noise, something held.
fn stretch() -> impl Strategy<Value = Vec<f32>> {
    let length = 0_usize..20_000;
    prop_oneof![
        prop::collection::vec(sample(), 0..3_000),
        length.clone().prop_map(|length| vec![0.0; length]),
        (length.clone(), sample()).prop_map(|(length, held)| vec![held; length]),
        length
            .clone()
            .prop_map(|length| Tones::new(rate(16_000), 0.4).unwrap().take(length).collect()),
        (length, any::<u64>(), -100.0_f64..0.0)
            .prop_map(|(length, seed, level)| White::new(level, seed).unwrap().take(length).collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_result_is_finite(stretches in prop::collection::vec(stretch(), 0..12), hz in 8_000_u32..48_000) {
        let mut all = All::new(rate(hz));
        stretches.iter().for_each(|stretch| all.push(stretch));
        for said in all.say() {
            let mut words = said.split(|letter: char| !letter.is_alphanumeric());
            prop_assert!(!words.any(|word| word == "NaN" || word == "inf"), "{said}");
        }
    }

    #[test]
    fn blocks_make_no_difference(stretches in prop::collection::vec(stretch(), 0..8), cuts in prop::collection::vec(0_usize..5_000, 1..20)) {
        let sound: Vec<f32> = stretches.concat();
        let mut whole = All::new(rate(16_000));
        whole.push(&sound);
        let mut cut = All::new(rate(16_000));
        let mut rest = &sound[..];
        for size in cuts.iter().cycle().map(|size| size + 1) {
            let (block, later) = rest.split_at(size.min(rest.len()));
            cut.push(block);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(whole.say(), cut.say());
    }

    #[test]
    fn a_path_repeats_whatever_the_blocks(seed: u64, drift_ppm in -500.0_f64..500.0, cut in 1_usize..3_000, at in 0_u64..8_000) {
        let config = Config {
            drift_ppm,
            noise_db: Some(-40.0),
            reverberation: Some((0.05, -3.0)),
            capture_faults: vec![
                Fault { at, trouble: Trouble::Inserted(100) },
                Fault { at: at / 2, trouble: Trouble::Replayed(100) },
                Fault { at: 2 * at, trouble: Trouble::Rate(rate(8_000)) },
                Fault { at: 9_000, trouble: Trouble::Gone },
            ],
            ..Config::default()
        };
        let sound: Vec<f32> = Pink::new(-20.0, seed).unwrap().take(24_000).collect();
        let mut whole = Vec::new();
        let mut path = Path::new(rate(16_000), &config, seed).unwrap();
        path.process(&sound, &mut whole);
        prop_assert!(path.gone());
        let mut cuts = Vec::new();
        let mut path = Path::new(rate(16_000), &config, seed).unwrap();
        sound.chunks(cut).for_each(|block| path.process(block, &mut cuts));
        prop_assert_eq!(&whole, &cuts);
        prop_assert_eq!(whole.len(), 9_000);
    }
}

#[test]
fn memory_is_bounded() {
    let minute = |all: &mut All, seed: u64| {
        let noise: Vec<f32> = Pink::new(-20.0, seed).unwrap().take(60 * 8_000).collect();
        all.push(&noise);
    };
    let mut all = All::new(rate(8_000));
    (0..3).for_each(|seed| minute(&mut all, seed));
    let before = IN_USE.load(Ordering::Relaxed);
    (3..13).for_each(|seed| minute(&mut all, seed));
    let grown = IN_USE.load(Ordering::Relaxed).saturating_sub(before);
    // A few numbers for each of 600 repetitions; the sound would be 19 MB.
    assert!(grown < 300_000, "{grown} bytes more");
}

#[test]
fn rates_that_no_device_has_are_refused() {
    for hz in [0, 1, 7_999, 192_001, u32::MAX] {
        assert_eq!(SampleRate::new(hz), Err(Error::Rate(hz)));
    }
    assert!(SampleRate::new(8_000).is_ok() && SampleRate::new(192_000).is_ok());
}

#[test]
fn signals_that_make_no_sense_are_refused() {
    let rate = rate(8_000);
    for hz in [0.0, -1.0, 4_000.0, f64::NAN, f64::INFINITY] {
        assert!(Sine::new(rate, hz, 0.5).is_err(), "{hz}");
    }
    for amplitude in [-0.1, 1.1, f64::NAN] {
        assert!(
            Sine::new(rate, 440.0, amplitude).is_err() && Tones::new(rate, amplitude).is_err(),
            "{amplitude}"
        );
    }
    assert!(White::new(1.0, 0).is_err() && Pink::new(f64::NAN, 0).is_err());
    assert!(Histogram::new(1.0, 1.0, 10).is_err() && Histogram::new(0.0, 1.0, 0).is_err());
    assert!(Histogram::new(f64::NAN, 1.0, 10).is_err());
    let refused = |config: Config| Path::new(rate, &config, 0).is_err();
    assert!(refused(Config {
        drift_ppm: f64::NAN,
        ..Config::default()
    }));
    assert!(refused(Config {
        low_pass_hz: Some(4_000.0),
        ..Config::default()
    }));
    assert!(refused(Config {
        clip: Some(-1.0),
        ..Config::default()
    }));
    assert!(refused(Config {
        noise_db: Some(f64::INFINITY),
        ..Config::default()
    }));
}

#[test]
fn a_sweep_ends_and_is_exact_at_any_rate() {
    for hz in [8_000, 22_050, 44_100, 192_000] {
        let sweep = Sweep::standard(rate(hz));
        let samples: Vec<f32> = sweep.clone().collect();
        assert_eq!(samples.len(), sweep.length());
        assert!(samples.iter().all(|sample| sample.abs() <= 0.5));
        assert!(samples[0].abs() < 1e-3 && samples[samples.len() - 1].abs() < 1e-2);
    }
}

#[test]
fn a_sine_of_an_hour_is_where_it_should_be() {
    let rate = rate(44_100);
    let at = 3600 * 44_100 + 12_345;
    let sample = f64::from(Sine::new(rate, 997.0, 1.0).unwrap().nth(at).unwrap());
    let periods = (997.0 * at as f64 / 44_100.0).fract();
    assert!((sample - (std::f64::consts::TAU * periods).sin()).abs() < 1e-5);
}
