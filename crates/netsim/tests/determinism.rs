//! The same seed gives the same packets at the same times; one mechanism does not disturb another.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_netsim::{Config, Duplex, Jitter, Link, Loss, Preset, Side};

/// Sends a packet of 200 bytes every 20 ms; returns (number, delay) of each arrival.
fn arrivals(mut link: Link<u32>, packets: u32) -> Vec<(u32, Duration)> {
    let start = Instant::now();
    let sent_at = |number: u32| start + Duration::from_millis(20) * number;
    let mut arrivals = Vec::new();
    for number in 0..packets {
        link.send(number, 200, sent_at(number));
    }
    while let Some(due) = link.next_timeout() {
        let number = link.poll(due.max(sent_at(packets))).unwrap();
        arrivals.push((number, due - sent_at(number)));
    }
    arrivals
}

proptest! {
    #[test]
    fn same_seed_same_result(seed: u64, preset in prop::sample::select(&Preset::ALL[..])) {
        let run = || arrivals(Link::new(preset.config(), seed), 400);
        prop_assert_eq!(run(), run());
    }
}

#[test]
fn another_seed_is_another_result() {
    let run = |seed| arrivals(Link::new(Preset::WifiCongested.config(), seed), 400);
    assert_ne!(run(1), run(2));
}

#[test]
fn the_two_directions_have_their_own_dice() {
    let mut path = Duplex::symmetric(Config::IDEAL.jitter(Jitter::normal(Duration::from_millis(5))), 3);
    let now = Instant::now();
    let mut delay = |side| {
        path.send(side, (), 100, now);
        let due = path.next_timeout().unwrap();
        path.poll(due).unwrap();
        due - now
    };
    assert_ne!(delay(Side::A), delay(Side::B));
}

#[test]
fn more_loss_leaves_the_jitter_alone() {
    let calm = Config::IDEAL
        .delay(Duration::from_millis(50))
        .jitter(Jitter::normal(Duration::from_millis(10)));
    let all = arrivals(Link::new(calm, 9), 2000);
    let some = arrivals(
        Link::new(calm.loss(Loss::bursts(0.2, 3.0)).duplicate(0.1), 9),
        2000,
    );
    let kept = some.iter().filter(|arrival| all.contains(arrival)).count();
    assert!(some.len() < all.len());
    // Only the extra copies have a delay of their own.
    assert!(kept >= some.len() * 85 / 100, "{kept} of {}", some.len());
}
