//! A real call between two `sidetone` processes: what one says is what the other hears.

mod support;

use support::hearing::{find, recording, wav};
use support::{Folder, Service, answering, calling, speech};

#[test]
fn what_one_end_says_the_other_hears() {
    let service = Service::start(&[]);
    let folder = Folder::new();
    let (woman, man) = (speech("woman-en.flac"), speech("man-it.flac"));
    let (at_bob, at_alice) = (folder.file("bob.wav"), folder.file("alice.wav"));
    let bob = answering(
        &service.url,
        &["--once", "--name", "Bob", "--input", &man, "--output", &at_bob],
    );
    let alice = calling(
        &service.url,
        &[
            "--name",
            "Alice",
            "--input",
            &woman,
            "--output",
            &at_alice,
            "--duration",
            "9s",
        ],
    );
    let (alice, bob) = (alice.end(), bob.end());
    alice.assert_code(0);
    bob.assert_code(0);

    let (said_by_alice, said_by_bob) = (recording(&woman, 8), recording(&man, 8));
    let (at_bob, at_alice) = (
        wav(folder.path("bob.wav").as_ref()),
        wav(folder.path("alice.wav").as_ref()),
    );
    for (said, heard) in [(&said_by_alice, &at_bob), (&said_by_bob, &at_alice)] {
        let found = find(said, heard);
        println!("share {:.2}, pieces {:.2?}", found.share, found.pieces);
        assert!(found.share >= 0.75, "{found:#?}");
    }
    // The ears can tell: nobody hears themselves.
    let (alice_echo, bob_echo) = (find(&said_by_alice, &at_alice), find(&said_by_bob, &at_bob));
    println!("echoes: share {:.2} and {:.2}", alice_echo.share, bob_echo.share);
    assert!(
        alice_echo.share < 0.25 && bob_echo.share < 0.25,
        "{alice_echo:#?} {bob_echo:#?}"
    );

    let states: Vec<_> = alice
        .events
        .iter()
        .filter_map(|event| event["state"].as_str())
        .collect();
    assert!(states.ends_with(&["connected", "disconnecting"]), "{states:?}");
    assert_eq!(alice.event("remote")["displayName"], "Bob (External)");
    assert_eq!(bob.event("incoming")["from"], "external:dev:alice");
    for end in [&alice, &bob] {
        assert_eq!(end.reason(), (0, 0));
        let last = end.events.last().unwrap();
        assert_eq!(last["event"], "stats", "the statistics come last");
        let received = last["stats"]["transport"]["packetsReceived"].as_u64().unwrap();
        assert!(received > 300, "{last:#}");
        assert!(last["stats"]["voice"]["latency"]["frame"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_muted_microphone_is_silent_and_told() {
    let service = Service::start(&[]);
    let folder = Folder::new();
    let at_bob = folder.file("bob.wav");
    let bob = answering(&service.url, &["--once", "--output", &at_bob]);
    let alice = calling(&service.url, &["--input", "tone", "--muted", "--duration", "2s"]);
    alice.end().assert_code(0);
    let bob = bob.end();
    bob.assert_code(0);
    let heard = wav(folder.path("bob.wav").as_ref());
    assert!(heard.len() > 16_000, "a second at least was recorded");
    let loudest = heard
        .iter()
        .fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
    assert!(loudest < 0.01, "{loudest} of full scale was heard");
    assert!(
        bob.events
            .iter()
            .any(|event| event["event"] == "remote" && event["isMuted"] == true),
        "bob was told: {bob:#?}"
    );
}

#[test]
fn the_low_latency_profile_talks_with_hidden_addresses() {
    let service = Service::start(&[]);
    let folder = Folder::new();
    let woman = speech("woman-en.flac");
    let at_bob = folder.file("bob.wav");
    let more = ["--profile", "low-latency", "--hide-addresses"];
    let bob = answering(
        &service.url,
        &[&["--once", "--output", &at_bob][..], &more].concat(),
    );
    let alice = calling(
        &service.url,
        &[&["--input", &woman, "--duration", "6s"][..], &more].concat(),
    );
    alice.end().assert_code(0);
    bob.end().assert_code(0);
    let found = find(&recording(&woman, 5), &wav(folder.path("bob.wav").as_ref()));
    println!("share {:.2}, pieces {:.2?}", found.share, found.pieces);
    assert!(found.share >= 0.75, "{found:#?}");
}

#[test]
fn an_end_that_answers_on_takes_one_call_after_the_other() {
    let service = Service::start(&[]);
    let folder = Folder::new();
    let at_bob = folder.file("bob.wav");
    let mut bob = answering(&service.url, &["--output", &at_bob]);
    for _ in 0..2 {
        calling(&service.url, &["--input", "tone:600", "--duration", "1s"])
            .end()
            .assert_code(0);
        bob.wait_for_event("waiting");
    }
    bob.interrupt();
    bob.end().assert_code(130);
    for name in ["bob.wav", "bob-2.wav"] {
        let heard = wav(folder.path(name).as_ref());
        let power = heard.iter().map(|s| s * s).sum::<f32>() / heard.len() as f32;
        assert!(power > 1e-4, "{name} is silent");
    }
}
