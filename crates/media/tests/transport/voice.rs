//! Packets through the connection: intact, in order, and counted when there is no room.

use std::time::Duration;

use sidetone_media::transport::webrtc::{INCOMING_CAPACITY, OUTGOING_CAPACITY};
use sidetone_media::transport::{Transport, TransportConfig};
use sidetone_netsim::relay::{Relay, free_address};
use sidetone_netsim::{Config, Loss};

use crate::support::{Peer, connected, exchange, loopback, run, unhung};

#[test]
fn packets_arrive_as_they_were_sent() {
    run(async {
        let (a, b) = connected(loopback(), loopback()).await;
        for (from, to) in [(&a, &b), (&b, &a)] {
            let mut ssrc = None;
            for sequence in 0..200u16 {
                let payload: Vec<u8> = (0..=sequence as u8).collect();
                from.send(sequence, &payload).await;
                let packet = to.receive().await;
                assert_eq!(packet.sequence.0, sequence);
                assert_eq!(packet.timestamp.0, u32::from(sequence) * 960);
                assert_eq!(packet.marker, sequence == 0);
                assert_eq!(packet.payload(), payload);
                let level = packet.level.expect("both ends know the extension");
                assert_eq!(
                    (level.minus_dbov, level.voice),
                    ((sequence % 128) as u8, sequence.is_multiple_of(2))
                );
                assert_ne!(packet.ssrc, 0);
                assert_eq!(*ssrc.get_or_insert(packet.ssrc), packet.ssrc);
            }
        }
        let stats = a.transport.stats();
        assert_eq!(
            (stats.packets_sent, stats.packets_received, stats.packets_lost),
            (200, 200, 0)
        );
        assert_eq!(stats.packets_discarded, 0);
        assert_eq!(a.pool.available(), a.pool.capacity(), "every slot came home");
    });
}

#[test]
fn what_is_sent_before_the_connection_goes_nowhere() {
    run(async {
        let (mut a, mut b) = (Peer::loopback(), Peer::loopback());
        for sequence in 0..10 {
            a.send(sequence, b"early").await;
        }
        a.command(sidetone_media::transport::TransportCommand::Offer { restart: false });
        exchange(&mut a, &mut b, |a, b| a.is_connected() && b.is_connected()).await;
        a.send(77, b"now").await;
        assert_eq!(b.receive().await.payload(), b"now");
        assert_eq!(a.transport.stats().packets_sent, 1);
    });
}

#[test]
fn a_burst_too_long_loses_its_oldest_and_says_how_many() {
    run(async {
        let (a, b) = connected(loopback(), loopback()).await;
        // One burst without letting the network run.
        let burst = OUTGOING_CAPACITY + 10;
        for sequence in 0..burst {
            a.voice.outgoing.push(a.packet(sequence as u16, b"voice"));
        }
        assert_eq!(a.voice.outgoing.dropped(), 10);
        assert_eq!(b.receive().await.sequence.0, 10);
        for sequence in 11..burst {
            assert_eq!(b.receive().await.sequence.0, sequence as u16);
        }
    });
}

#[test]
fn a_playout_that_sleeps_loses_the_oldest_and_the_transport_counts() {
    run(async {
        let (a, b) = connected(loopback(), loopback()).await;
        let sent = INCOMING_CAPACITY as u64 + 20;
        for sequence in 0..sent {
            a.send(sequence as u16, b"voice").await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        unhung(async {
            while b.transport.stats().packets_received < sent {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(b.transport.stats().packets_discarded, 20);
        assert_eq!(b.voice.incoming.dropped(), 20);
        assert_eq!(b.receive().await.sequence.0, 20);
    });
}

/// Two ends that reach each other only through the emulator.
pub async fn through_relay(conditions: Config, seed: u64) -> (Peer, Peer, Relay) {
    // The emulator wants to know the ends' sockets, so these are bound to known ports.
    let (at_a, at_b) = (free_address().unwrap(), free_address().unwrap());
    let relay = Relay::start(conditions, conditions, seed, at_a, at_b).unwrap();
    let end = |bind, advertise| TransportConfig {
        bind: vec![bind],
        advertise: Some(advertise),
        ..Default::default()
    };
    let (a, b) = connected(end(at_a, relay.toward_a()), end(at_b, relay.toward_b())).await;
    (a, b, relay)
}

/// A handshake has a dozen datagrams, of which every fifth is lost, and each end can be the one that waits.
#[test]
fn a_lossy_network_keeps_nobody_from_connecting() {
    run(async {
        let conditions = Config::IDEAL
            .delay(Duration::from_millis(5))
            .loss(Loss::uniform(0.2));
        for seed in 0..25 {
            let (a, b, _relay) = through_relay(conditions, seed).await;
            assert!(a.is_connected() && b.is_connected());
        }
    });
}

#[test]
fn a_lossy_network_loses_packets_and_nothing_else() {
    run(async {
        let conditions = Config::IDEAL
            .delay(Duration::from_millis(5))
            .loss(Loss::uniform(0.2));
        let (a, b, _relay) = through_relay(conditions, 7).await;
        let sent = 300u16;
        for sequence in 0..sent {
            a.send(sequence, b"voice").await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut last = None;
        let mut received = 0u16;
        while let Some(packet) = b.voice.incoming.pop() {
            assert!(last < Some(packet.sequence.0), "in order");
            last = Some(packet.sequence.0);
            received += 1;
        }
        let stats = b.transport.stats();
        assert!(
            stats.packets_received > 150 && stats.packets_received < 300,
            "{stats:?}"
        );
        assert_eq!(
            stats.packets_received,
            u64::from(received) + stats.packets_discarded
        );
        assert!(
            stats.packets_lost > 0 && stats.packets_lost <= i64::from(sent) - stats.packets_received as i64
        );
    });
}
