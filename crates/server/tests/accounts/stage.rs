//! A deployment where an external user, Eve, may call a member, Bob.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sidetone_server::{DeliveryConfig, DevTokens, OutboundConfig, ServerConfig, ServerHandle};
use sidetone_signaling::protocol::{HangUp, IncomingLeg, LegId, Request};

use crate::receiver::Receiver;
use crate::rest::{self, Caller};
use crate::support::{Client, http, in_time};

/// Receivers on this machine, and retries that a test can wait for.
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
        dev_tokens: DevTokens::Loopback,
        api_requests_per_second: 1_000_000,
        ..rest::config()
    }
}

/// The tenants, over HTTP alone: the server may be another process.
#[derive(Clone)]
pub struct Tenants {
    pub address: SocketAddr,
    pub resource: String,
    pub owner: Caller,
    pub administrator: Caller,
}

/// A server and its tenants.
pub struct Stage {
    pub server: ServerHandle,
    pub tenants: Tenants,
}

impl Stage {
    pub async fn set() -> Self {
        Self::with(config()).await
    }

    pub async fn with(config: ServerConfig) -> Self {
        let server = crate::support::server(config).await;
        let tenants = Tenants::make(server.local_addr()).await;
        Self { server, tenants }
    }
}

impl Tenants {
    pub async fn make(address: SocketAddr) -> Self {
        let operator = Caller {
            address,
            key: rest::OPERATOR.to_owned(),
        };
        let wish = json!({ "id": "acme", "name": "Acme" });
        let made = operator.post("/v1/organisations", wish).await.is(201);
        let administrator = operator.with_key(&made["keys"][0]["secret"]);
        let made = operator
            .post("/v1/resources", json!({ "name": "shop" }))
            .await
            .is(201);
        let resource = text(&made["resource"]["id"]);
        let tenants = Self {
            address,
            owner: operator.with_key(&made["keys"][0]["secret"]),
            administrator,
            resource,
        };
        let federation = json!({ "enableExternalUsers": true, "allowedResources": [tenants.resource] });
        for (path, body) in [
            ("members/bob", json!({ "displayName": "Bob" })),
            ("federation", federation),
            ("policies/global", json!({ "enableFederationAccess": true })),
        ] {
            let answer = tenants
                .administrator
                .put(&format!("/v1/organisations/acme/{path}"), body)
                .await;
            assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
        }
        tenants
    }

    /// An address below the resource.
    pub fn resource_path(&self, rest: &str) -> String {
        format!("/v1/resources/{}/{rest}", self.resource)
    }

    /// Has the resource's events sent there; gives the subscription and its secret.
    pub async fn subscribe(&self, receiver: &Receiver, types: Value) -> (String, String) {
        let wish = json!({ "url": receiver.url, "types": types });
        let made = self
            .owner
            .post(&self.resource_path("subscriptions"), wish)
            .await
            .is(201);
        (text(&made["id"]), text(&made["secret"]))
    }

    pub async fn eve(&self) -> Client {
        let wish = json!({
            "displayName": "Eve",
            "token": { "scopes": ["voip"], "displayName": "Eve" },
        });
        let made = self
            .owner
            .post(&self.resource_path("identities"), wish)
            .await
            .is(201);
        self.client(&text(&made["token"]["token"])).await
    }

    pub async fn bob(&self) -> Client {
        let wish = r#"{"identity": "member:acme:bob"}"#;
        let kind = "content-type: application/json\r\n";
        let (status, body) = http(self.address, "POST", "/v1/dev/token", kind, wish).await;
        assert_eq!(status, 200, "{body}");
        let issued: Value = serde_json::from_str(&body).unwrap();
        self.client(&text(&issued["token"])).await
    }

    pub async fn client(&self, token: &str) -> Client {
        let mut client = Client::connect(&format!("ws://{}/v1/ws", self.address)).await;
        client.open_with(token).await.unwrap();
        client
    }

    /// Eve calls Bob, who answers.
    pub async fn talk(&self, eve: &mut Client, bob: &mut Client) -> Request {
        let call = eve.start("bob").await;
        let incoming = bob.event("call.incoming").await;
        let leg: LegId = serde_json::from_value(incoming["leg"].clone()).unwrap();
        bob.call(&Request::Accept(IncomingLeg { call, leg }))
            .await
            .unwrap();
        eve.event("call.accepted").await;
        Request::HangUp(HangUp { call, failure: None })
    }

    /// A whole call.
    pub async fn call(&self, eve: &mut Client, bob: &mut Client) {
        let hang_up = self.talk(eve, bob).await;
        eve.call(&hang_up).await.unwrap();
        bob.event("call.ended").await;
    }
}

/// Asks until the answer is as wished.
pub async fn until_answer(caller: &Caller, path: &str, wished: impl Fn(&Value) -> bool) -> Value {
    in_time(path, async {
        loop {
            let body = caller.get(path).await.is(200);
            if wished(&body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
