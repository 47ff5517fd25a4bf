//! The benchmarks of pictures, small and short. Only that they measure is tested; how fast is the machine's affair.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidetone"));
    command.arg("bench").args(arguments);
    command.output().expect("the program starts")
}

/// Runs it with both reports.
fn measured(arguments: &[&str]) -> (Value, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (json, html) = (path("report.json"), path("report.html"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let reports = [text(&json), text(&html)];
    let output = bench(&[arguments, &["--json", &reports[0], "--html", &reports[1]]].concat());
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaints}");
    let report = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let page = std::fs::read_to_string(&html).unwrap();
    (report, page, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The PNG images of a page, as they are said to be: how many have content.
fn images(page: &str) -> usize {
    let mut count = 0;
    for image in page.split("src=\"data:image/png;base64,").skip(1) {
        let data = STANDARD.decode(image.split('"').next().unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(data)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        count += usize::from(pixels.iter().max() > pixels.iter().min());
    }
    count
}

fn plausible(stream: &Value, codec: &str) {
    let number = |pointer: &str| {
        let value = stream.pointer(pointer).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("{pointer} of {stream}"))
    };
    assert_eq!(stream["codec"], codec);
    assert!(number("/glass_to_glass_ms/p50") > 0.0);
    assert!(number("/glass_to_glass_ms/p50") <= number("/glass_to_glass_ms/p95"));
    assert!(number("/first_picture_ms") > 0.0);
    let psnr = number("/psnr_db/mean");
    assert!((15.0..=100.0).contains(&psnr), "{psnr} dB");
    let ssim = number("/ssim/mean");
    assert!((0.3..=1.0).contains(&ssim), "{ssim}");
    assert!(number("/kbps") > 1.0);
    assert!(number("/frames/encoded") >= number("/frames/sent").min(1.0));
    assert!(number("/frames/shown") > 0.0);
    assert_eq!(number("/frames/unreadable"), 0.0);
    assert!(!stream["series"]["kbps"].as_array().unwrap().is_empty());
}

#[test]
fn cameras_are_seen_both_ways() {
    let (report, page, said) = measured(&[
        "video",
        "--case",
        "two-way",
        "--size",
        "320x180",
        "--frame-rate",
        "15",
        "--duration",
        "3s",
    ]);
    assert_eq!(report["schema"], "sidetone.bench.video/1");
    let [case] = &report["cases"].as_array().unwrap()[..] else {
        panic!("{report}");
    };
    let streams = case["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 2);
    for stream in streams {
        plausible(stream, "VP8");
        let frames = &stream["frames"];
        assert!(
            frames["shown"].as_u64() <= frames["captured"].as_u64(),
            "{frames}"
        );
    }
    assert!(case["cpu"]["encoding"].as_f64().unwrap() > 0.0);
    // It is not what the targets are for.
    assert_eq!(report["targets"].as_array().unwrap().len(), 0);
    let measured = streams[0]["vmaf"]["n"] != 0;
    assert_eq!(said.contains("VMAF was not measured"), !measured, "{said}");
    // Two strips of pairs.
    assert_eq!(page.matches("<div class=\"strip\">").count(), 2);
    assert!(images(&page) >= 8, "{}", images(&page));
}

#[test]
fn a_page_of_text_is_seen() {
    let (report, page, _) = measured(&[
        "screen",
        "--case",
        "idle",
        "--size",
        "640x360",
        "--duration",
        "2s",
    ]);
    assert_eq!(report["schema"], "sidetone.bench.screen/1");
    let stream = &report["cases"][0]["streams"][0];
    plausible(stream, "VP9");
    assert_eq!(stream["frames"]["captured"], 1);
    assert_eq!(stream["freezes"]["longest_gap_ms"], Value::Null);
    assert!(images(&page) >= 2);
}

/// What a camera loses is seen by a foreign judge.
#[test]
fn vmaf_is_measured_where_there_is_a_program_for_it() {
    let Ok(program) = std::env::var("SIDETONE_TEST_FFMPEG") else {
        eprintln!("SKIPPED: SIDETONE_TEST_FFMPEG names no ffmpeg with libvmaf (tools/test has one made)");
        return;
    };
    let arguments = ["--size", "320x180", "--frame-rate", "15", "--duration", "2s"];
    let judged = |program: &str| {
        let case = ["video", "--case", "two-way", "--ffmpeg", program];
        measured(&[&case[..], &arguments].concat())
    };
    let (report, _, said) = judged(&program);
    assert_eq!(report["not_measured"], Value::Null);
    assert!(!said.contains("was not measured"), "{said}");
    for stream in report["cases"][0]["streams"].as_array().unwrap() {
        assert_eq!(stream["vmaf"]["n"], stream["psnr_db"]["n"]);
        let mean = stream["vmaf"]["mean"].as_f64().unwrap();
        assert!((20.0..=100.0).contains(&mean), "{mean}");
    }
    // One that cannot measure is refused, since it was asked for.
    let output = bench(&[
        "screen",
        "--case",
        "idle",
        "--ffmpeg",
        env!("CARGO_BIN_EXE_sidetone"),
    ]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("without libvmaf"));
}

#[test]
fn what_cannot_be_measured_is_refused() {
    for (arguments, why) in [
        (&["video", "--case", "nothing"][..], "two-way, loss-3, dip"),
        (&["screen", "--duration", "1ms"], "second"),
        (&["screen", "--size", "9x9"], "160x90"),
    ] {
        let output = bench(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(complaints.contains(why), "{complaints}");
    }
}
