//! What happens to a call between processes when something dies: an end, the service, the way to the service.

mod support;

use std::thread::sleep;
use std::time::Duration;

use support::hearing::{find, recording, wav};
use support::relay::Relay;
use support::{Folder, Service, answering, calling, speech};

#[test]
fn a_callee_that_is_killed_ends_the_call_with_a_reason() {
    let service = Service::start(&["--resume-window", "3s"]);
    let mut bob = answering(&service.url, &[]);
    let mut alice = calling(&service.url, &[]);
    alice.wait_until_connected();
    bob.kill();
    // In bounded time, or this panics.
    let alice = alice.end();
    alice.assert_code(3);
    let reason = alice.reason();
    println!("alice was told {reason:?}");
    assert!(
        [(0, 4521), (410, 3101)].contains(&reason),
        "gone, or media lost: {alice:#?}"
    );
}

#[test]
fn a_caller_that_is_killed_while_it_rings_stops_the_ringing() {
    let service = Service::start(&["--resume-window", "3s"]);
    let mut bob = answering(&service.url, &["--once", "--after", "10m"]);
    let mut alice = calling(&service.url, &[]);
    bob.wait_for_event("incoming");
    alice.kill();
    let bob = bob.end();
    bob.assert_code(3);
    println!("bob was told {:?}", bob.reason());
}

#[test]
fn a_service_that_is_killed_takes_no_sound_with_it_and_its_successor_takes_calls() {
    let folder = Folder::new();
    let (data, at_bob, woman) = (
        folder.file("data"),
        folder.file("bob.wav"),
        speech("woman-en.flac"),
    );
    let mut service = Service::start(&["--data-dir", &data]);
    let address = service.address();
    let mut bob = answering(&service.url, &["--output", &at_bob]);
    let mut alice = calling(&service.url, &["--input", &woman, "--duration", "9s"]);
    alice.wait_until_connected();
    sleep(Duration::from_secs(1));
    service.program.kill();
    // Alice talks on, and hangs up, without anybody to tell.
    let alice = alice.end();
    alice.assert_code(0);
    assert_eq!(alice.reason(), (0, 0));

    let service = Service::start_on(&address, &["--data-dir", &data]);
    // The new service knows nothing of the old call, so it ends; Bob can be called again, with the token of before.
    bob.wait_for_event("waiting");
    bob.wait_for("online", |event| {
        event["event"] == "service" && event["connection"] == "online"
    });
    calling(&service.url, &["--duration", "1s"]).end().assert_code(0);
    bob.wait_for_event("waiting");
    bob.interrupt();
    bob.end().assert_code(130);

    let found = find(&recording(&woman, 8), &wav(folder.path("bob.wav").as_ref()));
    println!("share {:.2}, pieces {:.2?}", found.share, found.pieces);
    assert!(found.share >= 0.75, "{found:#?}");
}

#[test]
fn a_way_to_the_service_that_is_cut_and_mended_costs_nothing() {
    let folder = Folder::new();
    let (at_bob, woman) = (folder.file("bob.wav"), speech("woman-en.flac"));
    let service = Service::start(&[]);
    let relay = Relay::start(service.address());
    let bob = answering(&service.url, &["--once", "--output", &at_bob]);
    let mut alice = calling(&relay.url, &["--input", &woman, "--duration", "12s"]);
    alice.wait_until_connected();
    relay.cut();
    alice.wait_for("reconnecting", |event| event["connection"] == "reconnecting");
    sleep(Duration::from_secs(2));
    relay.mend();
    alice.wait_for("online", |event| {
        event["event"] == "service" && event["connection"] == "online"
    });
    let (alice, bob) = (alice.end(), bob.end());
    for end in [&alice, &bob] {
        end.assert_code(0);
        assert_eq!(end.reason(), (0, 0));
    }
    let states = bob
        .events
        .iter()
        .filter(|event| event["state"] == "connected" && event["reconnecting"] == false);
    assert!(states.count() >= 1);
    let found = find(&recording(&woman, 10), &wav(folder.path("bob.wav").as_ref()));
    println!("share {:.2}, pieces {:.2?}", found.share, found.pieces);
    assert!(found.share >= 0.75, "{found:#?}");
}
