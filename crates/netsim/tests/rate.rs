//! The bottleneck passes no more than its rate, its queue holds no more than its limit, and neither is idle
//! while packets wait.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_netsim::{Config, Link, Queue, Rate};

fn queues() -> impl Strategy<Value = Queue> {
    prop_oneof![
        (0_u64..300).prop_map(|wait| Queue::Time {
            wait: Duration::from_millis(wait)
        }),
        (0_u64..20_000).prop_map(|bytes| Queue::Bytes { bytes }),
    ]
}

proptest! {
    #[test]
    fn the_rate_is_never_exceeded(
        bits in 10_000_u64..10_000_000,
        queue in queues(),
        delay in 0_u64..100,
        traffic in prop::collection::vec((0_u64..10_000, 1_usize..1500), 2..300),
    ) {
        let rate = Rate { queue, ..Rate::new(bits, Duration::ZERO) };
        let delay = Duration::from_millis(delay);
        let mut link = Link::new(Config::IDEAL.delay(delay).rate(rate), 1);
        let start = Instant::now();
        let mut sent = Vec::new();
        let mut now = start;
        for (number, &(gap, bytes)) in traffic.iter().enumerate() {
            now += Duration::from_micros(gap);
            sent.push(now);
            link.send(number, bytes, now);
        }
        let mut departures = Vec::new();
        while let Some(due) = link.next_timeout() {
            departures.push((link.poll(due.max(now)).unwrap(), due - delay));
        }
        let longest = rate.transmission(1500);
        for pair in departures.windows(2) {
            // Between two ends of transmission there is at least the second's own time on the wire.
            let (packet, left) = pair[1];
            prop_assert!(left - pair[0].1 >= rate.transmission(traffic[packet].1 as u64));
        }
        for &(packet, left) in &departures {
            let waited = (left - sent[packet]).saturating_sub(rate.transmission(traffic[packet].1 as u64));
            let limit = match queue {
                Queue::Time { wait } => wait,
                Queue::Bytes { bytes } => rate.transmission(bytes),
            };
            prop_assert!(waited <= limit + Duration::from_micros(1), "{waited:?} of {limit:?}, {longest:?}");
        }
        // Work conserving: a packet leaves late only behind another that left right before it.
        for (index, &(packet, left)) in departures.iter().enumerate() {
            let own = rate.transmission(traffic[packet].1 as u64);
            if left - sent[packet] > own {
                prop_assert!(index > 0 && departures[index - 1].1 + own == left);
            }
        }
    }
}

#[test]
fn a_full_queue_drops_the_tail() {
    // 1000 bytes take 8 ms at 1 Mbit/s; a wait of at most 20 ms lets two wait behind the one that is sent.
    let now = Instant::now();
    let mut link = Link::new(
        Config::IDEAL.rate(Rate::new(1_000_000, Duration::from_millis(20))),
        1,
    );
    for number in 0..5 {
        link.send(number, 1000, now);
    }
    assert_eq!((link.stats().queued, link.stats().dropped), (3, 2));
    assert_eq!(link.poll(now + Duration::from_millis(7)), None);
    for number in 0..3 {
        assert_eq!(
            link.poll(now + Duration::from_millis(8) * (number + 1)),
            Some(number)
        );
    }
}

#[test]
fn an_overloaded_link_delivers_its_rate() {
    // 1.6 Mbit/s offered to 1 Mbit/s for 10 s.
    let start = Instant::now();
    let mut link = Link::new(Config::IDEAL.rate(Rate::with_queue_bytes(1_000_000, 10_000)), 1);
    for number in 0..2000_u32 {
        let now = start + Duration::from_millis(5) * number;
        link.send(number, 1000, now);
        while link.poll(now).is_some() {}
    }
    let bits = link.stats().delivered_bytes as f64 * 8.0 / 10.0;
    assert!((bits / 1e6 - 1.0).abs() < 0.01, "{bits} bit/s");
    assert!((link.stats().dropped as f64 / 2000.0 - 0.375).abs() < 0.01);
}
