//! How long the WebRTC transport takes: to connect, with and without a network in between, to carry a packet,
//! and what a packet costs. Prints a table; asserts nothing.
//!
//! Run with `cargo bench -p sidetone-media --bench transport`.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use sidetone_media::packet::{RtpTimestamp, SequenceNumber};
use sidetone_media::transport::{Transport, TransportCommand, TransportConfig};
use sidetone_netsim::Config;
use sidetone_netsim::relay::{Relay, free_address};

#[allow(dead_code)]
#[path = "../tests/transport/support.rs"]
mod support;

use support::{Peer, connected, exchange, loopback, run};

fn main() {
    println!("{:<58} {:>9} {:>9} {:>9}", "milliseconds", "p50", "p95", "n");
    row("offer to both connected, loopback", || {
        let mut took = Duration::ZERO;
        run(async {
            let start = Instant::now();
            let _pair = connected(loopback(), loopback()).await;
            took = start.elapsed();
        });
        vec![took]
    });
    for delay in [10, 50] {
        let delay = Duration::from_millis(delay);
        let mut ends = Vec::new();
        for seed in 0..15 {
            run(async { ends.push(release(delay, seed).await) });
        }
        let rtt = delay.as_millis() * 2;
        print(
            &format!("{rtt} ms round trip: release to the first end connected"),
            ends.iter().map(|e| e.first).collect(),
        );
        print(
            &format!("{rtt} ms round trip: release to both connected"),
            ends.iter().map(|e| e.both).collect(),
        );
        print(
            &format!("{rtt} ms round trip: release to voice heard, by the offerer"),
            ends.iter().map(|e| e.voice_a).collect(),
        );
        print(
            &format!("{rtt} ms round trip: release to voice heard, by the answerer"),
            ends.iter().map(|e| e.voice_b).collect(),
        );
    }
    let mut flight = Vec::new();
    let mut cost = Duration::ZERO;
    let packets = 1500;
    run(async {
        let (a, b) = connected(loopback(), loopback()).await;
        let before = cpu();
        for sequence in 0..packets {
            let sent = Instant::now();
            a.send(sequence, &[7; 80]).await;
            b.receive().await;
            flight.push(sent.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cost = cpu() - before;
    });
    print("push to pop, loopback, 200 packets/s", flight);
    println!(
        "{:<58} {:>9.1}",
        "microseconds of CPU a packet, both ends together",
        cost.as_secs_f64() * 1e6 / f64::from(packets)
    );
}

struct Ends {
    first: Duration,
    both: Duration,
    voice_a: Duration,
    voice_b: Duration,
}

/// Descriptions are exchanged, candidates held; then both release. Signalling takes no time.
async fn release(delay: Duration, seed: u64) -> Ends {
    let (at_a, at_b) = (free_address().unwrap(), free_address().unwrap());
    let conditions = Config::IDEAL.delay(delay);
    let relay = Relay::start(conditions, conditions, seed, at_a, at_b).unwrap();
    let end = |bind, advertise| TransportConfig {
        bind: vec![bind],
        advertise: Some(advertise),
        hold_candidates: true,
        ..TransportConfig::default()
    };
    let (mut a, mut b) = (
        Peer::new(end(at_a, relay.toward_a())),
        Peer::new(end(at_b, relay.toward_b())),
    );
    a.command(TransportCommand::Offer { restart: false });
    let _ = tokio::time::timeout(Duration::from_millis(150), exchange(&mut a, &mut b, |_, _| false)).await;

    let start = Instant::now();
    for peer in [&mut a, &mut b] {
        peer.transport.command(TransportCommand::ReleaseCandidates, start);
    }
    let mut first = None;
    let mut heard = [None, None];
    let mut sequence = 0;
    let mut talk = tokio::time::interval(Duration::from_millis(2));
    let mut both = None;
    while heard.contains(&None) || both.is_none() {
        tokio::select! {
            event = a.event() => b.hear(&event),
            event = b.event() => a.hear(&event),
            _ = talk.tick() => {
                sequence += 1;
                for (index, peer) in [&a, &b].into_iter().enumerate() {
                    let mut packet = peer.pool.take().unwrap();
                    (packet.sequence, packet.timestamp) = (SequenceNumber(sequence), RtpTimestamp(u32::from(sequence) * 96));
                    assert!(packet.set_payload(b"voice"));
                    peer.voice.outgoing.push(packet);
                    if peer.voice.incoming.pop().is_some() {
                        heard[index].get_or_insert(start.elapsed());
                    }
                }
            }
        }
        if a.is_connected() || b.is_connected() {
            first.get_or_insert(start.elapsed());
        }
        if a.is_connected() && b.is_connected() {
            both.get_or_insert(start.elapsed());
        }
    }
    Ends {
        first: first.unwrap(),
        both: both.unwrap(),
        voice_a: heard[0].unwrap(),
        voice_b: heard[1].unwrap(),
    }
}

fn row(name: &str, mut once: impl FnMut() -> Vec<Duration>) {
    print(name, (0..30).flat_map(|_| once()).collect());
}

fn print(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
    println!("{name:<58} {:>9.2} {:>9.2} {:>9}", at(0.5), at(0.95), times.len());
}

/// Processor time of this process so far.
fn cpu() -> Duration {
    let ticks: u64 = std::fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|stat| {
            Some(
                stat.rsplit_once(')')?
                    .1
                    .split_whitespace()
                    .skip(11)
                    .take(2)
                    .filter_map(|t| t.parse::<u64>().ok())
                    .sum(),
            )
        })
        .unwrap_or(0);
    Duration::from_millis(ticks * 10)
}
