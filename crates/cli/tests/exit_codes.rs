//! Every documented exit code, from the program itself, for the reasons people meet.

mod support;

use support::{Ended, Folder, Program, Service, answering, calling, end_arguments};

/// Runs `sidetone call external:dev:bob` with these arguments alone.
fn call(arguments: &[&str]) -> Ended {
    let sound = ["--input", "silence", "--output", "null", "--json"];
    let sound = if arguments.contains(&"--input") {
        &sound[2..]
    } else {
        &sound
    };
    let sound = if arguments.contains(&"--output") {
        &sound[sound.len() - 1..]
    } else {
        sound
    };
    Program::start(&[&["call", "external:dev:bob"], sound, arguments].concat()).end()
}

#[test]
fn a_callee_who_is_not_there_is_3_with_the_reason() {
    let service = Service::start(&[]);
    let alice = calling(&service.url, &[]).end();
    alice.assert_code(3);
    assert_eq!(alice.reason(), (480, 10_037));
    assert!(alice.complaints.contains("480/10037"), "{alice:#?}");
}

#[test]
fn a_callee_who_declines_is_3_for_the_caller_and_0_for_the_callee() {
    let service = Service::start(&[]);
    let bob = answering(&service.url, &["--once", "--decline"]);
    let alice = calling(&service.url, &[]).end();
    alice.assert_code(3);
    assert_eq!(alice.reason(), (603, 0));
    bob.end().assert_code(0);
}

#[test]
fn a_call_that_nobody_answers_is_3_at_both_ends() {
    let service = Service::start(&[]);
    let bob = answering(&service.url, &["--once", "--after", "10m"]);
    let alice = calling(&service.url, &["--ring-for", "1s"]).end();
    alice.assert_code(3);
    assert_eq!(alice.reason(), (487, 10_004));
    let bob = bob.end();
    bob.assert_code(3);
    assert_eq!(bob.event("incoming")["from"], "external:dev:alice");
}

#[test]
fn a_token_that_is_none_is_4() {
    let service = Service::start(&[]);
    let alice = call(&["--server", &service.url, "--token", "no.token.atall"]);
    alice.assert_code(4);
    assert!(alice.complaints.contains("401/10009"), "{alice:#?}");
    assert!(
        !alice.complaints.contains("no.token.atall"),
        "tokens are secrets: {alice:#?}"
    );
}

#[test]
fn a_service_that_is_not_there_is_4() {
    // Port 1 of this machine: nobody listens there.
    call(&["--server", "ws://127.0.0.1:1", "--token", "x"]).assert_code(4);
    let alice = call(&["--server", "ws://127.0.0.1:1", "--identity", "external:dev:alice"]);
    alice.assert_code(4);
    assert!(alice.complaints.contains("network"), "{alice:#?}");
}

#[test]
fn a_service_that_gives_no_tokens_is_4() {
    let service = Service::start(&["--dev-tokens", "off"]);
    let alice = call(&["--server", &service.url, "--identity", "external:dev:alice"]);
    alice.assert_code(4);
    assert!(alice.complaints.contains("no development tokens"), "{alice:#?}");
}

#[test]
fn sound_that_cannot_be_used_is_5_before_any_call() {
    let folder = Folder::new();
    std::fs::write(folder.path("no.wav"), b"RIFF this is no sound at all").unwrap();
    let (no_sound, nowhere) = (folder.file("no.wav"), folder.file("missing/out.wav"));
    let absent = folder.file("absent.flac");
    // No service is there either: sound is looked at first.
    let end = ["--server", "ws://127.0.0.1:1", "--token", "x"];
    for sound in [
        ["--input", &no_sound],
        ["--input", &absent],
        ["--output", &nowhere],
        ["--input", "device:alsa:no_such_card"],
        ["--output", "device:no_such_card"],
    ] {
        let alice = call(&[&end[..], &sound].concat());
        alice.assert_code(5);
        assert!(
            alice.complaints.starts_with("sidetone: ") || alice.complaints.contains("\nsidetone: "),
            "{alice:#?}"
        );
    }
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        &["call", "bob", "--token", "x"][..],
        &["call", "external:dev:bob"],
        &["call", "external:dev:bob", "--token", "x", "--server", "ftp://a"],
        &["call", "external:dev:bob", "--token", "x", "--input", "tone:high"],
        &["serve", "--bind", "nowhere"],
        &[
            "token",
            "--identity",
            "external:dev:a",
            "--lifetime",
            "1s",
            "--data-dir",
            "DIR",
        ],
        &["dance"],
    ] {
        let folder = Folder::new();
        let data = folder.file("data");
        let arguments: Vec<_> = arguments
            .iter()
            .map(|a| if *a == "DIR" { data.as_str() } else { a })
            .collect();
        let ended = Program::start(&arguments).end();
        ended.assert_code(2);
        assert!(!ended.complaints.is_empty());
    }
}

#[test]
fn a_caller_who_is_interrupted_hangs_up_and_is_130() {
    let service = Service::start(&[]);
    let mut bob = answering(&service.url, &["--once"]);
    let mut alice = calling(&service.url, &[]);
    alice.wait_until_connected();
    bob.wait_until_connected();
    alice.interrupt();
    alice.end().assert_code(130);
    let bob = bob.end();
    bob.assert_code(0);
    assert_eq!(bob.reason(), (0, 0), "it was told");
}

#[test]
fn a_service_that_is_interrupted_says_goodbye_and_is_0() {
    let service = Service::start(&[]);
    service.program.interrupt();
    service.program.end().assert_code(0);
}

#[test]
fn a_port_that_is_taken_is_1() {
    let service = Service::start(&[]);
    let second = Program::start(&["serve", "--bind", &service.address()]).end();
    second.assert_code(1);
    assert!(second.complaints.contains("cannot listen on"), "{second:#?}");
}

#[test]
fn a_token_from_the_key_is_good_for_the_service_and_another_key_is_not() {
    let folder = Folder::new();
    let (ours, theirs) = (folder.file("ours"), folder.file("theirs"));
    let token = |data: &str| {
        let ask = [
            "token",
            "--json",
            "--identity",
            "external:dev:alice",
            "--name",
            "Alice",
            "--data-dir",
            data,
        ];
        let ended = Program::start(&ask).end();
        ended.assert_code(0);
        ended.events[0]["token"].as_str().unwrap().to_owned()
    };
    let (good, bad) = (token(&ours), token(&theirs));
    let service = Service::start(&["--data-dir", &ours, "--dev-tokens", "off"]);
    // Nobody is there to be called, which only a client that got in can be told.
    call(&["--server", &service.url, "--token", &good]).assert_code(3);
    call(&["--server", &service.url, "--token", &bad]).assert_code(4);
    let locked = Program::start(&["token", "--identity", "external:dev:alice", "--data-dir", &ours]).end();
    locked.assert_code(5);
    assert!(
        locked.complaints.contains("--server"),
        "it says what to do: {locked:#?}"
    );
}

#[test]
fn a_token_from_the_service_lets_an_end_in() {
    let service = Service::start(&[]);
    let ask = [
        "token",
        "--json",
        "--identity",
        "external:dev:alice",
        "--lifetime",
        "1h",
        "--server",
        &service.url,
    ];
    let issued = Program::start(&ask).end();
    issued.assert_code(0);
    assert!(issued.events[0]["expires"].as_u64().unwrap() > 1_700_000_000);
    let token = issued.events[0]["token"].as_str().unwrap();
    call(&["--server", &service.url, "--token", token]).assert_code(3);
    assert!(end_arguments(&service.url, "x").contains(&"--json"));
}
