//! The relay carries real datagrams between real sockets, and each peer sees the other at its announced address.
#![cfg(feature = "relay")]
#![allow(clippy::unwrap_used)]

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use sidetone_netsim::relay::{Peer, Relay};
use sidetone_netsim::{Config, Loss, Side};

/// Long enough for any machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

fn socket(ip: &str) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2048];
    let (len, source) = socket.recv_from(&mut buffer).unwrap();
    (buffer[..len].to_vec(), source)
}

/// Waits until the counters say what the test is about; the relay counts a moment after it sends.
fn until(relay: &Relay, condition: impl Fn(&sidetone_netsim::relay::RelayStats) -> bool) {
    let start = Instant::now();
    while !condition(&relay.stats()) {
        assert!(start.elapsed() < PATIENCE, "{:#?}", relay.stats());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn both_ways_from_the_announced_addresses() {
    for ip in ["127.0.0.1", "::1"] {
        let ((a, at_a), (b, at_b)) = (socket(ip), socket(ip));
        let relay = Relay::start(Config::IDEAL, Config::IDEAL, 1, at_a, at_b).unwrap();
        assert_eq!(relay.announced_by(Side::A), relay.toward_a());
        a.send_to(b"ping", relay.toward_b()).unwrap();
        assert_eq!(receive(&b), (b"ping".to_vec(), relay.toward_a()));
        b.send_to(b"pong", relay.toward_a()).unwrap();
        assert_eq!(receive(&a), (b"pong".to_vec(), relay.toward_b()));
        until(&relay, |stats| {
            stats.a_to_b.delivered == 1 && stats.b_to_a.delivered == 1
        });
        assert_eq!(relay.stats().lateness.count, 2);
    }
}

#[test]
fn the_delay_is_never_less_than_asked() {
    let ((a, at_a), (b, at_b)) = (socket("127.0.0.1"), socket("127.0.0.1"));
    let delay = Duration::from_millis(30);
    let relay = Relay::start(Config::IDEAL.delay(delay), Config::IDEAL, 1, at_a, at_b).unwrap();
    for _ in 0..10 {
        let sent = Instant::now();
        a.send_to(b"x", relay.toward_b()).unwrap();
        receive(&b);
        assert!(sent.elapsed() >= delay);
    }
}

#[test]
fn strangers_are_dropped_and_learned_peers_are_found() {
    let ((a, at_a), (b, _), (stranger, _)) = (socket("127.0.0.1"), socket("127.0.0.1"), socket("127.0.0.1"));
    let relay = Relay::start(Config::IDEAL, Config::IDEAL, 1, at_a, Peer::Learned).unwrap();
    stranger.send_to(b"boo", relay.toward_b()).unwrap();
    until(&relay, |stats| stats.strangers == 1);
    a.send_to(b"too early", relay.toward_b()).unwrap();
    until(&relay, |stats| stats.unaddressed == 1);
    b.send_to(b"here I am", relay.toward_a()).unwrap();
    assert_eq!(receive(&a).0, b"here I am");
    a.send_to(b"found", relay.toward_b()).unwrap();
    assert_eq!(receive(&b), (b"found".to_vec(), relay.toward_a()));
    until(&relay, |stats| stats.a_to_b.sent == 2);
}

#[test]
fn conditions_and_blackouts_take_effect_while_it_runs() {
    let ((a, at_a), (b, at_b)) = (socket("127.0.0.1"), socket("127.0.0.1"));
    let relay = Relay::start(Config::IDEAL, Config::IDEAL, 1, at_a, at_b).unwrap();
    relay.set_blackout(true);
    a.send_to(b"1", relay.toward_b()).unwrap();
    b.send_to(b"1", relay.toward_a()).unwrap();
    until(&relay, |stats| stats.a_to_b.lost == 1 && stats.b_to_a.lost == 1);
    relay.set_blackout(false);
    relay.set_config(Config::IDEAL, Config::IDEAL.loss(Loss::uniform(1.0)));
    b.send_to(b"2", relay.toward_a()).unwrap();
    until(&relay, |stats| stats.b_to_a.lost == 2);
    a.send_to(b"3", relay.toward_b()).unwrap();
    assert_eq!(receive(&b).0, b"3");
}

#[test]
fn a_crowd_passes_without_loss() {
    let ((a, at_a), (b, at_b)) = (socket("127.0.0.1"), socket("127.0.0.1"));
    let config = Config::IDEAL.delay(Duration::from_millis(5));
    let relay = Relay::start(config, config, 1, at_a, at_b).unwrap();
    for round in 0..20_u32 {
        for number in 0..50_u32 {
            a.send_to(&(round * 50 + number).to_be_bytes(), relay.toward_b())
                .unwrap();
        }
        for number in 0..50_u32 {
            assert_eq!(receive(&b).0, (round * 50 + number).to_be_bytes());
        }
    }
}

#[test]
fn dropping_it_closes_its_sockets() {
    let ((_, at_a), (_, at_b)) = (socket("127.0.0.1"), socket("127.0.0.1"));
    let hour = Config::IDEAL.delay(Duration::from_secs(3600));
    let relay = Relay::start(hour, hour, 1, at_a, at_b).unwrap();
    let freed = relay.toward_a();
    drop(relay);
    UdpSocket::bind(freed).unwrap();
}
