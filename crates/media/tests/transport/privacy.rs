//! The privacy switch: no address leaves, in words or in packets, before the release.

use std::time::Duration;

use sidetone_media::transport::{ConnectionState, TransportCommand, TransportConfig, TransportEvent};

use crate::support::{Peer, exchange, loopback, run};

fn held() -> TransportConfig {
    TransportConfig {
        hold_candidates: true,
        ..loopback()
    }
}

fn said_candidates(peer: &Peer) -> bool {
    peer.events
        .iter()
        .any(|event| matches!(event, TransportEvent::LocalCandidate(_)))
}

/// Carries signalling for a while.
async fn linger(a: &mut Peer, b: &mut Peer) {
    let _ = tokio::time::timeout(Duration::from_millis(300), exchange(a, b, |_, _| false)).await;
}

#[test]
fn nothing_is_told_and_nothing_is_sent_before_the_release() {
    run(async {
        let (mut a, mut b) = (Peer::new(held()), Peer::loopback());
        a.command(TransportCommand::Offer { restart: false });
        linger(&mut a, &mut b).await;
        assert!(!said_candidates(&a));
        assert!(said_candidates(&b), "the other end need not hide");
        for event in &a.events {
            if let TransportEvent::LocalDescription(description) = event {
                assert!(!description.sdp.contains("127.0.0.1 ") || !description.sdp.contains("candidate"));
            }
        }
        // Had a sent a check to b, b would know its address from it, and both would connect.
        assert_eq!(
            (a.state(), b.state()),
            (ConnectionState::Connecting, ConnectionState::Connecting)
        );
        a.command(TransportCommand::ReleaseCandidates);
        exchange(&mut a, &mut b, |a, b| a.is_connected() && b.is_connected()).await;
        assert!(said_candidates(&a));
    });
}

#[test]
fn both_may_hide_and_connect_after_both_release() {
    run(async {
        let (mut a, mut b) = (Peer::new(held()), Peer::new(held()));
        a.command(TransportCommand::Offer { restart: false });
        linger(&mut a, &mut b).await;
        assert!(!said_candidates(&a) && !said_candidates(&b));
        a.command(TransportCommand::ReleaseCandidates);
        linger(&mut a, &mut b).await;
        assert!(said_candidates(&a) && !said_candidates(&b));
        assert!(!a.is_connected() && !b.is_connected());
        b.command(TransportCommand::ReleaseCandidates);
        exchange(&mut a, &mut b, |a, b| a.is_connected() && b.is_connected()).await;
    });
}
