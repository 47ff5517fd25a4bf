//! A deployment where Eve, an external user, may chat with Bob and Carol, members of acme.

use std::time::Duration;

use serde_json::{Value, json};
use sidetone_server::{DeliveryConfig, OutboundConfig, ServerConfig, ServerHandle, TokenRequest};
use sidetone_signaling::Identifier;

use crate::client::{self, Answer, Caller, operator};
use crate::person::Person;
use crate::support::{self, Client};

pub struct Stage {
    pub server: ServerHandle,
    pub resource: String,
    pub owner: Caller,
    pub administrator: Caller,
}

/// One user with a token: over HTTP, and what opens sessions.
pub struct User {
    pub id: String,
    pub http: Caller,
    pub token: String,
}

pub fn config() -> ServerConfig {
    ServerConfig {
        outbound: OutboundConfig {
            loopback: true,
            ..OutboundConfig::default()
        },
        deliveries: DeliveryConfig {
            first_retry: Duration::from_millis(20),
            longest_retry: Duration::from_millis(200),
            ..DeliveryConfig::default()
        },
        ..client::config()
    }
}

impl Stage {
    pub async fn set() -> Self {
        Self::with(config()).await
    }

    pub async fn with(config: ServerConfig) -> Self {
        let server = support::server(config).await;
        let made = operator(&server)
            .post(
                "/v1/organisations",
                json!({ "id": "acme", "name": "Acme", "region": "eu" }),
            )
            .await
            .expect(201);
        let administrator = Caller::new(&server, made["keys"][0]["secret"].as_str().unwrap().to_owned());
        let made = operator(&server)
            .post("/v1/resources", json!({ "name": "shop", "region": "us" }))
            .await
            .expect(201);
        let resource = made["resource"]["id"].as_str().unwrap().to_owned();
        let owner = Caller::new(&server, made["keys"][0]["secret"].as_str().unwrap().to_owned());
        let stage = Self {
            server,
            resource,
            owner,
            administrator,
        };
        stage.people().await;
        stage
    }

    async fn people(&self) {
        let federation = json!({ "enableExternalUsers": true, "allowedResources": [self.resource] });
        for (path, body) in [
            ("members/bob", json!({ "displayName": "Bob" })),
            ("members/carol", json!({ "displayName": "Carol" })),
            ("federation", federation),
            ("policies/global", json!({ "enableFederationAccess": true })),
        ] {
            let answer = self
                .administrator
                .put(&format!("/v1/organisations/acme/{path}"), body)
                .await;
            assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
        }
        for (user, name) in [("eve", "Eve"), ("pat", "Pat")] {
            self.owner
                .put(
                    &format!("/v1/resources/{}/external-users/{user}", self.resource),
                    json!({ "displayName": name }),
                )
                .await
                .expect(201);
        }
    }

    pub fn user_with(&self, request: TokenRequest) -> User {
        let id = request.identity.raw_id();
        let token = self.server.issue_token(request).unwrap().token.into_exposed();
        User {
            id,
            http: Caller::new(&self.server, token.clone()),
            token,
        }
    }

    pub fn member(&self, name: &str) -> User {
        self.user_with(TokenRequest::new(Identifier::member("acme", name).unwrap()))
    }

    pub fn external(&self, name: &str) -> User {
        self.user_with(TokenRequest::new(
            Identifier::external_user(&self.resource, name).unwrap(),
        ))
    }

    pub async fn set_switches(&self, switches: Value) {
        self.administrator
            .patch("/v1/organisations/acme", json!({ "switches": switches }))
            .await
            .expect(200);
    }

    pub async fn set_chat(&self, chat: Value) {
        self.administrator
            .patch("/v1/organisations/acme", json!({ "chat": chat }))
            .await
            .expect(200);
    }
}

impl User {
    pub async fn session(&self, server: &ServerHandle) -> Client {
        let mut client = Client::connect(&server.url()).await;
        client.open_with(&self.token).await.unwrap();
        client
    }

    /// A session with a telephone to it.
    pub async fn phone(&self, server: &ServerHandle) -> Person {
        let mut client = Client::connect(&server.url()).await;
        let opened = client.open_with(&self.token).await.unwrap();
        Person::new(client, opened)
    }

    /// Uploads a file and sends it; gives its address.
    pub async fn send_file(&self, thread: &str, (name, kind): (&str, &str), bytes: &[u8]) -> String {
        let inline = kind.starts_with("image/");
        let path = format!("{thread}/attachments?name={name}&inline={inline}");
        let (status, body) = self.http.sound("POST", &path, kind, bytes).await;
        assert_eq!(status, 201);
        let file: Value = serde_json::from_slice(&body).unwrap();
        self.send(thread, json!({ "attachments": [file["id"]] }))
            .await
            .expect(201);
        format!("{thread}/attachments/{}", file["id"].as_str().unwrap())
    }

    /// Begins a thread with these; gives its address.
    pub async fn begin(&self, with: &[&User]) -> String {
        let participants: Vec<Value> = with.iter().map(|user| json!({ "id": user.id })).collect();
        let wish = json!({ "topic": "Order 17", "participants": participants });
        let made = self.http.post("/v1/chat/threads", wish).await.expect(201);
        format!("/v1/chat/threads/{}", made["chatThread"]["id"].as_str().unwrap())
    }

    pub async fn say(&self, thread: &str, text: &str) -> u64 {
        let sent = self.send(thread, json!({ "content": text })).await.expect(201);
        sent["id"].as_u64().unwrap()
    }

    pub async fn send(&self, thread: &str, message: Value) -> Answer {
        self.http.post(&format!("{thread}/messages"), message).await
    }

    /// The texts of a thread, the oldest first.
    pub async fn texts(&self, thread: &str) -> Vec<String> {
        let mut texts = Vec::new();
        let mut before = String::new();
        loop {
            let page = self
                .http
                .get(&format!("{thread}/messages?limit=200{before}"))
                .await
                .expect(200);
            for message in page["items"].as_array().unwrap() {
                let text = message["content"]["message"].as_str().unwrap();
                if !text.is_empty() {
                    texts.push(text.to_owned());
                }
            }
            match page["next"].as_u64() {
                Some(next) => before = format!("&before={next}"),
                None => break,
            }
        }
        texts.reverse();
        texts
    }
}
