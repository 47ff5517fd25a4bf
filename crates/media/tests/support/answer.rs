//! Our answer to a peer that does not trickle: with all candidates in it.

use std::future::poll_fn;
use std::time::Instant;

use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{Description, DescriptionKind, Transport, TransportCommand, TransportEvent};

/// Hands the offer in, and gives the answer once everything was gathered.
pub async fn answer(transport: &mut WebRtcTransport, offer: &str) -> String {
    let remote = TransportCommand::Remote(Description {
        kind: DescriptionKind::Offer,
        sdp: offer.to_owned(),
    });
    transport.command(remote, Instant::now());
    let (mut answer, mut candidates) = (None, String::new());
    loop {
        match poll_fn(|cx| transport.poll_event(cx)).await {
            TransportEvent::LocalDescription(description) => answer = Some(description.sdp),
            TransportEvent::LocalCandidate(Some(candidate)) => {
                candidates += &format!("a={}\r\n", candidate.candidate);
            }
            TransportEvent::LocalCandidate(None) => break,
            TransportEvent::Error(error) => panic!("{error}"),
            _ => {}
        }
    }
    let answer = answer.unwrap();
    // They belong to the first section.
    let second = answer.find("m=video").unwrap_or(answer.len());
    format!("{}{candidates}{}", &answer[..second], &answer[second..])
}
