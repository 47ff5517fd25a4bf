//! Real `sidetone` processes for tests, and ears to judge what they recorded.

#![allow(dead_code, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

pub mod hearing;
pub mod proxy;
pub mod relay;
pub mod turn;
pub mod world;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for anything, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A recording of the repository.
pub fn speech(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("speech")
        .join(name)
        .display()
        .to_string()
}

/// A running `sidetone` that prints JSON. Killed when dropped.
pub struct Program {
    name: String,
    child: Child,
    lines: Receiver<String>,
    complaints: Option<JoinHandle<String>>,
    /// Every event so far.
    pub events: Vec<Value>,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` when a signal killed it.
    pub code: Option<i32>,
    /// What it wrote to standard error.
    pub complaints: String,
    /// Every event.
    pub events: Vec<Value>,
}

impl Program {
    /// Starts `sidetone` with these arguments.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// As [`Program::start`], with variables.
    pub fn start_with(arguments: &[&str], environment: &[(String, String)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidetone"));
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for variable in ["SIDETONE_LOG", "SIDETONE_SERVER", "SIDETONE_TOKEN"] {
            command.env_remove(variable);
        }
        command.envs(environment.iter().cloned());
        let mut child = command.spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut stderr = child.stderr.take().expect("a pipe");
        let (sender, lines) = channel();
        thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let complaints = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let name = arguments.first().copied().unwrap_or_default().to_owned();
        Self {
            name,
            child,
            lines,
            complaints: Some(complaints),
            events: Vec::new(),
        }
    }

    /// Waits for an event that was not looked at before.
    ///
    /// # Panics
    /// When the program ends without it, or patience does.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    let event = parse(&line);
                    self.events.push(event.clone());
                    if wanted(&event) {
                        return event;
                    }
                }
                Err(error) => {
                    let _ = self.child.kill();
                    let ended = self.outcome();
                    let why = if error == RecvTimeoutError::Timeout {
                        "patience ended"
                    } else {
                        "it ended"
                    };
                    panic!("{} never said {what}: {why}: {ended:#?}", self.name);
                }
            }
        }
    }

    /// Waits for an event with this name.
    pub fn wait_for_event(&mut self, name: &str) -> Value {
        self.wait_for(name, |event| event["event"] == name)
    }

    /// Waits until the call is connected.
    pub fn wait_until_connected(&mut self) {
        self.wait_for("connected", |event| {
            event["event"] == "state" && event["state"] == "connected"
        });
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// When patience ends first.
    pub fn end(mut self) -> Ended {
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("a child").is_none() {
            if Instant::now() > until {
                let _ = self.child.kill();
                let outcome = self.outcome();
                panic!("{} did not end: {outcome:#?}", self.name);
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.outcome()
    }

    /// Kills it at once, as a crash or an empty battery would.
    pub fn kill(&mut self) {
        self.child.kill().expect("a running child");
        self.child.wait().expect("a child");
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        let sent = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "nobody to interrupt");
    }

    fn outcome(&mut self) -> Ended {
        let code = self.child.wait().expect("a child").code();
        let rest: Vec<Value> = self.lines.iter().map(|line| parse(&line)).collect();
        self.events.extend(rest);
        let complaints = self
            .complaints
            .take()
            .map(|thread| thread.join().expect("a reader"))
            .unwrap_or_default();
        Ended {
            code,
            complaints,
            events: std::mem::take(&mut self.events),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?} is no JSON: {error}"))
}

impl Ended {
    /// The last event with this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn event(&self, name: &str) -> &Value {
        let found = self.events.iter().rev().find(|event| event["event"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {self:#?}"))
    }

    /// Code and subcode of the call's end.
    pub fn reason(&self) -> (u64, u64) {
        let ended = self.event("ended");
        (
            ended["code"].as_u64().expect("a code"),
            ended["subcode"].as_u64().expect("a subcode"),
        )
    }

    /// Asserts the exit code, showing everything when it is another.
    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self:#?}");
    }
}

/// A `sidetone serve` of the test's own.
pub struct Service {
    /// The process.
    pub program: Program,
    /// Where it listens.
    pub url: String,
}

impl Service {
    /// Starts one with everything in memory on a free port.
    pub fn start(more: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", more)
    }

    /// Starts one at this address.
    pub fn start_on(address: &str, more: &[&str]) -> Self {
        let mut program = Program::start(&[&["serve", "--json", "--bind", address], more].concat());
        let listening = program.wait_for_event("listening");
        let url = listening["url"].as_str().expect("an address").to_owned();
        Self { program, url }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        self.url.trim_start_matches("ws://").to_owned()
    }
}

/// Arguments that every end of a call in these tests has: media on loopback only, the sound as it is.
pub fn end_arguments<'a>(url: &'a str, identity: &'a str) -> Vec<&'a str> {
    vec![
        "--json",
        "--no-processing",
        "--media-bind",
        "127.0.0.1:0",
        "--server",
        url,
        "--identity",
        identity,
    ]
}

/// Starts an end that waits for calls, without sound cards, and waits until it does.
pub fn answering(url: &str, more: &[&str]) -> Program {
    let sound = ["--input", "silence", "--output", "null"];
    let sound = if more.contains(&"--input") {
        &sound[2..]
    } else {
        &sound
    };
    let sound = if more.contains(&"--output") {
        &sound[..sound.len() - 2]
    } else {
        sound
    };
    let mut bob = Program::start(
        &[
            &["answer"],
            &end_arguments(url, "external:dev:bob")[..],
            sound,
            more,
        ]
        .concat(),
    );
    bob.wait_for_event("waiting");
    bob
}

/// Starts a call to the end that waits.
pub fn calling(url: &str, more: &[&str]) -> Program {
    let sound = ["--input", "silence", "--output", "null"];
    let sound = if more.contains(&"--input") {
        &sound[2..]
    } else {
        &sound
    };
    let sound = if more.contains(&"--output") {
        &sound[..sound.len() - 2]
    } else {
        sound
    };
    let command = ["call", "external:dev:bob"];
    Program::start(
        &[
            &command,
            &end_arguments(url, "external:dev:alice")[..],
            sound,
            more,
        ]
        .concat(),
    )
}

/// A folder for recordings.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path in it, as an argument.
    pub fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// Looks until there is something to be seen.
pub fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what} never was");
        std::thread::sleep(Duration::from_millis(50));
    }
}
