//! Offer, answer, candidates, connected.

use std::net::SocketAddr;

use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{
    ConnectionState, DescriptionKind, IceServer, TransportCommand, TransportConfig, TransportError,
    TransportEvent,
};
use sidetone_pipeline::Pool;

use crate::support::{Peer, connected, exchange, loopback, run};

#[test]
fn two_ends_connect_and_say_so_in_order() {
    run(async {
        let (a, b) = connected(loopback(), loopback()).await;
        for (peer, kind) in [(&a, DescriptionKind::Offer), (&b, DescriptionKind::Answer)] {
            let Some(TransportEvent::LocalDescription(first)) = peer
                .events
                .iter()
                .find(|event| !matches!(event, TransportEvent::State(_)))
            else {
                panic!("a description comes before candidates: {:?}", peer.events);
            };
            assert_eq!(first.kind, kind);
            assert!(!first.sdp.contains("a=candidate"), "candidates are trickled");
            assert!(first.sdp.contains("opus/48000/2"));
            assert_eq!(first.sdp.matches("m=").count(), 1);
            let states: Vec<_> = peer
                .events
                .iter()
                .filter(|event| matches!(event, TransportEvent::State(_)))
                .collect();
            assert_eq!(
                states,
                [
                    &TransportEvent::State(ConnectionState::Connecting),
                    &TransportEvent::State(ConnectionState::Connected)
                ]
            );
            assert!(
                !peer
                    .events
                    .iter()
                    .any(|event| matches!(event, TransportEvent::Error(_))),
                "{:?}",
                peer.events
            );
        }
    });
}

#[test]
fn every_interface_is_used_when_none_is_named() {
    run(async {
        let mut peer = Peer::new(TransportConfig::default());
        peer.command(TransportCommand::Offer { restart: false });
        peer.until(|event| matches!(event, TransportEvent::LocalCandidate(None)))
            .await;
        assert!(
            !peer
                .events
                .iter()
                .any(|event| matches!(event, TransportEvent::Error(_))),
            "{:?}",
            peer.events
        );
    });
}

#[test]
fn when_both_offer_the_later_gives_way() {
    run(async {
        let (mut a, mut b) = (Peer::loopback(), Peer::loopback());
        a.command(TransportCommand::Offer { restart: false });
        b.command(TransportCommand::Offer { restart: false });
        let is_description = |event: &TransportEvent| matches!(event, TransportEvent::LocalDescription(_));
        let offer = a.until(is_description).await;
        b.until(is_description).await;
        b.hear(&offer);
        exchange(&mut a, &mut b, |a, b| a.is_connected() && b.is_connected()).await;
    });
}

#[test]
fn an_address_that_is_not_ours_is_an_error_and_a_failure() {
    run(async {
        let bind = vec!["192.0.2.1:9".parse::<SocketAddr>().unwrap()];
        let mut peer = Peer::new(TransportConfig {
            bind,
            ..TransportConfig::default()
        });
        peer.until(|event| matches!(event, TransportEvent::Error(TransportError::Network(_))))
            .await;
        peer.until(|event| *event == TransportEvent::State(ConnectionState::Failed))
            .await;
        peer.command(TransportCommand::Offer { restart: false });
        peer.command(TransportCommand::Close);
        peer.until(|event| *event == TransportEvent::State(ConnectionState::Closed))
            .await;
    });
}

#[test]
fn nonsense_from_the_owner_is_refused_at_once() {
    let pool = Pool::new(1, || VoicePacket::empty(std::time::Instant::now()));
    let outside = WebRtcTransport::new(loopback(), pool.clone(), None);
    assert!(
        matches!(outside.err(), Some(TransportError::Misuse(_))),
        "no runtime"
    );
    run(async {
        let relay_only = TransportConfig {
            relay_only: true,
            ..loopback()
        };
        assert!(matches!(
            WebRtcTransport::new(relay_only, pool.clone(), None).err(),
            Some(TransportError::Misuse(_))
        ));
        for url in ["", "http://example.com", "stun:", "turn: host"] {
            let server = IceServer {
                urls: vec![url.into()],
                username: String::new(),
                credential: String::new(),
            };
            let config = TransportConfig {
                ice_servers: vec![server],
                ..loopback()
            };
            let refused = WebRtcTransport::new(config, pool.clone(), None);
            assert!(matches!(refused.err(), Some(TransportError::Misuse(_))), "{url}");
        }
    });
}
