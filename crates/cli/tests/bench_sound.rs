//! The loopback benchmark on sound cards: null sinks of a PulseAudio server that the benchmark itself starts. Only that
//! it measures is tested; what it measures is the machine's affair.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::{Command, Output};

use serde_json::Value;

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidetone"));
    command
        .args([
            "bench",
            "loopback",
            "--devices",
            "sound",
            "--duration",
            "4s",
            "--setups",
            "0",
        ])
        .args(arguments);
    command.output().expect("the program starts")
}

#[test]
fn speech_is_found_again_through_two_pairs_of_sound_cards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let output = bench(&["--json", path.to_str().unwrap()]);
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaints}");

    let report: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(report["schema"], "sidetone.bench.loopback/1");
    assert_eq!(report["scenario"]["devices"], "sound");
    let delay = &report["mouth_to_ear_ms"];
    assert!(delay["n"].as_u64().unwrap() > 0, "{delay} {complaints}");
    // Both recordings are on one clock: what is heard was said before.
    assert!(delay["min"].as_f64().unwrap() > 0.0, "{delay}");
    for direction in report["series"].as_array().unwrap() {
        assert!(
            !direction["mouth_to_ear"].as_array().unwrap().is_empty(),
            "{} {complaints}",
            direction["name"]
        );
    }
    // Its own delay would be in it.
    assert_eq!(report["setup_ms"]["accept_to_first_audio"], Value::Null);
    assert_eq!(report["realtime"]["callback_allocations"], 0);
}

#[test]
fn ends_in_one_process_cannot_have_sound_cards_of_their_own() {
    let output = bench(&["--ends", "thread"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("processes"));
}

#[test]
fn without_a_sound_server_it_says_what_to_install() {
    let output = Command::new(env!("CARGO_BIN_EXE_sidetone"))
        .args(["bench", "loopback", "--devices", "sound"])
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(complaints.contains("apt-get install pulseaudio"), "{complaints}");
}
