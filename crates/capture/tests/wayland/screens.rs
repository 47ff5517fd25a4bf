//! What is on the screen, what changes, and what rests.

use std::fs::File;
use std::time::{Duration, Instant};

use sidetone_capture::{CaptureRequest, FrameRate};
use sidetone_video::picture::Picture;

use crate::looking::{Looker, WHILE, request, same, shows, threads, wake_ups_of};
use crate::session::{SIZE, Session};

const RED: u32 = 0xFF_0000;
const GREEN: u32 = 0x00_FF00;
const BLUE: u32 = 0x00_00FF;
pub const GREY: u32 = 0x80_8080;

/// The capturing thread's name.
const THREAD: &str = "wayland capture";

impl Looker {
    /// Looks at the screen, and has it painted.
    pub fn at_desktop(session: &mut Session, request: CaptureRequest, colour: u32) -> Self {
        let mut looker = Self::new();
        let mut source = session.desktop.source(None).unwrap();
        looker.open(&mut source, request);
        looker.until_painted(session, colour);
        looker
    }

    /// Has the screen painted until that is seen: of one on which nothing changes, this desktop gives no picture.
    pub fn until_painted(&mut self, session: &mut Session, colour: u32) {
        self.until_painted_in(session, colour, SIZE);
    }

    /// The same of a screen of that size. What is painted while the size changes may be seen in the one before, and
    /// nothing after it.
    fn until_painted_in(&mut self, session: &mut Session, colour: u32, size: (u32, u32)) {
        session.until("a stream", |session| session.streams() > 0);
        let is_painted = |picture: &Option<Picture>| {
            let picture = picture.as_ref();
            picture.is_some_and(|picture| {
                (picture.size().width(), picture.size().height()) == size
                    && shows(picture, (0, 0), colour)
                    && shows(picture, (320, 200), colour)
            })
        };
        let mut next = Instant::now();
        session.until("a painted screen", |session| {
            if Instant::now() >= next {
                session.paint(colour);
                next = Instant::now() + Duration::from_secs(2);
            }
            self.picture = self
                .newest
                .wait(Duration::from_millis(50))
                .or(self.picture.take());
            is_painted(&self.picture)
        });
    }
}

#[test]
fn a_screen_is_what_is_on_it_and_what_comes_onto_it() {
    let mut session = Session::start();
    let mut looker = Looker::at_desktop(&mut session, request(), GREY);
    looker.until_size(SIZE.0, SIZE.1);
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
    let mut session = Session::start();
    let mut looker = Looker::at_desktop(&mut session, request(), GREY);
    looker.assert_rest();
    let before = wake_ups_of(THREAD);
    std::thread::sleep(2 * WHILE);
    assert_eq!(wake_ups_of(THREAD), before, "woken for nothing");
    // And it is not deaf.
    session.paint(GREEN);
    looker.until_colour((16, 16), GREEN);
    assert!(wake_ups_of(THREAD) > before);
}

#[test]
fn a_picture_comes_again_when_it_is_asked_for() {
    let mut session = Session::start();
    let mut looker = Looker::at_desktop(&mut session, request(), GREEN);
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
    let mut session = Session::start();
    let rate = FrameRate::hz(2);
    let request = CaptureRequest {
        frame_rate: rate,
        ..request()
    };
    let mut looker = Looker::at_desktop(&mut session, request, GREY);
    let (before, start) = (looker.counters.pictures(), Instant::now());
    for _ in 0..3 {
        for colour in [RED, BLUE] {
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
    let mut session = Session::start();
    let mut looker = Looker::at_desktop(&mut session, request(), BLUE);
    looker.until_size(SIZE.0, SIZE.1);
    for (width, height, colour) in [(333, 211, RED), (800, 600, GREEN)] {
        session.tell(&format!("output HEADLESS-1 resolution {width}x{height}"));
        looker.until_painted_in(&mut session, colour, (width, height));
        looker.assert_colour((width as usize - 1, height as usize - 1), colour);
    }
}

/// Whether it is drawn is the desktop's: this one has no mouse, and so no pointer to be seen.
#[test]
fn a_pointer_is_asked_for_where_it_is_wanted() {
    for (cursor, mode) in [(false, "option cursor_mode:1"), (true, "option cursor_mode:2")] {
        let mut session = Session::start();
        let request = CaptureRequest { cursor, ..request() };
        Looker::at_desktop(&mut session, request, GREY);
        assert!(session.told().contains(mode), "{}", session.told());
    }
}

#[test]
fn whoever_stops_looking_leaves_nothing_behind() {
    let mut session = Session::start();
    for colour in [GREY, RED, BLUE] {
        drop(Looker::at_desktop(&mut session, request(), colour));
        session.until("the end of the thread", |_| threads(THREAD).is_empty());
        session.until("the end of the stream", |session| session.streams() == 0);
    }
}
