//! Pictures at the terminal: a camera that is written at the other end as it was sent, a screen that is seen in a meeting,
//! and what is told to whoever may not share, or chose what cannot be used.

#![allow(clippy::unwrap_used)]

mod support;
#[path = "../../../tests/support/xvfb.rs"]
mod xvfb;

use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sidetone::capture::camera::file::Y4m;
use sidetone::capture::camera::pattern::{Stamp, draw};
use sidetone::media::pictures::coding::Pool;
use sidetone::media::pictures::coding::quality::psnr;
use sidetone::media::pictures::{Picture, Size};
use support::world::{BOB, CAROL, World};
use support::{Folder, Program, Service, answering, calling, end_arguments};
use xvfb::Xvfb;

const SILENT: [&str; 4] = ["--input", "silence", "--output", "null"];

/// Every picture of a film.
fn film(path: &Path) -> Vec<Picture> {
    let mut film = Y4m::new(BufReader::new(std::fs::File::open(path).unwrap())).unwrap();
    let pool = Pool::new(1000);
    std::iter::from_fn(|| film.next(&pool).unwrap()).collect()
}

#[test]
fn what_a_camera_sees_is_written_at_the_other_end() {
    let (service, folder) = (Service::start(&[]), Folder::new());
    let seen = folder.file("seen.y4m");
    let mut bob = answering(&service.url, &["--once", "--video-output", &seen]);
    let mut alice = calling(&service.url, &["--camera", "pattern:640x360"]);
    let on = alice.wait_for_event("localVideo");
    assert_eq!((&on["what"], &on["on"]), (&json!("camera"), &json!(true)));
    let added = bob.wait_for_event("videoStreams");
    assert_eq!(added["added"][0]["type"], "video", "{added}");
    assert_eq!(added["added"][0]["identifier"], "external:dev:alice");
    bob.wait_for_event("firstPicture");
    std::thread::sleep(Duration::from_secs(5));
    alice.interrupt();
    let (alice, bob) = (alice.end(), bob.end());
    bob.assert_code(0);

    let pictures = film(seen.as_ref());
    let written = bob.event("videoWritten");
    assert_eq!(written["pictures"], pictures.len(), "{written}");
    assert!(pictures.len() > 20, "{written}");
    let stamps: Vec<_> = pictures.iter().filter_map(Stamp::read).collect();
    assert!(
        10 * stamps.len() >= 9 * pictures.len(),
        "{} of {written}",
        stamps.len()
    );
    assert!(stamps.is_sorted_by_key(|stamp| stamp.frame), "{stamps:?}");
    let mut likeness: Vec<_> = pictures
        .iter()
        .filter_map(|seen| {
            let stamp = Stamp::read(seen)?;
            let mut sent = Picture::black(seen.size());
            draw(&mut sent, stamp.frame.into(), Duration::from_micros(stamp.micros));
            psnr(&sent, seen).ok()
        })
        .collect();
    likeness.sort_by(f64::total_cmp);
    assert!(likeness[likeness.len() / 2] > 25.0, "{likeness:?}");

    let sent = &alice.event("stats")["video"]["sent"][0];
    assert_eq!(
        (&sent["contentType"], &sent["codec"]),
        (&json!("camera"), &json!("VP8"))
    );
    assert!(sent["framesPerSecond"].as_f64().unwrap() > 0.0, "{sent}");
    let seen = &bob.event("stats")["video"]["seen"][0];
    assert!(seen["framesRendered"].as_u64().unwrap() > 0, "{seen}");
}

#[test]
fn a_screen_is_seen_in_a_meeting_and_whoever_may_not_share_is_told() {
    let (world, folder) = (World::new(), Folder::new());
    world.federate(true, &[&world.resource], true);
    let server = world.service.url.as_str();
    let create = ["meet", "create", "--json", "--server", server, "--identity", BOB];
    let made = Program::start(&[&create[..], &["--bypass", "everyone"]].concat()).end();
    made.assert_code(0);
    let link = made.events[0]["link"].as_str().unwrap();
    let seen = folder.file("seen.y4m");
    let join = |who: &str, more: &[&str], display: &str| {
        let ends = end_arguments(server, who);
        let display = [("DISPLAY".to_owned(), display.to_owned())];
        Program::start_with(
            &[&["meet", "join", link], &SILENT[..], &ends, more].concat(),
            &display,
        )
    };
    let mut bob = join(BOB, &["--video-output", &seen], "");
    bob.wait_until_connected();
    let desktop = Xvfb::start("640x360x24", &["-wr"]);
    let carol = join(CAROL, &["--share", "screen"], &desktop.name);
    let added = bob.wait_for_event("videoStreams");
    assert_eq!(added["added"][0]["type"], "screenSharing", "{added}");
    let first = bob.wait_for_event("firstPicture");
    assert_eq!((&first["width"], &first["height"]), (&json!(640), &json!(360)));

    let eve = join(&world.eve, &["--share", "pattern", "--duration", "2s"], "");
    let eve = eve.end();
    eve.assert_code(0);
    assert_eq!(eve.event("refused")["code"], 403, "{eve:#?}");

    carol.interrupt();
    carol.end().assert_code(130);
    bob.wait_for("the end of it", |event| {
        event["event"] == "videoStreams" && event["removed"][0]["type"] == "screenSharing"
    });
    bob.interrupt();
    bob.end().assert_code(130);
    let pictures = film(seen.as_ref());
    let last = pictures.last().unwrap();
    assert_eq!(last.size(), Size::P360);
    // A pointer may lie on it.
    let luma: u64 = last.y().rows().flatten().map(|&luma| u64::from(luma)).sum();
    assert!(luma / u64::from(last.size().pixels()) > 200, "it is white");
}

#[test]
fn pictures_that_cannot_be_used_are_told_before_any_call() {
    let folder = Folder::new();
    std::fs::write(folder.path("no.y4m"), b"YUV4MPEG2 this is no film at all\n").unwrap();
    let (no_film, nowhere) = (folder.file("no.y4m"), folder.file("missing/out.y4m"));
    let absent = folder.file("absent.mjpeg");
    // No service is there either: pictures are looked at first.
    let call = |pictures: [&str; 2]| {
        let end = ["--json", "--server", "ws://127.0.0.1:1", "--token", "x"];
        let arguments = [&["call", "external:dev:bob"], &SILENT[..], &end, &pictures].concat();
        Program::start_with(&arguments, &[("DISPLAY".to_owned(), String::new())]).end()
    };
    for pictures in [
        ["--camera", no_film.as_str()],
        ["--share", &absent],
        ["--camera", "device:no_such_camera"],
        ["--share", "screen"],
        ["--share", "window:0x1"],
        ["--video-output", &nowhere],
    ] {
        let ended = call(pictures);
        ended.assert_code(5);
        assert!(ended.complaints.contains("sidetone: "), "{ended:#?}");
    }
    for pictures in [
        ["--camera", "pattern:0x9"],
        ["--camera", "device:"],
        ["--share", "screen:"],
        ["--video-output", "seen.mp4"],
    ] {
        call(pictures).assert_code(2);
    }
}
