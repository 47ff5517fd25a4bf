//! An external user and members of an organisation call each other, as the organisation has it: the service, both
//! ends and the administrator are programs of their own.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::world::{BOB, CAROL, World, request};

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
