//! What signaling costs: a request's round trip over a loopback WebSocket, a whole call from its placing to its end,
//! issuing and checking a token, and the memory of an idle session.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use criterion::Criterion;
use sidetone_server::{ServerConfig, TokenRequest, Tokens};
use sidetone_signaling::protocol::{HangUp, IncomingLeg, Limits, Ping, Request};
use sidetone_store::{Store, WallTime};
use support::{Client, member, server};
use tokio::runtime::Runtime;

fn main() {
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    idle_memory(&runtime);
    tokens(&mut criterion, &runtime);
    sockets(&mut criterion, &runtime);
    criterion.final_summary();
}

fn tokens(criterion: &mut Criterion, runtime: &Runtime) {
    let hour = Duration::from_secs(3600);
    let store = Store::in_memory().unwrap();
    let now = WallTime::from(SystemTime::now());
    let tokens = runtime
        .block_on(Tokens::open(&*store.kv, hour..=hour, now))
        .unwrap();
    let request = TokenRequest::new(member("ann"));
    let token = tokens.issue(request.clone(), now).unwrap().token;
    criterion.bench_function("token/issue", |b| {
        b.iter(|| tokens.issue(black_box(request.clone()), now))
    });
    criterion.bench_function("token/verify", |b| {
        b.iter(|| tokens.verify(black_box(token.expose()), now))
    });
}

fn sockets(criterion: &mut Criterion, runtime: &Runtime) {
    let limits = Limits {
        requests_per_second: 10_000_000,
        ..Limits::default()
    };
    let server = runtime.block_on(server(ServerConfig {
        limits,
        ..ServerConfig::default()
    }));
    let (mut ann, _) = runtime.block_on(Client::open(&server, "ann"));
    let (mut bob, _) = runtime.block_on(Client::open(&server, "bob"));

    criterion.bench_function("socket/request round trip", |b| {
        b.iter_custom(|times| {
            runtime.block_on(async {
                let start = Instant::now();
                for _ in 0..times {
                    ann.call(&Request::Ping(Ping {})).await.unwrap();
                }
                start.elapsed()
            })
        });
    });
    criterion.bench_function("socket/whole call", |b| {
        b.iter_custom(|times| {
            runtime.block_on(async {
                let start = Instant::now();
                for _ in 0..times {
                    whole_call(&mut ann, &mut bob).await;
                }
                start.elapsed()
            })
        });
    });
    runtime.block_on(server.shutdown());
}

async fn whole_call(ann: &mut Client, bob: &mut Client) {
    let call = ann.start("bob").await;
    let incoming = bob.event("call.incoming").await;
    let this = IncomingLeg {
        call,
        leg: serde_json::from_value(incoming["leg"].clone()).unwrap(),
    };
    bob.call(&Request::Ring(this)).await.unwrap();
    ann.event("call.ringing").await;
    bob.call(&Request::Accept(this)).await.unwrap();
    ann.event("call.accepted").await;
    ann.call(&Request::HangUp(HangUp { call, failure: None }))
        .await
        .unwrap();
    bob.event("call.ended").await;
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Prints what 500 idle sessions add to this process, both ends of their sockets included.
fn idle_memory(runtime: &Runtime) {
    runtime.block_on(async {
        let server = server(ServerConfig::default()).await;
        let before = resident_kib();
        let mut idle = Vec::new();
        for n in 0..500 {
            idle.push(Client::open(&server, &format!("user{n}")).await.0);
        }
        if let (Some(before), Some(after)) = (before, resident_kib()) {
            let each = (after.saturating_sub(before)) as f64 / 500.0;
            println!("idle session, client and server end together: {each:.1} KiB");
        }
        drop(idle);
        server.shutdown().await;
    });
}
