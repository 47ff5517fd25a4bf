//! An HTTP client that shows status, headers and body, and a server with two tenants.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::{Value, json};
use sidetone_server::{DevTokens, Secret, ServerConfig, ServerHandle};
use sidetone_signaling::Identifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{self, raw};

/// The operator's key of every server here.
pub const OPERATOR: &str = "operator-key-for-tests-0123456789abcdef";

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Value,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP answer");
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        Self {
            status,
            headers: lines.filter_map(header).collect(),
            body: serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())),
        }
    }

    /// The body, when the status is as expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The entity tag.
    pub fn tag(&self) -> String {
        self.headers["etag"].clone()
    }

    /// The last part of the problem's type.
    #[track_caller]
    pub fn problem(&self) -> &str {
        assert_eq!(
            self.headers.get("content-type").map(String::as_str),
            Some("application/problem+json"),
            "{self:?}"
        );
        assert_eq!(self.body["status"], self.status);
        self.body["type"]
            .as_str()
            .unwrap()
            .strip_prefix("urn:sidetone:problem:")
            .unwrap()
    }
}

/// One caller of one server.
#[derive(Clone, Debug)]
pub struct Caller {
    address: SocketAddr,
    key: Option<String>,
}

impl Caller {
    pub fn new(server: &ServerHandle, key: impl Into<Option<String>>) -> Self {
        Self {
            address: server.local_addr(),
            key: key.into(),
        }
    }

    /// The same key at another server.
    pub fn at(&self, server: &ServerHandle) -> Self {
        Self::new(server, self.key.clone())
    }

    /// A request with further headers.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.address
        );
        if let Some(key) = &self.key {
            head += &format!("authorization: Bearer {key}\r\n");
        }
        if !body.is_empty() {
            head += "content-type: application/json\r\n";
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        Answer::parse(&raw(self.address, request.as_bytes()).await)
    }

    /// The bearer of a key at a server that may be another process.
    pub fn of(address: SocketAddr, key: String) -> Self {
        Self {
            address,
            key: Some(key),
        }
    }

    /// As [`Caller::sound`]; `None` when the server went away.
    pub async fn try_sound(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        sound: &[u8],
    ) -> Option<(u16, Vec<u8>)> {
        let answer = self.exchange(method, path, kind, sound).await?;
        let split = answer.windows(4).position(|at| at == b"\r\n\r\n")?;
        let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
        Some((status, answer[split + 4..].to_vec()))
    }

    /// A request with a sound; gives status, and the body as bytes.
    pub async fn sound(&self, method: &str, path: &str, kind: &str, sound: &[u8]) -> (u16, Vec<u8>) {
        self.try_sound(method, path, kind, sound)
            .await
            .expect("an answer")
    }

    async fn exchange(&self, method: &str, path: &str, kind: &str, sound: &[u8]) -> Option<Vec<u8>> {
        let key = self.key.as_deref().unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            sound.len()
        );
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        // The server may close before all is written.
        let _ = stream.write_all(&[head.as_bytes(), sound].concat()).await;
        let mut answer = Vec::new();
        let _ = support::in_time("reading the answer", stream.read_to_end(&mut answer)).await;
        Some(answer)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[], Some(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, &[], Some(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, &[], Some(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None).await
    }
}

/// A configuration with the operator's key, and no bound on how fast a test may ask.
pub fn config() -> ServerConfig {
    ServerConfig {
        operator_key: Some(Secret::new(OPERATOR)),
        api_requests_per_second: 1_000_000,
        ..ServerConfig::default()
    }
}

/// The same, where whoever is on this machine has tokens for the asking.
pub fn with_dev_tokens() -> ServerConfig {
    ServerConfig {
        dev_tokens: DevTokens::Loopback,
        ..config()
    }
}

/// The operator of a server.
pub fn operator(server: &ServerHandle) -> Caller {
    Caller::new(server, OPERATOR.to_owned())
}

/// Makes an organisation; gives its administrator.
pub async fn organisation(server: &ServerHandle, id: &str) -> Caller {
    let made = operator(server)
        .post("/v1/organisations", json!({ "id": id, "name": id }))
        .await
        .expect(201);
    Caller::new(server, made["keys"][0]["secret"].as_str().unwrap().to_owned())
}

/// Makes a resource; gives its id and its owner.
pub async fn resource(server: &ServerHandle, name: &str) -> (String, Caller) {
    let made = operator(server)
        .post("/v1/resources", json!({ "name": name }))
        .await
        .expect(201);
    let id = made["resource"]["id"].as_str().unwrap().to_owned();
    (
        id,
        Caller::new(server, made["keys"][0]["secret"].as_str().unwrap().to_owned()),
    )
}

/// A member with an access token.
pub fn member(server: &ServerHandle, organisation: &str, id: &str) -> Caller {
    let identity = Identifier::member(organisation, id).unwrap();
    let issued = server
        .issue_token(sidetone_server::TokenRequest::new(identity))
        .unwrap();
    Caller::new(server, issued.token.into_exposed())
}

/// A voice application with an access token.
pub fn application(server: &ServerHandle, organisation: &str, id: &str) -> Caller {
    let identity: Identifier = format!("application:{organisation}:{id}").parse().unwrap();
    let issued = server
        .issue_token(sidetone_server::TokenRequest::new(identity))
        .unwrap();
    Caller::new(server, issued.token.into_exposed())
}

/// A server without tenants.
pub async fn server() -> ServerHandle {
    support::server(config()).await
}
