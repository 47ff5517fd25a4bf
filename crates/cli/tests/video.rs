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
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, CreateWindowAux, PropMode, WindowClass};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
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
    let mut bob = answering(
        &service.url,
        &["--once", "--video-output", &seen, "--video-size", "640x360"],
    );
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
    assert_eq!(written["frames"], pictures.len(), "{written}");
    assert!(written["pictures"].as_u64().unwrap() > 20, "{written}");
    // It runs as long as the call did from then on. The event is told when the rest is on the disk.
    let at = |event: &str| bob.event(event)["elapsed"].as_f64().unwrap();
    let passed = at("videoWritten") - at("videoOutput");
    let length = pictures.len() as f64 / 30.0;
    assert!((length - passed).abs() < 0.5, "{length} s of {passed} s");
    // Black, until the first picture comes.
    let came = pictures.iter().position(|picture| Stamp::read(picture).is_some());
    let pictures = &pictures[came.unwrap()..];
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
    let mut bob = join(BOB, &["--video-output", &seen, "--video-size", "640x480"], "");
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
    // A film runs in real time: for some pictures of it there is nothing any more.
    std::thread::sleep(Duration::from_millis(300));
    bob.interrupt();
    bob.end().assert_code(130);
    let pictures = film(seen.as_ref());
    // It is framed above and below; a pointer may lie on it. Before and after it there is nothing.
    let luma = |picture: &Picture, rows: std::ops::Range<usize>| {
        let count = rows.len() as u64 * 640;
        let rows = rows.flat_map(|row| picture.y().row(row));
        rows.map(|&luma| u64::from(luma)).sum::<u64>() / count
    };
    let framed = |picture: &&Picture| {
        luma(picture, 60..420) > 200 && luma(picture, 0..56) == 16 && luma(picture, 424..480) == 16
    };
    assert!(pictures.iter().any(|picture| framed(&picture)), "it is white");
    let (first, last) = (&pictures[0], pictures.last().unwrap());
    assert_eq!((luma(first, 0..480), luma(last, 0..480)), (16, 16));
    assert_eq!(last.size(), Size::new(640, 480).unwrap());
}

/// A window of one colour on a display, as long as this lives.
fn window(display: &str, title: &str, (width, height): (u16, u16), colour: u32) -> RustConnection {
    let (connection, screen) = RustConnection::connect(Some(display)).unwrap();
    let root = connection.setup().roots[screen].root;
    let window = connection.generate_id().unwrap();
    let (aux, class) = (
        CreateWindowAux::new().background_pixel(colour),
        WindowClass::INPUT_OUTPUT,
    );
    connection
        .create_window(0, window, root, 40, 20, width, height, 0, class, 0, &aux)
        .unwrap();
    let (name, kind) = (AtomEnum::WM_NAME, AtomEnum::STRING);
    connection
        .change_property8(PropMode::REPLACE, window, name, kind, title.as_bytes())
        .unwrap();
    connection.map_window(window).unwrap();
    connection.sync().unwrap();
    connection
}

#[test]
fn one_window_is_shared_and_one_screen_by_its_name() {
    let (service, folder) = (Service::start(&[]), Folder::new());
    let desktop = Xvfb::start("640x360x24", &["-wr"]);
    let _grey = window(&desktop.name, "Report", (320, 180), 0x80_8080);
    let display = [("DISPLAY".to_owned(), desktop.name.clone())];
    let listed = Program::start_with(&["devices", "list", "--json"], &display).end();
    listed.assert_code(0);
    let sources = listed.events[0].as_array().unwrap();
    let name_of = |kind: &str, name: &str| {
        let mut known = sources.iter().filter(|source| source["kind"] == kind);
        let found = known.find(|source| source["name"].as_str().unwrap().contains(name));
        let id = found.unwrap_or_else(|| panic!("no {kind} {name}: {sources:#?}"))["id"]
            .as_str()
            .unwrap();
        id.rsplit(':').next().unwrap().to_owned()
    };
    let (report, screen) = (name_of("window", "Report"), name_of("screen", ""));
    // The window alone, and the screen with the window on it: what is in the middle, and at the edge.
    for (number, share, size, shades) in [
        (1, format!("window:{report}"), "320x180", (126, 126)),
        (2, format!("screen:{screen}"), "640x360", (126, 235)),
    ] {
        let seen = folder.file(&format!("seen-{number}.y4m"));
        let mut bob = answering(
            &service.url,
            &["--once", "--video-output", &seen, "--video-size", size],
        );
        let ends = end_arguments(&service.url, "external:dev:alice");
        let call = ["call", "external:dev:bob", "--share", &share];
        let mut alice = Program::start_with(&[&call[..], &SILENT, &ends].concat(), &display);
        let on = alice.wait_for_event("localVideo");
        assert_eq!((&on["what"], &on["on"]), (&json!("share"), &json!(true)));
        let first = bob.wait_for_event("firstPicture");
        let told = format!("{}x{}", first["width"], first["height"]);
        assert_eq!(told, size, "{first}");
        // In the film it is as soon as it is told.
        std::thread::sleep(Duration::from_secs(1));
        alice.interrupt();
        alice.end().assert_code(130);
        bob.end().assert_code(0);
        let pictures = film(seen.as_ref());
        let near = |luma: u8, wanted: u8| luma.abs_diff(wanted) < 6;
        let shown = |picture: &&Picture| {
            // A pointer may lie in the middle.
            let (middle, edge) = (picture.y().row(50)[60], picture.y().row(4)[4]);
            near(middle, shades.0) && near(edge, shades.1)
        };
        assert!(pictures.iter().any(|picture| shown(&picture)), "{share}");
    }
}

/// The frames of a film in which the test picture is to be seen.
fn stamped(path: &str) -> usize {
    let pictures = film(path.as_ref());
    pictures.iter().filter_map(Stamp::read).count()
}

#[test]
fn who_takes_a_call_over_sees_the_caller() {
    let (world, folder) = (World::new(), Folder::new());
    world.federate(true, &[&world.resource], true);
    let seen = folder.file("carol.y4m");
    let bob = world.answering(BOB, &["--once", "--transfer-to", CAROL]);
    let mut carol = world.answering(
        CAROL,
        &["--once", "--video-output", &seen, "--video-size", "320x180"],
    );
    let pictures = ["--camera", "pattern:320x180", "--share", "pattern:320x180"];
    let mut eve = world.calling(&world.eve, BOB, &[&["--name", "Eve"], &pictures[..]].concat());
    assert_eq!(eve.wait_for_event("replaced")["remote"], CAROL);
    bob.end();
    carol.wait_for_event("firstPicture");
    std::thread::sleep(Duration::from_secs(2));
    eve.interrupt();
    eve.end().assert_code(130);
    carol.end().assert_code(0);
    assert!(stamped(&seen) > 20, "{}", stamped(&seen));
}

#[test]
fn a_call_out_of_a_conversation_is_seen_by_everybody_in_it() {
    let (world, folder) = (World::new(), Folder::new());
    world.federate(true, &[&world.resource], true);
    let url = world.service.url.as_str();
    let end = ["--json", "--server", url, "--identity"];
    let create = ["chat", "create", CAROL, &world.eve, "--topic", "Order 17"];
    let created = Program::start(&[&create[..], &end, &[BOB]].concat()).end();
    created.assert_code(0);
    let thread = created.event("created")["thread"].as_str().unwrap().to_owned();
    let films = [folder.file("carol.y4m"), folder.file("eve.y4m")];
    let mut ends: Vec<_> = [CAROL, &world.eve]
        .into_iter()
        .zip(&films)
        .map(|(who, film)| {
            world.answering(
                who,
                &["--once", "--video-output", film, "--video-size", "320x180"],
            )
        })
        .collect();
    let call = ["chat", "call", &thread, "--camera", "pattern:320x180"];
    let bob = Program::start(&[&call[..], &SILENT, &end, &[BOB]].concat());
    for one in &mut ends {
        one.wait_for_event("firstPicture");
    }
    std::thread::sleep(Duration::from_secs(2));
    bob.interrupt();
    bob.end().assert_code(130);
    for (mut one, film) in ends.into_iter().zip(&films) {
        one.wait_for("the camera's end", |event| {
            event["event"] == "videoStreams" && event["removed"][0]["type"] == "video"
        });
        one.interrupt();
        one.end();
        assert!(stamped(film) > 20, "{film}: {}", stamped(film));
    }
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
        ["--video-size", "640x360"],
    ] {
        call(pictures).assert_code(2);
    }
}
