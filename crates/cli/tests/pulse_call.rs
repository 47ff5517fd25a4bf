//! A real call between two processes with real sound devices: null sinks of a PulseAudio server that the test starts,
//! reached through cpal and ALSA as sound cards are. Judged by what comes out of the far speaker.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../../../tests/support/pulse.rs"]
mod pulse;
mod support;

use std::process::{Command, Stdio};

use pulse::PulseServer;
use support::hearing::{RATE, find, recording};
use support::{Ended, Program, Service, end_arguments, speech};

/// Where each end speaks and listens: what is played to a microphone's sink is what that end hears in its room.
const SINKS: [&str; 4] = ["alice_room", "alice_ear", "bob_room", "bob_ear"];

/// How often the call is placed anew, with a new sound server, when the machine was too busy to keep the devices
/// going: a sound server that gets no processor for seconds is a lost device, and says nothing about the call.
const ATTEMPTS: u32 = 4;

/// Plays samples into a sink as another program does, and gives what came out of `from` meanwhile.
fn play(environment: &[(String, String)], samples: &[f32], into: &str, from: &str) -> Vec<f32> {
    let pacat = |more: &[&str]| {
        let mut command = Command::new("pacat");
        command
            .args(["--format=float32le", "--channels=1", "--latency-msec=20"])
            .arg(format!("--rate={RATE}"))
            .args(more);
        command
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    };
    let folder = support::Folder::new();
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::fs::write(folder.path("played.raw"), bytes).unwrap();
    let heard = std::fs::File::create(folder.path("heard.raw")).unwrap();
    let mut recorder = pacat(&["-r", "-d", &format!("{from}.monitor")])
        .stdout(heard)
        .spawn()
        .expect("pacat");
    // Ends when all was played.
    let played = pacat(&["-p", "-d", into, &folder.file("played.raw")])
        .status()
        .expect("pacat");
    assert!(played.success());
    // What is still on its way.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let _ = recorder.kill();
    let _ = recorder.wait();
    let bytes = std::fs::read(folder.path("heard.raw")).unwrap();
    let samples = bytes.chunks_exact(4);
    samples
        .map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes")))
        .collect()
}

/// Whether the sound server stood still for so long that a device was lost.
fn stood_still(ends: &[&Ended]) -> bool {
    ends.iter()
        .any(|end| end.complaints.contains("a sound card has not called"))
}

/// Has a call placed until its devices live through it, which it returns.
fn attempt(call: fn() -> bool) {
    for attempt in 1..=ATTEMPTS {
        if call() {
            return;
        }
        println!("attempt {attempt}: the sound server stood still for seconds, so devices were lost");
    }
    panic!("devices were lost in each of {ATTEMPTS} attempts: is the machine overloaded?");
}

#[test]
fn what_is_said_in_one_room_comes_out_of_the_speaker_in_the_other() {
    attempt(talk_between_rooms);
}

/// Places the call and judges it. Returns whether the devices lived through it.
fn talk_between_rooms() -> bool {
    let server = PulseServer::start(&SINKS);
    let environment = server.environment();
    let service = Service::start(&[]);
    let end = |identity: &'static str, who: &str| {
        let devices = ["--input".to_owned(), format!("device:alsa:{who}_room_monitor")];
        let speaker = ["--output".to_owned(), format!("device:alsa:{who}_ear")];
        let fixed = end_arguments(&service.url, identity)
            .into_iter()
            .map(str::to_owned);
        fixed.chain(devices).chain(speaker).collect::<Vec<_>>()
    };
    let start = |command: &[&str], end: &[String]| {
        let arguments: Vec<&str> = command
            .iter()
            .copied()
            .chain(end.iter().map(String::as_str))
            .collect();
        Program::start_with(&arguments, &environment)
    };
    let mut bob = start(&["answer", "--once"], &end("external:dev:bob", "bob"));
    bob.wait_for_event("waiting");
    let mut alice = start(&["call", "external:dev:bob"], &end("external:dev:alice", "alice"));
    alice.wait_until_connected();
    bob.wait_until_connected();

    let said = recording(&speech("woman-en.flac"), 8);
    let heard = play(&environment, &said, "alice_room", "bob_ear");

    alice.interrupt();
    let (alice, bob) = (alice.end(), bob.end());
    alice.assert_code(130);
    bob.assert_code(0);

    if stood_still(&[&alice, &bob]) {
        return false;
    }
    let found = find(&said, &heard);
    println!("share {:.2}, pieces {:.2?}", found.share, found.pieces);
    for (name, end) in [("alice", &alice), ("bob", &bob)] {
        println!("{name}: {:#}", end.event("stats")["stats"]["voice"]);
    }
    println!("{} samples heard", heard.len());
    assert!(found.anywhere >= 0.5, "{found:#?}");
    let echo = find(&recording(&speech("man-it.flac"), 8), &heard);
    assert!(
        echo.anywhere < 0.25,
        "the ears can tell one speaker from another: {echo:#?}"
    );
    let used = bob.event("stats")["stats"]["voice"]["output"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(used.contains("bob_ear"), "bob's speaker was {used}");
    true
}

#[test]
fn devices_are_listed_with_the_ids_that_calls_take() {
    let server = PulseServer::start(&["desk"]);
    let listed = Program::start_with(&["devices", "list", "--json"], &server.environment()).end();
    listed.assert_code(0);
    let devices = listed.events[0].as_array().expect("an array").clone();
    for (id, direction) in [("alsa:desk", "output"), ("alsa:desk_monitor", "input")] {
        assert!(
            devices
                .iter()
                .any(|device| device["id"] == id && device["direction"] == direction),
            "{id} is not in {devices:#?}"
        );
    }
    assert!(devices.iter().any(|device| device["isDefault"] == true));
}

/// Hz of what another program plays.
const FILM: f64 = 1100.0;

/// Levels of the film and of all the rest in dB below full scale, of each hundredth of a second, in order.
fn levels(of: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let length = RATE / 100;
    let parts = of.chunks_exact(length).map(|part| {
        let (mut re, mut im, mut all) = (0.0, 0.0, 0.0);
        for (n, sample) in part.iter().enumerate() {
            let phase = std::f64::consts::TAU * FILM * n as f64 / RATE as f64;
            let sample = f64::from(*sample);
            re += sample * phase.cos();
            im += sample * phase.sin();
            all += sample * sample;
        }
        let film = 2.0 * re.hypot(im) / length as f64;
        let rest = (2.0 * all / length as f64 - film * film).max(0.0).sqrt();
        (20.0 * film.max(1e-6).log10(), 20.0 * rest.max(1e-6).log10())
    });
    let (mut film, mut rest): (Vec<f64>, Vec<f64>) = parts.unzip();
    film.sort_by(f64::total_cmp);
    rest.sort_by(f64::total_cmp);
    (film, rest)
}

#[test]
fn who_is_shown_a_screen_hears_what_other_programs_play_and_not_themselves() {
    attempt(film_night);
}

/// Alice shares her screen and its sound with Bob, who talks. Another program plays a film into the loudspeaker that Bob
/// comes out of. Returns whether the devices lived through it.
fn film_night() -> bool {
    let server = PulseServer::start(&["desk"]);
    let environment = server.environment();
    let service = Service::start(&[]);
    let folder = support::Folder::new();
    // Bob is elsewhere: what his program plays would be another program's sound here.
    let bob_heard = folder.file("bob.wav");
    let mut bob = support::answering(
        &service.url,
        &["--once", "--input", "speech", "--output", &bob_heard],
    );
    let arguments = [
        &["call", "external:dev:bob"],
        &end_arguments(&service.url, "external:dev:alice")[..],
        &["--input", "silence", "--output", "device:alsa:desk"],
        &["--share", "pattern:320x180", "--share-sound", "system"],
    ];
    let mut alice = Program::start_with(&arguments.concat(), &environment);
    alice.wait_until_connected();
    bob.wait_until_connected();
    let begun = alice.wait_for_event("sharedSound");
    assert_eq!(begun["on"], true);

    let film = (0..8 * RATE).map(|n| 0.25 * (std::f64::consts::TAU * FILM * n as f64 / RATE as f64).sin());
    let film: Vec<f32> = film.map(|sample| sample as f32).collect();
    let desk = play(&environment, &film, "desk", "desk");
    alice.interrupt();
    let (alice, bob) = (alice.end(), bob.end());
    alice.assert_code(130);
    bob.assert_code(0);
    if stood_still(&[&alice, &bob]) {
        return false;
    }

    let (film, rest) = levels(&desk);
    let quantile = |of: &[f64], share: f64| of[(of.len() as f64 * share) as usize];
    println!(
        "at the desk: film {:.1} dB, beside it {:.1} dB (upper quarter)",
        quantile(&film, 0.5),
        quantile(&rest, 0.75)
    );
    assert!(
        quantile(&film, 0.5) > -14.0 && quantile(&rest, 0.75) > -30.0,
        "the film and Bob come out of the same loudspeaker"
    );
    let heard = support::hearing::wav(std::path::Path::new(&bob_heard));
    let (film, rest) = levels(&heard);
    let with_film = film.iter().filter(|level| **level > -14.0).count() as f64 / 100.0;
    println!(
        "at Bob's: {with_film:.1} s of the film at {:.1} dB, beside it {:.1} dB (upper quarter) and {:.1} dB (a twentieth)",
        film[film.len() - 1],
        quantile(&rest, 0.75),
        quantile(&rest, 0.95),
    );
    assert!(with_film > 5.0, "of eight seconds Bob hears {with_film}");
    // Where the film begins and ends the rest is a bit of it.
    assert!(quantile(&rest, 0.75) < -40.0, "Bob hears himself");
    let voice = find(&recording(&speech("woman-en.flac"), 8), &heard);
    println!("Bob's own voice: {:.2} anywhere", voice.anywhere);
    assert!(voice.anywhere < 0.1, "Bob hears himself: {voice:#?}");
    true
}
