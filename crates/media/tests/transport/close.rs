//! Closing ends every task and gives back every socket.

use std::time::Duration;

use sidetone_media::transport::{ConnectionState, TransportCommand, TransportEvent};

use crate::support::{Peer, connected, loopback, run, unhung};

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Whether a datagram socket of this process is bound to `port` of the loopback address.
fn is_bound(port: u16) -> bool {
    std::net::UdpSocket::bind(("127.0.0.1", port)).is_err()
}

fn port(peer: &Peer) -> u16 {
    let candidate = peer.events.iter().find_map(|event| match event {
        TransportEvent::LocalCandidate(Some(candidate)) => Some(candidate.candidate.clone()),
        _ => None,
    });
    candidate.unwrap().split(' ').nth(5).unwrap().parse().unwrap()
}

async fn until_quiet(before: usize) {
    unhung(async {
        while tasks() > before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[test]
fn close_is_the_last_word_and_leaves_nothing() {
    run(async {
        let before = tasks();
        let (mut a, mut b) = connected(loopback(), loopback()).await;
        let ports = [port(&a), port(&b)];
        assert!(ports.into_iter().all(is_bound));
        assert!(tasks() > before);
        a.send(0, b"last").await;
        b.receive().await;
        for peer in [&mut a, &mut b] {
            peer.command(TransportCommand::Close);
            peer.until(|event| *event == TransportEvent::State(ConnectionState::Closed))
                .await;
            peer.command(TransportCommand::Offer { restart: false });
            let more = tokio::time::timeout(Duration::from_millis(50), peer.event()).await;
            assert!(more.is_err(), "{more:?}");
        }
        until_quiet(before).await;
        assert!(!ports.into_iter().any(is_bound));
        assert!(a.voice.outgoing.is_closed());
    });
}

#[test]
fn dropping_a_transport_closes_it() {
    run(async {
        let before = tasks();
        let (a, b) = connected(loopback(), loopback()).await;
        let ports = [port(&a), port(&b)];
        drop((a, b));
        until_quiet(before).await;
        assert!(!ports.into_iter().any(is_bound));
    });
}

#[test]
fn closing_before_anything_happened_works() {
    run(async {
        let before = tasks();
        let mut peer = Peer::loopback();
        peer.command(TransportCommand::Close);
        peer.until(|event| *event == TransportEvent::State(ConnectionState::Closed))
            .await;
        until_quiet(before).await;
        for _ in 0..20 {
            drop(Peer::loopback());
        }
        until_quiet(before).await;
    });
}
