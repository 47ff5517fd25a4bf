//! A server in a process of its own, to be killed hard. The process is the test binary itself, told by a variable to run
//! one test that serves.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sidetone_server::{Server, ServerConfig};

/// Serves on the folder that the variable names; does nothing without, as in an ordinary run of the tests.
pub async fn serve_until_killed(variable: &str, config: ServerConfig) {
    let Some(folder) = std::env::var_os(variable) else {
        return;
    };
    let server = Server::start(ServerConfig {
        data_dir: Some(folder.into()),
        ..config
    })
    .await
    .unwrap();
    println!("serving {}", server.local_addr());
    server.wait().await;
}

/// The process, killed when dropped.
pub struct Process(Child);

impl Process {
    /// Runs the test that serves.
    pub fn start(test: &str, variable: &str, folder: &Path) -> (Self, SocketAddr) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(variable, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the child serves").unwrap();
            // The test harness may print its own words in front.
            if let Some((_, address)) = line.split_once("serving ") {
                break address.parse().unwrap();
            }
        };
        (Self(child), address)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill(); // SIGKILL: no destructor, no flush.
        let _ = self.0.wait();
    }
}
