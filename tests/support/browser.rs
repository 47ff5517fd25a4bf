//! A headless browser, and the few lines of HTTP by which its page talks to the test.
//!
//! Shared by the tests that need one:
//! `#[path = ".../tests/support/browser.rs"] mod browser;`.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Longest request: statistics of a connection are some tens of kilobytes.
const LONGEST: usize = 1 << 20;

/// What the page posts.
pub struct Post {
    pub path: String,
    pub body: Value,
    stream: TcpStream,
}

impl Post {
    /// Answers it.
    pub async fn answer(mut self, body: &Value) {
        respond(&mut self.stream, "application/json", &body.to_string()).await;
    }
}

/// A running browser with our page open. Ends with it.
pub struct Browser {
    process: Child,
    posts: mpsc::UnboundedReceiver<Post>,
    _profile: TempDir,
}

impl Browser {
    /// Opens a page, which finds `query` in its address.
    pub async fn start(page: &'static str, query: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (writer, posts) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(post) = read(stream, page).await {
                    let _ = writer.send(post);
                }
            }
        });
        let profile = tempfile::tempdir().unwrap();
        let process = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                "--autoplay-policy=no-user-gesture-required",
                // The test machine may have no other network.
                "--allow-loopback-in-peer-connection",
                "--disable-features=WebRtcHideLocalIpsWithMdns",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("http://{address}/?{query}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium is installed (tools/packages test)");
        Self {
            process,
            posts,
            _profile: profile,
        }
    }

    /// The next thing the page says.
    pub async fn post(&mut self) -> Post {
        tokio::time::timeout(Duration::from_secs(60), self.posts.recv())
            .await
            .ok()
            .flatten()
            .expect("the page says nothing")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads a request. Gives the page where it is asked for.
async fn read(mut stream: TcpStream, page: &str) -> Option<Post> {
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    let head = loop {
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&chunk[..read]);
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        assert!(request.len() < LONGEST);
    };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let mut words = text.split(' ');
    let (method, path) = (words.next()?, words.next()?.to_owned());
    if method == "get" {
        let page = if path.starts_with("/?") { page } else { "" };
        respond(&mut stream, "text/html", page).await;
        return None;
    }
    let length = text.split("content-length:").nth(1)?.split("\r\n").next()?;
    let length: usize = length.trim().parse().ok().filter(|length| *length < LONGEST)?;
    while request.len() < head + length {
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&chunk[..read]);
    }
    let body = serde_json::from_slice(&request[head..head + length]).ok()?;
    Some(Post { path, body, stream })
}

async fn respond(stream: &mut TcpStream, kind: &str, body: &str) {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // A page that went away needs no answer.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}
