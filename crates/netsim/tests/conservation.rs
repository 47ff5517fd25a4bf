//! Every packet that enters comes out, is counted as lost or dropped, or is still inside; nothing is invented.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_netsim::{Config, Duplex, Jitter, Link, Loss, Order, Queue, Rate, Side, Spikes};

fn milliseconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn configs() -> impl Strategy<Value = Config> {
    let jitter = prop_oneof![
        Just(Jitter::None),
        milliseconds(0..200).prop_map(Jitter::normal),
        milliseconds(0..200).prop_map(Jitter::uniform),
        (milliseconds(0..50), 0.0..5.0, milliseconds(0..500))
            .prop_map(|(mean, shape, max)| Jitter::pareto(mean, shape, max)),
    ];
    let loss = prop_oneof![
        Just(Loss::None),
        (-0.5..1.5).prop_map(Loss::uniform),
        (0.0..1.1, 0.0..20.0).prop_map(|(share, burst)| Loss::bursts(share, burst)),
    ];
    let order = prop_oneof![
        Just(Order::Natural),
        Just(Order::Kept),
        (0.0..1.0, milliseconds(0..100)).prop_map(|(probability, by)| Order::HeldBack { probability, by }),
    ];
    let rate = prop_oneof![
        Just(None),
        (0_u64..10_000_000, milliseconds(0..300)).prop_map(|(bits, wait)| Some(Rate::new(bits, wait))),
        (0_u64..10_000_000, 0_u64..20_000)
            .prop_map(|(bits, bytes)| Some(Rate::with_queue_bytes(bits, bytes))),
    ];
    let spikes = prop_oneof![
        Just(Spikes::None),
        (milliseconds(0..500), milliseconds(0..300))
            .prop_map(|(every, height)| Spikes::Periodic { every, height }),
        (milliseconds(0..500), milliseconds(0..300))
            .prop_map(|(every, height)| Spikes::Random { every, height }),
    ];
    (milliseconds(0..300), jitter, loss, order, 0.0..1.0, rate, spikes).prop_map(
        |(delay, jitter, loss, order, duplicate, rate, spikes)| Config {
            delay,
            jitter,
            loss,
            order,
            duplicate,
            rate,
            spikes,
        },
    )
}

/// Packets of (microseconds since the last, bytes).
fn traffic() -> impl Strategy<Value = Vec<(u64, usize)>> {
    prop::collection::vec((0_u64..40_000, 0_usize..1500), 1..300)
}

proptest! {
    #[test]
    fn every_packet_is_accounted_for(
        config in configs(),
        later in configs(),
        seed: u64,
        traffic in traffic(),
        poll_every in 1_usize..20,
        unique: bool,
    ) {
        let mut link = Link::new(config, seed);
        let mut now = Instant::now();
        let mut seen: HashMap<usize, usize> = HashMap::new();
        let (mut out, mut out_bytes) = (0_u64, 0_u64);
        for (number, &(gap, bytes)) in traffic.iter().enumerate() {
            now += Duration::from_micros(gap);
            if number == traffic.len() / 2 {
                link.set_config(later);
                link.set_blackout(seed % 3 == 0);
            }
            if unique { link.send_unique(number, bytes, now) } else { link.send(number, bytes, now) }
            if number % poll_every == 0 {
                while let Some(packet) = link.poll(now) {
                    *seen.entry(packet).or_default() += 1;
                    out += 1;
                    out_bytes += traffic[packet].1 as u64;
                }
            }
            let stats = link.stats();
            prop_assert_eq!(stats.sent, number as u64 + 1);
            prop_assert_eq!(stats.sent + stats.duplicated, stats.delivered + stats.lost + stats.dropped + stats.queued);
            prop_assert_eq!((stats.delivered, stats.delivered_bytes), (out, out_bytes));
        }
        // Whatever is inside comes out at the time announced, never before.
        while let Some(due) = link.next_timeout() {
            if due > now {
                prop_assert!(link.poll(due - Duration::from_nanos(1)).is_none());
            }
            now = now.max(due);
            let packet = link.poll(now);
            prop_assert!(packet.is_some());
            *seen.entry(packet.unwrap()).or_default() += 1;
        }
        let stats = link.stats();
        prop_assert_eq!(stats.queued, 0);
        prop_assert_eq!(stats.sent + stats.duplicated, stats.delivered + stats.lost + stats.dropped);
        let most = if unique { 1 } else { 2 };
        prop_assert!(seen.values().all(|&copies| copies <= most));
        prop_assert_eq!(seen.values().filter(|&&copies| copies == 2).count() as u64, stats.duplicated);
    }

    #[test]
    fn a_duplex_is_two_links(config in configs(), seed: u64, traffic in traffic()) {
        let mut path = Duplex::symmetric(config, seed);
        let mut now = Instant::now();
        for (number, &(gap, bytes)) in traffic.iter().enumerate() {
            now += Duration::from_micros(gap);
            let from = if number % 3 == 0 { Side::A } else { Side::B };
            path.send(from, (from, number), bytes, now);
        }
        let mut previous = None;
        while let Some(due) = path.next_timeout() {
            prop_assert!(previous <= Some(due));
            previous = Some(due);
            let (at, (from, _)) = path.poll(due.max(now)).unwrap();
            prop_assert_eq!(at, from.other());
        }
        for side in [Side::A, Side::B] {
            let stats = path.stats(side);
            prop_assert_eq!(stats.sent + stats.duplicated, stats.delivered + stats.lost + stats.dropped);
        }
        prop_assert_eq!(path.stats(Side::A).sent + path.stats(Side::B).sent, traffic.len() as u64);
    }
}

#[test]
fn absurd_values_do_not_overflow_the_clock() {
    let config = Config::IDEAL
        .delay(Duration::MAX)
        .jitter(Jitter::normal(Duration::MAX))
        .order(Order::HeldBack {
            probability: f64::INFINITY,
            by: Duration::MAX,
        })
        .rate(Rate {
            bits_per_second: std::num::NonZeroU64::MIN,
            queue: Queue::Time { wait: Duration::MAX },
        })
        .spikes(Spikes::Random {
            every: Duration::MAX,
            height: Duration::MAX,
        })
        .loss(Loss::uniform(f64::NAN));
    let mut link = Link::new(config, 1);
    let now = Instant::now();
    for number in 0..100 {
        link.send(number, usize::MAX, now);
    }
    assert_eq!(link.stats().queued, 100);
}
