//! Candidates in any order: before the description, one by one, moved to another address.

use std::net::SocketAddr;

use sidetone_media::transport::{
    Candidate, Description, TransportCommand, TransportConfig, TransportError, TransportEvent,
};

use crate::support::{Peer, exchange, loopback, run};

fn candidates(peer: &Peer) -> Vec<&Candidate> {
    let local = peer.events.iter().filter_map(|event| match event {
        TransportEvent::LocalCandidate(candidate) => candidate.as_ref(),
        _ => None,
    });
    local.collect()
}

fn ends(event: &TransportEvent) -> bool {
    matches!(event, TransportEvent::LocalCandidate(None))
}

#[test]
fn candidates_that_overtake_their_description_are_kept() {
    run(async {
        let (mut a, mut b) = (Peer::loopback(), Peer::loopback());
        a.command(TransportCommand::Offer { restart: false });
        a.until(ends).await;
        let events = a.events.clone();
        for event in events.iter().rev() {
            b.hear(event);
        }
        exchange(&mut a, &mut b, |a, b| a.is_connected() && b.is_connected()).await;
    });
}

#[test]
fn candidates_name_their_generation_and_section() {
    run(async {
        let mut a = Peer::loopback();
        a.command(TransportCommand::Offer { restart: false });
        a.until(ends).await;
        let Some(TransportEvent::LocalDescription(Description { sdp, .. })) = a
            .events
            .iter()
            .find(|event| matches!(event, TransportEvent::LocalDescription(_)))
        else {
            panic!("no offer");
        };
        let local = candidates(&a);
        assert_eq!(local.len(), 1, "{local:?}");
        assert!(sdp.contains(&format!("a=ice-ufrag:{}\r\n", local[0].username_fragment)));
        assert!(sdp.contains(&format!("a=mid:{}\r\n", local[0].mid)));
    });
}

#[test]
fn candidates_inside_a_description_count_too() {
    run(async {
        let (mut a, mut b) = (Peer::loopback(), Peer::loopback());
        a.command(TransportCommand::Offer { restart: false });
        a.until(ends).await;
        let mut offer = a.events.iter().find_map(|event| match event {
            TransportEvent::LocalDescription(description) => Some(description.clone()),
            _ => None,
        });
        let lines: String = candidates(&a)
            .iter()
            .map(|c| format!("a={}\r\n", c.candidate))
            .collect();
        offer.as_mut().unwrap().sdp.push_str(&lines);
        b.command(TransportCommand::Remote(offer.unwrap()));
        // Only descriptions travel back: b finds a by the offer, a finds b by its checks.
        let answer = b
            .until(|event| matches!(event, TransportEvent::LocalDescription(_)))
            .await;
        a.hear(&answer);
        a.until(|event| {
            matches!(
                event,
                TransportEvent::State(sidetone_media::transport::ConnectionState::Connected)
            )
        })
        .await;
    });
}

#[test]
fn the_announced_address_replaces_the_bound_one() {
    run(async {
        let advertise: SocketAddr = "203.0.113.9:40000".parse().unwrap();
        let mut a = Peer::new(TransportConfig {
            advertise: Some(advertise),
            ..loopback()
        });
        a.command(TransportCommand::Offer { restart: false });
        a.until(ends).await;
        let local = candidates(&a);
        assert_eq!(local.len(), 1);
        assert!(
            local[0].candidate.contains(" 203.0.113.9 40000 typ host"),
            "{local:?}"
        );
    });
}

#[test]
fn a_bad_candidate_is_named_and_harms_nobody() {
    run(async {
        let (mut a, mut b) = (Peer::loopback(), Peer::loopback());
        let bad = |line: &str| {
            TransportCommand::RemoteCandidate(Some(Candidate {
                candidate: line.into(),
                mid: "0".into(),
                username_fragment: String::new(),
            }))
        };
        b.command(bad("candidate:1 1 udp 1 example.com 5000 typ host"));
        b.until(|event| matches!(event, TransportEvent::Error(TransportError::BadCandidate(_))))
            .await;
        a.command(TransportCommand::Offer { restart: false });
        // A name hidden by multicast DNS, and TCP, are no errors: a browser sends them.
        b.command(bad("candidate:1 1 udp 2113937151 5a1e.local 5000 typ host"));
        b.command(bad(
            "candidate:1 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active",
        ));
        exchange(&mut a, &mut b, |a, b| a.is_connected() && b.is_connected()).await;
        assert_eq!(
            b.events
                .iter()
                .filter(|event| matches!(event, TransportEvent::Error(_)))
                .count(),
            1
        );
    });
}

#[test]
fn a_flood_of_candidates_is_cut_off() {
    run(async {
        let (mut a, mut b) = (Peer::loopback(), Peer::loopback());
        a.command(TransportCommand::Offer { restart: false });
        exchange(&mut a, &mut b, |a, b| a.is_connected() && b.is_connected()).await;
        for port in 10_000..10_100 {
            b.command(TransportCommand::RemoteCandidate(Some(Candidate {
                candidate: format!("candidate:1 1 udp 2130706431 192.0.2.7 {port} typ host"),
                mid: "0".into(),
                username_fragment: String::new(),
            })));
        }
        b.until(|event| matches!(event, TransportEvent::Error(TransportError::BadCandidate(text)) if text.contains("too many")))
            .await;
    });
}
