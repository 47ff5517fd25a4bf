//! The API as an operator, an administrator and a resource's backend use it, over bare HTTP.

#![allow(dead_code, reason = "not every test that shares it uses all of it")]

use std::net::SocketAddr;

use serde_json::{Value, json};
use sidetone_server::{Secret, ServerConfig, ServerHandle};

use crate::support::raw;

/// The operator's key in these tests.
pub const OPERATOR: &str = "operator-key-of-the-tests-0123456789abcdef";

/// A configuration with that key.
pub fn config() -> ServerConfig {
    ServerConfig {
        operator_key: Some(Secret::new(OPERATOR)),
        ..ServerConfig::default()
    }
}

/// What the API answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Answer {
    /// The body of an answer of this status.
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Asserts a problem of this type.
    pub fn problem(self, status: u16, name: &str) -> Value {
        let body = self.is(status);
        assert_eq!(body["type"], format!("urn:sidetone:problem:{name}"), "{body}");
        body
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Somebody with a key.
#[derive(Clone)]
pub struct Caller {
    pub address: SocketAddr,
    pub key: String,
}

impl Caller {
    pub fn operator(server: &ServerHandle) -> Self {
        Self {
            address: server.local_addr(),
            key: OPERATOR.to_owned(),
        }
    }

    pub fn with_key(&self, key: &Value) -> Self {
        Self {
            address: self.address,
            key: key.as_str().unwrap().to_owned(),
        }
    }

    pub async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            self.key,
            body.len(),
        );
        let answer = raw(self.address, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Answer {
            status: head
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .unwrap_or(0),
            head: head.to_owned(),
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        }
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Value::Null).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, Value::Null).await
    }
}

/// A resource and its owner.
pub struct Resource {
    pub id: String,
    pub owner: Caller,
}

impl Resource {
    pub async fn create(operator: &Caller, name: &str) -> Self {
        let made = operator
            .post("/v1/resources", json!({ "name": name }))
            .await
            .is(201);
        Self {
            id: made["resource"]["id"].as_str().unwrap().to_owned(),
            owner: operator.with_key(&made["keys"][0]["secret"]),
        }
    }

    /// An address below this resource.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/resources/{}/{rest}", self.id)
    }

    /// Makes an identity with a token; gives its id within the resource, and the token.
    pub async fn identity(&self) -> (String, String) {
        let wish = json!({ "token": { "scopes": ["voip"] } });
        let made = self.owner.post(&self.path("identities"), wish).await.is(201);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["user"]), text(&made["token"]["token"]))
    }

    /// A token for an identity.
    pub async fn token(&self, user: &str) -> String {
        let path = self.path(&format!("identities/{user}/tokens"));
        let issued = self
            .owner
            .post(&path, json!({ "scopes": ["voip"] }))
            .await
            .is(201);
        issued["token"].as_str().unwrap().to_owned()
    }
}
