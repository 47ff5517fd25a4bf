//! An HTTP client that shows status, headers and body, and a server with two tenants.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::{Value, json};
use sidetone_server::{Secret, ServerConfig, ServerHandle};
use sidetone_signaling::Identifier;

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

/// A server without tenants.
pub async fn server() -> ServerHandle {
    support::server(config()).await
}
