//! A peer that means harm, or only something else than we.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sidetone_media::transport::{
    ConnectionState, Description, DescriptionKind, Transport, TransportCommand, TransportError,
    TransportEvent,
};
use sidetone_media::video::Codec;

use crate::mutation::mutate;
use crate::studio::{CAMERA, End, config, pair, run_until};
use crate::support::{Peer, exchange, run};

/// A real offer and its answer.
async fn corpus() -> [Description; 2] {
    let (a, b) = pair(&Codec::ALL, &Codec::ALL).await;
    [a, b].map(|end| {
        let mut events = end.peer.events.into_iter();
        let description = events.find_map(|event| match event {
            TransportEvent::LocalDescription(description) => Some(description),
            _ => None,
        });
        description.unwrap()
    })
}

async fn closed(peer: &mut Peer) {
    peer.command(TransportCommand::Close);
    peer.until(|event| matches!(event, TransportEvent::State(ConnectionState::Closed)))
        .await;
}

#[test]
fn mutated_descriptions_of_pictures_stop_nobody() {
    run(async {
        let [offer, answer] = corpus().await;
        let pictures = offer.sdp.find("m=video").unwrap();
        for seed in 0..200 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut peer = Peer::new(config(&Codec::ALL));
            let (head, tail) = offer.sdp.split_at(pictures);
            let sdp = head.to_owned() + &mutate(tail, &mut random);
            let kind = DescriptionKind::Offer;
            peer.command(TransportCommand::Remote(Description { kind, sdp }));
            let reply = peer
                .until(|event| {
                    matches!(
                        event,
                        TransportEvent::LocalDescription(_) | TransportEvent::Error(_)
                    )
                })
                .await;
            let good = matches!(
                reply,
                TransportEvent::LocalDescription(_)
                    | TransportEvent::Error(
                        TransportError::BadDescription(_) | TransportError::BadCandidate(_)
                    )
            );
            assert!(good, "seed {seed}: {reply:?}");
            closed(&mut peer).await;
        }
        for seed in 0..100 {
            let mut random = ChaCha8Rng::seed_from_u64(1000 + seed);
            let mut peer = Peer::new(config(&Codec::ALL));
            peer.command(TransportCommand::Offer { restart: false });
            peer.until(|event| matches!(event, TransportEvent::LocalDescription(_)))
                .await;
            let kind = DescriptionKind::Answer;
            let sdp = mutate(&answer.sdp, &mut random);
            peer.command(TransportCommand::Remote(Description { kind, sdp }));
            closed(&mut peer).await;
        }
    });
}

#[test]
fn who_has_none_of_our_codecs_is_heard_all_the_same() {
    run(async {
        let (mut a, mut b) = (Peer::new(config(&[Codec::Vp8])), Peer::new(config(&[Codec::Vp8])));
        a.command(TransportCommand::Offer { restart: false });
        let said = a
            .until(|event| matches!(event, TransportEvent::LocalDescription(_)))
            .await;
        let TransportEvent::LocalDescription(offer) = said else {
            return;
        };
        let sdp = offer.sdp.replace("VP8/90000", "H261/90000");
        b.command(TransportCommand::Remote(Description { sdp, ..offer }));
        exchange(&mut a, &mut b, |a, b| a.is_connected() && b.is_connected()).await;
        let (mut a, mut b) = (End::new(a), End::new(b));
        b.video.camera[0].set_demand(Some(CAMERA));
        run_until(&mut a, &mut b, Duration::from_millis(300), |_, _| false).await;
        assert_eq!(b.video.camera[0].codec(), None);
        a.peer.send(1, b"voice").await;
        assert_eq!(b.peer.receive().await.payload(), b"voice");
    });
}

#[test]
fn a_restart_of_the_connection_keeps_pictures_going() {
    run(async {
        let (mut a, mut b) = pair(&[Codec::Vp8], &[Codec::Vp8]).await;
        a.video.camera[0].set_demand(Some(CAMERA));
        let long = Duration::from_secs(20);
        assert!(run_until(&mut a, &mut b, long, |_, b| b.sees_camera.seen.len() >= 20).await);
        a.peer.command(TransportCommand::Offer { restart: true });
        let (before, known) = (a.peer.events.len(), b.peer.events.len());
        let again = |peer: &Peer, from: usize| {
            let mut events = peer.events[from..].iter();
            events.any(|event| matches!(event, TransportEvent::State(ConnectionState::Connected)))
        };
        exchange(&mut a.peer, &mut b.peer, |a, b| {
            again(a, before) && again(b, known)
        })
        .await;
        let seen = b.sees_camera.seen.len();
        assert!(run_until(&mut a, &mut b, long, |_, b| b.sees_camera.seen.len() >= seen + 30).await);
        assert!(
            b.sees_camera
                .seen
                .iter()
                .all(|frame| a.camera.sent.contains(frame))
        );
        assert_eq!(b.peer.transport.video_stats().packets_discarded, 0);
    });
}
