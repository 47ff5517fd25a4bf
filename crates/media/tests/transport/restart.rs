//! ICE restart: new credentials, same media.

use sidetone_media::transport::{TransportCommand, TransportEvent};

use crate::support::{Peer, connected, exchange, loopback, run, unhung};

fn fragments(peer: &Peer) -> Vec<String> {
    let descriptions = peer.events.iter().filter_map(|event| match event {
        TransportEvent::LocalDescription(description) => Some(&description.sdp),
        _ => None,
    });
    descriptions
        .filter_map(|sdp| Some(sdp.split_once("a=ice-ufrag:")?.1.lines().next()?.to_owned()))
        .collect()
}

fn errors(peer: &Peer) -> Vec<&TransportEvent> {
    peer.events
        .iter()
        .filter(|event| matches!(event, TransportEvent::Error(_)))
        .collect()
}

/// Sends until something arrives.
async fn goes_through(from: &Peer, to: &Peer) {
    while to.voice.incoming.pop().is_some() {}
    unhung(async {
        for sequence in 0.. {
            from.send(sequence, b"still here").await;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            if let Some(packet) = to.voice.incoming.pop() {
                assert_eq!(packet.payload(), b"still here");
                break;
            }
        }
    })
    .await;
}

#[test]
fn either_end_may_restart_and_media_goes_on() {
    run(async {
        let (mut a, mut b) = connected(loopback(), loopback()).await;
        for round in 0..3usize {
            let (asker, _) = if round == 1 { (&mut b, ()) } else { (&mut a, ()) };
            asker.command(TransportCommand::Offer { restart: true });
            let told = |peer: &Peer| fragments(peer).len() == round + 2;
            exchange(&mut a, &mut b, |a, b| told(a) && told(b)).await;
            exchange(&mut a, &mut b, |a, b| {
                let again = |peer: &Peer| {
                    let last = peer
                        .events
                        .iter()
                        .rposition(|event| matches!(event, TransportEvent::LocalDescription(_)));
                    peer.is_connected()
                        && peer.events[last.unwrap()..]
                            .iter()
                            .any(|event| matches!(event, TransportEvent::LocalCandidate(Some(_))))
                };
                again(a) && again(b)
            })
            .await;
            // Sockets are new, so what was on its way to the old ones is lost; then everything arrives.
            goes_through(&a, &b).await;
            goes_through(&b, &a).await;
        }
        for peer in [&a, &b] {
            let fragments = fragments(peer);
            let distinct: std::collections::HashSet<_> = fragments.iter().collect();
            assert_eq!(
                distinct.len(),
                fragments.len(),
                "every restart has new credentials: {fragments:?}"
            );
            assert!(errors(peer).is_empty(), "{:?}", errors(peer));
        }
    });
}

#[test]
fn an_offer_without_restart_keeps_the_credentials() {
    run(async {
        let (mut a, mut b) = connected(loopback(), loopback()).await;
        a.command(TransportCommand::Offer { restart: false });
        exchange(&mut a, &mut b, |a, b| {
            fragments(a).len() == 2 && fragments(b).len() == 2
        })
        .await;
        assert_eq!(fragments(&a)[0], fragments(&a)[1]);
        a.send(1, b"same").await;
        assert_eq!(b.receive().await.payload(), b"same");
    });
}
