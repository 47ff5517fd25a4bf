//! The service as a process of its own, for benchmarks: this program, told so by an argument.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sidetone_server::{ConnectionLimits, DevTokens, Server, ServerConfig};
use sidetone_signaling::protocol::Limits;

use crate::support::{Client, http};

/// The argument that makes this program the service; the folder of its store follows.
const SERVE: &str = "--serve-in";

/// The whole of a benchmark: the service where this process is to be that, else `load`.
pub fn run(load: impl Future<Output = ()>) {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match arguments.iter().position(|argument| argument == SERVE) {
        Some(at) => runtime.block_on(serve(&arguments[at + 1])),
        // `cargo test` runs benchmarks too, with this argument, to see that they start.
        None if arguments.iter().any(|argument| argument == "--test") => {}
        None => runtime.block_on(load),
    }
}

/// Runs the service, and says where it is.
async fn serve(folder: &str) {
    let limits = Limits {
        sessions: 100_000,
        ..Limits::default()
    };
    let server = Server::start(ServerConfig {
        data_dir: Some(folder.into()),
        dev_tokens: DevTokens::Loopback,
        connections: ConnectionLimits {
            max: 100_000,
            max_per_address: 100_000,
            ..ConnectionLimits::default()
        },
        limits,
        ..ServerConfig::default()
    })
    .await
    .unwrap();
    println!("{}", server.local_addr());
    server.wait().await;
}

/// The service, killed when dropped.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
}

impl Service {
    pub fn start(folder: &std::path::Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(SERVE)
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().parse().unwrap();
        Self { child, address }
    }

    /// Memory that is resident, in MiB.
    pub fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024.0
    }

    /// Processor time used so far, in seconds: that of a thread is kept in nanoseconds.
    pub fn processor(&self) -> f64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let nanos = threads.filter_map(|thread| {
            let figures = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            figures.split(' ').next()?.parse::<f64>().ok()
        });
        nanos.sum::<f64>() / 1e9
    }

    pub async fn client(&self, name: &str) -> Client {
        let wish = format!(r#"{{"identity":"member:acme:{name}"}}"#);
        let json = "content-type: application/json\r\n";
        let (status, body) = http(self.address, "POST", "/v1/dev/token", json, &wish).await;
        assert_eq!(status, 200, "{body}");
        let issued: Value = serde_json::from_str(&body).unwrap();
        let mut client = Client::connect(&format!("ws://{}/v1/ws", self.address)).await;
        client.open_with(issued["token"].as_str().unwrap()).await.unwrap();
        client
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A variable, or what it is without.
pub fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}
