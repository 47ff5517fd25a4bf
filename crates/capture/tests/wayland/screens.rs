//! What is on the screen, what changes, and what rests.

use std::fs::File;

use sidetone_capture::{CaptureRequest, FrameRate};

use crate::looking::{Looker, WHILE, request, same, threads, wake_ups_of};
use crate::session::{SIZE, Session};

pub const RED: u32 = 0xFF_0000;
const GREEN: u32 = 0x00_FF00;
const BLUE: u32 = 0x00_00FF;
const GREY: u32 = 0x80_8080;

/// The capturing thread's name.
const THREAD: &str = "wayland capture";

impl Looker {
    pub fn at_desktop(session: &Session, request: CaptureRequest) -> Self {
        let mut looker = Self::new();
        let mut source = session.desktop.source(None).unwrap();
        looker.open(&mut source, request);
        looker
    }
}

#[test]
fn a_screen_is_what_is_on_it_and_what_comes_onto_it() {
    let session = Session::start("#808080");
    let mut looker = Looker::at_desktop(&session, request());
    looker.until_size(SIZE.0, SIZE.1);
    looker.until_colour((320, 240), GREY);
    // A quarter each, so that neither colours nor sides are mixed up.
    let quarters = session.path("quarters.png");
    write_quarters(&quarters);
    session.show(&quarters);
    for (at, colour) in [
        ((4, 4), RED),
        ((310, 230), RED),
        ((330, 4), GREEN),
        ((636, 230), GREEN),
        ((4, 476), BLUE),
        ((310, 250), BLUE),
        ((636, 476), GREY),
    ] {
        looker.until_colour(at, colour);
    }
    assert_eq!(looker.capturer.skipped(), 0);
}

fn write_quarters(path: &std::path::Path) {
    let (width, height) = SIZE;
    let mut pixels = Vec::new();
    for row in 0..height {
        for column in 0..width {
            let colour = match (column < width / 2, row < height / 2) {
                (true, true) => RED,
                (false, true) => GREEN,
                (true, false) => BLUE,
                (false, false) => GREY,
            };
            pixels.extend_from_slice(&colour.to_be_bytes()[1..]);
        }
    }
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
}

#[test]
fn nothing_is_seen_and_nobody_woken_while_nothing_moves() {
    let session = Session::start("#808080");
    let mut looker = Looker::at_desktop(&session, request());
    looker.until_colour((0, 0), GREY);
    looker.assert_rest();
    let before = wake_ups_of(THREAD);
    std::thread::sleep(2 * WHILE);
    assert_eq!(wake_ups_of(THREAD), before, "woken for nothing");
    // And it is not deaf.
    session.paint("#00ff00");
    looker.until_colour((16, 16), GREEN);
    assert!(wake_ups_of(THREAD) > before);
}

#[test]
fn a_picture_comes_again_when_it_is_asked_for() {
    let session = Session::start("#00ff00");
    let mut looker = Looker::at_desktop(&session, request());
    looker.until_colour((100, 100), GREEN);
    looker.assert_rest();
    while looker.newest.take().is_some() {}
    let first = looker.picture.take().unwrap();
    looker.capturer.refresh();
    looker.until_colour((100, 100), GREEN);
    let again = looker.picture.as_ref().unwrap();
    assert!(again.time() > first.time());
    assert!(same(again, &first));
}

#[test]
fn the_last_state_comes_also_where_few_pictures_are_asked_for() {
    let session = Session::start("#808080");
    let rate = FrameRate::hz(2);
    let request = CaptureRequest {
        frame_rate: rate,
        ..request()
    };
    let mut looker = Looker::at_desktop(&session, request);
    looker.until_colour((0, 0), GREY);
    let (before, start) = (looker.counters.pictures(), std::time::Instant::now());
    for _ in 0..3 {
        for colour in ["#ff0000", "#0000ff"] {
            session.paint(colour);
        }
    }
    looker.until_colour((320, 240), BLUE);
    looker.assert_rest();
    looker.assert_colour((320, 240), BLUE);
    let allowed = start.elapsed().as_secs_f64() * rate.as_f64() + 2.0;
    let seen = looker.counters.pictures() - before;
    assert!(seen as f64 <= allowed, "{seen} pictures, at most {allowed}");
}

#[test]
fn a_screen_that_changes_its_size_goes_on() {
    let session = Session::start("#0000ff");
    let mut looker = Looker::at_desktop(&session, request());
    looker.until_size(SIZE.0, SIZE.1);
    for (width, height) in [(333, 211), (800, 600)] {
        session.tell(&format!("output HEADLESS-1 resolution {width}x{height}"));
        looker.until_size(width, height);
        looker.until_colour((width as usize - 1, height as usize - 1), BLUE);
    }
}

#[test]
fn the_pointer_is_seen_where_it_is_wanted() {
    let session = Session::start("#808080");
    session.tell("seat seat0 cursor set 100 100");
    let mut without = Looker::at_desktop(&session, request());
    without.until_colour((320, 240), GREY);
    let plain = without.picture.take().unwrap();
    drop(without);
    let request = CaptureRequest {
        cursor: true,
        ..request()
    };
    let mut with = Looker::at_desktop(&session, request);
    with.until("a pointer", |picture| !same(picture, &plain));
    let here = with.picture.clone().unwrap();
    session.tell("seat seat0 cursor set 400 300");
    with.until("a pointer elsewhere", |picture| {
        !same(picture, &plain) && !same(picture, &here)
    });
}

#[test]
fn whoever_stops_looking_leaves_nothing_behind() {
    let mut session = Session::start("#808080");
    for _ in 0..3 {
        let mut looker = Looker::at_desktop(&session, request());
        looker.until_colour((0, 0), GREY);
        session.until("a stream", |session| session.streams() == 1);
        drop(looker);
        assert!(threads(THREAD).is_empty());
        session.until("the end of the stream", |session| session.streams() == 0);
    }
}
