//! Statistics that only a running connection has.

use std::time::Duration;

use sidetone_media::transport::{Transport, TransportEvent, TransportStats};
use sidetone_netsim::{Config, Rate};

use crate::support::{connected, loopback, run, unhung};
use crate::voice::through_relay;

#[test]
fn round_trip_and_jitter_come_from_the_wire() {
    run(async {
        let conditions = Config::IDEAL.delay(Duration::from_millis(40));
        let (a, b, _relay) = through_relay(conditions, 1).await;
        let mut sequence = 0;
        // Two rounds of reports each way.
        unhung(async {
            loop {
                a.send(sequence, b"voice").await;
                b.send(sequence, b"voice").await;
                sequence += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
                let seen = |stats: TransportStats| {
                    stats.round_trip_time.is_some()
                        && !stats.local_candidate_type.is_empty()
                        && sequence > 120
                };
                if seen(a.transport.stats()) && seen(b.transport.stats()) {
                    break;
                }
            }
        })
        .await;
        for peer in [&a, &b] {
            let stats = peer.transport.stats();
            let round_trip = stats.round_trip_time.unwrap();
            assert!(
                round_trip >= Duration::from_millis(79),
                "the network alone takes 80 ms: {stats:?}"
            );
            assert_eq!(stats.packets_lost, 0);
            assert_eq!(stats.remote_fraction_lost, 0.0);
            assert!(stats.jitter > Duration::ZERO && stats.jitter < Duration::from_secs(1));
            assert!(stats.bytes_received == stats.packets_received * 5);
            // W3C webrtc-stats: seconds.
            let json = serde_json::to_value(&stats).unwrap();
            assert_eq!(json["roundTripTime"], round_trip.as_secs_f64());
            assert_eq!(serde_json::from_value::<TransportStats>(json).unwrap(), stats);
        }
    });
}

/// Sends packets of 100 bytes every 20 ms, 54 kbit/s with what is around them, over a link of so many.
async fn talk_over(kbps: u64) -> (Option<TransportEvent>, TransportStats) {
    let delay = Duration::from_millis(20);
    let queue = Duration::from_millis(500);
    let conditions = Config::IDEAL.delay(delay).rate(Rate::new(kbps * 1000, queue));
    let (mut a, _b, _relay) = through_relay(conditions, 1).await;
    let mut told = None;
    let mut sequence = 0;
    let mut frames = tokio::time::interval(Duration::from_millis(20));
    while sequence < 200 {
        tokio::select! {
            _ = frames.tick() => {
                // Sizes differ, as those of a codec do.
                let bytes = [80, 120, 100, 90, 110][usize::from(sequence) % 5];
                a.send(sequence, &[0; 120][..bytes]).await;
                sequence += 1;
            }
            event = a.event() => if matches!(event, TransportEvent::Estimate(_)) {
                told = Some(event);
            },
        }
    }
    (told, a.transport.stats())
}

#[test]
fn what_the_path_carries_is_found_out() {
    run(async {
        let (told, stats) = talk_over(1000).await;
        // Nothing speaks against what is wanted.
        let Some(TransportEvent::Estimate(wide)) = told else {
            panic!("{stats:?}")
        };
        assert!(wide.limit.is_none() && !wide.congested, "{wide:?}");
        assert!(stats.available_outgoing_bitrate > Some(50_000), "{stats:?}");

        let (told, stats) = talk_over(30).await;
        let Some(TransportEvent::Estimate(thin)) = told else {
            panic!("{stats:?}")
        };
        // The test does not send less.
        assert!(
            thin.congested && thin.limit.is_some_and(|limit| limit.bits_per_second() < 30_000),
            "{thin:?}"
        );
        let available = stats.available_outgoing_bitrate.unwrap();
        assert!((25_000..45_000).contains(&available), "{stats:?}");
    });
}

#[test]
fn the_selected_candidates_are_named() {
    run(async {
        let (a, b) = connected(loopback(), loopback()).await;
        unhung(async {
            while a.transport.stats().local_candidate_type.is_empty()
                || b.transport.stats().remote_candidate_type.is_empty()
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        for peer in [&a, &b] {
            let stats = peer.transport.stats();
            assert_eq!(stats.local_candidate_type, "host");
            assert!(
                ["host", "prflx"].contains(&stats.remote_candidate_type.as_str()),
                "{stats:?}"
            );
        }
    });
}
