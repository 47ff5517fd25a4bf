//! A PulseAudio server of the test's own, with null sinks that cpal reaches as ALSA sound cards.
//!
//! Everything lies in a temporary folder; nothing of the machine's own sound is touched. Include it with
//! `#[path = ".../tests/support/pulse.rs"] mod pulse;`.

#![allow(dead_code, clippy::expect_used, clippy::panic)]

#[path = "../../crates/cli/src/bench/sound_server.rs"]
mod sound_server;

use std::path::PathBuf;
use std::process::Command;

use sound_server::SoundServer;

/// A running server. Dropping it ends the server and every helper.
pub struct PulseServer {
    server: SoundServer,
    /// Goes when the server has ended.
    folder: tempfile::TempDir,
}

impl PulseServer {
    /// Starts a server with one null sink for each name. A sink `NAME` is the ALSA device `NAME` to play to and
    /// `NAME_monitor` to record from what is played.
    ///
    /// # Panics
    /// When PulseAudio is not installed, naming the packages; when it does not start.
    pub fn start(sinks: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = SoundServer::start(folder.path(), sinks).unwrap_or_else(|error| panic!("{error}"));
        Self { server, folder }
    }

    /// Variables that bring a process to this server.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.server.environment()
    }

    /// Runs `pactl` and returns what it prints.
    pub fn pactl(&self, arguments: &[&str]) -> String {
        sound_server::pactl(self.folder.path(), arguments).expect("pactl succeeds")
    }

    /// Ends the server at once, as a crash would.
    pub fn kill(&mut self) {
        self.server.kill();
    }
}

/// The server as seen from a test that runs inside [`on_pulse`].
pub struct Inside {
    folder: PathBuf,
}

impl Inside {
    /// Runs `pactl` and returns what it prints.
    pub fn pactl(&self, arguments: &[&str]) -> String {
        sound_server::pactl(&self.folder, arguments).expect("pactl succeeds")
    }

    /// Ends the server at once, as a crash would.
    pub fn kill_server(&self) {
        let pid = std::fs::read_to_string(self.folder.join("server.pid")).expect("the server's id");
        let killed = Command::new("kill").args(["-9", pid.trim()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "no server to kill");
    }
}

/// Variable that tells a test that it is the inner process, and where the server's folder is.
const FOLDER: &str = "SIDETONE_TEST_PULSE_FOLDER";

/// Runs `body` with a server of its own. The ALSA library reads its variables once a process, so the test named
/// `test` is started again as a process of its own, with them set, and `body` runs there.
pub fn on_pulse(test: &str, sinks: &[&str], body: impl FnOnce(Inside)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return body(Inside {
            folder: folder.into(),
        });
    }
    let server = PulseServer::start(sinks);
    let program = std::env::current_exe().expect("this test's program");
    let inner = Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .envs(server.environment())
        .env(FOLDER, server.folder.path())
        .status()
        .expect("this test's program starts again");
    assert!(
        inner.success(),
        "{test} failed in its own process, see above: {inner}"
    );
}
