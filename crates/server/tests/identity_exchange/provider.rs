//! A real OpenID Connect provider, run by Node.js for as long as a test needs it. It is installed once, from the
//! registry of npm, below the folder in which Cargo builds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::support::in_time;

/// The package that is the provider.
const PACKAGE: &str = "oidc-provider@9.13.3";

/// A provider that runs, and people who sign in at it.
pub struct Provider {
    pub issuer: String,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

/// A sign-in.
pub struct Tokens {
    pub id: String,
    pub access: String,
}

impl Provider {
    /// Starts one; `None`, and a loud word, where there is no npm to install it with.
    pub async fn start() -> Option<Self> {
        let Some(folder) = tokio::task::spawn_blocking(install).await.unwrap() else {
            eprintln!(
                "SKIPPED: no npm, so no OpenID Connect provider to exchange sign-ins of (tools/packages test installs it)"
            );
            return None;
        };
        let mut process = tokio::process::Command::new("node")
            .arg("provider.mjs")
            .current_dir(folder)
            .env("NODE_NO_WARNINGS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let mut provider = Self {
            issuer: String::new(),
            input: process.stdin.take().unwrap(),
            output: BufReader::new(process.stdout.take().unwrap()).lines(),
            _process: process,
        };
        let ready = provider.read().await;
        provider.issuer = ready["issuer"].as_str().unwrap().to_owned();
        Some(provider)
    }

    async fn read(&mut self) -> Value {
        loop {
            let line = in_time("the provider's answer", self.output.next_line())
                .await
                .unwrap();
            let line = line.expect("the provider runs");
            // What else it has to say (warnings) is not for us.
            if let Ok(value @ Value::Object(_)) = serde_json::from_str(&line) {
                assert!(value["error"].is_null(), "{value}");
                return value;
            }
        }
    }

    async fn command(&mut self, command: Value) -> Value {
        let line = format!("{command}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
        self.read().await
    }

    /// Signs somebody in through a client, for an audience or none.
    pub async fn sign_in(&mut self, client: &str, account: &str, audience: Option<&str>) -> Tokens {
        let command = json!({ "do": "signIn", "client": client, "account": account, "audience": audience });
        let tokens = self.command(command).await;
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        Tokens {
            id: text("idToken"),
            access: text("accessToken"),
        }
    }

    /// New keys; the old ones are published no more.
    pub async fn rotate(&mut self) {
        self.command(json!({ "do": "rotate" })).await;
    }

    /// Nobody listens there any more.
    pub async fn down(&mut self) {
        self.command(json!({ "do": "down" })).await;
    }

    /// It listens again, where it was.
    pub async fn up(&mut self) {
        self.command(json!({ "do": "up" })).await;
    }

    /// Answers everything with this.
    pub async fn say(&mut self, status: u16, body: &str) {
        self.command(json!({ "do": "say", "status": status, "body": body }))
            .await;
    }

    /// Takes every question and answers none.
    pub async fn hang(&mut self) {
        self.command(json!({ "do": "hang" })).await;
    }

    /// How often it was asked for its discovery document.
    pub async fn asked(&mut self) -> u64 {
        self.command(json!({ "do": "asked" })).await["asked"]
            .as_u64()
            .unwrap()
    }
}

/// The folder with the provider in it; `None` without npm.
fn install() -> Option<PathBuf> {
    let npm = |folder: &Path, arguments: &[&str]| {
        Command::new("npm")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc-provider");
    std::fs::create_dir_all(&folder).unwrap();
    npm(&folder, &["--version"]).ok()?;
    // Tests run in processes of their own: one installs, the others wait.
    let lock = std::fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    // In one step: another test's provider may be starting, and must not read half a script.
    let script = folder.join("provider.mjs");
    let whole = folder.join("provider.mjs.new");
    std::fs::write(&whole, include_str!("provider.mjs")).unwrap();
    std::fs::rename(&whole, &script).unwrap();
    let done = folder.join(format!("installed-{PACKAGE}"));
    if !done.exists() {
        std::fs::write(folder.join("package.json"), "{\"private\":true}\n").unwrap();
        let output = npm(
            &folder,
            &[
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--omit=dev",
                PACKAGE,
            ],
        );
        let output = output.unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        std::fs::write(&done, "").unwrap();
    }
    Some(folder)
}
