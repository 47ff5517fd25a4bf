//! A service with an organisation, its members, and an external user of a resource.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{Ended, Program, Service, end_arguments};

const OPERATOR: &str = "operator-key-for-tests-0123456789abcdef";
pub const BOB: &str = "member:contoso:bob";
pub const CAROL: &str = "member:contoso:carol";

/// A service with one organisation, two members and an external user of one resource.
pub struct World {
    pub service: Service,
    pub administrator: String,
    pub resource: String,
    pub eve: String,
}

impl World {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// As [`World::new`], of a service with more options.
    pub fn with(more: &[&str]) -> Self {
        let service = Service::start(&[&["--operator-key", OPERATOR], more].concat());
        let organisation = json!({ "id": "contoso", "name": "Contoso" });
        let made = request(&service, "POST", "/v1/organisations", OPERATOR, &organisation);
        let administrator = key(&made);
        let resource = request(
            &service,
            "POST",
            "/v1/resources",
            OPERATOR,
            &json!({ "name": "Shop" }),
        );
        let id = resource["resource"]["id"].as_str().or(resource["id"].as_str());
        let id = id.unwrap_or_else(|| panic!("{resource}")).to_owned();
        for (member, name) in [("bob", "Bob Builder"), ("carol", "Carol Carpenter")] {
            let path = format!("/v1/organisations/contoso/members/{member}");
            request(
                &service,
                "PUT",
                &path,
                &administrator,
                &json!({ "displayName": name }),
            );
        }
        let identities = format!("/v1/resources/{id}/identities");
        let eve = request(
            &service,
            "POST",
            &identities,
            &key(&resource),
            &json!({ "displayName": "Eve" }),
        );
        let eve = eve["id"].as_str().unwrap_or_else(|| panic!("{eve}")).to_owned();
        Self {
            service,
            administrator,
            resource: id,
            eve,
        }
    }

    pub fn change(&self, method: &str, path: &str, body: &Value) {
        let path = format!("/v1/organisations/contoso/{path}");
        let path = path.trim_end_matches('/');
        request(&self.service, method, path, &self.administrator, body);
    }

    /// The organisation's events of one kind, once there are at least so many.
    pub fn events(&self, kind: &str, count: usize) -> Vec<Value> {
        super::eventually(kind, || {
            let path = "/v1/organisations/contoso/events?limit=200";
            let page = request(&self.service, "GET", path, &self.administrator, &Value::Null);
            let items = page["items"].as_array().cloned().unwrap_or_default();
            let kind = format!("sidetone.calling.{kind}");
            let found: Vec<Value> = items.into_iter().filter(|event| event["type"] == *kind).collect();
            (found.len() >= count).then_some(found)
        })
    }

    pub fn federate(&self, enabled: bool, allowed: &[&str], policy: bool) {
        let federation = json!({ "enableExternalUsers": enabled, "allowedResources": allowed });
        self.change("PUT", "federation", &federation);
        self.change(
            "PUT",
            "policies/global",
            &json!({ "enableFederationAccess": policy }),
        );
    }

    /// Answers as this member, under a name that is not the directory's.
    pub fn answering(&self, identity: &str, more: &[&str]) -> Program {
        let sound = ["--input", "silence", "--output", "null", "--name", "Nobody Else"];
        let end = end_arguments(&self.service.url, identity);
        let mut program = Program::start(&[&["answer"], &sound[..], &end, more].concat());
        program.wait_for_event("waiting");
        program
    }

    /// Eve calls, for a second.
    pub fn eve_calls(&self, whom: &str) -> Ended {
        self.calling(&self.eve, whom, &["--name", "Eve", "--duration", "1s"])
            .end()
    }

    /// Someone calls someone.
    pub fn calling(&self, identity: &str, whom: &str, more: &[&str]) -> Program {
        let sound = ["--input", "silence", "--output", "null"];
        let end = end_arguments(&self.service.url, identity);
        Program::start(&[&["call", whom], &sound[..], &end, more].concat())
    }
}

/// The first key in what was made.
fn key(made: &Value) -> String {
    let key = made["keys"][0]["secret"].as_str();
    key.unwrap_or_else(|| panic!("no key in {made}")).to_owned()
}

/// One request to the API, which must succeed.
pub fn request(service: &Service, method: &str, path: &str, key: &str, body: &Value) -> Value {
    let body = body.to_string();
    let mut socket = TcpStream::connect(service.address()).expect("the service listens");
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("the service reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("the service answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
    serde_json::from_str(body).unwrap_or(Value::Null)
}
