//! Two ends against each other in virtual time, through loss.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

struct End {
    link: Link,
    address: SocketAddr,
    events: Vec<LinkEvent>,
}

struct Pair {
    caller: End,
    answerer: End,
    now: Instant,
    /// To the answerer or not, when, and what.
    wire: Vec<(bool, Instant, Vec<u8>)>,
    loss: f64,
    random: ChaCha8Rng,
}

fn config() -> LinkConfig {
    LinkConfig::new(Certificate::generate().unwrap(), CONSENT).unwrap()
}

fn remote(credentials: &Credentials, fingerprint: Fingerprint) -> Remote {
    Remote {
        credentials: credentials.clone(),
        fingerprint,
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

impl Pair {
    fn new(loss: f64, seed: u64) -> Self {
        let config = || LinkConfig::seeded(Certificate::generate().unwrap(), seed);
        let (ours, theirs) = (config(), config());
        Self::with(&ours, &theirs, theirs.fingerprint(), loss, seed)
    }

    fn with(ours: &LinkConfig, theirs: &LinkConfig, expected: Fingerprint, loss: f64, seed: u64) -> Self {
        let (a, b) = (Credentials::random(), Credentials::random());
        let to = remote(&b, ours.fingerprint());
        let caller = Link::calling(theirs, a.clone(), &to, (address(1), address(2)));
        let answerer = Link::answering(ours, Instant::now(), b, &remote(&a, expected));
        let end = |link, port| End {
            link,
            address: address(port),
            events: Vec::new(),
        };
        Self {
            caller: end(caller, 1),
            answerer: end(answerer, 2),
            now: Instant::now(),
            wire: Vec::new(),
            loss,
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Lets time pass in steps of a millisecond.
    fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.now += Duration::from_millis(1);
            let now = self.now;
            let (due, later) = std::mem::take(&mut self.wire)
                .into_iter()
                .partition(|(_, at, _)| *at <= now);
            self.wire = later;
            let due: Vec<(bool, Instant, Vec<u8>)> = due;
            let mut sent = Vec::new();
            for (to_answerer, _, mut datagram) in due {
                let (end, from) = if to_answerer {
                    (&mut self.answerer, self.caller.address)
                } else {
                    (&mut self.caller, self.answerer.address)
                };
                let _ = end.link.receive(now, from, &mut datagram, &mut |_, datagram| {
                    sent.push((!to_answerer, datagram.to_vec()));
                });
            }
            for (end, to_answerer) in [(&mut self.caller, true), (&mut self.answerer, false)] {
                if end.link.poll_timeout().is_none_or(|at| at <= now) {
                    end.link.timeout(now, &mut |_, datagram| {
                        sent.push((to_answerer, datagram.to_vec()))
                    });
                }
                while let Some(event) = end.link.poll_event() {
                    end.events.push(event);
                }
            }
            for (to_answerer, datagram) in sent {
                if !self.random.random_bool(self.loss) {
                    self.wire
                        .push((to_answerer, now + Duration::from_millis(20), datagram));
                }
            }
        }
    }

    fn is_connected(&self) -> bool {
        self.caller.link.is_connected() && self.answerer.link.is_connected()
    }
}

fn rtp(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0, 0, 0, 9]);
    packet.extend(b"twelve bytes");
    packet
}

fn carry(from: &mut Link, to: &mut Link, now: Instant, sequence: u16) -> Result<Received, LinkError> {
    let mut buffer = rtp(sequence);
    let length = buffer.len();
    buffer.resize(length + crate::srtp::MAX_OVERHEAD, 0);
    let sealed = from.seal_rtp(&mut buffer, length)?;
    let received = to.receive(now, address(1), &mut buffer[..sealed], &mut |_, _| {})?;
    assert_eq!(received, Received::Rtp(length));
    assert_eq!(buffer[..length], rtp(sequence));
    Ok(received)
}

#[test]
fn ends_connect_through_loss_and_carry_media_both_ways() {
    for seed in 0..20 {
        let mut pair = Pair::new(0.2, seed);
        let mut waited = 0;
        while !pair.is_connected() {
            pair.run(Duration::from_millis(100));
            waited += 1;
            assert!(
                waited < 600,
                "seed {seed}: {:?} {:?}",
                pair.answerer.events,
                pair.caller.events
            );
        }
        carry(&mut pair.caller.link, &mut pair.answerer.link, pair.now, 1).unwrap();
        carry(&mut pair.answerer.link, &mut pair.caller.link, pair.now, 2).unwrap();
        assert_eq!(pair.answerer.link.remote(), Some(address(1)));
        assert!(pair.answerer.events.contains(&LinkEvent::Connected));
        assert!(
            pair.answerer.link.handshake.is_none(),
            "dropped with the first media"
        );
    }
}

#[test]
fn a_peer_without_media_is_kept_and_its_handshake_is_not() {
    let mut pair = Pair::new(0.0, 1);
    pair.run(Duration::from_secs(1));
    assert!(pair.is_connected());
    assert!(pair.answerer.link.handshake.is_some());
    pair.run(Duration::from_secs(50));
    assert!(pair.is_connected());
    assert!(pair.answerer.link.handshake.is_none());
    assert!(
        !pair.answerer.events.contains(&LinkEvent::Lost),
        "{:?}",
        pair.answerer.events
    );
}

#[test]
fn a_peer_that_goes_silent_is_lost_and_comes_back() {
    let mut pair = Pair::new(0.0, 2);
    pair.run(Duration::from_secs(1));
    pair.loss = 1.0;
    pair.run(Duration::from_secs(20));
    assert_eq!(pair.answerer.events.last(), Some(&LinkEvent::Lost));
    assert_eq!(pair.answerer.link.remote(), None);
    pair.loss = 0.0;
    // The caller's agent gives its pair up, as RFC 8445 has it; a fresh check is what brings the answerer back.
    let credentials = Credentials::random();
    pair.answerer.link.restart(credentials, "someone");
    assert_eq!(pair.answerer.link.remote(), None);
}

#[test]
fn a_wrong_certificate_fails_the_link() {
    let (ours, theirs, other) = (config(), config(), config());
    let mut pair = Pair::with(&ours, &theirs, other.fingerprint(), 0.0, 3);
    pair.run(Duration::from_secs(3));
    let failed = LinkEvent::Failed(LinkError::Certificate);
    assert!(
        pair.answerer.events.contains(&failed),
        "{:?}",
        pair.answerer.events
    );
    assert!(!pair.answerer.link.is_connected());
    assert_eq!(pair.answerer.link.remote(), None);
}

#[test]
fn nothing_starts_without_a_check() {
    let mut pair = Pair::new(0.0, 4);
    // A client hello as a real one sends it.
    let mut hello = Vec::new();
    let theirs = config();
    let mut handshake = Handshake::calling(&theirs, address(2), pair.now);
    handshake.timeout(pair.now).unwrap();
    handshake
        .step(theirs.fingerprint(), &mut |datagram| {
            hello.push(datagram.to_vec())
        })
        .ok();
    assert!(!hello.is_empty());
    let answer = pair
        .answerer
        .link
        .receive(pair.now, address(1), &mut hello[0].clone(), &mut |_, _| {
            panic!("answered");
        });
    assert_eq!(answer, Err(LinkError::OutOfTurn));
    assert!(pair.answerer.link.handshake.is_none());
    let media = pair
        .answerer
        .link
        .receive(pair.now, address(1), &mut rtp(1), &mut |_, _| {});
    assert_eq!(media, Err(LinkError::TooEarly));
}
