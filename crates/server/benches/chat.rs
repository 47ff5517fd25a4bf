//! Chat under load: how soon messages arrive and how many are taken in a second, in one thread of many and in many
//! threads of two, and what a thread costs in memory that nobody writes in. What is acknowledged is in a file.
//!
//! The service is a process of its own, this program all of its clients: `cargo bench -p sidetone-server --bench chat`,
//! with `PEOPLE` (250) and `THREADS` (1000) as variables.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    missing_docs
)]

mod service;
#[path = "../tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use service::{Service, setting};
use support::{Client, dev_token, http};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Messages that each sends: as many as nobody is told to wait for (spec 3.10).
const EACH: usize = 10;
/// Requests at the same time.
const AT_ONCE: usize = 32;

fn main() {
    service::run(load());
}

/// Somebody with a token.
#[derive(Clone)]
struct User {
    identity: String,
    token: String,
    address: SocketAddr,
}

impl User {
    async fn new(address: SocketAddr, name: &str) -> Self {
        let identity = format!("member:acme:{name}");
        let token = dev_token(address, &identity).await;
        Self {
            identity,
            token,
            address,
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let headers = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json\r\n",
            self.token
        );
        let (status, answer) = http(self.address, "POST", path, &headers, &body.to_string()).await;
        assert!(matches!(status, 200 | 201), "{status}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    async fn begin<'a>(&self, others: impl Iterator<Item = &'a Self>) -> String {
        let people: Vec<Value> = others.map(|one| json!({ "id": one.identity })).collect();
        let made = self.post("/v1/chat/threads", &json!({})).await;
        let thread = format!("/v1/chat/threads/{}", made["chatThread"]["id"].as_str().unwrap());
        // As many as one request takes.
        for some in people.chunks(200) {
            let add = json!({ "participants": some });
            self.post(&format!("{thread}/participants"), &add).await;
        }
        format!("{thread}/messages")
    }

    /// Hears messages until so many came; how long each was under way, in milliseconds.
    async fn hears(self, mut count: usize, since: Instant) -> Vec<f64> {
        let mut client = Client::connect(&format!("ws://{}/v1/ws", self.address)).await;
        client.open_with(&self.token).await.unwrap();
        let mut took = Vec::with_capacity(count);
        while count > 0 {
            let (_, event, params) = client.any_event().await;
            if event == "chat.message_received"
                && let Ok(sent) = params["text"].as_str().unwrap_or_default().parse::<f64>()
            {
                took.push(since.elapsed().as_secs_f64() * 1e3 - sent);
                count -= 1;
            }
        }
        took
    }
}

/// Sends messages that say when they were sent, some at a time; gives how many were taken in a second.
async fn send(letters: Vec<(User, String)>, since: Instant) -> f64 {
    let count = letters.len();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (from, thread) in letters {
        let turn = turns.clone().acquire_owned().await.unwrap();
        tasks.spawn(async move {
            let now = since.elapsed().as_secs_f64() * 1e3;
            from.post(&thread, &json!({ "content": now.to_string() })).await;
            drop(turn);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    count as f64 / start.elapsed().as_secs_f64()
}

fn tell(what: &str, rate: f64, mut took: Vec<f64>, service: &Service) {
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!(
        "{what}: {rate:.0} messages a second taken; {} deliveries after {:.1} ms in the median, {:.1} ms p99; {:.0} MiB",
        took.len(),
        at(0.5),
        at(0.99),
        service.resident()
    );
}

async fn heard(tasks: JoinSet<Vec<f64>>) -> Vec<f64> {
    tasks.join_all().await.concat()
}

async fn load() {
    let (people, threads) = (setting("PEOPLE", 250), setting("THREADS", 1_000));
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    let since = Instant::now();
    let mut users = Vec::with_capacity(people);
    for number in 0..people {
        users.push(User::new(service.address, &format!("m{number}")).await);
    }

    // Everybody in one thread; twenty of them write.
    let thread = users[0].begin(users.iter().skip(1)).await;
    let writers = users.iter().take(20);
    let letters: Vec<_> = (0..EACH)
        .flat_map(|_| writers.clone().map(|user| (user.clone(), thread.clone())))
        .collect();
    let mut listeners = JoinSet::new();
    for user in &users {
        listeners.spawn(user.clone().hears(letters.len(), since));
    }
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let rate = send(letters, since).await;
    tell(
        &format!("one thread of {people}"),
        rate,
        heard(listeners).await,
        &service,
    );

    // Many threads of two: each has a message from either.
    let before = service.resident();
    let mut pairs = Vec::with_capacity(threads);
    for number in 0..threads {
        let one = &users[number % people];
        let other = &users[(number + 1 + number / people) % people];
        pairs.push((
            one.begin(std::iter::once(other)).await,
            one.clone(),
            other.clone(),
        ));
    }
    let each = (service.resident() - before) * 1024.0 / threads as f64;
    println!("{threads} threads of two, in which nobody wrote: {each:.1} KiB each");
    let letters: Vec<_> = pairs
        .into_iter()
        .flat_map(|(thread, one, other)| [(one, thread.clone()), (other, thread)])
        .collect();
    let mut listeners = JoinSet::new();
    for (number, user) in users.iter().enumerate() {
        let of = |pair: usize| {
            let (one, other) = (pair % people, (pair + 1 + pair / people) % people);
            one == number || other == number
        };
        let count = 2 * (0..threads).filter(|pair| of(*pair)).count();
        listeners.spawn(user.clone().hears(count, since));
    }
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let rate = send(letters, since).await;
    tell(
        &format!("{threads} threads of two"),
        rate,
        heard(listeners).await,
        &service,
    );
}
