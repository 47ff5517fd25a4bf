//! A whole screen: what is on it, what moves, what rests, and the pointer.

use std::time::{Duration, Instant};

use proptest::test_runner::{RngAlgorithm, TestRng};
use rand::RngExt;
use sidetone_capture::{CaptureRequest, FrameRate};

use crate::looking::{Looker, WHILE, request, same, wake_ups};
use crate::server::{BLUE, GREEN, GREY, RED, Server};

#[test]
fn a_screen_is_what_is_on_it() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    painter.window(painter.root, (0, 0), (640, 480), GREY);
    painter.window(painter.root, (101, 51), (200, 100), RED);
    painter.window(painter.root, (301, 51), (99, 100), BLUE);
    let mut looker = Looker::at_screen(&server);
    looker.until_size(640, 480);
    for (at, colour) in [
        ((0, 0), GREY),
        ((639, 479), GREY),
        ((103, 53), RED),
        ((299, 149), RED),
        ((303, 100), BLUE),
        ((398, 100), BLUE),
        ((98, 100), GREY),
        ((402, 100), GREY),
    ] {
        looker.until_colour(at, colour);
    }
}

#[test]
fn a_screen_of_odd_size_is_whole() {
    let server = Server::start("333x211x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (0, 0), (333, 211), GREY);
    let mut looker = Looker::at_screen(&server);
    looker.until_size(333, 211);
    painter.fill(window, (330, 208), (3, 3), RED);
    looker.until_colour((332, 210), RED);
    looker.assert_colour((320, 200), GREY);
}

#[test]
fn nothing_is_seen_and_nobody_woken_while_nothing_moves() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (0, 0), (640, 480), GREY);
    let request = CaptureRequest {
        cursor: true,
        ..request()
    };
    let mut looker = Looker::at(&server, None, request);
    looker.until_colour((0, 0), GREY);
    looker.assert_rest();
    let before = wake_ups();
    std::thread::sleep(2 * WHILE);
    assert_eq!(wake_ups(), before, "woken for nothing");
    // And it is not deaf.
    painter.fill(window, (10, 10), (20, 20), GREEN);
    looker.until_colour((16, 16), GREEN);
    assert!(wake_ups() > before);
}

#[test]
fn what_moves_is_seen_no_oftener_than_asked_for_and_the_last_state_always() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (0, 0), (640, 480), GREY);
    let rate = FrameRate::hz(20);
    let mut looker = Looker::at(
        &server,
        None,
        CaptureRequest {
            frame_rate: rate,
            ..request()
        },
    );
    looker.until_colour((0, 0), GREY);
    let (before, start) = (looker.counters.pictures(), Instant::now());
    for step in 0..200 {
        painter.fill(window, (0, 0), (640, 480), GREY);
        painter.fill(window, (step * 3, 100), (16, 16), RED);
        std::thread::sleep(Duration::from_millis(3));
    }
    looker.until_colour((597 + 8, 108), RED);
    // The one that was due when the drawing began, and the one that shows its end, are beside the rate.
    let allowed = start.elapsed().as_secs_f64() * rate.as_f64() + 2.0;
    let seen = looker.counters.pictures() - before;
    assert!(
        seen as f64 <= allowed && seen > 1,
        "{seen} pictures, at most {allowed}"
    );
    looker.assert_rest();
}

/// What is patched together from changed parts is what is fetched at once.
#[test]
fn parts_make_the_whole() {
    let server = Server::start("501x303x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (0, 0), (501, 303), GREY);
    painter.square_pointer(window, GREEN);
    let request = CaptureRequest {
        cursor: true,
        ..request()
    };
    let mut looker = Looker::at(&server, None, request);
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for round in 0..12i16 {
        for _ in 0..20 {
            let at = (random.random_range(-20..500), random.random_range(-20..300));
            let size = (random.random_range(1..90), random.random_range(1..60));
            painter.fill(window, at, size, random.random_range(0..0x0100_0000));
            if random.random_range(0..4) == 0 {
                painter.point(random.random_range(0..501), random.random_range(0..303));
            }
        }
        // A mark that tells one round from the other.
        let colour = if round % 2 == 0 { RED } else { BLUE };
        painter.point(100 + round, 100);
        painter.fill(window, (0, 0), (8, 8), colour);
        looker.until_colour((4, 4), colour);
        let mut fresh = Looker::at(&server, None, request);
        fresh.until_colour((4, 4), colour);
        let whole = fresh.picture.take().unwrap();
        looker.until("the same as what is fetched at once", |picture| {
            same(picture, &whole)
        });
    }
}

#[test]
fn the_pointer_is_seen_where_it_is_wanted() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (0, 0), (640, 480), GREY);
    painter.square_pointer(window, RED);
    painter.point(100, 100);
    let mut without = Looker::at_screen(&server);
    without.until_colour((104, 104), GREY);
    let mut with = Looker::at(
        &server,
        None,
        CaptureRequest {
            cursor: true,
            ..request()
        },
    );
    with.until_colour((104, 104), RED);
    with.assert_colour((96, 104), GREY);
    with.assert_colour((112, 104), GREY);
    painter.point(300, 200);
    with.until_colour((304, 204), RED);
    with.assert_colour((104, 104), GREY);
    // Another look, without motion.
    painter.square_pointer(window, BLUE);
    with.until_colour((304, 204), BLUE);
    // Half outside.
    painter.point(636, 476);
    with.until_colour((638, 478), BLUE);
    with.assert_colour((304, 204), GREY);
    without.assert_rest();
    without.assert_colour((104, 104), GREY);
}

#[test]
fn a_picture_comes_again_when_it_is_asked_for() {
    let server = Server::start("320x240x24");
    let painter = server.painter();
    painter.window(painter.root, (0, 0), (320, 240), GREEN);
    let mut looker = Looker::at_screen(&server);
    looker.until_colour((100, 100), GREEN);
    looker.assert_rest();
    while looker.newest.take().is_some() {}
    let first = looker.picture.take().unwrap();
    looker.capturer.refresh();
    looker.until_colour((100, 100), GREEN);
    let again = looker.picture.as_ref().unwrap();
    assert!(again.time() > first.time());
    assert!(same(again, &first));
    looker.assert_rest();
}

#[test]
fn a_screen_that_changes_its_size_goes_on() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let mut looker = Looker::at_screen(&server);
    looker.until_size(640, 480);
    painter.resize_screen(320, 240);
    painter.window(painter.root, (0, 0), (320, 240), BLUE);
    looker.until_size(320, 240);
    looker.until_colour((319, 239), BLUE);
}
