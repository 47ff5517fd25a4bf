//! A PulseAudio server of one's own, with null sinks that cpal reaches as ALSA sound cards.
//!
//! Everything lies in one folder; nothing of the machine's own sound is touched. The benchmark runs it, and the tests
//! that need sound cards include this file.

use std::fs::{self, DirBuilder, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What it needs, by Debian package.
pub const PACKAGES: &str = "pulseaudio pulseaudio-utils libasound2-plugins";

/// Longest wait for the server, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Dropping it ends the server and every helper.
pub struct SoundServer {
    folder: PathBuf,
    server: Child,
    /// While it is open the server lives; it closes with this process, however that ends.
    lifeline: Option<ChildStdin>,
    keepers: Vec<Child>,
}

impl SoundServer {
    /// Starts a server in `folder`, which is made where it is missing, with one null sink for each name. A sink `NAME`
    /// is the ALSA device `NAME` to play to and `NAME_monitor` to record from what is played.
    ///
    /// # Errors
    /// In words, when PulseAudio is not installed, naming the packages, or does not start.
    pub fn start(folder: &Path, sinks: &[&str]) -> Result<Self, String> {
        for tool in ["pulseaudio", "pactl", "pacat"] {
            let version = Command::new(tool)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if version.is_err() {
                return Err(format!("{tool} is not installed: apt-get install {PACKAGES}"));
            }
        }
        private_folder(folder)?;
        let write = |name: &str, text: String| {
            fs::write(folder.join(name), text).map_err(|error| format!("{name} of the sound server: {error}"))
        };
        write("pulse.pa", server_script(folder, sinks))?;
        write("asound.conf", alsa_configuration(folder, sinks))?;
        // A sound server goes before other programs where it may, as on any desktop. It wakes 800 times a second here.
        // The shell ends the server when its standard input closes: also when this process is killed. An interrupt from
        // the keyboard reaches the shell too, and is not for it to answer.
        let script = "trap '' INT; pulseaudio -n -F pulse.pa --exit-idle-time=-1 --daemonize=no --disallow-exit \
                      --high-priority=yes --realtime=no --use-pid-file=no 2>server.log & \
                      echo $! >server.pid; read _; kill -9 $! 2>/dev/null";
        let mut server = Command::new("sh")
            .args(["-c", script])
            .current_dir(folder)
            .envs(environment(folder))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("a shell for the sound server: {error}"))?;
        let lifeline = server.stdin.take();
        let mut this = Self {
            folder: folder.to_owned(),
            server,
            lifeline,
            keepers: Vec::new(),
        };
        this.wait_until("does not answer", |folder| pactl(folder, &["info"]).is_some())?;
        // A null sink that nobody uses runs in blocks of two seconds, and the first stream would wait for one.
        for sink in sinks {
            this.keep_awake(&["-p", "-d", sink], "/dev/zero")?;
            this.keep_awake(&["-r", "-d", &format!("{sink}.monitor")], "/dev/null")?;
        }
        let streams = |folder: &Path, of: &str| {
            pactl(folder, &["list", "short", of]).is_some_and(|list| list.lines().count() >= sinks.len())
        };
        this.wait_until("brings no sound", |folder| {
            streams(folder, "sink-inputs") && streams(folder, "source-outputs")
        })?;
        Ok(this)
    }

    /// Variables that bring a process to this server.
    pub fn environment(&self) -> Vec<(String, String)> {
        environment(&self.folder)
    }

    /// Ends the server at once, as a crash would.
    pub fn kill(&mut self) {
        self.lifeline = None;
        let _ = self.server.wait();
    }

    fn wait_until(&mut self, otherwise: &str, done: impl Fn(&Path) -> bool) -> Result<(), String> {
        let patience = Instant::now() + PATIENCE;
        while !done(&self.folder) {
            let ended = self.server.try_wait().is_ok_and(|status| status.is_some());
            if ended || Instant::now() > patience {
                let log = fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
                return Err(format!("pulseaudio {otherwise}:\n{log}"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn keep_awake(&mut self, arguments: &[&str], input: &str) -> Result<(), String> {
        let say = |error: std::io::Error| format!("a stream that keeps a sound card awake: {error}");
        let keeper = Command::new("pacat")
            .args(arguments)
            .args(["--latency-msec=5", "--format=float32le", "--rate=48000"])
            .envs(self.environment())
            .stdin(File::open(input).map_err(say)?)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.keepers.push(keeper.map_err(say)?);
        Ok(())
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        self.kill();
        for keeper in &mut self.keepers {
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
    }
}

/// Runs `pactl` with the server in `folder` and returns what it prints, or nothing when it fails.
pub fn pactl(folder: &Path, arguments: &[&str]) -> Option<String> {
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

/// PulseAudio takes a folder for its own only when no one else may enter.
fn private_folder(folder: &Path) -> Result<(), String> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))
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
    let folder = folder.display();
    vec![
        ("XDG_RUNTIME_DIR".into(), folder.to_string()),
        ("XDG_CONFIG_HOME".into(), folder.to_string()),
        ("PULSE_SERVER".into(), format!("unix:{folder}/pulse.sock")),
        (
            "ALSA_CONFIG_PATH".into(),
            format!("/usr/share/alsa/alsa.conf:{folder}/asound.conf"),
        ),
    ]
}
