//! Calls that move on between an external user and members: picked up, handed over, placed for somebody, recorded with
//! everyone's knowledge. Every end is a program of its own.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use serde_json::json;
use support::world::{BOB, CAROL, World};

fn open_world() -> World {
    let world = World::new();
    world.federate(true, &[&world.resource], true);
    world
}

#[test]
fn a_colleague_of_the_pickup_group_takes_the_call() {
    let world = open_world();
    world.change("PUT", "groups/desk", &json!({ "name": "Desk", "pickup": true }));
    for member in ["bob", "carol"] {
        world.change(
            "PATCH",
            &format!("members/{member}"),
            &json!({ "groups": ["desk"] }),
        );
    }
    let mut bob = world.answering(BOB, &["--after", "60s"]);
    let mut carol = world.answering(CAROL, &["--pick-up", "--after", "1s", "--once"]);
    let eve = world.eve_calls(BOB);
    eve.assert_code(0);
    assert_eq!(carol.wait_for_event("pickingUp")["at"], BOB);
    assert_eq!(eve.event("remote")["remote"], CAROL, "Eve sees who took it");
    let stopped = bob.wait_for_event("ended");
    assert_eq!(
        (stopped["code"].as_u64(), stopped["subcode"].as_u64()),
        (Some(487), Some(10_003))
    );
}

#[test]
fn a_member_hands_an_external_caller_over_to_a_colleague() {
    let world = open_world();
    let mut bob = world.answering(BOB, &["--once", "--transfer-to", CAROL]);
    let mut carol = world.answering(CAROL, &["--once"]);
    let eve = world
        .calling(&world.eve, BOB, &["--name", "Eve", "--duration", "3s"])
        .end();
    eve.assert_code(0);
    assert_eq!(eve.event("replaced")["remote"], CAROL);
    let rung = carol.wait_for_event("incoming");
    assert_eq!(
        (&rung["transferredBy"], &rung["displayName"]),
        (&json!(BOB), &json!("Eve (External)"))
    );
    while bob.wait_for_event("transfer")["state"] != "transferred" {}
    assert_eq!(bob.wait_for_event("ended")["subcode"], 20_050);
    // The two calls are one chain in the events, by which an application follows them.
    let started = world.events("CallStarted", 2);
    assert_ne!(
        started[0]["data"]["serverCallId"],
        started[1]["data"]["serverCallId"]
    );
    assert_eq!(started[0]["correlationid"], started[1]["correlationid"]);
}

#[test]
fn a_target_outside_is_refused_where_the_organisation_wants_it_so() {
    let world = open_world();
    world.change(
        "PATCH",
        "",
        &json!({ "switches": { "externalTargets": "source" } }),
    );
    let mut bob = world.answering(BOB, &["--once", "--transfer-to", &world.eve]);
    let carol = world.calling(CAROL, BOB, &["--duration", "2s"]).end();
    carol.assert_code(0);
    while bob.wait_for_event("transfer")["subcode"] != 5244 {}
    assert!(
        carol.events.iter().all(|event| event["event"] != "replaced"),
        "the call stays"
    );
}

#[test]
fn an_assistant_calls_as_the_member_who_let_them() {
    let world = open_world();
    let mut carol = world.answering(CAROL, &[]);
    let refused = world
        .calling(&world.eve, CAROL, &["--on-behalf-of", BOB, "--duration", "1s"])
        .end();
    refused.assert_code(3);
    assert_eq!(refused.reason(), (403, 5249));
    world.change("PATCH", "members/bob", &json!({ "delegates": [world.eve] }));
    let called = world
        .calling(&world.eve, CAROL, &["--on-behalf-of", BOB, "--duration", "1s"])
        .end();
    called.assert_code(0);
    let rung = carol.wait_for_event("incoming");
    assert_eq!(
        (&rung["from"], &rung["displayName"], &rung["placedBy"]),
        (&json!(BOB), &json!("Bob Builder"), &json!(world.eve))
    );
}

#[test]
fn whoever_is_recorded_is_shown_so_and_agrees_where_that_is_wanted() {
    let world = open_world();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("call.ogg");
    let place = "https://files.example/call.ogg";
    let record = [
        "--record",
        file.to_str().expect("a path"),
        "--record-location",
        place,
        "--duration",
        "3s",
    ];
    for (always, consents) in [(false, false), (true, true)] {
        let consent = if always { "always" } else { "whereWanted" };
        world.change("PATCH", "", &json!({ "recordingConsent": consent }));
        let more: &[&str] = if consents {
            &["--once", "--consent"]
        } else {
            &["--once"]
        };
        let mut bob = world.answering(BOB, more);
        let eve = world.calling(&world.eve, BOB, &record).end();
        eve.assert_code(0);
        let told = bob.wait_for_event("notices");
        assert_eq!(
            (&told["isRecordingActive"], &told["consentNeeded"]),
            (&json!(true), &json!(always))
        );
        assert_eq!(told["notices"][0]["by"], json!(world.eve));
        if consents {
            assert_eq!(bob.wait_for_event("notices")["consentNeeded"], false);
        }
        assert!(eve.event("recorded")["seconds"].as_f64() > Some(2.0));
        assert!(file.metadata().expect("the file").len() > 1000);
    }
    for told in world.events("RecordingFileStatusUpdated", 2) {
        let data = &told["data"];
        assert!(data["recordingDurationMs"].as_u64() > Some(2_000), "{told}");
        let chunk = &data["recordingStorageInfo"]["recordingChunks"][0];
        assert_eq!(chunk["contentLocation"], place);
    }
    world.change("PATCH", "", &json!({ "switches": { "callRecording": "source" } }));
    let _bob = world.answering(BOB, &["--once"]);
    let eve = world.calling(&world.eve, BOB, &record).end();
    eve.assert_code(1);
    assert_eq!(eve.event("recordingFailed")["subcode"], 5246);
}
