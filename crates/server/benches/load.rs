//! A service under load: what ten thousand registered endpoints cost, and how soon callees ring while calls are set up
//! and torn down at a steady rate, with records and events written to a file.
//!
//! The service is a process of its own, this program all of its clients: `cargo bench -p sidetone-server --bench load`,
//! with `ENDPOINTS` (10000), `RATE` (200 a second) and `SECONDS` (30) as variables.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

mod service;
#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use service::{Service, setting};
use sidetone_signaling::protocol::{Decline, DeclineReason, IncomingLeg, Request};
use support::Client;

fn main() {
    service::run(load());
}

async fn load() {
    let (endpoints, rate, seconds) = (
        setting("ENDPOINTS", 10_000),
        setting("RATE", 200),
        setting("SECONDS", 30),
    );
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    let empty = service.resident();
    let mut clients = Vec::with_capacity(endpoints);
    let start = Instant::now();
    for number in 0..endpoints {
        clients.push(service.client(&format!("m{number}")).await);
    }
    println!(
        "{endpoints} endpoints registered in {:.1} s: {:.0} MiB resident, {empty:.0} MiB before",
        start.elapsed().as_secs_f64(),
        service.resident()
    );

    // Each pair calls every two seconds.
    let pairs = (2 * rate).min(endpoints / 2);
    let every = Duration::from_secs_f64(pairs as f64 / rate as f64);
    let rings = Arc::new(Mutex::new(Vec::new()));
    let before = service.processor();
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    let mut clients = clients.into_iter().enumerate();
    for pair in 0..pairs {
        let ((_, ann), (number, bob)) = (clients.next().unwrap(), clients.next().unwrap());
        let first = start + every.mul_f64(pair as f64 / pairs as f64);
        let until = start + Duration::from_secs(seconds as u64);
        tasks.spawn(calls(
            ann,
            bob,
            format!("m{number}"),
            first,
            every,
            until,
            rings.clone(),
        ));
    }
    // The others stay registered.
    let idle: Vec<_> = clients.collect();
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let wall = start.elapsed().as_secs_f64();
    let mut rings = std::mem::take(&mut *rings.lock().unwrap());
    rings.sort_unstable();
    let at = |share: f64| rings[((rings.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!(
        "{} calls in {wall:.1} s ({:.0} a second): rings after {:.2} ms in the median, {:.2} ms p99, {:.2} ms at most; \
         service {:.0} % of a core, {:.0} MiB",
        rings.len(),
        rings.len() as f64 / wall,
        at(0.5),
        at(0.99),
        at(1.0),
        (service.processor() - before) / wall * 100.0,
        service.resident()
    );
    drop(idle);
}

/// Ann calls Bob again and again, who declines; notes how long it takes until he rings.
async fn calls(
    mut ann: Client,
    mut bob: Client,
    to: String,
    first: Instant,
    every: Duration,
    until: Instant,
    rings: Arc<Mutex<Vec<Duration>>>,
) {
    let mut next = first;
    while next < until {
        tokio::time::sleep_until(next.into()).await;
        let placed = Instant::now();
        let calling = async {
            ann.start(&to).await;
        };
        let ringing = async {
            let incoming = bob.event("call.incoming").await;
            (placed.elapsed(), incoming)
        };
        let ((), (after, incoming)) = tokio::join!(calling, ringing);
        rings.lock().unwrap().push(after);
        let leg: IncomingLeg = serde_json::from_value(incoming).unwrap();
        bob.call(&Request::Ring(leg)).await.unwrap();
        ann.event("call.ringing").await;
        let decline = Decline {
            call: leg.call,
            leg: leg.leg,
            reason: DeclineReason::Declined,
        };
        bob.call(&Request::Decline(decline)).await.unwrap();
        ann.event("call.ended").await;
        next += every;
    }
}
