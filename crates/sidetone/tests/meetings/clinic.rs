//! A service with an organisation, two of its members, and a resource whose users may deal with them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use sidetone::{AudioInput, Call, Identifier, JoinOptions, Locator};
use sidetone_server::{Secret, ServerConfig, TokenRequest};

use crate::support::{Phone, Service, plain, recorded};

const OPERATOR: &str = "operator-key-for-tests-0123456789abcdef";

pub struct Clinic {
    pub service: Service,
    admin: String,
    resource: String,
}

impl Clinic {
    pub fn open() -> Self {
        Self::with(ServerConfig::default())
    }

    pub fn with(config: ServerConfig) -> Self {
        let service = Service::with(ServerConfig {
            operator_key: Some(Secret::new(OPERATOR)),
            api_requests_per_second: 1_000_000,
            ..config
        });
        let at = service.server.local_addr();
        let organisation = json!({ "id": "acme", "name": "acme" });
        let made = request(at, OPERATOR, "POST", "/v1/organisations", &organisation);
        let admin = made["keys"][0]["secret"].as_str().unwrap().to_owned();
        for (id, name) in [("nia", "Nia Nurse"), ("omar", "Dr Omar")] {
            let path = format!("/v1/organisations/acme/members/{id}");
            request(at, &admin, "PUT", &path, &json!({ "displayName": name }));
        }
        let made = request(
            at,
            OPERATOR,
            "POST",
            "/v1/resources",
            &json!({ "name": "Clinic" }),
        );
        let resource = made["resource"]["id"].as_str().unwrap().to_owned();
        let owner = made["keys"][0]["secret"].as_str().unwrap().to_owned();
        for user in ["pat", "eve"] {
            let path = format!("/v1/resources/{resource}/external-users/{user}");
            request(at, &owner, "PUT", &path, &json!({ "displayName": null }));
        }
        let federation = json!({ "enableExternalUsers": true, "allowedResources": [resource] });
        request(
            at,
            &admin,
            "PUT",
            "/v1/organisations/acme/federation",
            &federation,
        );
        let policy = json!({ "enableFederationAccess": true });
        request(
            at,
            &admin,
            "PUT",
            "/v1/organisations/acme/policies/global",
            &policy,
        );
        Self {
            service,
            admin,
            resource,
        }
    }

    /// A meeting of Nia's; gives its link.
    pub fn meeting(&self, body: &Value) -> Locator {
        let nia = self.token(Identifier::member("acme", "nia").unwrap(), None);
        let path = "/v1/organisations/acme/meetings";
        let made = request(self.service.server.local_addr(), &nia, "POST", path, body);
        Locator::Link(made["link"].as_str().unwrap().to_owned())
    }

    /// Changes what the organisation allows.
    pub fn allow(&self, change: &Value) {
        let at = self.service.server.local_addr();
        request(at, &self.admin, "PATCH", "/v1/organisations/acme", change);
    }

    pub fn token(&self, identity: Identifier, name: Option<&str>) -> String {
        let mut request = TokenRequest::new(identity);
        request.name = name.map(str::to_owned);
        self.service
            .server
            .issue_token(request)
            .unwrap()
            .token
            .into_exposed()
    }

    pub fn external(&self, user: &str) -> Identifier {
        Identifier::external_user(&self.resource, user).unwrap()
    }

    /// A member who reads a recording aloud, or says nothing.
    pub fn member(&self, id: &str, recording: Option<&str>) -> Phone {
        self.phone(
            &self.service.server.url(),
            Identifier::member("acme", id).unwrap(),
            None,
            recording,
        )
    }

    /// A user of the resource.
    pub fn outsider(&self, user: &str, name: &str, recording: Option<&str>) -> Phone {
        self.phone(
            &self.service.server.url(),
            self.external(user),
            Some(name),
            recording,
        )
    }

    /// Somebody, who may reach the service by another way.
    pub fn phone(
        &self,
        url: &str,
        identity: Identifier,
        name: Option<&str>,
        recording: Option<&str>,
    ) -> Phone {
        let input = recording.map_or(AudioInput::Silence, recorded);
        Phone::new(url, self.token(identity, name), input, plain())
    }
}

/// Goes in, or before the door.
pub fn join(phone: &Phone, locator: &Locator) -> Call {
    phone
        .agent
        .join(locator.clone(), JoinOptions::default())
        .wait()
        .unwrap()
}

/// A request that goes well.
fn request(at: SocketAddr, key: &str, method: &str, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(at).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
    serde_json::from_str(body).unwrap_or_default()
}
