//! A peer that means harm: descriptions and packets that are wrong in every way a mutation finds.

use std::net::UdpSocket;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_media::transport::{
    Description, DescriptionKind, Transport, TransportCommand, TransportError, TransportEvent,
};

use crate::mutation::mutate;
use crate::support::{Peer, connected, exchange, loopback, run, unhung};

/// A real offer and its answer.
async fn corpus() -> [Description; 2] {
    let (a, b) = connected(loopback(), loopback()).await;
    [a, b].map(|peer| {
        peer.events
            .into_iter()
            .find_map(|event| match event {
                TransportEvent::LocalDescription(description) => Some(description),
                _ => None,
            })
            .unwrap()
    })
}

#[test]
fn mutated_descriptions_are_answered_or_refused_and_never_stop_the_transport() {
    run(async {
        let corpus = corpus().await;
        for seed in 0..300 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let original = &corpus[0];
            let description = Description {
                kind: original.kind,
                sdp: mutate(&original.sdp, &mut random),
            };
            let mut peer = Peer::loopback();
            peer.command(TransportCommand::Remote(description));
            let reply = peer
                .until(|event| {
                    matches!(
                        event,
                        TransportEvent::LocalDescription(_) | TransportEvent::Error(_)
                    )
                })
                .await;
            match reply {
                TransportEvent::LocalDescription(answer) => {
                    assert_eq!(answer.kind, DescriptionKind::Answer, "seed {seed}")
                }
                TransportEvent::Error(
                    TransportError::BadDescription(_) | TransportError::BadCandidate(_),
                ) => {}
                other => panic!("seed {seed}: {other:?}"),
            }
            // It still obeys.
            peer.command(TransportCommand::Close);
            peer.until(|event| {
                matches!(
                    event,
                    TransportEvent::State(sidetone_media::transport::ConnectionState::Closed)
                )
            })
            .await;
        }
    });
}

#[test]
fn mutated_answers_do_not_stop_the_transport() {
    run(async {
        let corpus = corpus().await;
        for seed in 0..150 {
            let mut random = ChaCha8Rng::seed_from_u64(1000 + seed);
            let mut peer = Peer::loopback();
            peer.command(TransportCommand::Offer { restart: false });
            peer.until(|event| matches!(event, TransportEvent::LocalDescription(_)))
                .await;
            let answer = Description {
                kind: DescriptionKind::Answer,
                sdp: mutate(&corpus[1].sdp, &mut random),
            };
            peer.command(TransportCommand::Remote(answer));
            peer.command(TransportCommand::Close);
            peer.until(|event| {
                matches!(
                    event,
                    TransportEvent::State(sidetone_media::transport::ConnectionState::Closed)
                )
            })
            .await;
        }
    });
}

#[test]
fn an_answer_nobody_asked_for_is_refused_and_a_good_offer_still_works() {
    run(async {
        let [offer, answer] = corpus().await;
        let (mut a, mut b) = (Peer::loopback(), Peer::loopback());
        let refused = |event: &TransportEvent| {
            matches!(event, TransportEvent::Error(TransportError::BadDescription(_)))
        };
        b.command(TransportCommand::Remote(answer));
        b.until(refused).await;
        b.command(TransportCommand::Remote(Description {
            sdp: offer.sdp.replace("opus", "PCMU"),
            ..offer.clone()
        }));
        b.until(refused).await;
        b.command(TransportCommand::Remote(Description {
            sdp: "v=0\r\n".repeat(20_000),
            ..offer
        }));
        b.until(refused).await;
        a.command(TransportCommand::Offer { restart: false });
        exchange(&mut a, &mut b, |a, b| a.is_connected() && b.is_connected()).await;
    });
}

#[test]
fn datagrams_of_a_stranger_change_nothing() {
    run(async {
        let (a, b) = connected(loopback(), loopback()).await;
        let line = b.events.iter().find_map(|event| match event {
            TransportEvent::LocalCandidate(Some(candidate)) => Some(candidate.candidate.clone()),
            _ => None,
        });
        let port: u16 = line.unwrap().split(' ').nth(5).unwrap().parse().unwrap();
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for round in 0..2000u32 {
            // First bytes that look like STUN, DTLS, TURN channels, RTP and RTCP, then anything.
            let mut datagram = vec![0u8; random.random_range(0..1500)];
            random.fill(&mut datagram[..]);
            if let Some(first) = datagram.first_mut() {
                *first = [0, 1, 20, 22, 23, 64, 128, 144, 191, 255][round as usize % 10];
            }
            if round % 20 == 0 && datagram.len() > 20 {
                datagram[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
            }
            stranger.send_to(&datagram, ("127.0.0.1", port)).unwrap();
            if round % 50 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        for sequence in 0..50 {
            a.send(sequence, b"voice").await;
            assert_eq!(unhung(b.receive()).await.payload(), b"voice");
        }
        let stats = b.transport.stats();
        assert_eq!(
            (stats.packets_received, stats.packets_lost),
            (50, 0),
            "nothing of the stranger was taken for media"
        );
    });
}
