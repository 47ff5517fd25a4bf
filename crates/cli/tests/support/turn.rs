//! A real TURN server (coturn) of the test's own, on loopback.

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Folder, PATIENCE};

/// The secret that it shares with the service.
pub const SECRET: &str = "a-secret-that-both-servers-share";

/// A running coturn. Killed when dropped.
pub struct TurnServer {
    child: Child,
    /// `turn:127.0.0.1:PORT`.
    pub url: String,
    /// The same server, asked for an address only.
    pub stun: String,
    _folder: Folder,
}

impl TurnServer {
    /// Starts one, and waits until it answers.
    ///
    /// # Panics
    /// When coturn is not installed (`tools/packages test`), or does not start.
    pub fn start() -> Self {
        // Free a moment ago; another attempt where somebody was faster.
        for _ in 0..5 {
            let port = free_port();
            let folder = Folder::new();
            let log = folder.file("turn.log");
            let mut child = Command::new("turnserver")
                .args(["-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"])
                .arg(format!("--listening-port={port}"))
                .args(["--use-auth-secret", &format!("--static-auth-secret={SECRET}")])
                .args(["--realm=sidetone.test", "--fingerprint", "--no-tls", "--no-dtls"])
                .args(["--no-cli", "--allow-loopback-peers", "--no-multicast-peers"])
                .args(["--log-file", &log, "--simple-log", "--verbose"])
                .args([
                    "--pidfile",
                    &folder.file("turn.pid"),
                    "--userdb",
                    &folder.file("turn.db"),
                ])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("coturn is installed: tools/packages test");
            if answers(port, &mut child) {
                return Self {
                    child,
                    url: format!("turn:127.0.0.1:{port}"),
                    stun: format!("stun:127.0.0.1:{port}"),
                    _folder: folder,
                };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("coturn does not start");
    }

    /// Ends it at once.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for TurnServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that is free right now.
pub fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("an address").port()
}

/// Whether it answers a binding request (RFC 8489 section 5) in time.
fn answers(port: u16, child: &mut Child) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a time-out");
    let mut request = [0; 20];
    request[1] = 1;
    request[4..8].copy_from_slice(&0x2112_a442_u32.to_be_bytes());
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && child.try_wait().expect("a child").is_none() {
        let _ = socket.send_to(&request, ("127.0.0.1", port));
        if socket.recv(&mut [0; 512]).is_ok() {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}
