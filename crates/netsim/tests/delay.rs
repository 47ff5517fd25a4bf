//! Delay, jitter, spikes and order are as configured.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_netsim::{Config, Jitter, Link, Order, Spikes};

const MS: Duration = Duration::from_millis(1);

/// Sends `packets` packets `gap` apart; (number, delay in milliseconds) in order of arrival, and the link.
fn run(config: Config, seed: u64, packets: u32, gap: Duration) -> (Vec<(u32, f64)>, Link<u32>) {
    let start = Instant::now();
    let mut link = Link::new(config, seed);
    let mut arrivals = Vec::new();
    for number in 0..packets {
        link.send(number, 100, start + gap * number);
    }
    while let Some(due) = link.next_timeout() {
        let number = link.poll(due.max(start + gap * packets)).unwrap();
        arrivals.push((number, (due - (start + gap * number)).as_secs_f64() * 1e3));
    }
    (arrivals, link)
}

fn mean_and_sd(delays: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = delays.clone().count() as f64;
    let mean = delays.clone().sum::<f64>() / n;
    (
        mean,
        (delays.map(|delay| (delay - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn normal_jitter_has_its_mean_and_deviation(delay in 60_u64..500, sd in 1_u64..12, seed: u64) {
        let config = Config::IDEAL.delay(MS * delay as u32).jitter(Jitter::normal(MS * sd as u32));
        let (arrivals, link) = run(config, seed, 20_000, MS);
        let (mean, measured) = mean_and_sd(arrivals.iter().map(|&(_, delay)| delay));
        let sd = sd as f64;
        prop_assert!((mean - delay as f64).abs() < 5.0 * sd / 20_000_f64.sqrt());
        // Standard error of a deviation: sd / sqrt(2 n).
        prop_assert!((measured - sd).abs() < 5.0 * sd / 40_000_f64.sqrt(), "{measured} instead of {sd}");
        prop_assert!((link.stats().mean_delay().unwrap().as_secs_f64() * 1e3 - mean).abs() < 1e-3);
    }

    #[test]
    fn uniform_jitter_stays_within_its_spread(spread in 1_u64..50, seed: u64) {
        let config = Config::IDEAL.delay(MS * 60).jitter(Jitter::uniform(MS * spread as u32));
        let (arrivals, _) = run(config, seed, 20_000, MS);
        let spread = spread as f64;
        prop_assert!(arrivals.iter().all(|(_, delay)| (delay - 60.0).abs() <= spread + 1e-6));
        let (mean, sd) = mean_and_sd(arrivals.iter().map(|&(_, delay)| delay));
        prop_assert!((mean - 60.0).abs() < 0.03 * spread);
        prop_assert!((sd - spread / 3_f64.sqrt()).abs() < 0.03 * spread);
    }

    #[test]
    fn pareto_jitter_only_adds_and_is_cut(mean in 1_u64..20, seed: u64) {
        let config = Config::IDEAL.delay(MS * 10).jitter(Jitter::pareto(MS * mean as u32, 4.0, MS * 1000));
        let (arrivals, _) = run(config, seed, 40_000, MS);
        prop_assert!(arrivals.iter().all(|(_, delay)| (10.0 - 1e-6..=1010.0 + 1e-6).contains(delay)));
        let (measured, _) = mean_and_sd(arrivals.iter().map(|&(_, delay)| delay - 10.0));
        prop_assert!((measured / mean as f64 - 1.0).abs() < 0.1, "{measured} instead of {mean}");
    }

    #[test]
    fn kept_order_is_kept(sd in 0_u64..100, gap in 0_u64..30, seed: u64, duplicate in 0.0..0.3) {
        let config = Config::IDEAL.delay(MS * 50).jitter(Jitter::normal(MS * sd as u32)).keep_order().duplicate(duplicate)
            .spikes(Spikes::Random { every: MS * 100, height: MS * 80 });
        let (arrivals, link) = run(config, seed, 1000, MS * gap as u32);
        prop_assert!(arrivals.is_sorted_by_key(|&(number, _)| number));
        prop_assert_eq!(link.stats().reordered, 0);
    }
}

#[test]
fn no_packet_arrives_before_it_was_sent() {
    let (arrivals, _) = run(Config::IDEAL.jitter(Jitter::normal(MS * 50)), 1, 5000, MS * 20);
    assert!(arrivals.iter().all(|&(_, delay)| delay >= 0.0));
}

#[test]
fn jitter_reorders_when_order_is_natural() {
    let config = Config::IDEAL.delay(MS * 90).jitter(Jitter::normal(MS * 30));
    let (arrivals, link) = run(config, 1, 2000, MS * 20);
    assert!(!arrivals.is_sorted_by_key(|&(number, _)| number));
    assert!(link.stats().reordered > 200, "{}", link.stats().reordered);
}

#[test]
fn held_back_packets_are_overtaken_and_the_others_are_not() {
    let config = Config::IDEAL
        .delay(MS * 20)
        .jitter(Jitter::normal(MS * 15))
        .order(Order::HeldBack {
            probability: 0.1,
            by: MS * 200,
        });
    let (arrivals, link) = run(config, 1, 5000, MS * 20);
    let reordered = link.stats().reordered as f64 / 5000.0;
    assert!((reordered - 0.1).abs() < 0.03, "{reordered}");
    let in_line: Vec<u32> = arrivals
        .iter()
        .filter(|&&(_, delay)| delay < 200.0)
        .map(|&(number, _)| number)
        .collect();
    assert!(in_line.is_sorted());
}

#[test]
fn a_stall_holds_everything_and_lets_go_at_once() {
    let config = Config::IDEAL.delay(MS * 10).spikes(Spikes::Periodic {
        every: MS * 1000,
        height: MS * 200,
    });
    let (arrivals, _) = run(config, 1, 300, MS * 10);
    for (number, delay) in arrivals {
        let since_stall = f64::from(number) * 10.0 % 1000.0;
        let stalled = if number >= 100 && since_stall < 200.0 {
            200.0 - since_stall
        } else {
            0.0
        };
        assert!(
            (delay - 10.0 - stalled).abs() < 1e-6,
            "packet {number}: {delay} ms"
        );
    }
}

#[test]
fn random_stalls_come_as_often_as_asked() {
    let config = Config::IDEAL.spikes(Spikes::Random {
        every: MS * 1000,
        height: MS * 100,
    });
    let (arrivals, _) = run(config, 1, 400_000, MS);
    let stalls = arrivals.windows(2).filter(|pair| pair[1].1 > pair[0].1).count();
    // A stall is 50 ms long on average, so one comes every 1050 ms.
    assert!((300..460).contains(&stalls), "{stalls} stalls in 400 s");
    assert!(arrivals.iter().all(|&(_, delay)| delay <= 100.0));
}

#[test]
fn new_conditions_are_for_new_packets() {
    let now = Instant::now();
    let mut link = Link::new(Config::IDEAL.delay(MS * 100), 1);
    link.send("before", 1, now);
    link.set_config(Config::IDEAL.delay(MS * 10));
    link.send("after", 1, now);
    assert_eq!(link.poll(now + MS * 10), Some("after"));
    assert_eq!(link.poll(now + MS * 99), None);
    assert_eq!(link.poll(now + MS * 100), Some("before"));
}
