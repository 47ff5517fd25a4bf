//! The service that is measured: `sidetone serve` as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sidetone_signaling::Identifier;

use super::cores::Cores;
use crate::address::ServiceAddress;
use crate::bench::machine;
use crate::dev_token::{self, Wish};

/// Beginning of the names of the forwarding threads.
const FORWARDING: &str = "sfu";

/// A running service.
pub struct Service {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    server: ServiceAddress,
}

impl Service {
    /// Starts one that sends each so many voices at a time, with one forwarding thread, on its core.
    ///
    /// # Errors
    /// In words.
    pub fn start(cores: Option<Cores>, voices: u8) -> Result<Self, String> {
        let broken = |error: std::io::Error| format!("no service: {error}");
        let program = std::env::current_exe().map_err(broken)?;
        // A child is where its parent was when it was made.
        if let Some(cores) = cores {
            cores.with_service();
        }
        let started = Command::new(program)
            .args(["serve", "--bind", "127.0.0.1:0", "--json"])
            .args(["--media-bind", "127.0.0.1:0", "--media-threads", "1"])
            .args(["--voices", &voices.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        if let Some(cores) = cores {
            cores.with_crowd();
        }
        let mut child = started.map_err(broken)?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(broken)?;
        }
        let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let url = told["url"].as_str().unwrap_or_default();
        let server: ServiceAddress = url
            .parse()
            .map_err(|_| "no service: it ended at once".to_owned())?;
        let address = url.trim_start_matches("ws://").parse();
        let address = address.map_err(|_| format!("no service: what is {url}?"))?;
        Ok(Self {
            child,
            address,
            server,
        })
    }

    /// A token for the participant at a place.
    ///
    /// # Errors
    /// In words.
    pub fn token(&self, index: usize) -> Result<String, String> {
        let identity: Identifier = format!("member:bench:p{index}")
            .parse()
            .map_err(|error| format!("{error:?}"))?;
        let wish = Wish {
            identity,
            name: Some(format!("Participant {index}")),
            lifetime: None,
        };
        let issued = dev_token::ask(&self.server, &wish).map_err(|failure| failure.to_string())?;
        Ok(issued.token)
    }

    /// Processor time of the forwarding threads so far.
    pub fn forwarding(&self) -> Option<Duration> {
        let threads = machine::threads(Some(self.child.id()));
        let forwarding = threads
            .iter()
            .filter(|thread| thread.name.starts_with(FORWARDING));
        forwarding.map(|thread| thread.cpu).reduce(|a, b| a + b)
    }

    /// Memory of its own that it holds, in bytes.
    pub fn memory(&self) -> Option<u64> {
        machine::usage(Some(self.child.id())).map(|usage| usage.private)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
