//! A PulseAudio server of the test's own, with null sinks that cpal reaches as ALSA sound cards.
//!
//! Everything lies in a temporary folder; nothing of the machine's own sound is touched. Include it with
//! `#[path = ".../tests/support/pulse.rs"] mod pulse;`.

#![allow(dead_code, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// What the fixture needs, by Debian package.
const PACKAGES: &str = "pulseaudio pulseaudio-utils libasound2-plugins alsa-utils";

/// Longest wait for the server, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Dropping it ends the server and every helper.
pub struct PulseServer {
    folder: tempfile::TempDir,
    server: Child,
    /// While it is open the server lives; it closes with this process, however that ends.
    lifeline: Option<ChildStdin>,
    keepers: Vec<Child>,
}

impl PulseServer {
    /// Starts a server with one null sink for each name. A sink `NAME` is the ALSA device `NAME` to play to and
    /// `NAME_monitor` to record from what is played.
    ///
    /// # Panics
    /// When PulseAudio is not installed, naming the packages; when it does not start.
    pub fn start(sinks: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path();
        std::fs::write(path.join("pulse.pa"), server_script(path, sinks)).expect("server script");
        std::fs::write(path.join("asound.conf"), alsa_configuration(path, sinks))
            .expect("ALSA configuration");
        for tool in ["pulseaudio", "pactl", "pacat"] {
            let found = Command::new(tool)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            assert!(
                found.is_ok(),
                "{tool} is not installed: run `tools/test`, or apt-get install {PACKAGES}"
            );
        }
        // The shell ends the server when its standard input closes: also when this process is killed.
        let script = "pulseaudio -n -F pulse.pa --exit-idle-time=-1 --daemonize=no --disallow-exit \
                      --high-priority=no --realtime=no --use-pid-file=no 2>server.log & \
                      echo $! >server.pid; read _; kill -9 $! 2>/dev/null";
        let mut shell = Command::new("sh");
        shell
            .args(["-c", script])
            .current_dir(path)
            .envs(environment(path))
            .stdin(Stdio::piped());
        let mut server = shell.spawn().expect("a shell");
        let lifeline = server.stdin.take();
        let mut this = Self {
            folder,
            server,
            lifeline,
            keepers: Vec::new(),
        };
        this.wait_until_ready();
        // A null sink that nobody uses runs in blocks of two seconds, and the first stream would wait for one.
        for sink in sinks {
            this.keep_awake(&["-p", "-d", sink], "/dev/zero", Stdio::null());
            this.keep_awake(
                &["-r", "-d", &format!("{sink}.monitor")],
                "/dev/null",
                Stdio::null(),
            );
        }
        this
    }

    /// Variables that bring a process to this server.
    pub fn environment(&self) -> Vec<(String, String)> {
        environment(self.folder.path())
    }

    /// Runs `pactl` and returns what it prints.
    pub fn pactl(&self, arguments: &[&str]) -> String {
        pactl(self.folder.path(), arguments).expect("pactl succeeds")
    }

    /// Ends the server at once, as a crash would.
    pub fn kill(&mut self) {
        self.lifeline = None;
        let _ = self.server.wait();
    }

    fn wait_until_ready(&mut self) {
        let patience = Instant::now() + PATIENCE;
        while pactl(self.folder.path(), &["info"]).is_none() {
            let ended = self.server.try_wait().is_ok_and(|status| status.is_some());
            let log = || std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
            assert!(
                !ended && Instant::now() < patience,
                "pulseaudio does not answer:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn keep_awake(&mut self, arguments: &[&str], input: &str, output: Stdio) {
        let input = std::fs::File::open(input).expect("device file");
        let keeper = Command::new("pacat")
            .args(arguments)
            .args(["--latency-msec=5", "--format=float32le", "--rate=48000"])
            .envs(self.environment())
            .stdin(input)
            .stdout(output)
            .stderr(Stdio::null())
            .spawn();
        self.keepers.push(keeper.expect("pacat"));
    }
}

impl Drop for PulseServer {
    fn drop(&mut self) {
        self.kill();
        for keeper in &mut self.keepers {
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
    }
}

fn server_script(folder: &Path, sinks: &[&str]) -> String {
    let socket = folder.join("pulse.sock");
    let mut script = format!(
        "load-module module-native-protocol-unix auth-anonymous=1 socket={}\n",
        socket.display()
    );
    for sink in sinks {
        script += &format!(
            "load-module module-null-sink sink_name={sink} format=float32le rate=48000 channels=2 \
             channel_map=front-left,front-right sink_properties=device.description={sink}\n"
        );
    }
    if let Some(first) = sinks.first() {
        script += &format!("set-default-sink {first}\nset-default-source {first}.monitor\n");
    }
    script
}

fn alsa_configuration(folder: &Path, sinks: &[&str]) -> String {
    let server = format!("unix:{}", folder.join("pulse.sock").display());
    let card = |name: &str, device: &str, description: &str| {
        format!(
            "pcm.{name} {{ type pulse server \"{server}\" device \"{device}\" \
             hint {{ show on description \"{description}\" }} }}\n"
        )
    };
    let mut text = format!("pcm.!default {{ type pulse server \"{server}\" }}\n");
    text += &format!("ctl.!default {{ type pulse server \"{server}\" }}\n");
    for sink in sinks {
        text += &card(sink, sink, &format!("Null sink {sink}"));
        text += &card(
            &format!("{sink}_monitor"),
            &format!("{sink}.monitor"),
            &format!("Monitor of {sink}"),
        );
    }
    text
}

fn environment(folder: &Path) -> Vec<(String, String)> {
    let folder_text = folder.display().to_string();
    vec![
        ("XDG_RUNTIME_DIR".into(), folder_text.clone()),
        ("XDG_CONFIG_HOME".into(), folder_text.clone()),
        ("PULSE_SERVER".into(), format!("unix:{folder_text}/pulse.sock")),
        (
            "ALSA_CONFIG_PATH".into(),
            format!("/usr/share/alsa/alsa.conf:{folder_text}/asound.conf"),
        ),
    ]
}

fn pactl(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("pactl")
        .args(arguments)
        .envs(environment(folder))
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The server as seen from a test that runs inside [`on_pulse`].
pub struct Inside {
    folder: PathBuf,
}

impl Inside {
    /// Runs `pactl` and returns what it prints.
    pub fn pactl(&self, arguments: &[&str]) -> String {
        pactl(&self.folder, arguments).expect("pactl succeeds")
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
