//! Loss has the share and the burst length that were asked for.

use std::time::Instant;

use proptest::prelude::*;
use sidetone_netsim::{Config, Link, Loss};

const PACKETS: u32 = 60_000;

/// Fate of each packet, `true` for lost.
fn fates(loss: Loss, seed: u64) -> Vec<bool> {
    let now = Instant::now();
    let mut link = Link::new(Config::IDEAL.loss(loss), seed);
    (0..PACKETS)
        .map(|number| {
            link.send(number, 100, now);
            link.poll(now).is_none()
        })
        .collect()
}

fn share(fates: &[bool]) -> f64 {
    fates.iter().filter(|&&lost| lost).count() as f64 / fates.len() as f64
}

/// Lengths of the runs of lost packets.
fn bursts(fates: &[bool]) -> Vec<f64> {
    fates
        .chunk_by(|a, b| a == b)
        .filter(|run| run[0])
        .map(|run| run.len() as f64)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn gilbert_elliott_is_stationary(target in 0.01_f64..0.4, burst in 1.0_f64..12.0, seed: u64) {
        let loss = Loss::bursts(target, burst);
        prop_assert!((loss.ratio() - target).abs() < 1e-9);
        let fates = fates(loss, seed);
        let runs = bursts(&fates);

        // Variance of the mean of a two-state chain: p q / n * (1 + r) / (1 - r), r its correlation.
        let mean_burst = burst.max(target / (1.0 - target));
        let correlation = (1.0 - 1.0 / mean_burst - target / (1.0 - target) / mean_burst).max(0.0);
        let sd = (target * (1.0 - target) / f64::from(PACKETS) * (1.0 + correlation) / (1.0 - correlation)).sqrt();
        // Five sigma: one false alarm in some 40 000 runs of this test.
        prop_assert!((share(&fates) - target).abs() < 5.0 * sd, "{} instead of {target}, sd {sd}", share(&fates));

        // A run is geometric: its variance is L (L - 1).
        let mean = runs.iter().sum::<f64>() / runs.len() as f64;
        let sd = (mean_burst * (mean_burst - 1.0) / runs.len() as f64).sqrt();
        prop_assert!((mean - mean_burst).abs() < 5.0 * sd + 0.01, "{mean} instead of {mean_burst}, sd {sd}");
    }

    #[test]
    fn uniform_loss_is_independent(target in 0.0_f64..1.0, seed: u64) {
        let fates = fates(Loss::uniform(target), seed);
        let sd = (target * (1.0 - target) / f64::from(PACKETS)).sqrt();
        prop_assert!((share(&fates) - target).abs() < 5.0 * sd + 1e-9);
        // What follows a loss is lost as often as anything else.
        let after: Vec<bool> = fates.windows(2).filter(|pair| pair[0]).map(|pair| pair[1]).collect();
        if after.len() > 1000 {
            let sd = (target * (1.0 - target) / after.len() as f64).sqrt();
            prop_assert!((share(&after) - target).abs() < 5.0 * sd + 1e-9);
        }
    }
}

#[test]
fn the_full_model_loses_in_both_states() {
    let loss = Loss::GilbertElliott {
        to_bad: 0.02,
        to_good: 0.1,
        loss_in_good: 0.01,
        loss_in_bad: 0.6,
    };
    let expected = loss.ratio();
    assert!((expected - (1.0 / 6.0 * 0.6 + 5.0 / 6.0 * 0.01)).abs() < 1e-12);
    let measured = share(&fates(loss, 4));
    assert!(
        (measured - expected).abs() < 0.01,
        "{measured} instead of {expected}"
    );
}

#[test]
fn the_first_packet_is_as_much_at_risk_as_any() {
    let lost = (0..4000)
        .filter(|&seed| {
            let now = Instant::now();
            let mut link = Link::new(Config::IDEAL.loss(Loss::bursts(0.25, 10.0)), seed);
            link.send((), 1, now);
            link.poll(now).is_none()
        })
        .count();
    assert!((800..1200).contains(&lost), "{lost} of 4000");
}

#[test]
fn the_ends_of_the_range() {
    assert_eq!(share(&fates(Loss::None, 1)), 0.0);
    assert_eq!(share(&fates(Loss::uniform(0.0), 1)), 0.0);
    assert_eq!(share(&fates(Loss::uniform(1.0), 1)), 1.0);
    assert_eq!(share(&fates(Loss::bursts(0.0, 5.0), 1)), 0.0);
    assert_eq!(share(&fates(Loss::bursts(1.0, 5.0), 1)), 1.0);
}

#[test]
fn a_blackout_loses_all_and_ends() {
    let now = Instant::now();
    let mut link = Link::new(Config::IDEAL, 1);
    link.send(1, 1, now);
    link.set_blackout(true);
    link.send(2, 1, now);
    link.set_blackout(false);
    link.send(3, 1, now);
    assert_eq!(
        (link.poll(now), link.poll(now), link.poll(now)),
        (Some(1), Some(3), None)
    );
    assert_eq!(link.stats().lost, 1);
}
