//! A call that goes through a real TURN server, with the credentials that the service makes for each session.

mod support;

use support::turn::{SECRET, TurnServer};
use support::{Service, answering, calling};

#[test]
fn a_call_through_the_relay_alone_is_heard() {
    let turn = TurnServer::start();
    let service = Service::start(&["--turn", &turn.url, "--turn-secret", SECRET]);
    let bob = answering(&service.url, &["--once", "--relay-only", "--input", "speech"]);
    let alice = calling(
        &service.url,
        &["--relay-only", "--input", "speech", "--duration", "3s"],
    );
    let (alice, bob) = (alice.end(), bob.end());
    alice.assert_code(0);
    bob.assert_code(0);
    for end in [&alice, &bob] {
        let stats = &end.event("stats")["stats"]["transport"];
        assert_eq!(stats["localCandidateType"], "relay", "{stats}");
        assert_eq!(stats["remoteCandidateType"], "relay", "{stats}");
        assert!(stats["packetsReceived"].as_u64().unwrap() > 50, "{stats}");
        assert!(!end.complaints.contains(SECRET), "{end:#?}");
    }
}

#[test]
fn a_relay_that_does_not_share_the_secret_carries_no_call() {
    let turn = TurnServer::start();
    let service = Service::start(&["--turn", &turn.url, "--turn-secret", "another-secret"]);
    let bob = answering(&service.url, &["--once", "--relay-only"]);
    let alice = calling(&service.url, &["--relay-only", "--ring-for", "5s"]).end();
    assert_ne!(alice.code, Some(0), "{alice:#?}");
    drop(bob);
}

#[test]
fn a_service_takes_no_relay_that_is_none() {
    use support::Program;
    for (server, words) in [
        (["--turn", "turn.example"], "turn:host"),
        (["--stun", "http://a"], "stun:host"),
    ] {
        let ended = Program::start(
            &[
                &["serve", "--json", "--bind", "127.0.0.1:0", "--turn-secret", "s"][..],
                &server,
            ]
            .concat(),
        )
        .end();
        ended.assert_code(2);
        assert!(ended.complaints.contains(words), "{ended:#?}");
    }
    // A relay without a secret would be one that refuses everybody.
    Program::start(&["serve", "--json", "--turn", "turn:a"])
        .end()
        .assert_code(2);
}
