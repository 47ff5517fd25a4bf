//! What people send to the forwarding service before anything of it is believed: descriptions, checks, packets.
#![no_main]

use std::net::SocketAddr;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use sidetone_sfu::caller::Answered;
use sidetone_sfu::link::{
    CONSENT, Certificate, Credentials, Fingerprint, Link, LinkConfig, Remote, ufrag_of_check,
};
use sidetone_sfu::rtp::{Arrivals, Control, Controls, Parsed};
use sidetone_sfu::sdp::{Answer, Offer, Transport};

fn config() -> LinkConfig {
    static CONFIG: std::sync::OnceLock<LinkConfig> = std::sync::OnceLock::new();
    let make = || LinkConfig::new(Certificate::generate().unwrap(), CONSENT).unwrap();
    CONFIG.get_or_init(make).clone()
}

fn credentials() -> Credentials {
    Credentials {
        ufrag: "abcd".into(),
        password: "abcdefghijklmnopqrstuv".into(),
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = Parsed::parse(data).map(|parsed| parsed.extensions().count());
    for control in Controls::new(data) {
        match control {
            Control::Nack { missing, .. } => assert!(missing.count() <= 17 * data.len()),
            Control::TransportFeedback(body) => {
                let told = Arrivals::parse(body).map_or(0, Iterator::count);
                assert!(told <= usize::from(u16::MAX));
            }
            _ => {}
        }
    }
    let _ = ufrag_of_check(data);
    let remote = Remote {
        credentials: credentials(),
        fingerprint: Fingerprint([1; 32]),
    };
    let mut link = Link::answering(&config(), Instant::now(), credentials(), &remote);
    let from = SocketAddr::from(([192, 0, 2, 1], 1));
    let _ = link.receive(Instant::now(), from, &mut data.to_vec(), &mut |_, _| {});
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Answered::parse(text);
        if let Ok(offer) = Offer::parse(text) {
            let transport = Transport {
                credentials: &credentials(),
                fingerprint: Fingerprint([1; 32]),
                addresses: &[from],
            };
            let answer = Answer {
                receives: true,
                sends: Some(1),
                rtx: Some(2),
            };
            let answers = vec![answer; offer.sections.len()];
            let answer = offer.answer(1, &transport, &answers);
            assert_eq!(
                answer.lines().filter(|line| line.starts_with("m=")).count(),
                offer.sections.len()
            );
        }
    }
});
