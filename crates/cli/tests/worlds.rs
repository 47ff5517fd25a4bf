//! An external user and members of an organisation call each other, as the organisation has it: the service, both
//! ends and the administrator are programs of their own.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use support::{Ended, Program, Service, end_arguments};

const OPERATOR: &str = "operator-key-for-tests-0123456789abcdef";
const BOB: &str = "member:contoso:bob";
const CAROL: &str = "member:contoso:carol";

/// A service with one organisation, two members and an external user of one resource.
struct World {
    service: Service,
    administrator: String,
    resource: String,
    eve: String,
}

impl World {
    fn new() -> Self {
        let service = Service::start(&["--operator-key", OPERATOR]);
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

    fn change(&self, method: &str, path: &str, body: &Value) {
        let path = format!("/v1/organisations/contoso/{path}");
        request(&self.service, method, &path, &self.administrator, body);
    }

    fn federate(&self, enabled: bool, allowed: &[&str], policy: bool) {
        let federation = json!({ "enableExternalUsers": enabled, "allowedResources": allowed });
        self.change("PUT", "federation", &federation);
        self.change(
            "PUT",
            "policies/global",
            &json!({ "enableFederationAccess": policy }),
        );
    }

    /// Answers as this member, under a name that is not the directory's.
    fn answering(&self, identity: &str, more: &[&str]) -> Program {
        let sound = ["--input", "silence", "--output", "null", "--name", "Nobody Else"];
        let end = end_arguments(&self.service.url, identity);
        let mut program = Program::start(&[&["answer"], &sound[..], &end, more].concat());
        program.wait_for_event("waiting");
        program
    }

    /// Eve calls, for a second.
    fn eve_calls(&self, whom: &str) -> Ended {
        let sound = [
            "--input",
            "silence",
            "--output",
            "null",
            "--name",
            "Eve",
            "--duration",
            "1s",
        ];
        let end = end_arguments(&self.service.url, &self.eve);
        Program::start(&[&["call", whom], &sound[..], &end].concat()).end()
    }
}

/// The first key in what was made.
fn key(made: &Value) -> String {
    let key = made["keys"][0]["secret"].as_str();
    key.unwrap_or_else(|| panic!("no key in {made}")).to_owned()
}

/// One request to the API, which must succeed.
fn request(service: &Service, method: &str, path: &str, key: &str, body: &Value) -> Value {
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

#[test]
fn each_gate_refuses_with_its_own_subcode_and_rings_nobody() {
    let world = World::new();
    let bob = world.answering(BOB, &[]);
    let resource = world.resource.as_str();
    for (enabled, allowed, policy, subcode) in [
        (false, vec![resource], true, 5233),
        (true, vec![], true, 5234),
        (true, vec![resource], false, 5235),
    ] {
        world.federate(enabled, &allowed, policy);
        let refused = world.eve_calls(BOB);
        refused.assert_code(3);
        assert_eq!(refused.reason(), (403, subcode));
    }
    assert!(
        bob.events.iter().all(|event| event["event"] != "incoming"),
        "{:?}",
        bob.events
    );
    world.federate(true, &[resource], true);
    world.eve_calls(BOB).assert_code(0);
    let unknown = world.eve_calls("member:contoso:nobody");
    assert_eq!(unknown.reason(), (404, 20_404));
}

#[test]
fn names_are_the_services_to_give() {
    let world = World::new();
    world.federate(true, &[&world.resource], true);
    let mut bob = world.answering(BOB, &[]);
    let eve = world.eve_calls(BOB);
    eve.assert_code(0);
    assert_eq!(bob.wait_for_event("incoming")["displayName"], "Eve (External)");
    let with = eve.events.iter().find(|event| event["displayName"].is_string());
    assert_eq!(
        with.expect("a name")["displayName"],
        "Bob Builder",
        "not the one Bob's program gave"
    );
}

#[test]
fn a_members_rules_send_the_call_on() {
    let world = World::new();
    world.federate(true, &[&world.resource], true);
    let forward = json!({ "offline": { "kind": "identity", "identity": CAROL } });
    world.change("PUT", "members/bob/routing", &forward);
    let mut carol = world.answering(CAROL, &[]);
    let eve = world.eve_calls(BOB);
    eve.assert_code(0);
    assert_eq!(carol.wait_for_event("incoming")["onBehalfOf"], BOB);

    world.change("PUT", "members/bob/routing", &json!({ "doNotDisturb": true }));
    let _bob = world.answering(BOB, &[]);
    let refused = world.eve_calls(BOB);
    refused.assert_code(3);
    assert_eq!(refused.reason().0, 480);
}

#[test]
fn what_both_ends_measured_is_in_the_calls_records() {
    let world = World::new();
    world.federate(true, &[&world.resource], true);
    let _bob = world.answering(BOB, &["--once"]);
    let eve = world.eve_calls(BOB);
    eve.assert_code(0);
    let call = eve.event("calling")["call"].as_str().expect("an id").to_owned();
    let path = format!("/v1/organisations/contoso/calls/{call}");
    let mut streams = Vec::new();
    for _ in 0..100 {
        let record = request(&world.service, "GET", &path, &world.administrator, &Value::Null);
        streams = record["diagnostics"].as_array().cloned().unwrap_or_default();
        if streams.len() == 4 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(streams.len(), 4, "two ends, two streams each: {streams:#?}");
    for stream in &streams {
        assert!(stream["packetUtilization"].as_u64() > Some(10), "{stream}");
        assert_eq!(stream["codecName"], "opus");
        assert!(
            stream["streamDirection"] == "send" || stream["healedDataRatioAvg"].is_number(),
            "{stream}"
        );
    }
}
