//! The device clock tells frames and time together, and finds how fast the device really runs, whatever the
//! scheduler does to its callbacks.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_pipeline::{ClockReader, ClockWriter, DriftEstimator, device_clock};

/// A small deterministic generator: SplitMix64.
struct Dice(u64);

impl Dice {
    /// Uniform in `0..1`.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normal with standard deviation 1.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.roll().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * self.roll()).cos()
    }
}

/// How late callbacks come.
#[derive(Clone, Copy, Debug)]
enum Lateness {
    /// Evenly, up to this share of the period.
    Even(f64),
    /// Mostly little, seldom much: exponential with this mean in milliseconds.
    Tail(f64),
    /// As `Tail(0.3)`, and one in fifty stands for up to 40 ms, as on a machine that compiles something.
    Busy,
}

impl Lateness {
    fn of(self, period: f64, dice: &mut Dice) -> f64 {
        match self {
            Self::Even(share) => dice.roll() * share * period,
            Self::Tail(ms) => -(1.0 - dice.roll()).ln() * ms * 1e-3,
            Self::Busy => {
                let stall = if dice.roll() < 0.02 {
                    dice.roll() * 0.04
                } else {
                    0.0
                };
                stall - (1.0 - dice.roll()).ln() * 0.3e-3
            }
        }
    }
}

fn lateness() -> impl Strategy<Value = Lateness> {
    prop_oneof![
        (0.0..0.3).prop_map(Lateness::Even),
        (0.0..1.5).prop_map(Lateness::Tail),
        Just(Lateness::Busy)
    ]
}

/// Calls `tick(frames in all, seconds)` as a device of this drift would, in order of time.
fn run(
    rate: u32,
    period: u32,
    ppm: f64,
    seconds: f64,
    late: Lateness,
    seed: u64,
    mut tick: impl FnMut(u64, f64),
) {
    let mut dice = Dice(seed);
    let true_rate = f64::from(rate) * (1.0 + ppm * 1e-6);
    let (mut frames, mut last) = (0_u64, 0.0_f64);
    loop {
        frames += u64::from(period);
        let on_time = frames as f64 / true_rate;
        if on_time > seconds {
            return;
        }
        // A callback that stalls holds up the next ones.
        last = last.max(on_time + late.of(f64::from(period) / true_rate, &mut dice));
        tick(frames, last);
    }
}

fn estimate(rate: u32, period: u32, ppm: f64, seconds: f64, late: Lateness, seed: u64) -> Option<f64> {
    let base = Instant::now();
    let mut estimator = DriftEstimator::new(rate);
    run(rate, period, ppm, seconds, late, seed, |frames, at| {
        estimator.push(frames, base + Duration::from_secs_f64(at));
    });
    Some(estimator.drift()?.ppm)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn drift_is_found_within_2_ppm_after_30_s(
        ppm in -300.0..300.0_f64,
        rate in prop::sample::select(vec![16_000_u32, 44_100, 48_000]),
        period_ms in prop::sample::select(vec![3.333_f64, 6.667, 10.0, 21.333]),
        late in lateness(),
        seed in any::<u64>(),
    ) {
        let period = (f64::from(rate) * period_ms * 1e-3).round() as u32;
        let found = estimate(rate, period, ppm, 30.5, late, seed).unwrap_or(f64::INFINITY);
        // The error shrinks with the number of callbacks as well as with time.
        let tolerance = if period_ms > 10.0 { 6.0 } else { 2.0 };
        prop_assert!((found - ppm).abs() < tolerance, "found {found:.2} of {ppm:.2} ppm");
    }
}

/// Fills 4 buffers at once before it settles: the first seconds look fast.
#[test]
fn an_early_burst_is_set_aside() {
    let base = Instant::now();
    let mut estimator = DriftEstimator::new(48_000);
    run(48_000, 480, 50.0, 40.0, Lateness::Tail(0.5), 1, |frames, at| {
        let early = if frames <= 4 * 480 { 0.0 } else { 0.03 };
        estimator.push(frames, base + Duration::from_secs_f64(at + early));
    });
    let found = estimator.drift().unwrap().ppm;
    assert!((found - 50.0).abs() < 2.0, "found {found}");
}

/// Loses 60 ms in an overrun after 20 s. The old slope stays in use, and the new line agrees.
#[test]
fn a_step_does_not_pass_for_drift() {
    let base = Instant::now();
    let mut estimator = DriftEstimator::new(48_000);
    let mut worst = 0.0_f64;
    run(48_000, 480, -80.0, 60.0, Lateness::Tail(0.5), 2, |frames, at| {
        let lost = if at > 20.0 { 0.06 } else { 0.0 };
        estimator.push(frames, base + Duration::from_secs_f64(at + lost));
        if at > 15.0 {
            worst = worst.max((estimator.drift().unwrap().ppm + 80.0).abs());
        }
    });
    assert!(worst < 15.0, "was off by {worst} ppm on the way");
    let found = estimator.drift().unwrap().ppm;
    assert!((found + 80.0).abs() < 2.0, "found {found}");
}

/// Symmetric noise is not what callbacks do; the estimate must still be usable.
#[test]
fn symmetric_noise_stays_bounded() {
    let base = Instant::now();
    let mut dice = Dice(3);
    let mut estimator = DriftEstimator::new(48_000);
    run(48_000, 480, 20.0, 60.0, Lateness::Tail(0.0), 3, |frames, at| {
        let noise = 0.05 + 0.001 * dice.normal();
        estimator.push(frames, base + Duration::from_secs_f64(at + noise));
    });
    let found = estimator.drift().unwrap().ppm;
    assert!((found - 20.0).abs() < 20.0, "found {found}");
}

fn play(
    writer: &mut ClockWriter,
    reader: &mut ClockReader,
    base: Instant,
    seconds: f64,
    ppm: f64,
) -> Instant {
    let mut now = base;
    run(48_000, 480, ppm, seconds, Lateness::Even(0.2), 4, |_, at| {
        now = base + Duration::from_secs_f64(at);
        writer.tick(480, now);
        reader.estimate(now);
    });
    now
}

#[test]
fn the_clock_reads_what_was_ticked() {
    let (mut writer, mut reader) = device_clock(48_000);
    assert_eq!(reader.nominal_rate(), 48_000);
    assert_eq!((reader.frames(), reader.last_tick()), (0, None));
    let base = Instant::now();
    assert!(reader.estimate(base).is_none());
    writer.tick(160, base);
    writer.tick(320, base + Duration::from_millis(7));
    assert_eq!(reader.frames(), 480);
    assert_eq!(reader.last_tick(), Some((480, base + Duration::from_millis(7))));
    assert!(
        reader.estimate(base + Duration::from_millis(8)).is_none(),
        "too early to tell"
    );
}

#[test]
fn the_clock_estimates_and_notices_a_stop() {
    let (mut writer, mut reader) = device_clock(48_000);
    let now = play(&mut writer, &mut reader, Instant::now(), 31.0, 120.0);
    let drift = reader.estimate(now).unwrap();
    assert!((drift.ppm - 120.0).abs() < 2.0, "found {drift:?}");
    assert!((drift.ratio - 1.000_12).abs() < 2e-6);
    assert!(drift.span >= Duration::from_secs(29));
    assert!(reader.estimate(now + Duration::from_secs(1)).is_some());
    assert!(reader.estimate(now + Duration::from_secs(3)).is_none());
}

#[test]
fn readers_on_other_threads_see_whole_ticks() {
    let (mut writer, reader) = device_clock(1_000_000);
    let base = Instant::now();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let reader = reader.clone();
            std::thread::spawn(move || {
                let mut last = 0;
                while last < 200_000 {
                    if let Some((frames, at)) = reader.last_tick() {
                        // Ticks below are such that microseconds since the first and frames agree.
                        assert_eq!(at.duration_since(base).as_micros() as u64 + 1, frames);
                        assert!(frames >= last);
                        last = frames;
                    }
                }
            })
        })
        .collect();
    for n in 0..200_000_u64 {
        writer.tick(1, base + Duration::from_micros(n));
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
