//! A whole screen: what is on it, what moves, and what rests.

use std::time::{Duration, Instant};

use proptest::test_runner::{RngAlgorithm, TestRng};
use rand::RngExt;
use sidetone_capture::{CaptureError, CaptureEvent, CaptureRequest, FrameRate};

use crate::looking::{Looker, request, same};
use crate::server::{BLUE, GREEN, GREY, RED, Server};

#[test]
fn a_screen_is_what_is_on_it() {
    let server = Server::start("333x211x24");
    let painter = server.painter();
    painter.window(painter.root, (0, 0), (333, 211), GREY);
    painter.window(painter.root, (101, 51), (100, 100), RED);
    painter.window(painter.root, (201, 51), (132, 160), BLUE);
    let mut looker = Looker::at_screen(&server);
    looker.until_size(333, 211);
    for (at, colour) in [
        ((0, 0), GREY),
        ((103, 53), RED),
        ((199, 149), RED),
        ((203, 100), BLUE),
        ((332, 210), BLUE),
        ((98, 100), GREY),
    ] {
        looker.until_colour(at, colour);
    }
}

#[test]
fn nothing_is_seen_while_nothing_moves() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (0, 0), (640, 480), GREY);
    let mut looker = Looker::at_screen(&server);
    looker.until_colour((0, 0), GREY);
    looker.assert_rest();
    painter.fill(window, (10, 10), (20, 20), GREEN);
    looker.until_colour((16, 16), GREEN);
    looker.assert_rest();
}

#[test]
fn what_moves_is_seen_no_oftener_than_asked_for_and_the_last_state_always() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (0, 0), (640, 480), GREY);
    let rate = FrameRate::hz(10);
    let request = CaptureRequest {
        frame_rate: rate,
        ..request()
    };
    let mut looker = Looker::at(&server, None, request);
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
    let mut looker = Looker::at_screen(&server);
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for round in 0..8 {
        for _ in 0..20 {
            let at = (random.random_range(-20..500), random.random_range(-20..300));
            let size = (random.random_range(1..90), random.random_range(1..60));
            painter.fill(window, at, size, random.random_range(0..0x0100_0000));
        }
        // A mark that tells one round from the other.
        let colour = if round % 2 == 0 { RED } else { BLUE };
        painter.fill(window, (0, 0), (8, 8), colour);
        looker.until_colour((4, 4), colour);
        let mut fresh = Looker::at_screen(&server);
        fresh.until_colour((4, 4), colour);
        let whole = fresh.picture.take().unwrap();
        looker.until("the same as what is fetched at once", |picture| {
            same(picture, &whole)
        });
    }
}

/// With the pointer, screens are recorded, which the platform does by itself.
#[test]
fn a_recorded_screen_is_no_other() {
    let mut server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (0, 0), (640, 480), GREY);
    let request = CaptureRequest {
        cursor: true,
        ..request()
    };
    let mut looker = Looker::at(&server, None, request);
    looker.until_colour((0, 0), GREY);
    looker.assert_rest();
    for step in 0..50 {
        painter.fill(window, (step * 3, 100), (16, 16), RED);
    }
    looker.until_colour((147 + 8, 108), RED);
    looker.assert_rest();
    painter.resize_screen(320, 240);
    looker.until_size(320, 240);
    server.kill();
    let lost = looker.event("the loss", |event| matches!(event, CaptureEvent::Lost(..)));
    assert!(
        matches!(lost, CaptureEvent::Lost(_, CaptureError::Lost { .. })),
        "{lost:?}"
    );
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
