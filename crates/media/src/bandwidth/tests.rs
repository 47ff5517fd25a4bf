//! The estimator against emulated paths, with packets as a codec of variable bitrate makes them.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_netsim::{Config, Jitter, Link, Loss, Preset, Rate, Spikes};
use sidetone_opus::Bitrate;

use super::{BandwidthEstimator, Delivery, Feedback};

const WANTED: Bitrate = Bitrate::kbps(65);
const PATH: Config = Config::IDEAL.delay(Duration::from_millis(20));
/// Bytes of the headers of a packet.
const HEADERS: f64 = 52.0;

fn narrow(kbps: u64) -> Config {
    PATH.rate(Rate::new(kbps * 1000, Duration::from_millis(500)))
}

/// What a call over a path was like.
struct Trip {
    /// When each packet left in seconds, and how long it took in milliseconds.
    delays: Vec<(f64, f64)>,
    /// The limit at each tenth of a second, in kbit/s; the wanted rate where there was none.
    limits: Vec<f64>,
}

impl Trip {
    /// Sends speech over `phases`: what the path is like until when, in seconds.
    fn over(phases: &[(f64, Config)], seed: u64) -> Self {
        let start = Instant::now();
        let mut feedback = Feedback::new(WANTED, start);
        let mut link = Link::new(phases[0].1, seed);
        let mut dice = seed * 7919 + 1;
        let mut random = move || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice >> 11) as f64 / (1_u64 << 53) as f64
        };
        let (mut delays, mut limits) = (Vec::new(), Vec::new());
        let (mut next, mut wiggle) = (0.0, 0.0);
        let end = phases[phases.len() - 1].0;
        let mut limit = feedback.current().limit;
        for step in 0.. {
            let at = f64::from(step) * 0.002_5;
            let Some((_, path)) = phases.iter().find(|(until, _)| at < *until) else {
                break;
            };
            assert!(at < end);
            let now = start + Duration::from_secs_f64(at);
            if let Some(estimate) = feedback.estimate(now) {
                limit = estimate.limit;
            }
            let most = f64::from(limit.unwrap_or(WANTED).bits_per_second());
            if step % 40 == 0 {
                limits.push(most / 1000.0);
            }
            if at >= next {
                let rate = |frame: f64| most * 0.97 - HEADERS * 8.0 / frame;
                let frame = if rate(0.02) < 12_000.0 { 0.04 } else { 0.02 };
                wiggle = wiggle * 0.7 + (random() - 0.5) * 0.6;
                // Two seconds of talk, then a short breath.
                let loudness = if at % 2.4 < 2.0 {
                    (1.08_f64 + wiggle).max(0.3)
                } else {
                    0.35
                };
                let bytes = HEADERS + rate(frame).clamp(8_000.0, 36_000.0) * frame / 8.0 * loudness;
                link.set_config(*path);
                link.send((feedback.sent(bytes as usize, now), now), bytes as usize, now);
                next += frame;
            }
            while let Some((number, sent)) = link.poll(now) {
                feedback.came(number, false, now);
                delays.push(((sent - start).as_secs_f64(), (now - sent).as_secs_f64() * 1e3));
            }
            feedback.report(now, now + path.delay);
        }
        Self { delays, limits }
    }

    /// The delay that a share of the packets exceeds, of those sent from `from` seconds on.
    fn exceeded(&self, share: f64, from: f64) -> f64 {
        let sent = self.delays.iter().filter(|(at, _)| *at >= from);
        let mut delays: Vec<f64> = sent.map(|(_, delay)| *delay).collect();
        delays.sort_by(f64::total_cmp);
        delays[((delays.len() - 1) as f64 * (1.0 - share)) as usize]
    }

    /// Mean limit between two times, in kbit/s.
    fn limit(&self, from: f64, until: f64) -> f64 {
        let limits = &self.limits[(from * 10.0) as usize..(until * 10.0) as usize];
        limits.iter().sum::<f64>() / limits.len() as f64
    }
}

#[test]
fn a_thin_link_is_used_and_its_queue_stays_short() {
    for (kbps, most, worst) in [(50, 120.0, 300.0), (40, 120.0, 300.0), (25, 200.0, 420.0)] {
        for seed in 1..=4 {
            let trip = Trip::over(&[(40.0, narrow(kbps))], seed);
            let (usual, longest) = (trip.exceeded(0.05, 0.0), trip.exceeded(0.0, 0.0));
            assert!(
                usual < most && longest < worst,
                "{kbps}: {usual} and {longest} ms"
            );
            let limit = trip.limit(5.0, 40.0);
            assert!(limit > 0.8 * kbps as f64, "{limit} of {kbps} kbit/s");
        }
    }
}

#[test]
fn a_link_that_recovers_is_used_within_three_seconds() {
    let mut late: Vec<f64> = (1..=9)
        .map(|seed| {
            let trip = Trip::over(
                &[(10.0, narrow(100)), (20.0, narrow(30)), (30.0, narrow(100))],
                seed,
            );
            assert!(trip.limit(12.0, 20.0) < 30.0, "{}", trip.limit(12.0, 20.0));
            let back = trip.limits[200..].iter().position(|limit| *limit > 50.0);
            back.map_or(f64::MAX, |tenths| tenths as f64 / 10.0)
        })
        .collect();
    late.sort_by(f64::total_cmp);
    assert!(late[4] <= 3.0 && late[8] <= 6.0, "{late:?} s");
}

#[test]
fn what_is_no_queue_of_ours_is_let_alone() {
    let spikes = Spikes::Random {
        every: Duration::from_secs(5),
        height: Duration::from_millis(300),
    };
    let jitter = |delay, sd| {
        let jitter = Jitter::normal(Duration::from_millis(sd));
        Config::IDEAL.delay(Duration::from_millis(delay)).jitter(jitter)
    };
    for (name, path) in [
        ("ideal", PATH),
        ("wide", narrow(300)),
        ("loss", PATH.loss(Loss::uniform(0.2))),
        ("bursts", PATH.loss(Loss::bursts(0.5, 8.0))),
        ("spikes", PATH.spikes(spikes)),
        ("jitter", jitter(90, 30)),
        ("wifi", Preset::Wifi.config()),
        ("cellular", Preset::Cellular.config()),
        ("satellite", Preset::SatelliteLow.config()),
    ] {
        for seed in 1..=3 {
            let trip = Trip::over(&[(20.0, path)], seed);
            let limit = trip.limit(6.0, 20.0);
            assert!(limit > 62.0, "{name}: {limit} kbit/s");
        }
    }
}

#[test]
fn round_trips_stand_in_where_nothing_is_told_of_packets() {
    let start = Instant::now();
    let mut estimator = BandwidthEstimator::new(WANTED, start);
    let mut now = start;
    let mut report = |estimator: &mut BandwidthEstimator, ms| {
        now += Duration::from_secs(1);
        estimator.on_report(Duration::from_millis(ms), Duration::ZERO, 0.0, 55_000.0, now);
        estimator.estimate()
    };
    for _ in 0..3 {
        report(&mut estimator, 40);
    }
    assert_eq!(estimator.estimate().limit, None, "no careful beginning");
    for ms in [140, 240] {
        report(&mut estimator, ms);
    }
    let full = estimator.estimate();
    assert!(full.congested, "{full:?}");
    assert!(
        (45_000..51_000).contains(&full.available.bits_per_second()),
        "{full:?}"
    );
    for _ in 0..30 {
        report(&mut estimator, 40);
    }
    assert_eq!(estimator.estimate().limit, None);
}

/// A peer without feedback on single packets is sent pictures, too: what is usual at first, more while reports say nothing
/// against it, and less when they do.
#[test]
fn pictures_are_sent_where_nothing_is_told_of_packets() {
    let start = Instant::now();
    let mut estimator = BandwidthEstimator::new(WANTED, start);
    let mut now = start;
    let mut report = |estimator: &mut BandwidthEstimator, ms, sent| {
        now += Duration::from_secs(2);
        estimator.on_report(Duration::from_millis(ms), Duration::ZERO, 0.0, sent, now);
        estimator.estimate().limit.map(Bitrate::bits_per_second)
    };
    report(&mut estimator, 40, 50_000.0);
    estimator.set_wanted(Bitrate::kbps(1_500), start);
    let mut before = 0;
    for _ in 0..20 {
        let Some(limit) = report(&mut estimator, 40, f64::from(before)) else {
            break;
        };
        assert!(limit >= before && limit >= 300_000, "{limit} after {before}");
        before = limit;
    }
    assert_eq!(estimator.estimate().limit, None, "all that is wanted");
    report(&mut estimator, 140, 1_000_000.0);
    let limit = report(&mut estimator, 340, 1_000_000.0).unwrap();
    assert!((400_000..1_000_000).contains(&limit), "{limit}");
}

proptest! {
    /// Whatever a peer claims, what may be sent is a rate at which one can talk.
    #[test]
    fn nonsense_is_bounded(
        claims in proptest::collection::vec((any::<u32>(), any::<u16>(), any::<bool>(), 0_usize..70_000), 1..200),
    ) {
        let start = Instant::now();
        let mut estimator = BandwidthEstimator::new(WANTED, start);
        let mut now = start;
        for (arrived, step, came, bytes) in claims {
            now += Duration::from_micros(u64::from(step) * 10);
            let packet = Delivery {
                departed: now,
                arrived: came.then(|| Duration::from_micros(arrived.into())),
                bytes,
            };
            estimator.on_feedback(&[packet], now);
            let estimate = estimator.estimate();
            if let Some(limit) = estimate.limit {
                prop_assert!((14_000..=65_000).contains(&limit.bits_per_second()), "{estimate:?}");
            }
        }
    }
}
